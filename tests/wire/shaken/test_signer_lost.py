"""Property 9: no failure of signing drops a call, and calls for help are never delayed by it; measured."""

import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from trunkward.gate.signing import DEADLINE_S
from wire.conftest import Node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, place, run, tls_carrier
from wire.posture.test_rows import frozen, killed, refusing, slow

#: Calls of each kind that are timed.
_TIMED = 15

type Way = Callable[[Node, tuple[str, ...]], AbstractContextManager[object]]


def well(_node: Node, _parts: tuple[str, ...]) -> AbstractContextManager[object]:
    """Nothing is lost."""
    return nullcontext()


async def arrivals_ms(node: Node, number: str, *, signed: bool) -> list[float]:
    """Milliseconds from each INVITE to its arrival at the carrier."""
    customer, north = customer_agent(), carrier_agent()
    found = []
    async with tls_carrier(node, north):
        flow = await connect(node, customer)
        for _ in range(_TIMED):
            began = time.monotonic()
            call = await place(customer, flow, number)
            there = await north.incoming()
            found.append((time.monotonic() - began) * 1000)
            await call.answered()
            await there.confirmed()
            assert there.invite.has("Identity") is signed
            assert (await call.bye()).status == 200
        await flow.close()
    return found


@pytest.mark.parametrize("way", [killed, frozen, refusing, slow])
def test_the_signer_lost(node: Node, way: Way) -> None:
    """Summary: Property 9: with the signer stopped, frozen, refusing or slow every call goes, unsigned, the first of a second within its deadline more and the others at once; a call for help takes no longer than with the signer well."""

    async def scenario() -> None:
        # the first connection to the carrier is made here, and no later
        await arrivals_ms(node, NORTH_NUMBER, signed=True)
        usual = statistics.median(await arrivals_ms(node, NORTH_NUMBER, signed=True))
        help_usual = statistics.median(await arrivals_ms(node, "911", signed=False))
        with way(node, ("signer",)):
            lost = await arrivals_ms(node, NORTH_NUMBER, signed=False)
            help_lost = await arrivals_ms(node, "911", signed=False)
        print(
            f"{way.__name__}: signed {usual:.1f} ms, unsigned {statistics.median(lost):.1f} ms (longest"
            f" {max(lost):.1f}); help {help_usual:.1f} ms, then {statistics.median(help_lost):.1f} ms"
        )
        assert max(lost) < usual + DEADLINE_S * 1000 + 100
        assert statistics.median(lost) < usual + DEADLINE_S * 1000 / 2
        # a third of what a call waits for a signer that does not answer
        assert statistics.median(help_lost) < help_usual + DEADLINE_S * 1000 / 3
        # and it signs again
        await asyncio.to_thread(node.wait_ready)
        await arrivals_ms(node, NORTH_NUMBER, signed=True)

    run(node, scenario)
