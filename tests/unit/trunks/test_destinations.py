"""What an `allow` list opens, and when hours are open."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sipkit.places import TABLE
from trunkward.numbering.destinations import UNKNOWN
from trunkward.trunks.destinations import Opened, Outside, allowed, hours, is_home, kind_of, spans

DAY = 24 * 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon 07:00-20:00", [(420, 1200)]),
        ("tue 00:00-24:00", [(DAY, 2 * DAY)]),
        ("mon-tue 08:00-09:00", [(480, 540), (DAY + 480, DAY + 540)]),
        ("mon,wed 08:00-09:00", [(480, 540), (2 * DAY + 480, 2 * DAY + 540)]),
        # from Saturday over Sunday into Monday
        ("sat-mon 08:00-09:00", [(5 * DAY + 480, 5 * DAY + 540), (6 * DAY + 480, 6 * DAY + 540), (480, 540)]),
        # over midnight: of the day it begins on
        ("mon 22:00-06:00", [(1320, DAY + 360)]),
        # and over the end of the week
        ("sun 22:00-06:00", [(6 * DAY + 1320, 7 * DAY), (0, 360)]),
        ("sun 22:00-00:00", [(6 * DAY + 1320, 7 * DAY)]),
    ],
)
def test_lines_of_hours(text: str, expected: list[tuple[int, int]]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write days and times"),
        ("mon", "write days and times"),
        ("07:00-20:00", "write days and times"),
        ("mon 7:00-20:00", "write days and times"),
        ("mon 07:60-20:00", "write days and times"),
        ("mon 24:00-20:00", "write days and times"),
        ("mon 07:00-24:01", "write days and times"),
        ("mon 07:00", "write days and times"),
        ("mon ٠7:00-20:00", "write days and times"),
        ("mon 07:00-07:00", "a whole day is 00:00-24:00"),
        ("monday 07:00-20:00", "monday is no day"),
        ("mon-frei 07:00-20:00", "mon-frei is no day"),
        (",mon 07:00-20:00", "no day is no day"),
    ],
)
def test_lines_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spans(text)


def test_hours_are_those_of_a_wall_clock_through_both_changes_of_time() -> None:
    zone = ZoneInfo("America/New_York")
    office = hours(zone.key, ["mon-sun 07:00-20:00"], Outside.NOTHING)
    # spring forward on 8 March 2026, back on 1 November: every quarter of an hour round both
    for start in (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)):
        for step in range(4 * 24 * 4):
            at = start + timedelta(minutes=15 * step)
            assert office.is_open(at.timestamp()) is (7 <= at.astimezone(zone).hour < 20)


def test_the_hour_that_comes_twice_is_open_twice_and_the_one_that_is_left_out_never() -> None:
    night = hours("America/New_York", ["sun 01:00-02:00"], Outside.NOTHING)
    open_for = sum(
        night.is_open(datetime(2026, 11, 1, 4, tzinfo=UTC).timestamp() + 60 * minute)
        for minute in range(6 * 60)
    )
    assert open_for == 120
    skipped = hours("America/New_York", ["sun 02:00-03:00"], Outside.NOTHING)
    spring = datetime(2026, 3, 8, 4, tzinfo=UTC).timestamp()
    assert not any(skipped.is_open(spring + 60 * minute) for minute in range(6 * 60))


@pytest.mark.parametrize(
    ("entry", "number", "digits", "opened"),
    [
        ("FR", "+33199001234", "33", Opened.BY_COUNTRY),
        ("FR", "+33899001234", "3389", Opened.NOT),
        ("FR/premium", "+33899001234", "3389", Opened.BY_NAME),
        ("FR/mobile", "+33639980123", "336", Opened.BY_NAME),
        ("+338", "+33899001234", "3389", Opened.BY_NAME),
        ("+33", "+33199001234", "33", Opened.BY_NAME),
        ("GB", "+33199001234", "33", Opened.NOT),
    ],
)
def test_entries(entry: str, number: str, digits: str, opened: Opened) -> None:
    assert allowed((entry,)).opens(number, kind_of(TABLE[digits])) is opened
    # what stands beside it takes nothing away
    assert allowed(("NZ", entry, "+999")).opens(number, kind_of(TABLE[digits])) is opened


@pytest.mark.parametrize(
    ("digits", "region", "home"),
    [
        ("1", "US", True), ("1900", "US", False), ("1876", "US", False), ("1876", "JM", True),
        ("1800", "US", True), ("1800", "JM", True), ("1", "JM", False), ("44", "GB", True),
    ],
)  # fmt: skip
def test_home(digits: str, region: str, home: bool) -> None:
    assert is_home(TABLE[digits], region) is home
    assert not is_home(UNKNOWN, region)
