"""A flood of strangers: some of it on record, all of it counted."""

import pytest
from structlog.testing import capture_logs

from trunkward.gate.recorder import RecordNotWritten
from trunkward.gate.strangers import SINGLY, SINGLY_IN_ALL, TOGETHER_S, Strangers
from trunkward.records.model import Event, EventRecord, Record

NOW = 1_800_000_000.0
REASON = "credentials-refused"


def events(written: list[Record]) -> list[EventRecord]:
    return [record for record in written if isinstance(record, EventRecord)]


def test_a_flood_is_one_line_with_its_count() -> None:
    written: list[Record] = []
    strangers = Strangers(3, written.extend)
    singly = [
        strangers.refused(f"192.0.2.{n % 200}", REASON, "acme-hq" if n % 2 else "", NOW + n / 1000)
        for n in range(10_000)
    ]
    assert singly == [True] * SINGLY + [False] * (10_000 - SINGLY)
    assert written == []
    strangers.tell(NOW + TOGETHER_S - 1)
    assert written == []
    strangers.tell(NOW + TOGETHER_S)
    (told,) = events(written)
    assert (told.event, told.network, told.source) == (
        Event.STRANGERS_REFUSED,
        "192.0.2.0/24",
        "192.0.2.199",
    )
    assert (told.count, told.recorded, told.reason, told.gate) == (10_000, SINGLY, REASON, 3)
    assert (told.since, told.at) == (NOW, NOW + 9.999)
    assert told.claimed == {"acme-hq": 5000}
    # and the next minute begins anew
    assert strangers.refused("192.0.2.1", REASON, "", NOW + 61)
    strangers.tell(NOW + 500)
    assert len(written) == 1


def test_networks_and_reasons_are_told_apart() -> None:
    written: list[Record] = []
    strangers = Strangers(0, written.extend)
    for source, reason in (("192.0.2.1", "a"), ("198.51.100.1", "a"), ("192.0.2.1", "b")):
        for _ in range(SINGLY):
            assert strangers.refused(source, reason, "", NOW)
        assert not strangers.refused(source, reason, "", NOW)
    strangers.tell(NOW, at_once=True)
    assert sorted((one.network, one.reason, one.count) for one in events(written)) == [
        ("192.0.2.0/24", "a", SINGLY + 1),
        ("192.0.2.0/24", "b", SINGLY + 1),
        ("198.51.100.0/24", "a", SINGLY + 1),
    ]


def test_a_flood_from_everywhere_is_bounded_as_well() -> None:
    written: list[Record] = []
    strangers = Strangers(0, written.extend)
    networks = [f"10.{n >> 8}.{n & 255}.1" for n in range(5000)]
    singly = sum(strangers.refused(source, REASON, "", NOW) for source in networks * 3)
    assert singly == SINGLY_IN_ALL
    strangers.tell(NOW, at_once=True)
    assert len(written) <= 513
    assert sum(one.count for one in events(written)) + SINGLY_IN_ALL >= 15_000
    assert "" in {one.network for one in events(written)}


def test_what_is_on_record_does_not_follow_from_what_a_name_was_worth() -> None:
    """The disk takes its time: it must not be seen whether a username exists."""
    written: list[Record] = []
    known, unknown = Strangers(0, written.extend), Strangers(0, written.extend)
    for _ in range(100):
        assert known.refused("192.0.2.1", REASON, "acme-hq", NOW) == unknown.refused(
            "192.0.2.1", REASON, "", NOW
        )


def test_what_is_no_call_is_counted_alone() -> None:
    written: list[Record] = []
    strangers = Strangers(0, written.extend)
    assert not strangers.refused("192.0.2.1", REASON, "acme-hq", NOW, call=False)
    strangers.tell(NOW, at_once=True)
    assert [(one.count, one.recorded, one.claimed) for one in events(written)] == [(1, 0, {"acme-hq": 1})]


def test_what_is_all_on_record_is_not_told_again() -> None:
    written: list[Record] = []
    strangers = Strangers(0, written.extend)
    assert strangers.refused("192.0.2.1", REASON, "", NOW)
    strangers.tell(NOW, at_once=True)
    assert written == []


def test_a_full_disk_is_told_and_stops_nothing() -> None:
    def full(_: list[Record]) -> None:
        raise RecordNotWritten("No space left on device")

    strangers = Strangers(0, full)
    strangers.refused("192.0.2.1", REASON, "", NOW, call=False)
    with capture_logs() as said:
        strangers.tell(NOW, at_once=True)
    assert [(line["event"], line["count"]) for line in said] == [("refusals of strangers not written", 1)]


@pytest.mark.parametrize("later", [-3600.0, TOGETHER_S])
def test_a_clock_set_back_ends_the_minute(later: float) -> None:
    written: list[Record] = []
    strangers = Strangers(0, written.extend)
    strangers.refused("192.0.2.1", REASON, "", NOW, call=False)
    strangers.tell(NOW + later)
    assert len(written) == 1
