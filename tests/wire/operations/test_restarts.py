"""Parts restarted on purpose, under calls: no call fails; Kamailio's restart leaves running calls whole."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sipkit.load.caller import Plan
from wire.conftest import Node
from wire.node.parties import (
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    tls_carrier,
    until,
)
from wire.node.test_restart import answers_again
from wire.records.conftest import supervise
from wire.records.parties import eventually, load

#: Calls a second, and for how many seconds while one part is restarted, which takes a good one.
RATE, SECONDS = 50.0, 2.5
#: What carries media, what carries SIP, and what counts calls, is not restarted under new calls.
NOT_UNDER_LOAD = {"rtpengine", "kamailio", "valkey"}


def _parts(node: Node) -> list[str]:
    command = [str(Path(sys.executable).parent / "supervisorctl"), "-c", str(node.run / "supervisord.conf")]
    told = subprocess.run([*command, "status"], capture_output=True, text=True, check=False, timeout=30)
    return sorted({line.split()[0] for line in told.stdout.splitlines()} - NOT_UNDER_LOAD)


@pytest.mark.alone  # with one gate away, each call waits for the other, and no longer than its deadline
def test_no_call_fails_while_parts_are_restarted(node: Node) -> None:
    """Summary: gates, signer, worker (and web) restarted one by one under 50 calls/s: all go, one record and outcome each."""
    parts = _parts(node)
    assert {"gate-0", "gate-1", "signer", "worker"} <= set(parts)

    async def under_load() -> int:
        placed = 0
        async with load(node) as caller:
            for part in parts:
                calls = asyncio.create_task(caller.run(Plan(rate=RATE, seconds=SECONDS, held_s=0.3)))
                await asyncio.sleep(0.3)
                await asyncio.to_thread(supervise, node, "restart", part)
                # the next only now: with both gates away no call goes
                await asyncio.to_thread(node.wait_ready)
                tally = await calls
                reasons = Counter(call["reason"] for call in node.calls())
                unjudged = [line for line in node.log("kamailio").splitlines() if "no verdict" in line]
                assert tally.completed == tally.attempts, (part, reasons, unjudged[:5], tally.report())
                placed += tally.attempts
        return placed

    placed = asyncio.run(under_load())

    def whole() -> bool:
        calls = node.calls()
        return len(calls) >= placed and all(call["ended_at"] for call in calls)

    eventually(whole, 30, "every record shipped")
    calls = node.calls()
    assert len(calls) == placed
    assert set(Counter(call["record_id"] for call in calls).values()) == {1}
    assert {call["verdict"] for call in calls} == {"admit"}


def test_running_calls_outlive_a_restart_of_kamailio(node: Node) -> None:
    """Summary: Kamailio restarted: re-INVITE and BYE of running calls go through from both sides, one outcome each."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.dial = lambda _: connect(node, customer)
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            pairs = []
            for _ in range(2):
                call = await place(customer, flow, NORTH_NUMBER)
                there = await carrier.incoming()
                await call.answered()
                await there.confirmed()
                pairs.append((call, there))
            was = node.pid("kamailio")
            await asyncio.to_thread(supervise, node, "restart", "kamailio")
            await answers_again(was, node)
            await asyncio.to_thread(node.wait_ready)
            await until(lambda: not flow.is_open, "the old connection to end")
            for call, there in pairs:
                assert (await call.reinvite(reoffer(call))).status == 200
                there.flow = carrier.flows[-1]  # the connection the node opened anew
                assert (await there.reinvite(reoffer(there))).status == 200
            (one, one_there), (two, two_there) = pairs
            assert (await one.bye()).status == 200
            assert await one_there.ended() == "peer-bye"
            assert (await two_there.bye()).status == 200
            assert await two.ended() == "peer-bye"
            for call, _ in pairs:
                record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                assert record["ending"] == "bye"

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
