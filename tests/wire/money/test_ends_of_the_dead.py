"""A call whose edge has died, and whose caller's CSeq had leapt far ahead after its ACK."""

import asyncio
import json
import time

import pytest

from wire.money.conftest import SECOND, node_with
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
            await b.is_settled()
            # it was found open at the next start, and its end is known all the same
            until = time.monotonic() + 20
            while (record := await asyncio.to_thread(b.node.record, call.invite.call_id))["ending"] != "bye":
                assert time.monotonic() < until, record["ending"]
                await asyncio.sleep(0.2)
            assert (record["cut"], record["bye_status"]) == ("node-lost", 200)
            assert record["survivor"] == "sbc.example.com"
            assert record["answered_ms"] / 1000 == pytest.approx(leg.ended_s - leg.answered_s, abs=2)
            done = b.node.trunkward("export", "billing", "--from", "2026-01-01", "--json-lines")
            (line,) = map(json.loads, done.stdout.splitlines())
            assert (line["record_id"], line["charged"], line["revised_by"]) == (
                record["record_id"],
                "charged",
                "node sbc.example.com",
            )
            assert float(line["price"]) * 1_000_000 == -(-record["answered_ms"] // 1000) * SECOND
            said = b.node.trunkward("explain", record["record_id"]).stdout
            assert "its node was lost, sbc.example.com has seen to it: its BYE was answered with 200" in said

        bench(node, scenario)
