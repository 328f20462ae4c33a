"""A run of calls in time, and what it has cost."""

from collections.abc import Callable

import pytest
from bench.against.hang_up import Nothing
from bench.against.traffic import FAMILIES, Call
from bench.against.trial import BYE_S, Trial, beyond

from trunkward.trunks.spending import TRUNK_CAPS, Spending, Window
from unit.bench.against.calls import call, ended


class Watched(Nothing):
    """Notes what it is told; refuses, or ends calls a minute after their answer."""

    def __init__(self, *, refuses: bool = False, ends: bool = False) -> None:
        self.refuses, self.ends = refuses, ends
        self.period_s = 60.0 if ends else 0.0
        self.asked: list[str] = []
        self.lasted: list[float] = []
        self.running: dict[Call, None] = {}

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end = end

    def admits(self, call: Call, now: float) -> bool:
        self.asked.append(call.number)
        return not self.refuses

    def answered(self, call: Call, now: float) -> None:
        self.running[call] = None

    def over(self, call: Call, now: float) -> None:
        if self.running.pop(call, 0) is None:
            self.lasted.append(call.lasted_s(now))

    def tick(self, now: float) -> None:
        for one in self.running if self.ends else ():
            self._end(one)


def test_the_same_seed_is_the_same_run() -> None:
    first, second, other = (Trial(Nothing(), FAMILIES[3], seed).run(TRUNK_CAPS) for seed in (3, 3, 4))
    assert first == second != other


def test_without_a_thief_nothing_is_lost() -> None:
    outcome = Trial(Nothing(), None, 1).run(TRUNK_CAPS)
    assert (outcome.lost, outcome.refused, outcome.cut) == (0, 0, 0)
    assert outcome.honest > 100


def test_who_is_refused_pays_nothing_and_tries_again_ever_later() -> None:
    way = Watched(refuses=True)
    outcome = Trial(way, FAMILIES[2], 1).run(TRUNK_CAPS)
    assert outcome.lost == 0
    assert outcome.refused == outcome.honest
    # 4 channels, 62 hours, a quarter of an hour apart in the end
    assert 4 * 62 * 4 - 20 < len(way.asked) - outcome.honest < 4 * 62 * 4 + 30


def test_who_is_ended_is_over_when_the_carrier_has_its_bye() -> None:
    way = Watched(ends=True)
    outcome = Trial(way, None, 1).run(TRUNK_CAPS)
    assert outcome.cut > 10
    assert max(way.lasted) <= 60 + BYE_S
    assert sum(lasted == pytest.approx(60 + BYE_S) for lasted in way.lasted) >= 1


def test_spread_calls_one_country_after_the_other() -> None:
    way = Watched()
    Trial(way, FAMILIES[1], 1).run(TRUNK_CAPS)
    assert (
        sum(any(number.startswith(prefix) for number in way.asked) for prefix, _ in FAMILIES[1].destinations)
        == 19
    )


CAPS = Spending(call_micro=2_000_000, hour_micro=3_000_000, day_micro=5_000_000)


@pytest.mark.parametrize(
    ("calls", "most"),
    [
        ([], (-2, -3, -5)),
        ([(0, 60)], (-1, -2, -4)),
        # two minutes and a second are three, spent at 0, 60 and 120
        ([(0, 120.5)], (1, 0, -2)),
        # the first of two that are an hour apart has left the window
        ([(0, 60), (3600, 3660)], (-1, -2, -3)),
        ([(0, 60), (3599, 3659)], (-1, -1, -3)),
        # a call through the window's edge: the increments of the last hour alone
        ([(0, 4800)], (78, 57, 75)),
        ([(0, 60), (86_400, 86_460)], (-1, -2, -4)),
        ([(0, 60), (86_399, 86_459)], (-1, -2, -3)),
    ],
)
def test_what_was_spent_in_a_window_beyond_its_cap(
    calls: list[tuple[float, float]], most: tuple[int, int, int]
) -> None:
    done = [ended(call(increments=(60, 60)), at, until) for at, until in calls]
    found = beyond(done, CAPS)
    assert [found[window] for window in (Window.CALL, Window.HOUR, Window.DAY)] == [
        one * 10**6 for one in most
    ]
