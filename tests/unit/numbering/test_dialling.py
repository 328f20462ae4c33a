"""Prefixes of countries, as their operators write them."""

import pytest

from trunkward.numbering.dialling import international_prefix_of, national_prefix_of


@pytest.mark.parametrize(
    ("country", "national", "international"),
    [
        ("1", "1", "011"),
        ("44", "0", "00"),
        ("49", "0", "00"),
        ("39", "", "00"),
        ("34", "", "00"),
        ("45", "", "00"),
        ("36", "06", "00"),
        ("7", "8", "810"),
        ("61", "0", "0011"),
        ("81", "0", "010"),
        ("352", "", "00"),
        ("420", "", "00"),
    ],
)
def test_prefixes(country: str, national: str, international: str) -> None:
    assert (national_prefix_of(country), international_prefix_of(country)) == (national, international)
