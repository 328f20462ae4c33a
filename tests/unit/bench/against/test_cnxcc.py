"""Kamailio's cnxcc by its source, branch 6.0: `cnxcc_check.c`, `cnxcc_mod.c`."""

import pytest
from bench.against.cnxcc import Cnxcc, consumed

from trunkward.trunks.spending import Spending
from unit.bench.against.calls import Ended, answered, call, ended

CAPS = Spending(day_micro=3_000_000)


@pytest.mark.parametrize(
    ("increments", "seconds", "cost"),
    [
        # "if(consumed_time > initial_pulse)": up to there what it was set to, initial_pulse * cost_per_second
        ((60, 6), 0, 1.0),
        ((60, 6), 60, 1.0),
        # "((consumed_time - initial_pulse) / final_pulse + 1) * final_pulse", of integers
        ((60, 6), 61, 1.1),
        ((60, 6), 65, 1.1),
        ((60, 6), 66, 1.2),
        ((1, 1), 2, 3 / 60),
        ((60, 60), 61, 2.0),
        ((60, 60), 120, 3.0),
    ],
)
def test_what_a_call_has_consumed(increments: tuple[int, int], seconds: int, cost: float) -> None:
    one = call(increments=increments)
    before = one.tariff.first_s / 60
    assert consumed(one, seconds, before) == pytest.approx(cost)


def begun(*names: str, caps: Spending = CAPS) -> tuple[Cnxcc, Ended]:
    """Calls of a euro a minute that are answered at 0, in this order."""
    way, said = Cnxcc(caps), Ended()
    way.begin(said)
    for name in names:
        one = call(name)
        assert way.admits(one, 0)
        way.answered(answered(one, 0), 0)
    return way, said


def test_all_calls_end_at_the_first_check_that_finds_the_credit_consumed() -> None:
    way, said = begun("a", "b")
    way.tick(89)  # 1.50 each
    assert said == ["b", "a"]
    way, said = begun("a", "b")
    way.tick(88)
    assert said == []


def test_the_first_pulses_of_many_calls_are_beyond_the_credit_before_anybody_looks() -> None:
    way, said = begun(*"abcdef")
    assert way.admits(call("g"), 0)  # set_max_credit looks at nothing but the credit it is given
    way.tick(1)
    assert sorted(said) == list("abcdef")


def test_one_call_beyond_its_own_credit_hides_those_after_it() -> None:
    """`break` leaves the others out of the sum, newest first."""
    way = Cnxcc(CAPS)
    said = Ended()
    way.begin(said)
    old = call("old")
    way.admits(old, 0)
    way.answered(answered(old, 0), 0)
    way.tick(100)  # consumed: 1.68
    new = call("new", rate=1.4)
    way.admits(new, 100)
    way.answered(answered(new, 100), 100)  # its own credit: 1.32, consumed with its first pulse: 1.40
    way.tick(101)
    assert said == []
    way.tick(200)  # 3.35 and 2.36, of 3: the newer one alone is added up
    assert said == []
    way.tick(228)  # 3.01 by itself
    assert sorted(said) == ["new", "old"]


def test_a_call_that_ends_counts_with_what_the_last_check_saw() -> None:
    way, _ = begun("a", "b")
    way.tick(70)  # 1.18 each
    first = next(one for one in way._customer.calls if one.call.name == "a") if way._customer else None
    assert first is not None
    way.over(ended(first.call, 0, 80), 80)
    assert way._customer is not None
    assert way._customer.ended == pytest.approx(71 / 60)


def test_without_a_call_the_customer_is_forgotten_and_the_bills_remain() -> None:
    way, _ = begun("a")
    assert way._customer is not None
    one = way._customer.calls[0].call
    way.tick(100)
    way.over(ended(one, 0, 100), 100)
    assert way._customer is None
    assert way.admits(call("b"), 101)
    assert way._customer.calls[0].max_amount == pytest.approx(3 - 100 / 60)


def test_no_credit_no_call() -> None:
    way, _ = begun("a")
    assert way._customer is not None
    way.over(ended(way._customer.calls[0].call, 0, 180), 180)
    assert not way.admits(call("b"), 181)


def test_while_one_rings_the_customer_stays() -> None:
    """`pending`: its max_amount is 0, and it is ended at the next check after its answer."""
    way, said = begun("a", "b")
    ringing = call("ringing")
    way.admits(ringing, 10)
    way.tick(89)
    assert said == ["b", "a"]
    assert way._customer is not None
    for one in [one.call for one in way._customer.calls if one.start is not None]:
        way.over(ended(one, 0, 90), 90)
    way.answered(answered(ringing, 90), 90)
    way.tick(91)
    assert said == ["b", "a", "ringing"]
