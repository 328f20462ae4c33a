"""Amounts are read exactly, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.money import MICRO, NoAmount, micro, nano, shown, shown_nano


@pytest.mark.parametrize(
    ("text", "units"),
    [("0", 0), ("12.50", 12_500_000), ("0.000001", 1), ("3.1400000000", 3_140_000), ("007", 7 * MICRO)],
)
def test_read(text: str, units: int) -> None:
    assert micro(text) == units
    assert nano(text) == units * 1000


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "-1", "+1", "1,5", "1e3", " 1", "1_000", "0.0000001", "9999999999", "\u0661"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(NoAmount):
        micro(text)


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0.00"), (12_500_000, "12.50"), (1, "0.000001"), (-1_234_560, "-1.23456"), (3 * MICRO, "3.00")],
)
def test_shown(units: int, text: str) -> None:
    assert shown(units) == text


@given(st.integers(0, 10**14))
def test_what_is_shown_is_read_back(units: int) -> None:
    assert micro(shown(units)) == units
    assert nano(shown_nano(units)) == units
    assert shown_nano(units * 1000) == shown(units)
