"""Where a number leads: the longest prefix, and what a file of the table may say."""

import pytest

from trunkward.numbering.destinations import (
    UNKNOWN,
    Destination,
    Kind,
    Risk,
    TableDamaged,
    longest_match,
    micro,
    money,
    read_destinations,
)

TEXT = """# Where numbers lead
# date: 2026-11-26
# source: plans: phonenumbers 9
# source: prices: a list
GB mobile low 0.234109 12 447 4475
- unknown high - 15 44759
- satellite high 4.65 15 88216
GB premium high - 12 449
"""

MOBILE = Destination(country="GB", kind=Kind.MOBILE, risk=Risk.LOW, rate_micro=234_109, longest=12)


def test_the_file_reads_as_its_table() -> None:
    table = read_destinations(TEXT)
    assert table.date == "2026-11-26"
    assert table.sources == ("plans: phonenumbers 9", "prices: a list")
    assert table.prefixes == {
        "447": MOBILE,
        "4475": MOBILE,
        "44759": UNKNOWN,
        "88216": Destination(country="", kind=Kind.SATELLITE, risk=Risk.HIGH, rate_micro=4_650_000),
        "449": Destination(country="GB", kind=Kind.PREMIUM, risk=Risk.HIGH, rate_micro=None, longest=12),
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("GB mobile low", "not enough values"),
        ("GB fast low 0.1 12 44", "'fast' is not a valid Kind"),
        ("GB mobile none 0.1 12 44", "'none' is not a valid Risk"),
        ("GB mobile low much 12 44", "'much' is no price per minute"),
        ("GB mobile low 0.1 long 44", "invalid literal for int"),
    ],
)
def test_a_damaged_line_is_named(line: str, why: str) -> None:
    with pytest.raises(TableDamaged, match=f"line 9 of the destinations: .*{why}"):
        read_destinations(TEXT + line)


@pytest.mark.parametrize(
    ("digits", "prefix", "kind"),
    [
        ("447700900123", "447", Kind.MOBILE),
        ("447", "447", Kind.MOBILE),
        ("44", "", Kind.UNKNOWN),
        ("447591", "44759", Kind.UNKNOWN),
        ("447581", "4475", Kind.MOBILE),
        ("882161", "88216", Kind.SATELLITE),
        ("882171", "", Kind.UNKNOWN),
        # one digit more than any number there has
        ("4477009001234", "447", Kind.UNKNOWN),
        ("882161234567890", "88216", Kind.SATELLITE),
        ("", "", Kind.UNKNOWN),
    ],
)
def test_the_longest_prefix_holds(digits: str, prefix: str, kind: Kind) -> None:
    matched, destination = longest_match(read_destinations(TEXT).prefixes, digits)
    assert (matched, destination.kind) == (prefix, kind)


def test_what_nobody_knows_is_dear_and_dangerous() -> None:
    assert (UNKNOWN.country, UNKNOWN.risk, UNKNOWN.rate_micro) == ("", Risk.HIGH, None)


@pytest.mark.parametrize("destination", [MOBILE, UNKNOWN])
def test_compact_and_back(destination: Destination) -> None:
    compact = destination.compact()
    assert all(type(part) in {str, int, type(None)} for part in compact)
    assert Destination.from_compact(compact) == destination


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("0.3", 300_000), ("0.000001", 1), ("13.627296", 13_627_296), ("999", 999_000_000)],
)
def test_money_is_exact(text: str, value: int) -> None:
    assert micro(text) == value
    assert micro(money(value)) == value


@pytest.mark.parametrize("text", ["", "a", "-0.1", "1000", "0.0000001", "NaN", "inf", "1,5"])
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="no price per minute"):
        micro(text)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.00"), (300_000, "0.30"), (10_368, "0.010368"), (2_000_000, "2.00")]
)
def test_money_as_written(value: int, text: str) -> None:
    assert money(value) == text
