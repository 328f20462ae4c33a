"""OpenSIPS' fraud_detection by its source, 8f4f1e1: `fraud_detection.c`, `frd_events.c`."""

import pytest
from bench.against.thresholds import FraudDetection, Stats, Thresholds

from unit.bench.against.calls import Ended, call, ended

DAY = 86_400
NOON = 20_000 * DAY + 43_200


@pytest.mark.parametrize(
    ("times", "cpm"),
    [
        ([0, 0, 59], 3),
        ([0, 60], 1),
        ([0, 30, 60], 2),
        ([0, 30, 89], 2),
        ([0, 30, 90], 1),
        # "for (;i != j; ...)": a whole minute apart, the first slot is the last, and nothing is invalidated
        ([0, 119], 2),
        ([0, 118], 1),
        ([0, 120], 1),
        ([0, 10, 20, 70, 75], 3),
    ],
)
def test_calls_per_minute_slide_by_seconds(times: list[int], cpm: int) -> None:
    stats = Stats()
    for at in times:
        stats.count("1", NOON + at)
    assert stats.cpm == cpm


@pytest.mark.parametrize(("numbers", "seq"), [("1", 1), ("111", 3), ("112", 1), ("1121", 1), ("1122", 2)])
def test_sequential_calls_are_those_to_the_number_before(numbers: str, seq: int) -> None:
    stats = Stats()
    for number in numbers:
        stats.count(number, NOON)
    assert stats.seq_calls == seq


def test_another_day_sets_everything_to_nothing() -> None:
    stats = Stats()
    for _ in range(3):
        stats.count("1", NOON)
    stats.count("1", NOON + DAY)
    assert (stats.cpm, stats.total_calls, stats.concurrent_calls, stats.interval) == (1, 1, 1, 2)
    # "se->stats.seq_calls = 0" with the day, and one more for the number that is the same
    assert stats.seq_calls == 1


@pytest.mark.parametrize(
    ("rule", "reached"),
    [
        (Thresholds(), ""),
        (Thresholds(cpm=3), "cpm"),
        (Thresholds(cpm=4), ""),
        (Thresholds(total_calls=3), "total_calls"),
        (Thresholds(concurrent_calls=3), "concurrent_calls"),
        (Thresholds(seq_calls=3), "seq_calls"),
        (Thresholds(seq_calls=3, total_calls=2), "total_calls"),
    ],
)
def test_a_threshold_is_reached_with_its_value(rule: Thresholds, reached: str) -> None:
    stats = Stats()
    for _ in range(3):
        stats.count("1", NOON)
    assert stats.critical(rule) == reached


def way_of(**rule: int) -> FraudDetection:
    way = FraudDetection({"960": Thresholds(**rule), "9605": Thresholds(**rule)})
    way.begin(Ended())
    return way


def test_refused_attempts_have_counted_but_are_not_concurrent() -> None:
    way = way_of(concurrent_calls=2)
    first = call("a")
    assert way.admits(first, 0)
    assert [way.admits(call(str(n)), n) for n in range(5)] == [False] * 5
    way.over(ended(first, 0, 10), 10)
    assert way.admits(call("b"), 11)
    way = way_of(total_calls=3)
    assert [way.admits(call(str(n)), n) for n in range(4)] == [True, True, False, False]
    assert way.admits(call("b"), DAY)


def test_each_prefix_counts_for_itself_and_the_longest_is_the_rule() -> None:
    way = way_of(total_calls=2)
    assert way.admits(call(number="960555"), 0)
    assert not way.admits(call(number="960556"), 0)
    assert way.admits(call(number="960111"), 0)
    assert way.admits(call(number="44"), 0)  # no rule


def test_calls_of_another_day_are_not_concurrent_any_more() -> None:
    way = way_of(concurrent_calls=3)
    old = call("a")
    way.admits(old, 0)
    new = call("b")
    way.admits(new, DAY)
    way.over(ended(old, 0, DAY + 1), DAY + 1)  # of an interval that is over: nothing falls
    assert way._stats["9605"].concurrent_calls == 1


def test_a_long_call_is_seen_when_it_is_over() -> None:
    way = way_of(call_duration_s=600)
    long = call("a")
    way.admits(long, 0)
    assert way.admits(call("b"), 10_000)  # it runs
    way.over(ended(long, 0, 10_001), 10_001)
    assert not way.admits(call("c"), 10_002)
    assert way.admits(call("d"), DAY)
