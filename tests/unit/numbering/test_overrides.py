"""The operator's lines over the table: whole or not at all, and what is below a prefix goes with it."""

import pytest

from trunkward.numbering.destinations import UNKNOWN, Destination, Kind, Risk, longest_match
from trunkward.numbering.overrides import Override, OverridesRefused, overridden, read_overrides

HEADER = "prefix,country,class,risk,rate\n"
MOBILE = Destination(country="GB", kind=Kind.MOBILE, risk=Risk.LOW, rate_micro=234_109, longest=12)
PREFIXES = {"447": MOBILE, "4470": UNKNOWN, "44759": UNKNOWN, "45": MOBILE}


def test_lines_as_values() -> None:
    text = (
        HEADER
        + "# remarks and empty lines are nothing\n\n+44759, GB, mobile, low, 0.05\n+252,,,,0.95\n+44,,,high,\n"
    )
    assert read_overrides(text) == (
        Override(prefix="44759", country="GB", kind=Kind.MOBILE, risk=Risk.LOW, rate_micro=50_000),
        Override(prefix="252", rate_micro=950_000),
        Override(prefix="44", risk=Risk.HIGH),
    )


def test_an_empty_file_says_nothing() -> None:
    assert read_overrides("") == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("44759,GB,mobile,low,0.05", "'44759' is no prefix"),
        ("+0044,GB,mobile,low,0.05", "'+0044' is no prefix"),
        ("+44x,GB,mobile,low,0.05", "'+44x' is no prefix"),
        ("+44,GB,mobile,low", "4 fields, not the 5"),
        ("+44,,,,", "+44 with nothing to say about it"),
        ("+44,UK,mobile,low,0.05", "'UK' is no country with numbers"),
        ("+44,gb,mobile,low,0.05", "'gb' is no country with numbers"),
        ("+44,GB,cellular,low,0.05", "'cellular' is no class: geographic, mobile,"),
        ("+44,GB,mobile,some,0.05", "'some' is no risk: low, medium, high"),
        ("+44,GB,mobile,low,free", "'free' is no price per minute"),
        ("+45,DK,mobile,low,0.05", "+45 is already in line 2"),
    ],
)
def test_every_wrong_line_is_named_and_none_taken(line: str, why: str) -> None:
    with pytest.raises(OverridesRefused) as refused:
        read_overrides(f"{HEADER}+45,DK,mobile,low,0.04\n{line}\n+46,,,,dear\n")
    assert [wrong.line for wrong in refused.value.wrong] == [3, 4]
    assert refused.value.wrong[0].why.startswith(why)
    assert str(refused.value).startswith(f"line 3: {why}")


def test_the_header_is_asked_for() -> None:
    with pytest.raises(
        OverridesRefused, match="line 1: the first line must be prefix,country,class,risk,rate"
    ):
        read_overrides("+45,DK,mobile,low,0.04\n")


def _looked_up(text: str, digits: str) -> Destination:
    return longest_match(overridden(PREFIXES, read_overrides(HEADER + text)), digits)[1]


@pytest.mark.parametrize(
    ("text", "digits", "rate", "kind"),
    [
        # a field left empty stays, and longer rows of the table go along
        ("+44,,,,0.50", "447112", 500_000, Kind.MOBILE),
        ("+44,,,,0.50", "4470", 500_000, Kind.UNKNOWN),
        # a longer line goes over a shorter one, whichever comes first
        ("+447,,,,0.60\n+44,,,,0.50", "4471", 600_000, Kind.MOBILE),
        # a new range inside a row
        ("+4471,,premium,,", "44711", 234_109, Kind.PREMIUM),
        ("+4471,,premium,,", "44721", 234_109, Kind.MOBILE),
        # a hole that was filled
        ("+44759,GB,mobile,low,0.05", "447590", 50_000, Kind.MOBILE),
        # longer than any number there: with a class it is for all lengths, a price alone opens nothing
        ("+4471,GB,mobile,,", "447112345678901", 234_109, Kind.MOBILE),
        ("+4471,,,,0.05", "4471123456789", None, Kind.UNKNOWN),
        ("+4471,,,,0.05", "447112345678", 50_000, Kind.MOBILE),
        # what nobody knew
        ("+999,,special,,", "9991", None, Kind.SPECIAL),
        ("+44,,,,0.50", "451", 234_109, Kind.MOBILE),
    ],
)
def test_a_line_is_for_its_prefix_and_all_below(text: str, digits: str, rate: int | None, kind: Kind) -> None:
    destination = _looked_up(text, digits)
    assert (destination.rate_micro, destination.kind) == (rate, kind)


def test_the_table_itself_stays() -> None:
    before = dict(PREFIXES)
    overridden(PREFIXES, read_overrides(HEADER + "+44,,,high,"))
    assert before == PREFIXES
