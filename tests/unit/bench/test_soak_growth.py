"""What counts as growth in a soak: over the last 80 % of the run, by more than 2 %."""

import random
from collections.abc import Callable

import pytest
from bench.soak import growth_of

MB = 1_000_000.0
SAMPLES = 120


def noisy(shape: Callable[[float], float], noise: float = 0.005) -> list[float]:
    """A run's samples: 100 MB times a shape of the run's share (0..1), with noise of a steady seed."""
    chance = random.Random(3)
    return [100 * MB * shape(n / (SAMPLES - 1)) * (1 + chance.gauss(0, noise)) for n in range(SAMPLES)]


def leak(over_the_last_80: float) -> Callable[[float], float]:
    """Grows by this share from 20 % of the run to its end, steadily."""
    return lambda share: 1 + over_the_last_80 * max(0.0, share - 0.2) / 0.8


@pytest.mark.parametrize(
    "shape",
    [
        lambda _: 1.0,
        leak(0.015),
        # what is taken at the start is not looked at, nor what is given back
        lambda share: 0.5 if share < 0.19 else 1.0,
        lambda share: 1 - share / 10,
        # nor one sample in twenty that is far off
        lambda share: 1.5 if round(share * (SAMPLES - 1)) % 20 == 7 else 1.0,
    ],
)
def test_level_with_noise_passes(shape: Callable[[float], float]) -> None:
    assert growth_of(noisy(shape)).share <= 0.02


@pytest.mark.parametrize(
    ("shape", "noise"),
    [
        (leak(0.022), 0.0),
        (leak(0.022), 0.001),
        (leak(0.03), 0.005),
        # a step, early or late
        (lambda share: 1.03 if share > 0.4 else 1.0, 0.001),
        (lambda share: 1.03 if share > 0.85 else 1.0, 0.001),
    ],
)
def test_growth_fails(shape: Callable[[float], float], noise: float) -> None:
    assert growth_of(noisy(shape, noise)).share > 0.02


def test_a_line_is_measured_over_the_whole_span() -> None:
    growth = growth_of(noisy(leak(0.022), noise=0.0))
    assert growth.share == pytest.approx(0.022, abs=0.0005)


def test_a_few_pages_are_no_growth() -> None:
    assert growth_of([100_000.0 + 400 * n for n in range(SAMPLES)]).share == 0.0
