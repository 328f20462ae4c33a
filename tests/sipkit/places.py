"""A small table of destinations for tests: what lies behind some first digits, at invented prices."""

from trunkward.numbering.destinations import Destination, Kind, Risk
from trunkward.numbering.e164 import MAX_DIGITS


def place(
    country: str,
    kind: Kind,
    rate_micro: int | None = 10_000,
    risk: Risk = Risk.LOW,
    longest: int = MAX_DIGITS,
) -> Destination:
    """A destination, cheap and harmless unless said otherwise."""
    return Destination(country=country, kind=kind, risk=risk, rate_micro=rate_micro, longest=longest)


#: By first digits, without `+`.
TABLE = {
    "1": place("US", Kind.FIXED_OR_MOBILE),
    "1800": place("US", Kind.TOLL_FREE, 0),
    "1900": place("US", Kind.PREMIUM, 2_000_000, Risk.HIGH),
    "1876": place("JM", Kind.FIXED_OR_MOBILE, 250_000, Risk.MEDIUM),
    "33": place("FR", Kind.GEOGRAPHIC),
    "336": place("FR", Kind.MOBILE, 40_000, longest=11),
    "3389": place("FR", Kind.PREMIUM, 1_500_000, Risk.HIGH),
    "44": place("GB", Kind.GEOGRAPHIC),
    "447": place("GB", Kind.MOBILE, 30_000),
    "4470": place("GB", Kind.PERSONAL, 500_000, Risk.HIGH),
    "53": place("CU", Kind.FIXED_OR_MOBILE, 980_000, Risk.HIGH),
    "960": place("MV", Kind.FIXED_OR_MOBILE, None, Risk.HIGH),
    "49": place("DE", Kind.GEOGRAPHIC, None),
    # a hole inside a plan
    "49999": place("DE", Kind.UNKNOWN, None, Risk.HIGH),
    # toll-free everywhere, and no country's
    "800": place("", Kind.TOLL_FREE, 0),
    "47": place("NO", Kind.GEOGRAPHIC),
    "88216": place("", Kind.SATELLITE, 4_650_000, Risk.HIGH),
}
