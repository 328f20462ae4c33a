"""Rows of the posture table on live calls: signer, worker and database."""

import asyncio
import signal
import time

import pytest

from trunkward.admission.posture import Calls, Effect, Lost, effect
from wire.conftest import Node
from wire.records.conftest import supervise
from wire.records.parties import all_kinds, parties, running_call, signed


@pytest.mark.parametrize("how", ["frozen", "stopped"])
def test_signer_lost(node: Node, how: str) -> None:
    """Summary: with the signer frozen or gone calls go unsigned within the deadline, recorded why; then signed again."""
    assert effect(Lost.SIGNER, Calls.OUTBOUND) is Effect.GOES_UNSIGNED

    async def run() -> str:
        async with parties(node) as lab:
            before, _ = await lab.whole_call()
            assert signed(lab, before)
            running = await running_call(lab)
            if how == "frozen":
                node.signal("signer", signal.SIGSTOP)
            else:
                await asyncio.to_thread(supervise, node, "stop", "signer")
            try:
                call, took = await all_kinds(lab, running)
            finally:
                if how == "frozen":
                    node.signal("signer", signal.SIGCONT)
                else:
                    await asyncio.to_thread(supervise, node, "start", "signer")
            assert not signed(lab, call)
            assert took < 0.5, took
            # by itself: nothing is restarted
            until = time.monotonic() + 5
            while not signed(lab, (await lab.whole_call())[0]):
                assert time.monotonic() < until, "still unsigned"
            return call.invite.call_id

    record = node.record(asyncio.run(run()), ended=True)
    assert record["verdict"] == "admit"
    assert record["attest"] == ""
    wanted = {"frozen": {"signer-timeout"}, "stopped": {"signer-unreachable", "signer-lost"}}
    assert record["attest_reason"] in wanted[how]


def test_worker_lost(node: Node) -> None:
    """Summary: with worker and database gone every kind of call goes on the last snapshot; records wait on disk."""
    assert effect(Lost.WORKER, Calls.INBOUND) is Effect.GOES_ON_LAST_POLICY
    version = node.calls()[0]["policy_version"] if node.calls() else 1

    async def run() -> str:
        async with parties(node) as lab:
            running = await running_call(lab)
            await asyncio.to_thread(supervise, node, "stop", "worker")
            try:
                call, _ = await all_kinds(lab, running)
                assert signed(lab, call)
                assert node.trunkward("status", "--json").returncode == 1
                return call.invite.call_id
            finally:
                await asyncio.to_thread(supervise, node, "start", "worker")

    record = node.record(asyncio.run(run()), ended=True)
    assert record["policy_version"] == version
    node.wait_ready()
