"""A call whose edge has died, and whose caller's CSeq had leapt far ahead after its ACK."""

import asyncio

from wire.money.conftest import node_with
from wire.money.strict import Bench, at, bench


def test_numbers_nobody_was_told_of() -> None:
    """Summary: kill -9 of Kamailio, its memory of a running call gone, too, whose last CSeq is 5,000,000: the BYEs of the edge that stands in climb over it, and what the carrier bills is charged."""
    with node_with('{hour: "300.00", day: none, month: none, call: none}') as node:

        async def scenario(b: Bench) -> None:
            call, leg = await b.talking()
            at(call, 5_000_000)
            assert (await call.request("INFO")).status == 200
            with node.killed("kamailio"):
                for file in (node.run / "dialogs").iterdir():
                    file.unlink()
            await b.carrier.over(leg, 75)
            numbers = [message.cseq[0] for message in leg.byes]
            assert numbers == sorted(numbers)
            assert numbers[-1] > 5_000_000 > numbers[-2]
            await asyncio.sleep(1.5)
            await b.is_settled(more=2)

        bench(node, scenario)
