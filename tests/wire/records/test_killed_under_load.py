"""Processes die under load: every attempt has one record, every call that ended one outcome."""

import asyncio
import os
import signal
from collections import Counter

import pytest

from sipkit.load.caller import Plan
from sipkit.load.tally import Tally
from wire.conftest import Node
from wire.records.conftest import segment_lines
from wire.records.parties import eventually, load, parties

RATE, SECONDS = 20.0, 3.0


def _under_load(node: Node, program: str, at_s: tuple[float, ...], held_s: float = 0.2) -> Tally:
    async def run() -> Tally:
        async with load(node) as caller:
            running = asyncio.create_task(caller.run(Plan(rate=RATE, seconds=SECONDS, held_s=held_s)))
            loop = asyncio.get_running_loop()
            began = loop.time()
            for at in at_s:
                await asyncio.sleep(began + at - loop.time())
                await asyncio.to_thread(_kill, node, program)
            return await running

    return asyncio.run(run())


def _kill(node: Node, program: str) -> None:
    os.kill(node.pid(program), signal.SIGKILL)


def test_the_record_is_there_before_the_verdict(node: Node) -> None:
    """Summary: when the carrier has the INVITE the record is on the disk, though the gates are killed at once."""

    async def run() -> str:
        async with parties(node) as lab:
            call = await lab.call()
            await lab.north.incoming()
            for index in (0, 1):
                os.kill(node.pid(f"gate-{index}"), signal.SIGKILL)
            lines = [line for line in segment_lines(node.state) if line["kind"] == "decision"]
            assert call.invite.call_id in [line["call_id"] for line in lines]
            await call.answered()
            await call.bye()
            return call.invite.call_id

    call_id = asyncio.run(run())
    # ended while no gate lived: the edge wrote it down, and it is shipped all the same
    assert node.record(call_id, ended=True)["ending"] == "bye"
    node.wait_ready()


@pytest.mark.alone
@pytest.mark.parametrize("program", ["gate-0", "signer", "worker"])
def test_nothing_is_lost_or_doubled(node: Node, program: str) -> None:
    """Summary: kill -9 of a gate, the signer, the worker under 20 calls/s: all go, one record and outcome each."""
    before = {call["record_id"] for call in node.calls()}
    tally = _under_load(node, program, (0.8, 1.6))
    assert tally.completed == tally.attempts == RATE * SECONDS, tally.report()

    def shipped() -> list[dict[str, object]]:
        return [call for call in node.calls() if call["record_id"] not in before]

    node.wait_ready()
    eventually(
        lambda: len(shipped()) >= tally.attempts and all(call["ended_at"] for call in shipped()),
        30,
        "every record shipped",
    )
    found = shipped()
    assert len(found) == tally.attempts
    assert set(Counter(call["call_id"] for call in found).values()) == {1}
    assert {call["ending"] for call in found} == {"bye"}
    outcomes = Counter(line["record_id"] for line in segment_lines(node.state) if line["kind"] == "outcome")
    assert {outcomes[call["record_id"]] for call in found} == {1}
