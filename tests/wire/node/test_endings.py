"""Every admitted call has one outcome, whatever came between."""

import asyncio
import os
import signal
import time
from dataclasses import replace

from sipkit.identity import fresh_id
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    NORTH_NUMBER,
    SOUTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.node.test_dead_peers import workers_of
from wire.node.test_restart import answers_again, first_process


def test_no_route_could_be_sent(node: Node) -> None:
    """Summary: with nobody at the carrier, and with rtpengine frozen, a call's 503 stands in its outcome."""

    async def scenario() -> None:
        customer = customer_agent()
        call = await place(customer, await connect(node, customer), NORTH_NUMBER)
        assert (await call.final()).status == 503
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["end_code"], record["ended_by"]) == ("failed", 503, "us")
        assert record["end_reason"] == "no-route-left"
        # on UDP nobody hears that nobody is there
        call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
        assert (await call.final(20)).status == 408
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["end_code"], record["ended_by"], record["end_reason"]) == (408, "us", "no-route-left")
        assert record["tried"] == [{"peer": "south", "problem": "no-reply"}]
        node.signal("rtpengine", signal.SIGSTOP)
        try:
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            assert (await call.final()).status == 503
        finally:
            node.signal("rtpengine", signal.SIGCONT)
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["end_code"], record["ended_by"]) == ("failed", 503, "us")
        assert record["end_reason"] == "media-unavailable"
        await asyncio.sleep(1.0)  # what rested goes on

    run(node, scenario)


def test_kamailio_killed_after_the_bye(node: Node) -> None:
    """Summary: kill -9 between a BYE and its outcome, held up by frozen workers: the outcome is there, once."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            was = node.pid("kamailio")
            first, _ = first_process(node)
            for worker in workers_of(node, "default"):
                os.kill(worker, signal.SIGSTOP)
            assert (await call.bye()).status == 200
            assert [path.suffix for path in (node.run / "dialogs").iterdir()] == [".caller"]
            os.kill(first, signal.SIGKILL)
            await answers_again(was, node)
            record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
            assert (record["ending"], record["ended_by"]) == ("bye", "caller")
            assert record["duration_s"] >= 0
            await until(lambda: not list((node.run / "dialogs").iterdir()), "the call's file to go")

    run(node, scenario)


def test_a_repeated_answer_undoes_nothing(node: Node) -> None:
    """Summary: a 200 repeated until its ACK comes keeps the first one's time, and a call it has forgotten forgotten."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            placed_at = time.time()
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            call.acknowledges = False
            there = await carrier.incoming()
            answer = await call.answered()
            answered_at = time.time()
            await until(
                lambda: sum(b"SIP/2.0 200" in raw for raw in customer.raw) >= 3, "the answer to be repeated"
            )
            call.acknowledges = True
            call.acknowledge(answer)
            await there.confirmed()
            assert (await call.bye()).status == 200
            record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
            # the node had it before the customer did; the second one came half a second later
            assert placed_at < record["answered_at"] < answered_at + 0.01
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_a_second_answer_is_hung_up(node: Node) -> None:
    """Summary: of two callees that answer behind one carrier the caller talks to the first, the second is let go."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            call = await place(customer, await connect(node, customer), NORTH_NUMBER)
            there = await carrier.incoming()
            answer = await call.answered()
            await there.confirmed()
            first = there.trace[-2].message if there.trace[-1].message.is_request else there.trace[-1].message
            assert first.status == 200
            other_tag = fresh_id("fork")
            lines = [
                (name, value.replace(there.local_tag, other_tag) if name == "To" else value)
                for name, value in first.headers
            ]
            there.flow.send(replace(first, headers=tuple(lines)).to_bytes())
            await until(
                lambda: sum(other_tag.encode() in raw and raw.startswith(b"BYE ") for raw in carrier.raw),
                "the second callee to be let go",
            )
            assert sum(other_tag.encode() in raw and raw.startswith(b"ACK ") for raw in carrier.raw)
            assert not any(other_tag.encode() in raw for raw in customer.raw)
            assert answer.status == 200
            assert (await call.reinvite(reoffer(call))).status == 200
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"
            assert not carrier.saw(("10.9.8.7", "inner.acme"))

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
