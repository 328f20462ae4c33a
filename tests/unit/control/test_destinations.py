"""What is told of the table, of a number and of a country."""

import pytest

from trunkward.control.destinations import NotAsked, about_country, about_number, about_table, with_overrides
from trunkward.numbering.destinations import read_destinations
from trunkward.numbering.overrides import read_overrides

TABLE = read_destinations(
    "# date: 2026-11-26\n# source: plans\n"
    "GB mobile low 0.2341 12 447 4471 4472 4473 4474 4475 4476\nGB premium high - 12 449\n- unknown high - 15 4479\n"
)


def test_of_the_table() -> None:
    assert about_table(TABLE, TABLE.prefixes) == {
        "date": "2026-11-26",
        "sources": ["plans"],
        "prefixes": 9,
        "countries": 1,
        "destinations": 2,
        "with_rate": 1,
        "by_class": {"mobile": 1, "premium": 1},
    }


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("+4475", ("+4475", "GB", "mobile", "low", "0.2341")),
        ("+449", ("+449", "GB", "premium", "high", None)),
        ("+44791", ("+4479", "", "unknown", "high", None)),
        ("+1", ("", "", "unknown", "high", None)),
    ],
)
def test_of_a_number(number: str, told: tuple[str | None, ...]) -> None:
    document = about_number(TABLE.prefixes, number)
    assert document.pop("number") == number
    assert tuple(document.values()) == told


def test_of_a_country() -> None:
    document = about_country(TABLE.prefixes, "GB")
    assert [(one["class"], one["prefixes"]) for one in document["classes"]] == [("mobile", 7), ("premium", 1)]
    assert document["classes"][0]["first"] == ["+447", "+4471", "+4472", "+4473", "+4474"]


@pytest.mark.parametrize("number", ["447", "+", "+0", "++44", "44 7", "+44x"])
def test_what_is_no_number(number: str) -> None:
    with pytest.raises(NotAsked, match="is no number"):
        about_number(TABLE.prefixes, number)


def test_what_is_no_country() -> None:
    with pytest.raises(NotAsked, match="no country 'UK' in the table"):
        about_country(TABLE.prefixes, "UK")


def test_the_operators_lines_count() -> None:
    lines = read_overrides("prefix,country,class,risk,rate\n+4479,GB,mobile,low,0.10\n")
    assert about_number(with_overrides(TABLE, lines), "+44791")["rate"] == "0.10"
    assert about_number(with_overrides(TABLE, ()), "+44791")["rate"] is None
