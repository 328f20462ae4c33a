"""A ledger that stands still, and gates that die, do no call harm: none is hung up for it, and none is charged for more than it was."""

import asyncio
import os
import signal

from trunkward.live import money
from trunkward.live.ask import Valkey
from wire.conftest import Node
from wire.money.conftest import GRANT_S, SECOND, node_with
from wire.money.test_money import spent, up
from wire.records.parties import eventually, parties


def test_calls_at_home_outlive_a_valkey_that_stood_still() -> None:
    """Summary: with escrow, calls at home go on while Valkey stands still for three grants, and when it is back: their own node, which has not renewed them meanwhile, takes none of them for a dead node's."""
    escrow = 2 * 100 * SECOND
    caps = f'{{hour: "200.00", day: none, month: none, call: none, escrow: "{escrow / 10**6:.2f}"}}'
    with node_with(caps) as node:

        async def scenario() -> None:
            async with parties(node) as lab:
                for _ in range(8):
                    call, _ = await up(lab)
                    assert (await call.bye()).status == 200
                await asyncio.to_thread(eventually, lambda: spent(node).granted == escrow, 60, "both lease")
                calls = [(await up(lab))[0] for _ in range(6)]
                await asyncio.sleep(2)
                valkey = await asyncio.to_thread(node.pid, "valkey")
                os.kill(valkey, signal.SIGSTOP)
                try:
                    await asyncio.sleep(3 * GRANT_S)
                    assert not any(call.is_over for call in calls)
                finally:
                    os.kill(valkey, signal.SIGCONT)
                await asyncio.sleep(GRANT_S + 4)
                assert not any(call.is_over for call in calls)
                for call in calls:
                    assert (await call.bye()).status == 200

        asyncio.run(scenario())
        assert "of a dead node is ended" not in node.log("kamailio")


def test_an_end_no_gate_has_told_is_told_again() -> None:
    """Summary: a call's end reaches gates that die before they tell it: its node tells it again when nobody renews the call any more, and it is charged to the increment."""
    with node_with('{hour: "200.00", day: none, month: none, call: none}') as node:

        async def scenario() -> None:
            async with parties(node) as lab:
                call, there = await up(lab)
                await asyncio.sleep(2.2)
                gates = [await asyncio.to_thread(node.pid, f"gate-{number}") for number in (0, 1)]
                for gate in gates:
                    os.kill(gate, signal.SIGSTOP)
                assert (await call.bye()).status == 200
                await there.ended()
                await asyncio.sleep(0.3)
                for gate in gates:
                    os.kill(gate, signal.SIGKILL)
                await asyncio.sleep(1)
                assert spent(node).granted > 0
                await asyncio.to_thread(
                    eventually, lambda: spent(node).granted == 0, GRANT_S + 30, "it is settled"
                )
                lasted_ms = node.record(call.invite.call_id, ended=True)["answered_ms"]
                assert spent(node).hour == -(-lasted_ms // 1000) * SECOND

        asyncio.run(scenario())
        assert "of a dead node is ended" not in node.log("kamailio")


def test_a_call_that_is_here_is_nobodys_to_hang_up() -> None:
    """Summary: the ledger takes a running call for lost, for whatever reason: its own node asks time for it at once, and hangs nothing up."""
    with node_with('{hour: "200.00", day: none, month: none, call: none}') as node:

        async def scenario() -> None:
            async with parties(node) as lab:
                await asyncio.sleep(6)  # it has been there for longer than it may take to see to its own
                call, _ = await up(lab)
                with Valkey(node.paths.valkey, "gate", node.paths.valkey_secret("gate")) as gate:
                    (leg,) = (f"leg:{name.decode()}" for name in gate.ask("ZRANGE", "legs", "0", "-1"))
                    _, *words = gate.ask("GET", leg).decode().split(" ")
                    gate.ask("SET", leg, " ".join(["1", *words]))
                    gate.ask("ZADD", "legs", "1", leg.removeprefix("leg:"))
                    await asyncio.to_thread(eventually, lambda: held_s(node) > 0, GRANT_S, "it is held")
                await asyncio.sleep(2)
                assert not call.is_over
                assert (await call.bye()).status == 200

        asyncio.run(scenario())
        assert "of a dead node is ended" not in node.log("kamailio")


def held_s(node: Node) -> float:
    """For how long its one call is held."""
    with Valkey(node.paths.valkey, "root", node.paths.valkey_secret("root")) as root:
        (leg,) = money.kept_legs(root.ask(*money.legs(10)))
    return leg.left_ms / 1000
