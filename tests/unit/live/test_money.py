"""The ledger's functions, by what they answer: slices, caps, settlements, freezes, and what is kept of a leg."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from copy import replace
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import (
    AlreadyEnded,
    Asked,
    Charge,
    Counter,
    Foreign,
    Frozen,
    Granted,
    Held,
    LiveFact,
    Over,
    OverSpend,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
    Unavailable,
)
from trunkward.live import library, money
from trunkward.live.client import LiveClient
from trunkward.trunks.spending import Spending, Window

#: Seconds of a grant: one that a test waits out, and one that outlasts any test.
LONGEST_S, LONG_S = 0.2, 60.0
_fresh = itertools.count()


@pytest.fixture(scope="module")
def thawed(valkey: OwnValkey) -> OwnValkey:
    """One of which all is known."""
    thaw(valkey)
    return valkey


def thaw(valkey: OwnValkey) -> None:
    """All is known, long before the longest grant is over."""
    with valkey.asks("worker") as worker:
        epoch = money.watched(worker.ask(*money.watch(LONG_S, None))).epoch
        assert worker.ask(*money.restored("n1", "place", epoch, ["n1"])) > 0
        assert worker.ask(*money.recalled("n1", epoch, ["n1"])) == 0


def owner(kind: str = "trunk") -> str:
    return f"money:{kind}:o{next(_fresh)}"


def spending(**caps: Any) -> Spending:
    return Spending(**{f"{window}_micro": cap for window, cap in caps.items()})


def share(
    whose: str, micro: int, *, carrier: bool = False, caps: Spending | None = None, **more: int
) -> Share:
    return Share(
        owner=whose,
        tariff="0.01:0:60:6",
        slice_micro=micro,
        caps=caps or spending(**more),
        carrier=carrier,
    )


def asked(record_id: str, *shares: Share, **more: object) -> Asked:
    charge = Charge(node="n1", currency="EUR", longest_s=LONGEST_S, shares=shares)
    return Asked(record_id=record_id, hold_s=60, money=charge, **more)  # type: ignore[arg-type]


def part(whose: str, used: int, had: int, following: int, **caps: int) -> RunningShare:
    return RunningShare(
        owner=whose,
        tariff="0.01:0:60:6",
        used_micro=used,
        had_micro=had,
        next_micro=following,
        caps=spending(**caps),
    )


def leg(record_id: str, *shares: RunningShare, lasted_s: float | None = 5, dead: bool = False) -> RunningLeg:
    return RunningLeg(record_id=record_id, lasted_s=lasted_s, shares=shares, dead=dead)


def spent(valkey: OwnValkey, *owners: str) -> list[money.Spent]:
    with valkey.asks("root") as root:
        return money.windows_of(root.ask(*money.spent(owners)))


def kept(valkey: OwnValkey, record_id: str) -> money.KeptLeg | None:
    with valkey.asks("root") as root:
        legs = {one.record_id: one for one in money.kept_legs(root.ask(*money.legs(1000)))}
    return legs.get(record_id)


async def told(live: LiveClient) -> None:
    """What nobody waits for has arrived."""
    await live.admit(Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:none", most=0),)))


def run(valkey: OwnValkey, scenario: Callable[[LiveClient], Awaitable[None]]) -> None:
    async def whole() -> None:
        client = valkey.gate()
        try:
            await scenario(client)
        finally:
            await client.close()

    asyncio.run(whole())


async def renewed(live: LiveClient, *legs: RunningLeg) -> object:
    facts = await live.renew_legs(legs, hold_s=60, node="n1", longest_s=LONGEST_S)
    return facts[0] if len(facts) == 1 else facts


def test_a_slice_is_held_where_it_fits_to_the_micro_unit(thawed: OwnValkey) -> None:
    trunk, tenant = owner(), owner("tenant")

    async def scenario(live: LiveClient) -> None:
        def ask(name: str) -> Asked:
            return asked(f"{trunk}{name}", share(trunk, 100, hour=300), share(tenant, 100, day=200))

        assert isinstance(await live.admit(ask("a")), Held)
        held = await live.admit(ask("b"))
        assert isinstance(held, Held)
        assert held.reserved
        # asked again by another gate it has its slice already
        assert isinstance(await live.admit(ask("b")), Held)
        assert await live.admit(ask("c")) == OverSpend(
            owner=tenant,
            window=Window.DAY,
            cap_micro=200,
            settled_micro=0,
            granted_micro=200,
            retry_after_s=None,
        )
        # all or nothing
        assert spent(thawed, trunk, tenant) == [money.Spent(granted=200, hour=0, day=0, month=0)] * 2

    run(thawed, scenario)


@pytest.mark.parametrize(
    ("window", "cap"),
    [*((window, 99) for window in Window), (Window.CALL, 0)],
)
def test_each_window_has_its_cap(thawed: OwnValkey, window: Window, cap: int) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        over = await live.admit(asked(trunk, share(trunk, 100, caps=spending(**{window: cap}))))
        assert isinstance(over, OverSpend)
        assert (over.window, over.cap_micro) == (window, cap)
        assert isinstance(
            await live.admit(asked(trunk, share(trunk, 100, caps=spending(**{window: 100})))), Held
        )

    run(thawed, scenario)


def test_money_places_and_rates_are_held_in_one_step_or_not_at_all(thawed: OwnValkey) -> None:
    trunk, place = owner(), f"calls:trunk:m{next(_fresh)}"

    async def scenario(live: LiveClient) -> None:
        one = Counter(key=place, most=1)
        over = await live.admit(asked("p1", share(trunk, 100, day=99), counters=(one,)))
        assert isinstance(over, OverSpend)
        assert isinstance(await live.admit(asked("p2", share(trunk, 90, day=99), counters=(one,))), Held)
        # a place that is not there holds no money
        assert isinstance(await live.admit(asked("p3", share(trunk, 1, day=99), counters=(one,))), Over)
        assert spent(thawed, trunk)[0].granted == 90

    run(thawed, scenario)


def test_a_carrier_whose_cap_is_reached_is_left_out(thawed: OwnValkey) -> None:
    trunk, north, west = owner(), owner("carrier"), owner("carrier")

    async def scenario(live: LiveClient) -> None:
        def ask(name: str) -> Asked:
            return asked(
                f"{trunk}{name}",
                share(trunk, 100, day=1000),
                share(north, 70, carrier=True, day=100),
                share(west, 60, carrier=True, hour=150),
            )

        facts: list[LiveFact] = [await live.admit(ask(name)) for name in "abc"]
        assert [fact.cut_routes if isinstance(fact, Held) else fact for fact in facts] == [
            (),
            (north,),
            OverSpend(
                owner=west,
                window=Window.HOUR,
                cap_micro=150,
                settled_micro=0,
                granted_micro=120,
                retry_after_s=None,
            ),
        ]
        # the call went by `west`: what was held for the other is free
        assert (
            await renewed(
                live, leg(f"{trunk}a", part(trunk, 0, 100, 100, day=1000), part(west, 0, 60, 60, hour=150))
            )
            == Granted()
        )
        assert [one.granted for one in spent(thawed, trunk, north, west)] == [200, 0, 120]

    run(thawed, scenario)


def test_what_was_used_is_settled_and_the_next_slice_granted_if_it_fits(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await live.admit(asked(trunk, share(trunk, 100, day=250)))
        assert await renewed(live, leg(trunk, part(trunk, 40, 100, 140, day=250))) == Granted()
        assert spent(thawed, trunk) == [money.Spent(granted=100, hour=40, day=40, month=40)]
        # told again, or by one that is behind, nothing changes
        for again in (part(trunk, 40, 100, 140, day=250), part(trunk, 10, 100, 110, day=250)):
            assert await renewed(live, leg(trunk, again)) == Granted()
            assert spent(thawed, trunk) == [money.Spent(granted=100, hour=40, day=40, month=40)]
        # what it has used is charged, whatever becomes of the next slice
        over = await renewed(live, leg(trunk, part(trunk, 120, 140, 251, day=250)))
        assert isinstance(over, OverSpend)
        assert (over.window, over.settled_micro, over.granted_micro) == (Window.DAY, 120, 20)
        assert over.retry_after_s is not None
        assert 86_400 < over.retry_after_s <= 86_400 + 1800
        assert spent(thawed, trunk) == [money.Spent(granted=20, hour=120, day=120, month=120)]

    run(thawed, scenario)


def test_a_leg_is_settled_once_and_the_rest_of_its_grant_is_free(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await live.admit(asked(trunk, share(trunk, 100, day=250)))
        await renewed(live, leg(trunk, part(trunk, 40, 100, 140, day=250)))
        for _ in range(2):
            live.settle([Settlement(record_id=trunk, costs=((trunk, 61),))])
        await told(live)
        assert spent(thawed, trunk) == [money.Spent(granted=0, hour=61, day=61, month=61)]
        assert kept(thawed, trunk) is None
        # neither a renewal that was on its way nor the same attempt brings it back
        assert await renewed(live, leg(trunk, part(trunk, 40, 100, 140, day=250))) == AlreadyEnded()
        assert await live.admit(asked(trunk, share(trunk, 100, day=250))) == Unavailable(
            what="redis", why="redis-call-is-over"
        )

    run(thawed, scenario)


def test_a_reservation_that_another_gate_has_taken_over_is_not_given_up(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        first = await live.admit(asked(trunk, share(trunk, 100, day=250)))
        second = await live.admit(asked(trunk, share(trunk, 100, day=250)))
        assert isinstance(first, Held)
        assert isinstance(second, Held)
        live.withdraw(first)
        await told(live)
        assert spent(thawed, trunk)[0].granted == 100
        live.withdraw(second)
        await told(live)
        assert spent(thawed, trunk)[0].granted == 0
        # it is not over: nobody had it
        assert isinstance(await live.admit(asked(trunk, share(trunk, 100, day=250))), Held)

    run(thawed, scenario)


def test_what_the_ledger_has_never_heard_of_is_charged(thawed: OwnValkey) -> None:
    """A record of what was lost with an older file; one that is older than a window is not in it."""
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        with thawed.asks("worker") as worker:
            now_s = money.watched(worker.ask(*money.watch(LONGEST_S, None))).now_ms / 1000
        for days, cost in ((0, 1), (0.5, 10), (20, 100), (31, 1000)):
            record = Settlement(
                record_id=f"{trunk}-{days}", costs=((trunk, cost),), ended_at=now_s - days * 86_400
            )
            live.settle([record])
            live.settle([record])
        await told(live)
        assert spent(thawed, trunk) == [money.Spent(granted=0, hour=1, day=11, month=111)]

    run(thawed, scenario)


def test_nothing_is_charged_at_a_time_that_is_yet_to_come(thawed: OwnValkey) -> None:
    """By a node whose clock is ahead: it would leave the windows later than it may."""
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        live.settle([Settlement(record_id=trunk, costs=((trunk, 7),), ended_at=time.time() + 86_400)])
        await told(live)
        with thawed.asks("root") as root:
            minutes = [int(field[1:]) for field in root.ask("HKEYS", trunk) if field.startswith(b"h")]
        with thawed.asks("worker") as worker:
            now_s = money.watched(worker.ask(*money.watch(LONGEST_S, None))).now_ms / 1000
        assert minutes
        assert max(minutes) <= now_s // 60

    run(thawed, scenario)


def test_a_dead_leg_is_charged_on_and_that_is_told(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await live.admit(asked(trunk, share(trunk, 100, day=120)))
        forced = leg(trunk, part(trunk, 0, 100, 150, day=120), lasted_s=None, dead=True)
        assert await renewed(live, forced) == Granted()
        one = kept(thawed, trunk)
        assert one is not None
        assert one.lasted_ms is None
        assert one.node == "n1"
        assert one.shares == (
            money.KeptShare(owner=trunk, tariff="0.01:0:60:6", settled=0, granted=150, forced=50),
        )
        assert spent(thawed, trunk)[0].granted == 150
        gone = leg("never-was", part(trunk, 0, 0, 10), dead=True)
        assert await renewed(live, gone) == AlreadyEnded()

    run(thawed, scenario)


def test_one_that_was_taken_for_dead_has_no_more_than_it_was_granted(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await live.admit(asked(trunk, share(trunk, 100, day=120)))
        await renewed(live, leg(trunk, part(trunk, 0, 100, 150, day=120), lasted_s=None, dead=True))
        assert spent(thawed, trunk)[0].granted == 150
        # its node is there again: the next slice does not fit, and what was forced is nobody's
        assert isinstance(await renewed(live, leg(trunk, part(trunk, 30, 100, 150, day=120))), OverSpend)
        assert spent(thawed, trunk) == [money.Spent(granted=70, hour=30, day=30, month=30)]
        assert await renewed(live, leg(trunk, part(trunk, 30, 100, 120, day=120))) == Granted()
        # it is taken back once
        assert isinstance(await renewed(live, leg(trunk, part(trunk, 30, 120, 150, day=120))), OverSpend)
        assert spent(thawed, trunk)[0].granted == 90

    run(thawed, scenario)


def test_what_is_granted_nothing_is_overdue_when_what_it_has_is_over(thawed: OwnValkey) -> None:
    """So what a dead node's call costs until another node looks was granted before."""
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await live.admit(asked(trunk, share(trunk, 100, day=120)))
        more = replace(leg(trunk, part(trunk, 0, 100, 150, day=120)), left_s=20.0)
        assert isinstance(await renewed(live, more), OverSpend)
        one = kept(thawed, trunk)
        assert one is not None
        assert 40_000 <= one.left_ms <= 60_000, "as it was"
        # of one the ledger has forgotten it is told
        lost = replace(leg(f"{trunk}l", part(trunk, 0, 0, 150, day=120)), left_s=20.0)
        assert isinstance(await renewed(live, lost), OverSpend)
        one = kept(thawed, f"{trunk}l")
        assert one is not None
        assert 0 <= one.left_ms <= 20_000

    run(thawed, scenario)


def test_escrow_is_a_leg_that_never_answers(thawed: OwnValkey) -> None:
    trunk = owner()
    name = f"escrow:n1:0:{trunk}"

    async def scenario(live: LiveClient) -> None:
        lease = leg(name, part(trunk, 0, 0, 500, day=600), lasted_s=None)
        assert await renewed(live, lease) == Granted()
        assert isinstance(await live.admit(asked(f"{name}c", share(trunk, 101, day=600))), OverSpend)
        live.settle([Settlement(record_id=name, costs=((trunk, 20),))])
        await told(live)
        assert spent(thawed, trunk) == [money.Spent(granted=0, hour=20, day=20, month=20)]

    run(thawed, scenario)


def test_whoever_is_aged_out_leaves_nothing_behind(thawed: OwnValkey) -> None:
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        old = Settlement(record_id=f"{trunk}o", costs=((trunk, 7),), ended_at=1.0)
        live.settle([old])
        await told(live)
        with thawed.asks("root") as root:
            assert root.ask("EXISTS", trunk) == 0

    run(thawed, scenario)


def test_a_valkey_that_may_have_lost_something_grants_nothing_for_the_longest_grant() -> None:
    own = OwnValkey()
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        # new: nobody knows what was there before
        assert isinstance(await live.admit(asked("f1", share(trunk, 100, day=900))), Frozen)
        assert isinstance(await live.admit(asked("f1", share(trunk, 0, day=900))), Held), "it costs nothing"
        assert isinstance(await live.admit(asked("f0", share(owner(), 100))), Held), "there is no cap"
        await asyncio.sleep(LONGEST_S + 0.05)
        assert isinstance(await live.admit(asked("f2", share(trunk, 100, day=900))), Held)
        # the functions are loaded anew, as in an upgrade
        with own.asks("worker") as worker:
            worker.ask("FUNCTION", "LOAD", "REPLACE", library.text())
        assert isinstance(await live.admit(asked("f3", share(trunk, 100, day=900))), Held)
        own.lose_everything()
        frozen: object = None
        for _ in range(1000):  # until it is noticed
            (frozen,) = await live.renew_legs(
                [leg("f2", part(trunk, 30, 100, 130, day=900))],
                hold_s=60,
                node="n1",
                longest_s=LONG_S,
            )
            if not isinstance(frozen, Unavailable):
                break
            await asyncio.sleep(0.01)
        # what it had is known again, and what it has used
        assert isinstance(frozen, Frozen)
        assert LONG_S / 2 < frozen.retry_after_s <= LONG_S * 1.125 + 1
        epoch = frozen.epoch
        assert spent(own, trunk) == [money.Spent(granted=70, hour=30, day=30, month=30)]
        # all is known as soon as every node has said so
        both = ["n1", "n2"]
        assert not await live.recalled("n1", epoch, both)
        assert not await live.recalled("n2", epoch - 1, both), "that was before the loss"
        assert not await live.recalled("n2", epoch, both), "what has ended may not be known"
        with own.asks("worker") as worker:
            assert worker.ask(*money.restored("n1", "place", epoch, [])) > 0, "it knows of no other"
            assert worker.ask(*money.restored("n2", "place", epoch - 1, both)) > 0, "that was before the loss"
            assert worker.ask(*money.restored("n2", "place", epoch, both)) == 0
        assert isinstance(await live.admit(asked("f4", share(trunk, 100, day=900))), Held)

    try:
        run(own, scenario)
    finally:
        own.close()


def test_a_freeze_is_heard_though_the_functions_came_after_the_connection() -> None:
    """A new connection to a Valkey that is back without its functions hears nothing of it."""
    own = OwnValkey(functions=False)

    async def scenario(live: LiveClient) -> None:
        live.longest_s = 60
        await live.greet()
        assert live.frozen == 0
        with own.asks("worker") as worker:
            worker.load(users=True)
        await live.look()
        assert live.frozen > 0

    try:
        run(own, scenario)
    finally:
        own.close()


def test_amounts_in_another_currency_are_never_added() -> None:
    """Whoever counts in another one is granted nothing, until what was spent is forgotten; and that waits for calls."""
    own = OwnValkey()
    trunk, free = owner(), owner()

    async def scenario(live: LiveClient) -> None:
        with own.asks("worker") as worker, own.asks("root") as root:
            assert root.ask(*money.currency()) is None
            assert money.watched(worker.ask(*money.watch(LONG_S, None))).currency == ""
            assert money.watched(worker.ask(*money.watch(LONG_S, None, "EUR"))).currency == "EUR"
            assert money.watched(worker.ask(*money.watch(LONG_S, None, "USD"))).currency == "EUR"
            thaw(own)
            assert isinstance(await live.admit(asked("c1", share(trunk, 100, day=900))), Held)
            dollars = Charge(
                node="n2", currency="USD", longest_s=LONGEST_S, shares=(share(trunk, 1, day=900),)
            )
            other = Asked(record_id="c2", hold_s=60, money=dollars)
            assert await live.admit(other) == Foreign(currency="EUR")
            # a call that has begun in euro gets no more of it from a node that counts in dollars
            live.currency = "USD"
            running = leg("c1", part(trunk, 30, 100, 130, day=900), part(free, 30, 100, 130))
            assert await renewed(live, running) == Foreign(currency="EUR")
            live.currency = "EUR"
            assert await renewed(live, running) == Granted()
            escrow = leg("escrow:n1:0:x", part(trunk, 0, 0, 10, day=900), lasted_s=None)
            assert await renewed(live, escrow) == Granted()
            assert worker.ask(*money.forget([trunk, free], "USD")) == 1
            assert spent(own, trunk) == [money.Spent(granted=110, hour=30, day=30, month=30)]
            live.settle([Settlement(record_id="c1", costs=((trunk, 40),))])
            await told(live)
            assert root.ask(*money.currency()) == b"EUR"
            assert worker.ask(*money.forget([trunk, free], "USD")) == 0
        assert spent(own, trunk, free) == [money.Spent(granted=0, hour=0, day=0, month=0)] * 2
        assert kept(own, "escrow:n1:0:x") is None
        # what gates had leased is nobody's, as in any epoch
        assert isinstance(await live.admit(other), Frozen)
        assert await renewed(live, escrow) == AlreadyEnded()
        thaw(own)
        assert isinstance(await live.admit(other), Held)
        assert await live.admit(asked("c3", share(trunk, 100, day=900))) == Foreign(currency="USD")

    try:
        run(own, scenario)
    finally:
        own.close()


def test_a_settlement_is_told_until_it_is_heard() -> None:
    own = OwnValkey()
    trunk = owner()

    async def scenario(live: LiveClient) -> None:
        await told(live)
        own.kill()
        live.settle([Settlement(record_id="s1", costs=((trunk, 7),))])
        await asyncio.sleep(0.05)
        own.start()
        for _ in range(1000):
            await told(live)
            if spent(own, trunk)[0].day:
                break
            await asyncio.sleep(0.01)
        assert spent(own, trunk)[0].day == 7

    try:
        run(own, scenario)
    finally:
        own.close()


def test_running_calls_are_held_by_a_valkey_that_takes_no_more() -> None:
    """Who is there is taken for lost otherwise: ends of calls are still seen to."""
    own = OwnValkey()
    try:
        own.wait_until_written()
        own.kill()
        with own.configuration.open("a", encoding="ascii") as configuration:
            configuration.write("maxmemory 1mb\n")  # less than it needs for itself
        own.start()
        trunk = owner()

        async def scenario(live: LiveClient) -> None:
            assert await live.admit(asked("b", share(trunk, 100))) == Unavailable(
                what="redis", why="redis-oom"
            )
            assert await renewed(live, leg("a", part(trunk, 10, 100, 200))) == Granted()

        run(own, scenario)
        (known,) = spent(own, trunk)
        assert (known.granted, known.day) == (190, 10)
    finally:
        own.close()
