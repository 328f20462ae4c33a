"""Kamailio killed: it comes back by itself, running calls go on, each call has one outcome."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from sipkit.transport import Flow
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    NORTH_NUMBER,
    SBC,
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


async def answers_again(was: int, node: Node) -> float:
    """Seconds until a new Kamailio answers on the port."""
    began = time.monotonic()
    while time.monotonic() - began < 30:
        try:
            if node.pid("kamailio") != was:
                socket.create_connection((SBC.host, SBC.port), 0.5).close()
                return time.monotonic() - began
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("Kamailio did not come back within 30 s")


def first_process(node: Node) -> tuple[int, list[int]]:
    """Kamailio's own first process and its children, below what the supervisor started."""
    family = node.family("kamailio")
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in family}
    kamailios = [pid for pid in family if names[pid] == "kamailio"]
    return kamailios[0], kamailios[1:]


def test_calls_outlive_kill_9(node: Node, record_property: Callable[[str, object], None]) -> None:
    """Summary: kill -9 of Kamailio's first process, then of a child: calls go on from both sides, one outcome each."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()

        async def redial(_uri: str) -> Flow:
            return await connect(node, customer)

        customer.dial = redial
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            pairs = []
            for _ in range(3):
                call = await place(customer, flow, NORTH_NUMBER)
                there = await carrier.incoming()
                await call.answered()
                await there.confirmed()
                pairs.append((call, there))
            for kill_child in (False, True):
                was = node.pid("kamailio")
                first, children = first_process(node)
                os.kill(children[3] if kill_child else first, signal.SIGKILL)
                took = await answers_again(was, node)
                record_property("back_after_child_s" if kill_child else "back_after_s", round(took, 2))
                print(f"back after {took:.2f} s")
                await until(lambda: all(not c.flow.is_open for c, _ in pairs), "the old connections to end")
                for call, there in pairs:
                    assert (await call.reinvite(reoffer(call))).status == 200
                    there.flow = carrier.flows[-1]  # the connection the node opened anew
                    assert (await there.reinvite(reoffer(there))).status == 200
            (one, one_there), (two, two_there), (three, three_there) = pairs
            assert (await one.bye()).status == 200
            assert await one_there.ended() == "peer-bye"
            assert (await two_there.bye()).status == 200
            assert await two.ended() == "peer-bye"
            # a customer who has gone and not come back: the carrier's BYE is answered, the call is over
            for gone in customer.flows:
                if gone.is_open:
                    await gone.close()
            began = time.monotonic()
            refused = await three_there.bye()
            assert (refused.status, refused.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')
            assert time.monotonic() - began < 1
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)
            for call in (one, two, three):
                record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                assert record["ending"] == "bye"
            ids = [c["call_id"] for c in await asyncio.to_thread(node.calls)]
            assert len(ids) == len(set(ids)) == 3
            assert not list((node.run / "dialogs").iterdir())

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
