"""What is put off for a time is done again after it, and at once when a clock that was ahead has been put right."""

import pytest

from trunkward.engines.pause import NO_PAUSE, Pause

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("after_s", "over"),
    [(0, False), (59.9, False), (60, True), (1e9, True), (-0.1, True), (-1e9, True)],
)
def test_it_is_over_after_its_time_and_before_it_has_begun(after_s: float, over: bool) -> None:
    assert Pause(NOW, 60).is_over(NOW + after_s) is over


@pytest.mark.parametrize("now_s", [0.0, NOW])
def test_there_may_be_none(now_s: float) -> None:
    assert NO_PAUSE.is_over(now_s)
