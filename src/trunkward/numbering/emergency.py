"""Emergency numbers of a number plan: exact numbers as dialled, never prefixes."""

from trunkward.numbering.e164 import NANP
from trunkward.numbering.emergency_numbers import EMERGENCY_NUMBERS
from trunkward.numbering.regions import REGIONS, main_region

#: 911 (47 CFR 9.3), and 933, with which a PBX tests what an emergency call would carry (NENA).
_EVERYWHERE_IN_NANP = frozenset({"911", "933"})
#: 3GPP TS 22.101 section 10.1: every mobile telephone knows it. In +1 only mobile networks do.
_EVERYWHERE_ELSE = frozenset({"112"})


def emergency_of(country_code: str, region: str = "") -> tuple[str, ...]:
    """What reaches help there, sorted; `region` is the code's main one without it.

    Raises `ValueError` for a region that does not have this country code.
    """
    region = region or main_region(country_code)
    if region and region not in REGIONS.get(country_code, ()):
        raise ValueError(f"{region} has no numbers in +{country_code}")
    national = frozenset(EMERGENCY_NUMBERS.get(region, "").split())
    if country_code == NANP:
        return tuple(sorted(_EVERYWHERE_IN_NANP | (national - _EVERYWHERE_ELSE)))
    return tuple(sorted(_EVERYWHERE_ELSE | national))
