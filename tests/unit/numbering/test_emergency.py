"""Emergency numbers by number plan, against what authorities publish."""

import pytest

from trunkward.numbering.emergency import emergency_of
from trunkward.numbering.emergency_numbers import EMERGENCY_NUMBERS


@pytest.mark.parametrize(
    ("country", "region", "numbers"),
    [
        ("1", "US", {"911", "933"}),  # 47 CFR 9.3; 933 tests it
        ("1", "CA", {"911", "933"}),  # CRTC 2017-182
        ("1", "BB", {"211", "311", "511", "911"}),  # police, fire, ambulance
        ("44", "GB", {"112", "999"}),  # Ofcom, General Condition A3
        ("353", "IE", {"112", "999"}),  # ComReg, National Numbering Conventions
        ("39", "IT", {"112", "113", "115", "118"}),  # Ministero dell'Interno
        ("33", "FR", {"15", "17", "18", "112"}),  # ARCEP decision 2018-0881
        ("49", "DE", {"110", "112"}),  # NotrufV section 1
        ("61", "AU", {"000", "106", "112"}),  # ACMA, Emergency Call Service Determination
        ("64", "NZ", {"111"}),  # Telecommunications (111 Contact Code)
        ("81", "JP", {"110", "119"}),  # police; fire and ambulance (118, the coast guard, is not in the data)
        ("91", "IN", {"100", "101", "102", "108", "112"}),  # DoT: 112 for all of them
        ("55", "BR", {"190", "192", "193"}),  # Anatel: police, ambulance, fire
        ("7", "RU", {"101", "102", "103", "112"}),
        ("86", "CN", {"110", "119", "120"}),
    ],
)
def test_what_authorities_publish_is_known(country: str, region: str, numbers: set[str]) -> None:
    assert numbers <= set(emergency_of(country, region))


@pytest.mark.parametrize(
    ("country", "region", "numbers"),
    [
        ("1", "", ("911", "933")),
        ("1", "JM", ("110", "119", "911", "933")),
        ("44", "", ("112", "999")),
        ("39", "", ("112", "113", "115", "118")),
        ("64", "NZ", ("111", "112")),
        ("224", "GN", ("112",)),  # nothing is known of Guinea
        ("999", "", ("112",)),
    ],
)
def test_all_of_a_plan(country: str, region: str, numbers: tuple[str, ...]) -> None:
    assert emergency_of(country, region) == numbers


def test_a_region_of_another_code_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"FR has no numbers in \+44"):
        emergency_of("44", "FR")


def test_they_are_numbers_not_prefixes() -> None:
    for region, numbers in EMERGENCY_NUMBERS.items():
        found = numbers.split()
        assert found == sorted(set(found)), region
        assert all(number.isdigit() and 2 <= len(number) <= 6 for number in found), region
        assert len(found) < 20, region
