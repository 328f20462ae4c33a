"""Counting at hang-up: only what is over counts."""

import pytest
from bench.against.hang_up import Bills, HangUp, Nothing

from trunkward.trunks.spending import Spending
from unit.bench.against.calls import Ended, answered, call, ended

CAPS = Spending(hour_micro=10_000_000, day_micro=30_000_000)


@pytest.mark.parametrize(
    ("bills", "now", "room"),
    [
        ([], 0, 10_000_000),
        ([(0, 4_000_000)], 3599, 6_000_000),
        ([(0, 4_000_000)], 3600, 10_000_000),
        ([(0, 9_000_000), (3600, 9_000_000), (7200, 9_000_000)], 10_800, 3_000_000),
        ([(0, 31_000_000)], 7200, -1_000_000),
        ([(0, 31_000_000)], 86_400, 10_000_000),
    ],
)
def test_the_least_room_of_any_window(bills: list[tuple[float, int]], now: float, room: int) -> None:
    kept = Bills(CAPS)
    for at, cost in bills:
        kept.add(at, cost)
    assert kept.room_micro(now) == room


@pytest.mark.parametrize(("ends", "cut"), [(False, []), (True, ["running"])])
def test_running_calls_count_for_nothing_until_one_is_over(ends: bool, cut: list[str]) -> None:
    way, said = HangUp(CAPS, ends=ends), Ended()
    way.begin(said)
    running, long = answered(call("running"), 0), answered(call("long"), 0)
    for one in (running, long):
        way.answered(one, 0)
    assert way.admits(call("next"), 600)  # 20 euro are spent by now
    way.over(ended(long, 0, 600), 600)
    assert not way.admits(call("next"), 600)
    assert said == cut


def test_nothing_admits_everything() -> None:
    way = Nothing()
    way.begin(Ended())
    assert way.admits(call(), 0)
