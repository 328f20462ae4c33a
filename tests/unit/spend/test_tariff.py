"""Prices by duration, as the trade counts them."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.money import nano
from trunkward.spend.tariff import Tariff


def tariff(rate: str, increments: str = "1/1", connect: str = "0") -> Tariff:
    first, following = increments.split("/")
    return Tariff(rate_nano=nano(rate), connect_nano=nano(connect), first_s=int(first), next_s=int(following))


@pytest.mark.parametrize(
    ("rate", "increments", "connect", "lasted_s", "billed_s", "micro"),
    [
        ("0.60", "60/60", "0", 1, 60, 600_000),
        ("0.60", "60/60", "0", 60, 60, 600_000),
        ("0.60", "60/60", "0", 60.001, 120, 1_200_000),
        ("0.60", "60/6", "0", 61, 66, 660_000),
        ("0.60", "30/6", "0", 12, 30, 300_000),
        ("0.60", "30/6", "0", 36.5, 42, 420_000),
        ("0.60", "1/1", "0", 0.2, 1, 10_000),
        ("0.60", "1/1", "0.05", 10, 10, 150_000),
        ("0.60", "1/1", "0.05", 0, 0, 0),
        # a third of a micro-unit is one, once: not one for each second
        ("0.00002", "1/1", "0", 1, 1, 1),
        ("0.00002", "1/1", "0", 7, 7, 3),
        # the trade's small rates are exact
        ("0.004375", "6/6", "0", 125, 126, 9_188),
        ("0", "60/60", "0", 500, 540, 0),
    ],
)
def test_prices(rate: str, increments: str, connect: str, lasted_s: float, billed_s: int, micro: int) -> None:
    asked = tariff(rate, increments, connect)
    assert (asked.billed_s(lasted_s), asked.price_micro(lasted_s)) == (billed_s, micro)


TARIFFS = st.builds(
    Tariff,
    rate_nano=st.integers(0, 20 * 10**9),
    connect_nano=st.integers(0, 10**9),
    first_s=st.integers(1, 120),
    next_s=st.integers(1, 120),
)
MS = st.integers(1, 86_400_000)


@given(TARIFFS, MS)
def test_it_is_the_exact_price_rounded_up_once(asked: Tariff, ms: int) -> None:
    billed_s = asked.first_s
    while billed_s * 1000 < ms and billed_s < asked.first_s + 200 * asked.next_s:
        billed_s += asked.next_s
    if billed_s * 1000 < ms:
        billed_s = asked.billed_s(ms / 1000)
    exact = Fraction(asked.connect_nano, 1000) + Fraction(asked.rate_nano * billed_s, 60_000)
    assert asked.price_micro(ms / 1000) == ceil(exact)


@given(TARIFFS, MS, MS)
def test_it_never_falls_and_is_never_less_than_the_time_is_worth(asked: Tariff, one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    assert asked.price_micro(shorter / 1000) <= asked.price_micro(longer / 1000)
    assert asked.price_micro(one / 1000) * 60_000 >= asked.rate_nano * (one / 1000)


@given(TARIFFS)
def test_compact_is_read_back(asked: Tariff) -> None:
    assert Tariff.from_compact(asked.compact()) == asked


@pytest.mark.parametrize("text", ["", "1:2:3", "1:2:0:1", "-1:0:1:1", "1:0:1:1:1", "a:0:1:1"])
def test_what_is_no_tariff_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no tariff"):
        Tariff.from_compact(text)
