"""A drained node takes no new calls but emergencies, leaves the running ones alone, and comes back."""

import asyncio
import json
import os
import signal

import pytest

from sipkit.call import CallRefused
from wire.conftest import Node
from wire.records.parties import Parties, parties, running_call


async def _drain(node: Node, *words: str) -> tuple[int, str]:
    done = await asyncio.to_thread(node.trunkward, *words)
    return done.returncode, done.stdout + done.stderr


async def _refused(lab: Parties) -> str:
    call = await lab.call()
    with pytest.raises(CallRefused) as refused:
        await call.answered()
    reply = refused.value.response
    assert (reply.status, reply.get("Retry-After")) == (503, "30")
    assert reply.get("Reason") == 'SIP;cause=503;text="node-draining"'
    return call.invite.call_id


def test_drained_and_taken_back(node: Node) -> None:
    """Summary: drained within 2 s, over a restart of gates; emergency and running calls go; waits; undrain takes calls."""

    async def scenario() -> list[str]:
        refused = []
        async with parties(node) as lab:
            running = await running_call(lab)
            # seen by every gate when it returns; one call is left after its second is over
            code, said = await _drain(node, "drain", "--wait", "1")
            assert (code, "1 call(s) are left" in said) == (1, True), said
            refused.append(await _refused(lab))
            for index in (0, 1):
                os.kill(node.pid(f"gate-{index}"), signal.SIGKILL)
            await asyncio.to_thread(node.wait_ready)
            refused.append(await _refused(lab))
            emergency, _ = await lab.whole_call(called="911")
            assert emergency.is_over
            # nor is anything in a running call a new call
            assert (await running.reinvite(running.local_sdp)).status == 200
            waiting = asyncio.create_task(_drain(node, "drain", "--wait", "30"))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            assert (await running.bye()).status == 200
            code, said = await waiting
            assert (code, "no call is left" in said) == (0, True), said
            code, said = await _drain(node, "undrain")
            assert code == 0, said
            await lab.whole_call()
            assert (await _drain(node, "undrain"))[1].strip() == "this node takes calls; nothing was changed"
        return refused

    assert json.loads(node.trunkward("status", "--json").stdout)["draining"] is False
    for call_id in asyncio.run(scenario()):
        record = node.record(call_id)
        assert (record["verdict"], record["reason"], record["blame"]) == ("reject", "node-draining", "us")


def test_it_is_shown(node: Node) -> None:
    """Summary: `status` says since when and by whom no calls are taken, also while nothing runs that would know."""
    try:
        assert node.trunkward("drain").returncode == 0
        assert json.loads(node.trunkward("status", "--json").stdout)["draining"] is True
        said = node.trunkward("status").stdout
        assert "draining since 20" in said
        assert "trunkward undrain" in said
    finally:
        assert node.trunkward("undrain").returncode == 0
