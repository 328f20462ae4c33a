"""A ledger that may have lost something is told of a node's calls once each of its gates has heard of that."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from sipkit.valkey import OwnValkey
from trunkward.gate import counts as module
from trunkward.gate.counts import Counts
from trunkward.live import money
from trunkward.trunks.model import NodeSettings

NODE = cast("NodeSettings", SimpleNamespace(ledger_name="n1", gates=2, ledger_nodes=("n1",)))
LONGEST_S = 60.0


def test_calls_are_told_of_when_all_gates_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """One gate that has not heard could spend what it leased in the epoch before."""
    valkey, passed = OwnValkey(), [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: passed[0]))

    async def scenario() -> None:
        clients = [valkey.gate() for _ in range(2)]
        first, second = (Counts(client, gate) for gate, client in enumerate(clients))
        with valkey.asks("worker") as worker:
            epoch = money.watched(worker.ask(*money.watch(LONGEST_S, None))).epoch
            for client in clients:
                client.longest_s = LONGEST_S
                await client.greet()
            assert [client.frozen for client in clients] == [epoch, epoch]
            await second.look(None)  # without a policy it does not know of whom it is
            await first.look(NODE)
            passed[0] += module.ADMITTED_S
            assert await first.frozen(NODE) == 0, "the second may not have heard"
            await second.look(NODE)
            assert await first.frozen(NODE) == 0, (
                "a call the second has just admitted is on its way to the edge"
            )
            passed[0] += module.ADMITTED_S
            assert await first.frozen(NODE) == epoch
            # one that is told again changes nothing, and one of another epoch is not heard
            assert worker.ask(*money.heard("n1", epoch, 1, 2)) == 1
            assert worker.ask(*money.heard("n1", epoch + 1, 1, 2)) == 0
            assert worker.ask(*money.heard("n2", epoch, 0, 2)) == 0, "gates of another node"
            worker.ask(*money.restored("n1", "place", epoch, ["n1"]))
            await first.recalled(NODE, epoch)
        assert await second.frozen(NODE) == 0, "it grants again"
        assert not second.is_frozen
        for client in clients:
            await client.close()

    try:
        asyncio.run(scenario())
    finally:
        valkey.close()
