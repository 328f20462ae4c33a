"""A call that rings for longer than its money is sure to be held: what it may do when it is answered."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from sipkit import Call
from trunkward.live.ask import NotAnswered
from wire.conftest import Node
from wire.money.conftest import GRANT_S, SECOND, node_with
from wire.money.strict import Bench, Leg, bench
from wire.money.test_money import spent
from wire.node.parties import NORTH_NUMBER, place, until
from wire.running.test_dead_mans_switch import rows

#: Of two gates, what each leases: three first slices.
ESCROW = 2 * 3 * (GRANT_S + 15) * SECOND


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with node_with('{hour: "300.00", day: none, month: none, call: none}') as running:
        yield running


async def ringing(b: Bench) -> tuple[Call, Leg]:
    b.carrier.answers = False
    call = await place(b.customer, b.flow, NORTH_NUMBER)
    await call.received(180)
    await until(lambda: " rings " in rows(b.node, "grants"), "its hold")
    return call, b.carrier.legs[-1]


@asynccontextmanager
async def valkey_frozen(node: Node) -> AsyncIterator[None]:
    """Nobody hears of it, until all that has been held is over; it comes back as it was."""
    valkey = await asyncio.to_thread(node.pid, "valkey")
    os.kill(valkey, signal.SIGSTOP)
    try:
        # what was renewed at the last moment has the whole time
        await asyncio.sleep(GRANT_S + 1.5)
        yield
    finally:
        os.kill(valkey, signal.SIGCONT)


def knows_no_call(node: Node) -> bool:
    with suppress(NotAnswered):
        return spent(node).granted == 0
    return False


# first: it has a node of its own, and two have no room here
def test_one_at_home_goes_on_by_escrow() -> None:
    """Summary: the same with money leased ahead: it goes on for a grant, and pays for it."""
    spend = f'{{hour: "300.00", day: none, month: none, call: none, escrow: "{ESCROW / 10**6:.2f}"}}'

    async def scenario(b: Bench) -> None:
        b.carrier.answers = True
        for _ in range(4):  # both gates have a call of his
            call, _ = await b.talking()
            assert (await call.bye()).status == 200
        await until(lambda: b.held() == ESCROW, "both to lease", 60)
        call, leg = await ringing(b)
        async with valkey_frozen(b.node):
            b.carrier.answer(leg)
            assert (await call.final()).status == 200
            await asyncio.sleep(GRANT_S - 2)
            assert not leg.ended_s
            assert (await call.bye()).status == 200
        await b.carrier.over(leg)

    with node_with(spend) as node:
        bench(node, scenario)


def test_one_that_is_held_goes_on(node: Node) -> None:
    """Summary: a call rings for longer than a grant, its hold is renewed; answered, it goes on for longer than it was held."""

    async def scenario(b: Bench) -> None:
        call, leg = await ringing(b)
        await asyncio.sleep(GRANT_S + 2)
        b.carrier.answer(leg)
        assert (await call.final()).status == 200
        await asyncio.sleep(GRANT_S + 2)
        assert not leg.ended_s
        assert (await call.bye()).status == 200
        await b.is_settled()

    bench(node, scenario)


def test_one_that_is_held_no_more_is_over_when_it_is_answered(node: Node) -> None:
    """Summary: Valkey is away for longer than a ringing call's hold: a ledger that has lost it may have given that money away; answered, the call begins no grant."""

    async def scenario(b: Bench) -> None:
        call, leg = await ringing(b)
        async with valkey_frozen(b.node):
            b.carrier.answer(leg)
            assert (await call.final()).status == 200
            await b.carrier.over(leg, GRANT_S - 0.5)
        await until(lambda: knows_no_call(b.node), "its money to be free")
        await b.is_settled()
        record = await asyncio.to_thread(b.node.record, call.invite.call_id, ended=True)
        assert (record["ended_by"], record["cut"]) == ("us", "grant-not-renewed")

    bench(node, scenario)
