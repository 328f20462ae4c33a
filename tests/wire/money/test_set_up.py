"""A call that is being set up: from its verdict on its edge knows what it holds, until it ends."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest

from trunkward.live import money
from wire.conftest import Node
from wire.money.conftest import CAP, SLICE, grants, lose_the_ledger, node_with
from wire.money.test_money import THAWED_S, spent
from wire.node.parties import until
from wire.records.parties import Parties, parties
from wire.running.test_dead_mans_switch import nothing_is_left, rows

#: Each of these costs a call 1.5 s: longer in all than a Valkey takes to be back, and to grant again.
DEAD = range(26021, 26037)
NOTHING = money.Spent(granted=0, hour=0, day=0, month=0)


@pytest.fixture(scope="module")
def dead() -> Iterator[ExitStack]:
    """What takes the carrier's connections, and says nothing; closed, nobody does."""
    with ExitStack() as held:
        for port in DEAD:
            held.enter_context(socket.create_server(("127.0.0.1", port), backlog=64))
        yield held


@pytest.fixture(scope="module")
def node(dead: ExitStack) -> Iterator[Node]:
    """One whose carrier is all of these."""
    hosts = ", ".join(f"127.0.0.1:{port}" for port in DEAD)
    with node_with(f'{{hour: "{CAP / 10**6:.2f}", call: none}}', hosts=hosts) as running:
        yield running


async def is_held(node: Node) -> None:
    await until(lambda: " rings " in rows(node, "grants"), "the edge to know of the call")
    assert spent(node).granted == SLICE


async def is_given_up(node: Node) -> None:
    # a host it waits for is waited for to the end
    await until(lambda: "entry" not in rows(node, "calls"), "the edge to have ended it")
    await nothing_is_left(node)
    await until(lambda: spent(node) == NOTHING, "its money to be free")


def test_one_that_waits_is_cancelled(node: Node) -> None:
    """Summary: a call waits for a carrier's connection and is cancelled: its slice is free, and no part knows it."""

    async def scenario(lab: Parties) -> None:
        call = await lab.call()
        await is_held(node)
        assert (await call.cancel()).status == 200
        assert (await call.final()).status == 487
        await is_given_up(node)

    _run(node, scenario)


def test_one_that_waits_is_known_to_a_ledger_that_has_lost_it(node: Node, dead: ExitStack) -> None:
    """Summary: Valkey loses all while a call waits for dead hosts of its carrier: when it grants again, the call's slice is held; no route left, it is free."""

    async def scenario(lab: Parties) -> None:
        call = await lab.call()
        await is_held(node)
        lose_the_ledger(node)
        await until(lambda: grants(node), "Valkey to be back", THAWED_S)
        assert spent(node).granted == SLICE
        assert "entry" in rows(node, "grants"), "it waits still"
        dead.close()  # the rest refuse it at once
        assert (await call.final(30)).status == 503
        await is_given_up(node)

    _run(node, scenario)


def _run(node: Node, scenario: Callable[[Parties], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with parties(node) as lab:
            await scenario(lab)

    asyncio.run(whole())
