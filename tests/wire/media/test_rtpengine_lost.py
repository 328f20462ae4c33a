"""The rtpengine row of the posture table, on live calls: killed and frozen; the node recovers by itself."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sipkit import sdp
from sipkit.call import Call
from trunkward.edge.media_watch import PATIENCE_S
from wire.conftest import Node
from wire.media.conftest import ANY, NUMBERS, Parties, carrier_at, talking
from wire.media.legs import CM, GCM, agree, heard_both_ways, open_leg
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    south_agent,
    udp_carrier,
)

#: What the posture page says is 250 ms at most, and then at once; with room for a machine that is busy for seconds.
#: Whoever waited for a frozen engine would wait for all of the test.
AT_ONCE_S = 4.0


def freeze(node: Node) -> Callable[[], None]:
    node.signal("rtpengine", signal.SIGSTOP)
    return lambda: node.signal("rtpengine", signal.SIGCONT)


@asynccontextmanager
async def lost(node: Node, how: Callable[[Node], Callable[[], None]]) -> AsyncIterator[None]:
    heal = await asyncio.to_thread(how, node)
    try:
        yield
    finally:
        await asyncio.to_thread(heal)


async def timed_call(node: Node, number: str) -> tuple[int, str, float]:
    """Status, reason and seconds of a call nobody will answer."""
    customer = customer_agent(session=sdp.offer(sdp.Profile.SDES, suites=(GCM, CM)))
    flow = await connect(node, customer)
    began = time.monotonic()
    reply = await (await place(customer, flow, number)).final()
    took = time.monotonic() - began
    await flow.close()
    return reply.status, reply.get("Reason"), took


def test_frozen(node: Node, record_property: Callable[[str, Any], None]) -> None:
    """Summary: SIGSTOP: new calls 503 and BYE answered at once, re-INVITE 503, nobody hung up on however long; SIGCONT heals."""

    async def scenario() -> None:
        async with talking(node) as parties, left_alone(node) as alone:
            await heard_both_ways(parties.caller, parties.callee)
            async with lost(node, freeze):
                frozen_s = time.monotonic()
                for result in await asyncio.gather(*(timed_call(node, NORTH_NUMBER) for _ in range(6))):
                    status, reason, took = result
                    assert (status, reason) == (503, 'SIP;cause=503;text="media-unavailable"')
                    assert took < AT_ONCE_S, took
                    record_property("refused_within_s", round(took, 3))
                reply = await parties.call.reinvite(parties.caller.session)
                assert (reply.status, reply.get("Reason")) == (503, 'SIP;cause=503;text="media-unavailable"')
                parties.caller.described.pop()
                record_property("bye_within_s", await ended_at_once(parties))
                # an engine that says nothing may know the call
                await asyncio.sleep(max(PATIENCE_S + 2 - (time.monotonic() - frozen_s), 0))
            await asyncio.sleep(1.5)  # longer than a round
            assert (await alone.request("INFO")).status == 200
            assert (await alone.bye()).status == 200
        await recovered(node)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


def test_killed(node: Node, record_property: Callable[[str, Any], None]) -> None:
    """Summary: SIGKILL: a running call's BYE is answered, a re-INVITE brings media back by the new one, a call left without is ended on both sides."""

    async def scenario() -> None:
        async with talking(node) as parties, talking_too(node) as others, left_alone(node) as alone:
            before = node.pid("kamailio")
            gone_s = time.monotonic()
            # or a new one could be there before the call is
            with node.killed("rtpengine"):
                status, reason, took = await timed_call(node, NORTH_NUMBER)
                assert (status, reason) == (503, 'SIP;cause=503;text="media-unavailable"')
                assert took < AT_ONCE_S
                record_property("refused_within_s", round(took, 3))
                record_property("bye_within_s", await ended_at_once(parties))
            # as soon as it can be: a call that is left without media for longer is ended
            while (reply := await others.call.reinvite(others.caller.session)).status == 503:
                others.caller.described.pop()
                await asyncio.sleep(0.1)
            assert reply.status == 200
            await asyncio.sleep(0.05)
            assert agree(others.call, others.there, others.caller, others.callee) == others.suites
            await heard_both_ways(others.caller, others.callee)
            bye = await alone.received("BYE", 4 * PATIENCE_S)
            assert time.monotonic() - gone_s >= PATIENCE_S
            assert bye.get("Reason") == 'Q.850;cause=41;text="media-lost"'
            record = await asyncio.to_thread(node.record, alone.invite.call_id, ended=True)
            assert (record["ended_by"], record["cut"], record["unreached"]) == ("us", "media-lost", [])
            assert not others.call.is_over
            await heard_both_ways(others.caller, others.callee)
            assert node.pid("kamailio") == before
        await recovered(node)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


@asynccontextmanager
async def left_alone(node: Node) -> AsyncIterator[Call]:
    """A call to the plain carrier that nobody does anything about; at its end both sides are through with it."""
    customer, carrier = customer_agent(), south_agent()
    async with udp_carrier(carrier):
        flow = await connect(node, customer)
        call = await place(customer, flow, NUMBERS["south"])
        there = await carrier.incoming()
        await call.answered()
        await there.confirmed()
        yield call
        assert await there.ended() == "peer-bye"
        await flow.close()


@asynccontextmanager
async def talking_too(node: Node) -> AsyncIterator[Parties]:
    """A second call beside the first, to the carrier with one suite (two hops), on ports of its own."""
    async with (
        open_leg("second", 41100, (CM,), 0x4444) as caller,
        open_leg("west", 42100, ANY, 0x5555) as callee,
    ):
        customer = customer_agent(session=caller.session)
        carrier = carrier_agent(contact="sip:gw@127.0.0.1:25071;transport=tls", session=callee.session)
        async with carrier_at(node, carrier, "west"):
            flow = await connect(node, customer)
            call = await place(customer, flow, NUMBERS["west"])
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            suites = agree(call, there, caller, callee)
            yield Parties(customer, carrier, flow, caller, callee, call, there, suites)
            assert (await call.bye()).status == 200
            await flow.close()


async def ended_at_once(parties: Parties) -> float:
    """Hangs up; the seconds the BYE took."""
    began = time.monotonic()
    assert (await parties.there.bye()).status == 200
    took = time.monotonic() - began
    assert took < AT_ONCE_S
    assert await parties.call.ended() == "peer-bye"
    return round(took, 4)


async def up_again(node: Node) -> None:
    await asyncio.to_thread(node.wait_ready)
    await asyncio.sleep(1.1)  # each worker leaves a dead rtpengine alone for a second


async def recovered(node: Node) -> None:
    await up_again(node)
    async with talking(node) as parties:
        await heard_both_ways(parties.caller, parties.callee)


@pytest.mark.parametrize("offered", [(GCM, CM), (CM,)])
def test_emergency_call_goes_without_it(node: Node, offered: tuple[str, ...]) -> None:
    """Summary: frozen rtpengine: 911 goes with the caller's own SDP, SRTP flows straight between the two."""

    async def scenario() -> None:
        async with (
            open_leg("customer", 41000, offered, 0x1111) as caller,
            open_leg("psap", 42000, (CM,), 0x2222) as callee,
        ):
            customer = customer_agent(session=caller.session)
            carrier = carrier_agent(session=callee.session)
            async with carrier_at(node, carrier, "north"):
                async with lost(node, freeze):
                    flow = await connect(node, customer)
                    call = await place(customer, flow, "911", sender=f"<sip:{ACME_NUMBER}@inner.acme>")
                    there = await carrier.incoming()
                    await call.answered()
                    await there.confirmed()
                    assert agree(call, there, caller, callee) == (CM, CM)
                    assert (caller.remote.port, callee.remote.port) == (42000, 41000)
                    await heard_both_ways(caller, callee)
                    assert (await call.reinvite(caller.session)).status == 200
                    assert (await call.bye()).status == 200
                    await flow.close()
                carrier.check()
        await recovered(node)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))
