"""Kamailio killed: it comes back by itself, running calls go on, each call has one outcome."""

import asyncio
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from sipkit import sdp
from sipkit.agent import answer_at_once
from sipkit.call import Call
from sipkit.transport import Flow
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    NORTH_NUMBER,
    SBC,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    forgotten,
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


def name_of(pid: int) -> str:
    """What a process is called; "" of one that has gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def first_process(node: Node) -> tuple[int, list[int]]:
    """Kamailio's own first process and its children, below what the supervisor started."""
    family = node.family("kamailio")
    kamailios = [pid for pid in family if name_of(pid) == "kamailio"]
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
                    await forgotten(node, gone.local)
            began = time.monotonic()
            refused = await three_there.bye()
            assert (refused.status, refused.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')
            assert time.monotonic() - began < 3.5  # nobody was waited for: tm does so for four seconds
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)
            for call in (one, two, three):
                record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                assert record["ending"] == "bye"
            ids = [c["call_id"] for c in await asyncio.to_thread(node.calls)]
            assert len(ids) == len(set(ids)) == 3
            await until(lambda: not list((node.run / "dialogs").iterdir()), "the calls' files to go")

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def admitted_by_a_gate_alone(node: Node, called: str) -> str:
    """An attempt as an edge sends it that dies before it reads the verdict; its record id."""
    attempt = {
        "kind": "attempt",
        "id": os.urandom(16).hex(),
        "edge": "dead" * 4,
        "at": time.time(),
        "source_ip": "127.0.0.1",
        "source_port": 50_000,
        "transport": "tls",
        "local_ip": SBC.host,
        "local_port": SBC.port,
        "ruri": f"sip:{called}@sbc.example.com",
        "from_uri": f"sip:{ACME_NUMBER}@inner.acme",
        "to_uri": f"sip:{called}@sbc.example.com",
        "call_id": os.urandom(8).hex(),
        "from_tag": "t",
        "content_type": "application/sdp",
        "body": sdp.offer(sdp.Profile.SDES),
        "tls": {
            "version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "peer_certificate": node.credential("acme-hq").certificate.read_text(),
            "peer_verified": True,
        },
    }
    body = json.dumps(attempt).encode()
    with socket.socket(socket.AF_UNIX) as gate:
        gate.connect(str(node.run / "gate" / "0.sock"))
        gate.sendall(struct.pack(">I", len(body)) + body)
        (length,) = struct.unpack(">I", gate.recv(4, socket.MSG_WAITALL))
        verdict = json.loads(gate.recv(length, socket.MSG_WAITALL))
    assert verdict["verdict"] == "admit"
    return str(attempt["call_id"])


def test_what_kamailio_died_on_is_closed(node: Node) -> None:
    """Summary: kill -9 twice under calls ringing, unacknowledged, unread and running: all but the running one are ended-unknown, their media deleted."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()

        async def redial(_uri: str) -> Flow:
            return await connect(node, customer)

        customer.dial = redial
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            running = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await running.answered()
            await there.confirmed()
            await until(
                lambda: len(node.media()) == 1, "the media of the calls before this one to be deleted"
            )
            kept = set(await asyncio.to_thread(node.media))

            async def ring(call: Call) -> None:
                call.ring(session=carrier.session)

            carrier.on_call = ring
            ringing = await place(customer, flow, NORTH_NUMBER)
            await ringing.received(180)
            unread = await asyncio.to_thread(admitted_by_a_gate_alone, node, NORTH_NUMBER)
            carrier.on_call = answer_at_once
            customer.on_wire = lambda data: None if data.startswith(b"ACK ") else data
            unacknowledged = await place(customer, flow, NORTH_NUMBER)
            await unacknowledged.answered()
            assert len(set(await asyncio.to_thread(node.media)) - kept) == 2
            for _ in range(2):
                was = node.pid("kamailio")
                os.kill(first_process(node)[0], signal.SIGKILL)
                await answers_again(was, node)
            customer.on_wire = None
            # each start takes away what the one before has said: nobody has to know which is the later one
            notes = [*node.state.glob("records/edge/*.started*"), *node.run.glob("overflow/*.started*")]
            assert len(notes) == 1
            left = (ringing.invite.call_id, unacknowledged.invite.call_id, unread)
            for call_id in left:
                record = await asyncio.to_thread(node.record, call_id, ended=True)
                assert (record["ending"], record["ended_by"]) == ("ended-unknown", "us")
            await until(lambda: set(node.media()) == kept, "the media of the others to be deleted")
            await until(lambda: not running.flow.is_open, "the old connection to end")
            assert (await running.reinvite(reoffer(running))).status == 200
            assert (await running.bye()).status == 200
            record = await asyncio.to_thread(node.record, running.invite.call_id, ended=True)
            assert record["ending"] == "bye"
            ids = [call["record_id"] for call in await asyncio.to_thread(node.calls)]
            assert len(ids) == len(set(ids))

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
