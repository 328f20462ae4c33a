"""Property 9: no failure of signing drops a call, and calls for help are never delayed by it; measured."""

import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from trunkward.engines.signer_client import LEFT_ALONE_S
from wire.conftest import Node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, place, run, tls_carrier
from wire.posture.test_rows import SIGNER_LOST, frozen, killed, refusing, slow

#: Calls of each kind that are timed.
_TIMED = 15
#: Each gate finds out for itself.
_GATES = 2

type Way = Callable[[Node, tuple[str, ...]], AbstractContextManager[object]]


async def placed(node: Node, number: str, count: int = _TIMED) -> tuple[list[float], list[str]]:
    """Milliseconds from each INVITE to its arrival at the carrier; and why it was not signed, "" of one that was."""
    customer, north = customer_agent(), carrier_agent()
    took_ms, calls = [], []
    async with tls_carrier(node, north):
        flow = await connect(node, customer)
        for _ in range(count):
            began = time.monotonic()
            call = await place(customer, flow, number)
            there = await north.incoming()
            took_ms.append((time.monotonic() - began) * 1000)
            await call.answered()
            await there.confirmed()
            assert (await call.bye()).status == 200
            calls.append((call.invite.call_id, there.invite.has("Identity")))
        await flow.close()
    whys = []
    for call_id, signed in calls:
        record = await asyncio.to_thread(node.record, call_id, ended=True)
        whys.append(record["attest_reason"])
        assert signed is (whys[-1] == "")
    return took_ms, whys


async def signs(node: Node, within_s: float = 30.0) -> None:
    """Places calls until one is signed."""
    until = time.monotonic() + within_s
    while (await placed(node, NORTH_NUMBER, 1))[1] != [""]:
        assert time.monotonic() < until, f"no call is signed within {within_s} s"


@pytest.mark.parametrize("way", [killed, frozen, refusing, slow])
def test_the_signer_lost(node: Node, way: Way) -> None:
    """Summary: Property 9: with the signer stopped, frozen, refusing or slow every call goes, unsigned, and one a second at most waits for it; a call for help does not ask it."""

    async def scenario() -> None:
        # the first connection to the carrier is made here, and no later
        await signs(node)
        usual_ms, _ = await placed(node, NORTH_NUMBER)
        help_usual_ms, _ = await placed(node, "911")
        with way(node, ("signer",)):
            began = time.monotonic()
            lost_ms, lost = await placed(node, NORTH_NUMBER)
            took_s = time.monotonic() - began
            help_lost_ms, help_lost = await placed(node, "911")
        print(
            f"{way.__name__}: signed {statistics.median(usual_ms):.1f} ms, unsigned {statistics.median(lost_ms):.1f} ms"
            f" (longest {max(lost_ms):.1f}); help {statistics.median(help_usual_ms):.1f} ms,"
            f" then {statistics.median(help_lost_ms):.1f} ms"
        )
        assert set(lost) <= set(SIGNER_LOST)
        assert lost.count("signer-timeout") <= _GATES * (took_s / LEFT_ALONE_S + 1)
        assert set(help_lost) == {"none-emergency"}
        # and it signs again
        await asyncio.to_thread(node.wait_ready)
        await signs(node)

    run(node, scenario)
