"""The money of running calls: what their grants ask for, what becomes of them without, and what they cost at last."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest
from msgspec import structs

from sipkit.places import TABLE
from trunkward.admission.grants import grants
from trunkward.admission.money import RELEASE_S, Terms, legs_of, paid, settlement_of
from trunkward.admission.ports import (
    AlreadyEnded,
    Frozen,
    Granted,
    LegFact,
    OverSpend,
    Settlement,
    Unavailable,
)
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.grant import Cut, EndedCall, Grant, GrantsAsked, RunningCall
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import NO_CAPS, TRUNK_CAPS, AtCap, Spending, Window

NOW = 1_800_000_000.0
#: A cent a second, sold by 30/6 with a fee of two cents; bought by the second for half.
SOLD = Tariff(rate_nano=600_000_000, connect_nano=20_000_000, first_s=30, next_s=6)
BOUGHT = Tariff(rate_nano=300_000_000)
TERMS = Terms(
    owners=("trunk:acme-hq", "tenant:acme"), tariff=SOLD, carriers={"north": BOUGHT, "south": BOUGHT}
)
CALL = RunningCall("a" * 32, "acme-hq", 1.0, 20.0, 40.0, [], None, TERMS.text(), "north")
RINGS = RunningCall("b" * 32, "acme-hq", 0.0, 12.0, 48.0, [], None, TERMS.text(), "")
FREE = RunningCall("c" * 32, "acme-hq", 1.0, 20.0, 40.0)
SPENT = OverSpend(
    owner="money:tenant:acme",
    window=Window.DAY,
    cap_micro=1,
    settled_micro=1,
    granted_micro=0,
    retry_after_s=None,
)
LOST = Unavailable(what="redis", why="redis-timeout")

type World = Callable[..., Snapshot]


@pytest.fixture
def world(declared: Declared) -> World:
    """The laboratory with what a tenant may spend."""

    def make(tenant: Spending = NO_CAPS, max_call_s: int = 14_400) -> Snapshot:
        trunk = replace(declared.trunks[0], max_call_s=max_call_s)
        changed = replace(declared, trunks=(trunk,), tenant_spending={"acme": tenant})
        return Snapshot(compile_snapshot(changed, {}, 1, TABLE))

    return make


def test_terms_travel_as_one_word() -> None:
    text = TERMS.text()
    assert " " not in text
    assert Terms.read(text) == TERMS
    assert Terms.read(Terms().text()) == Terms()
    for bad in ("", "1:0:1:1", "1:0:1:1;trunk:a", "1:0:1;trunk:a;", "1:0:1:1;;north", "1:0:1:1;;a=1:0:1:1;"):
        with pytest.raises(ValueError, match=r"unpack|no tariff"):
            Terms.read(bad)


def test_a_grant_covers_its_time_and_the_release(world: World) -> None:
    policy = world(Spending(day_micro=7_000_000))
    asked = GrantsAsked(calls=[CALL, FREE])
    (leg,), _ = legs_of(asked, grants(asked, policy), policy, NOW)
    assert (leg.record_id, leg.lasted_s, leg.dead) == (CALL.record_id, 20.0, False)
    shares = {share.owner: share for share in leg.shares}
    # north has it: what was held for a failover to south is free
    assert shares.keys() == {"money:trunk:acme-hq", "money:tenant:acme", "money:carrier:north"}
    sold, bought = shares["money:tenant:acme"], shares["money:carrier:north"]
    assert sold.used_micro == SOLD.price_micro(20) == 320_000
    assert sold.had_micro == SOLD.price_micro(60 + RELEASE_S) == 20_000 + 78 * 10_000
    assert sold.next_micro == SOLD.price_micro(20 + 60 + RELEASE_S) == 20_000 + 96 * 10_000
    assert (bought.used_micro, bought.had_micro, bought.next_micro) == (100_000, 375_000, 475_000)
    assert sold.caps == Spending(day_micro=7_000_000)
    assert shares["money:trunk:acme-hq"].caps == TRUNK_CAPS
    assert bought.caps == NO_CAPS


def test_terms_nobody_has_written_leave_out_their_call_alone(world: World) -> None:
    policy = world()
    spoilt = structs.replace(RINGS, record_id="spoilt", money="1:0:1")
    asked = GrantsAsked(calls=[spoilt, CALL])
    given = grants(asked, policy)
    (leg,), unreadable = legs_of(asked, given, policy, NOW)
    assert (leg.record_id, unreadable) == (CALL.record_id, ["spoilt"])
    assert paid(asked, given, {CALL.record_id: Granted()}, policy).grants.keys() == {CALL.record_id}


@pytest.mark.parametrize(
    ("lasted_s", "left_s", "for_s"),
    [
        (5.0, 39.0, 55.0),  # it was answered when its hold had 44 s left
        (1.0, -1.0, 59.0),  # or none
        (20.0, 39.9996, 60.0),  # it has had all of it
        (80.0, 10.0, 60.0),
    ],
)
def test_a_first_slice_is_had_whole_before_more_is_asked_for(
    world: World, lasted_s: float, left_s: float, for_s: float
) -> None:
    policy = world()
    asked = GrantsAsked(calls=[replace_call(CALL, lasted_s, left_s)])
    given = grants(asked, policy)
    assert given.grants[CALL.record_id].for_s == for_s
    (leg,), _ = legs_of(asked, given, policy, NOW)
    share = next(share for share in leg.shares if share.owner == "money:tenant:acme")
    assert share.had_micro == SOLD.price_micro(lasted_s + max(left_s, 0.0) + RELEASE_S)
    assert share.next_micro == SOLD.price_micro(lasted_s + for_s + RELEASE_S)


def test_a_call_that_rings_holds_its_first_slice_everywhere(world: World) -> None:
    policy = world()
    asked = GrantsAsked(calls=[RINGS])
    (leg,), _ = legs_of(asked, grants(asked, policy), policy, NOW)
    assert leg.lasted_s is None
    assert {share.owner for share in leg.shares} == {
        *("money:trunk:acme-hq", "money:tenant:acme", "money:carrier:north", "money:carrier:south")
    }
    for share in leg.shares:
        tariff = Tariff.from_compact(share.tariff)
        assert (share.used_micro, share.had_micro) == (0, share.next_micro)
        assert share.next_micro == tariff.price_micro(60 + RELEASE_S)


def test_the_last_grant_of_a_call_asks_for_no_more_than_is_left(world: World) -> None:
    policy = world(max_call_s=50)
    asked = GrantsAsked(calls=[CALL])
    (leg,), _ = legs_of(asked, grants(asked, policy), policy, NOW)
    assert leg.shares[0].next_micro == SOLD.price_micro(50 + RELEASE_S)


def test_a_call_that_is_cut_is_told_of_and_gets_nothing(world: World) -> None:
    """Else a ledger that has forgotten it may grant again before it is known to be leaving."""
    policy = world(max_call_s=50)
    over = GrantsAsked(calls=[replace_call(CALL, 55.0, 3.0)])
    (leg,), _ = legs_of(over, grants(over, policy), policy, NOW)
    share = leg.shares[0]
    assert share.used_micro == SOLD.price_micro(55)
    assert share.had_micro == SOLD.price_micro(55 + 3 + RELEASE_S)
    assert share.next_micro < share.had_micro, "no more than it has"


def replace_call(call: RunningCall, lasted_s: float, left_s: float, **more: Any) -> RunningCall:
    return structs.replace(call, lasted_s=lasted_s, left_s=left_s, **more)


@pytest.mark.parametrize(
    ("lasted_s", "left_s", "had_s", "next_s"),
    [
        (20.0, 40.0, 60 + RELEASE_S, 60 + RELEASE_S),  # what it has is enough
        (60.0, 0.0, 60 + RELEASE_S, 60 + RELEASE_S),
        (60 + RELEASE_S - 2.0, 2.0 - RELEASE_S, 60 + RELEASE_S, 60 + RELEASE_S + 1.0),
        (500.0, -440.0, 60 + RELEASE_S, 503.0),  # nobody can end it
    ],
)
def test_a_call_that_leaves_is_charged_on_whatever_the_caps_say(
    world: World, lasted_s: float, left_s: float, had_s: float, next_s: float
) -> None:
    policy = world(Spending(day_micro=1))
    call = replace_call(CALL, lasted_s, left_s, leaving_s=1.0)
    asked = GrantsAsked(calls=[call])
    given = grants(asked, policy)
    (leg,), _ = legs_of(asked, given, policy, NOW)
    share = next(share for share in leg.shares if share.owner == "money:tenant:acme")
    assert share.used_micro == SOLD.price_micro(lasted_s)
    assert share.had_micro == SOLD.price_micro(had_s)
    assert share.next_micro == SOLD.price_micro(next_s)
    assert {share.caps for share in leg.shares} == {NO_CAPS}
    assert paid(asked, given, {call.record_id: Granted()}, policy).grants[call.record_id].for_s > 0


@pytest.mark.parametrize(
    ("lasted_s", "leaving_s", "session_s", "alive"),
    [
        (100.0, 1800.0, 1800, True),
        (100.0, 1800.5, 1800, False),  # RFC 4028: nobody has refreshed it
        (14_400.0, 14_000.0, 0, True),
        (14_401.0, 1.0, 0, False),  # a guess: as long as a call may last
        (20_000.0, 10.0, 1800, True),
    ],
)
def test_what_never_said_that_it_is_over_cannot_be_alive_for_ever(
    world: World, lasted_s: float, leaving_s: float, session_s: int, alive: bool
) -> None:
    policy = world()
    call = replace_call(CALL, lasted_s, -100.0, leaving_s=leaving_s, session_s=session_s)
    asked = GrantsAsked(calls=[call])
    given = grants(asked, policy)
    legs, _ = legs_of(asked, given, policy, NOW)
    facts = {leg.record_id: Granted() for leg in legs}
    assert bool(legs) is alive
    assert (paid(asked, given, facts, policy).grants[call.record_id].for_s > 0) is alive


MORE = Grant(for_s=60)


@pytest.mark.parametrize(
    ("call", "fact", "at_cap", "given"),
    [
        (CALL, Granted(), AtCap.GRANT, MORE),
        # it uses what it has, and is ended then
        (CALL, SPENT, AtCap.GRANT, Grant(for_s=40.0, then=Cut.SPEND_CAP)),
        (CALL, SPENT, AtCap.AT_ONCE, Grant(for_s=0.0, then=Cut.SPEND_CAP)),
        # of these nobody knows: it keeps what it has
        (CALL, Frozen(retry_after_s=3, epoch=1), AtCap.AT_ONCE, None),
        (CALL, AlreadyEnded(), AtCap.AT_ONCE, None),
        (CALL, LOST, AtCap.AT_ONCE, None),
        (CALL, None, AtCap.AT_ONCE, None),
        # its first slice is held since the verdict
        (RINGS, SPENT, AtCap.AT_ONCE, MORE),
        (RINGS, LOST, AtCap.GRANT, None),
        (FREE, None, AtCap.AT_ONCE, MORE),
    ],
)
def test_what_becomes_of_a_grant(
    world: World, call: RunningCall, fact: LegFact | Unavailable | None, at_cap: AtCap, given: Grant | None
) -> None:
    policy = world(Spending(day_micro=1, at_cap=at_cap))
    asked = GrantsAsked(calls=[call])
    facts = {} if fact is None else {call.record_id: fact}
    found = paid(asked, grants(asked, policy), facts, policy).grants
    assert found == ({} if given is None else {call.record_id: given})


@pytest.mark.parametrize("fact", [Granted(), SPENT, Frozen(retry_after_s=3, epoch=1), LOST])
def test_a_call_at_its_maximum_ends_whatever_the_ledger_says(
    world: World, fact: LegFact | Unavailable
) -> None:
    policy, over = world(max_call_s=50), replace_call(CALL, 50.0, 0.0)
    asked = GrantsAsked(calls=[over])
    assert paid(asked, grants(asked, policy), {over.record_id: fact}, policy).grants == {
        CALL.record_id: Grant(for_s=0.0, then=Cut.MAXIMUM_DURATION)
    }


@pytest.mark.parametrize(
    ("lasted_ms", "sold", "bought"),
    [(0, None, None), (1, 320_000, 5_000), (30_000, 320_000, 150_000), (30_001, 380_000, 155_000)],
)
def test_what_a_call_costs_at_last(lasted_ms: int, sold: int | None, bought: int | None) -> None:
    ended = EndedCall("a" * 32, [], TERMS.text(), "south", lasted_ms)
    costs = (
        ()
        if sold is None
        else (
            ("money:trunk:acme-hq", sold),
            ("money:tenant:acme", sold),
            ("money:carrier:south", bought),
        )
    )
    assert settlement_of(ended) == Settlement(record_id="a" * 32, costs=costs)  # type: ignore[arg-type]


def test_who_has_reserved_nothing_is_charged_nothing() -> None:
    assert settlement_of(EndedCall("a" * 32, ["calls:trunk:acme-hq"])) is None
