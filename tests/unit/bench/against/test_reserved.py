"""The product's own ledger in simulated time: no window is passed, and what was reserved is free again."""

from collections.abc import Iterator

import pytest
from bench.against.reserved import Reserved
from bench.against.traffic import FAMILIES
from bench.against.trial import Trial

from trunkward.trunks.model import GRANT_S
from trunkward.trunks.spending import TRUNK_CAPS, Spending
from unit.bench.against.calls import Ended, answered, call, ended

#: Two first slices, and a cent.
CAPS = Spending(hour_micro=2 * 1_250_000 + 10_000)


@pytest.fixture(scope="module")
def reserved() -> Iterator[Reserved]:
    way = Reserved(CAPS)
    yield way
    way.close()


def test_a_call_that_rings_holds_its_first_slice(reserved: Reserved) -> None:
    reserved.begin(Ended())
    first = call("a")
    assert reserved.admits(first, 0)
    assert reserved.admits(call("b"), 0)
    assert not reserved.admits(call("c"), 0)
    reserved.over(first, 1)  # not answered: all of it is free
    assert reserved.admits(call("d"), 1)


def test_a_call_without_room_is_ended_with_its_grant(reserved: Reserved) -> None:
    said = Ended()
    reserved.begin(said)
    one, other = call("a"), call("b")
    for each in (one, other):
        assert reserved.admits(each, 0)
        reserved.answered(answered(each, 0), 0)
    for now in range(1, GRANT_S):
        reserved.tick(now)
    assert said == []
    reserved.tick(GRANT_S)
    assert said == ["a", "b"]
    for each in (one, other):
        reserved.over(ended(each, 0, GRANT_S + 0.5), GRANT_S + 0.5)
    assert not reserved.admits(call("c"), GRANT_S + 1)


def test_with_room_it_goes_on(reserved: Reserved) -> None:
    said = Ended()
    reserved.begin(said)
    one = call("a")
    assert reserved.admits(one, 0)
    reserved.answered(answered(one, 0), 0)
    for now in range(1, 75):
        reserved.tick(now)
    assert said == []


def test_four_long_calls_pass_no_cap() -> None:
    way = Reserved(TRUNK_CAPS)
    try:
        outcome = Trial(way, FAMILIES[2], 1).run(TRUNK_CAPS)
    finally:
        way.close()
    assert max(outcome.beyond.values()) <= 0
    assert outcome.lost > 10_000_000
