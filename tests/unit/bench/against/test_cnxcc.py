"""Kamailio's cnxcc itself, its clock stepped: what it does to the calls of one customer."""

from collections.abc import Callable, Iterator

import pytest
from bench.against.cnxcc import Cnxcc
from bench.against.traffic import FAMILIES, Call
from bench.against.trial import Trial

from trunkward.trunks.spending import TRUNK_CAPS, Spending
from unit.bench.against.calls import Ended, answered, call, ended

CAPS = Spending(day_micro=3_000_000)

pytestmark = pytest.mark.wire


@pytest.fixture
def cnxcc() -> Iterator[Cnxcc]:
    way = Cnxcc(CAPS)
    yield way
    way.close()


@pytest.fixture
def said(cnxcc: Cnxcc) -> Ended:
    ends = Ended()
    cnxcc.begin(ends)
    return ends


@pytest.fixture
def begun(cnxcc: Cnxcc, said: Ended) -> Callable[..., list[Call]]:
    """Calls of a euro a minute that are answered at 0, in this order."""

    def begin(*names: str, increments: tuple[int, int] = (60, 1)) -> list[Call]:
        calls = [call(name, increments=increments) for name in names]
        for one in calls:
            assert cnxcc.admits(one, 0)
            cnxcc.answered(answered(one, 0), 0)
        return calls

    return begin


def first_end(cnxcc: Cnxcc, said: Ended, begin: int, until: int) -> int:
    """The second of the first check that ends a call."""
    for now in range(begin, until):
        cnxcc.tick(now)
        if said:
            return now
    raise AssertionError("no call was ended")


@pytest.mark.parametrize(
    ("increments", "at"),
    [
        # "((consumed_time - initial_pulse) / final_pulse + 1) * final_pulse", of integers: 3.00 of one call
        ((60, 1), 179),
        ((60, 6), 174),
        ((60, 60), 120),
        ((1, 1), 179),
    ],
)
def test_what_a_call_has_consumed(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]], increments: tuple[int, int], at: int
) -> None:
    begun("a", increments=increments)
    assert first_end(cnxcc, said, 100, 200) == at


def test_all_calls_end_at_the_first_check_that_finds_the_credit_consumed(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    begun("a", "b")
    assert first_end(cnxcc, said, 1, 100) == 89  # 1.50 each
    assert said == ["a", "b"]


def test_the_first_pulses_of_many_calls_are_beyond_the_credit_before_anybody_looks(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    begun(*"abcdef")
    assert cnxcc.admits(call("g"), 0)
    cnxcc.tick(1)
    assert said == list("abcdef")


def test_one_call_beyond_its_own_credit_hides_those_after_it(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    """`break` leaves the others out of the sum, newest first."""
    begun("old")
    cnxcc.tick(100)  # consumed: 1.68
    new = call("new", rate=1.4)
    assert cnxcc.admits(new, 100)
    cnxcc.answered(answered(new, 100), 100)  # its own credit: 1.32, consumed with its first pulse: 1.40
    # 3.00 by itself; both have 5.15 then
    assert first_end(cnxcc, said, 101, 240) == 228
    assert said == ["old", "new"]


def test_a_call_that_ends_counts_with_what_the_last_check_saw(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    first, _ = begun("a", "b")
    cnxcc.tick(70)  # 1.18 each
    cnxcc.over(ended(first, 0, 80), 80)
    assert first_end(cnxcc, said, 81, 120) == 108  # 1.82; with 1.33 of the first it were 99


def test_without_a_call_the_customer_is_forgotten_and_the_bills_remain(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    (one,) = begun("a")
    cnxcc.tick(100)
    cnxcc.over(ended(one, 0, 100), 100)
    other = call("b")
    assert cnxcc.admits(other, 101)
    cnxcc.answered(answered(other, 101), 101)
    assert first_end(cnxcc, said, 102, 200) == 101 + 79  # of 1.33


def test_no_credit_no_call(cnxcc: Cnxcc, begun: Callable[..., list[Call]]) -> None:
    (one,) = begun("a")
    cnxcc.over(ended(one, 0, 180), 180)
    assert not cnxcc.admits(call("b"), 181)


def test_while_one_rings_the_customer_stays(
    cnxcc: Cnxcc, said: Ended, begun: Callable[..., list[Call]]
) -> None:
    """`pending`: its max_amount is 0, and it is ended at the next check after its answer."""
    calls = begun("a", "b")
    ringing = call("ringing")
    assert cnxcc.admits(ringing, 10)
    assert first_end(cnxcc, said, 80, 100) == 89
    for one in calls:
        cnxcc.over(ended(one, 0, 90), 90)
    cnxcc.answered(answered(ringing, 90), 90)
    cnxcc.tick(91)
    assert said == ["a", "b", "ringing"]


def test_a_call_nobody_answers_costs_nothing(cnxcc: Cnxcc, said: Ended) -> None:
    one = call("a", lasts_s=0)
    assert cnxcc.admits(one, 0)
    cnxcc.over(one, 20)
    other = call("b")
    assert cnxcc.admits(other, 20)
    cnxcc.answered(answered(other, 20), 20)
    assert first_end(cnxcc, said, 100, 220) == 20 + 179


def test_the_same_attack_has_the_same_end() -> None:
    """Steps are in step, however long one takes; caps are passed, and nobody counts a call twice."""
    way = Cnxcc(TRUNK_CAPS)
    try:
        one, other = (Trial(way, FAMILIES[2], 1).run(TRUNK_CAPS) for _ in range(2))
    finally:
        way.close()
    assert one == other
    assert one.lost > 30_000_000
