"""Which countries share a country code, as ISO 3166-1 alpha-2 regions.

The first region of a code is the one most of its numbers belong to.
"""

from trunkward.numbering.country_codes import REGIONS_OF_CODES

#: By country code without `+`; codes of no country (satellites, 800, 979) are not here.
REGIONS: dict[str, tuple[str, ...]] = {code: tuple(found.split()) for code, found in REGIONS_OF_CODES.items()}


def main_region(country: str) -> str:
    """The region a country code stands for where nothing else is said; "" for no country's code."""
    return REGIONS.get(country, ("",))[0]
