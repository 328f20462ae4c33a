"""What a call that is over has cost: exact, and never zero where nobody knows."""

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.rating import Basis, Charged, Terms, lasted_ms, margin, side
from trunkward.spend.tariff import Tariff

TARIFF = Tariff(rate_nano=12_000_000, connect_nano=5_000_000, first_s=60, next_s=6)
DECK = Terms(tariff=TARIFF, prefix="44", deck="north", deck_sha256="ab" * 32)
INDICATIVE = Terms(tariff=TARIFF, prefix="44")


@pytest.mark.parametrize(
    ("charged", "terms", "lasted", "basis", "micro", "billed"),
    [
        (Charged.YES, DECK, 61_001, Basis.DECK, 18_200, 66),
        (Charged.YES, DECK, 1, Basis.DECK, 17_000, 60),
        (Charged.YES, DECK, 60_000, Basis.DECK, 17_000, 60),
        (Charged.YES, INDICATIVE, 60_000, Basis.INDICATIVE, 17_000, 60),
        (Charged.YES, None, 60_000, Basis.UNKNOWN, None, 0),
        (Charged.YES, DECK, None, Basis.DECK, None, 0),
        (Charged.END_UNKNOWN, DECK, None, Basis.DECK, None, 0),
        (Charged.END_UNKNOWN, DECK, 60_000, Basis.DECK, None, 0),
        (Charged.END_UNKNOWN, None, None, Basis.UNKNOWN, None, 0),
        (Charged.UNANSWERED, DECK, 0, Basis.FREE, 0, 0),
        (Charged.UNANSWERED, None, None, Basis.FREE, 0, 0),
        (Charged.EMERGENCY, DECK, 60_000, Basis.FREE, 0, 0),
        (Charged.INBOUND, None, 60_000, Basis.FREE, 0, 0),
    ],
)
def test_a_side_of_a_call(
    charged: Charged, terms: Terms | None, lasted: int | None, basis: Basis, micro: int | None, billed: int
) -> None:
    found = side(charged, terms, lasted)
    assert (found.basis, found.micro, found.billed_s) == (basis, micro, billed)


@given(lasted=st.integers(1, 86_400_000), rate=st.integers(0, 10**12), connect=st.integers(0, 10**10))
def test_a_price_is_the_exact_one_rounded_up_once(lasted: int, rate: int, connect: int) -> None:
    tariff = Tariff(rate_nano=rate, connect_nano=connect, first_s=30, next_s=6)
    found = side(Charged.YES, Terms(tariff=tariff), lasted)
    assert found.micro is not None
    exact = (Decimal(connect) + Decimal(rate) * found.billed_s / 60) / 1000
    assert abs(Decimal(found.micro) - exact.to_integral_value(ROUND_CEILING)) == 0
    assert found.billed_s * 1000 >= lasted


@pytest.mark.parametrize(
    ("answered", "ended", "ms"),
    [
        (1_764_000_000.0, 1_764_000_060.0, 60_000),
        # the doubles are 0.7000000477 apart: less than a microsecond is no time
        (1_764_000_000.1, 1_764_000_000.8, 700),
        (1_764_000_000.1, 1_764_000_060.1, 60_000),
        (1_764_000_000.1, 1_764_000_060.100001, 60_001),
        (1_764_000_000.25, 1_764_000_000.25, 0),
        (10.0, 9.0, 0),
    ],
)
def test_how_long_a_call_lasted(answered: float, ended: float, ms: int) -> None:
    assert lasted_ms(answered, ended) == ms


def test_a_margin_needs_both_sides() -> None:
    known, unknown = side(Charged.YES, DECK, 60_000), side(Charged.YES, None, 60_000)
    assert margin(known, known) == 0
    assert margin(known, unknown) is None
    assert margin(unknown, known) is None
