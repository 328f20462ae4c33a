"""Emergency numbers of a number plan: exact numbers as dialled, never prefixes."""

from trunkward.numbering.e164 import NANP
from trunkward.numbering.emergency_numbers import EMERGENCY_NUMBERS, REGIONS

#: 911 (47 CFR 9.3), and 933, with which a PBX tests what an emergency call would carry (NENA).
_EVERYWHERE_IN_NANP = ("911", "933")
#: 3GPP TS 22.101 section 10.1: known to every mobile telephone, so dialled everywhere.
_EVERYWHERE_ELSE = ("112",)


def regions_of(country_code: str) -> tuple[str, ...]:
    """Regions (ISO 3166 alpha-2) that share a country code, the main one first; () for no such code."""
    return tuple(REGIONS.get(country_code, "").split())


def main_region(country_code: str) -> str:
    """The region a country code mainly stands for; "" for no such code."""
    return next(iter(regions_of(country_code)), "")


def emergency_of(country_code: str, region: str = "") -> tuple[str, ...]:
    """What reaches help there, sorted; `region` is the code's main one without it.

    Raises `ValueError` for a region that does not have this country code.
    """
    region = region or main_region(country_code)
    if region and region not in regions_of(country_code):
        raise ValueError(f"{region} has no numbers in +{country_code}")
    everywhere = _EVERYWHERE_IN_NANP if country_code == NANP else _EVERYWHERE_ELSE
    return tuple(sorted({*everywhere, *EMERGENCY_NUMBERS.get(region, "").split()}))
