"""Media of calls that are not the ordinary one: from a carrier, and 911 whose offer no gate has read."""

import asyncio
import signal

import pytest

from sipkit import sdp
from sipkit.message import parse
from sipkit.transport import client_context, open_stream
from wire.conftest import Node
from wire.media.conftest import ANY, carrier_at
from wire.media.legs import CM, GCM, GCM128, Leg, agree, heard_both_ways, no_key_crosses, open_leg
from wire.node.parties import (
    ACME_NUMBER,
    PBX,
    SBC,
    SBC_PLAIN,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    invite,
    place,
    south_agent,
    tls_carrier,
    udp_carrier,
)

GATES = ("gate-0", "gate-1")
SENDER = "<sip:+13035550188@core.carrier>"


@pytest.mark.parametrize(("offered", "answered"), [((GCM, CM), GCM128), ((CM,), GCM)])
def test_from_a_tls_carrier(node: Node, offered: tuple[str, ...], answered: str) -> None:
    """Summary: a carrier calls the customer: SRTP on both legs, other suites and keys, re-INVITEs of both."""

    async def scenario() -> None:
        async with (
            open_leg("carrier", 42000, offered, 0x2222) as caller,
            open_leg("customer", 41000, ANY, 0x1111) as callee,
        ):
            carrier = carrier_agent(session=caller.session)
            customer = customer_agent(session=callee.session)
            tls = client_context(node.authority, node.credential("north"))
            flow = carrier.own(await open_stream(SBC, carrier.receive, tls=tls, local_host="127.0.0.1"))
            async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
                call = await place(carrier, flow, ACME_NUMBER)
                there = await customer.incoming()
                await call.answered()
                await there.confirmed()
                assert agree(call, there, caller, callee) == (offered[0], answered)
                await heard_both_ways(caller, callee)
                for end, leg in ((call, caller), (there, callee)):
                    assert (await end.reinvite(leg.session)).status == 200
                    await asyncio.sleep(0.05)
                    assert agree(call, there, caller, callee) == (offered[0], answered)
                    await heard_both_ways(caller, callee)
                no_key_crosses(customer, carrier)
                assert (await call.bye()).status == 200
                customer.check()
            await flow.close()

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


def test_from_a_plain_carrier(node: Node) -> None:
    """Summary: a carrier on UDP with plain RTP calls the customer, whose leg is SRTP all the same."""

    async def scenario() -> None:
        async with (
            open_leg("carrier", 42000, (), 0x2222, sdp.Profile.PLAIN) as caller,
            open_leg("customer", 41000, ANY, 0x1111) as callee,
        ):
            carrier = south_agent(session=caller.session)
            customer = customer_agent(session=callee.session)
            async with (
                udp_carrier(carrier) as endpoint,
                tls_carrier(node, customer, PBX, node.credential("acme-hq")),
            ):
                call = await place(carrier, carrier.own(endpoint.flow(SBC_PLAIN)), ACME_NUMBER, sender=SENDER)
                there = await customer.incoming()
                await call.answered()
                await there.confirmed()
                assert agree(call, there, caller, callee) == ("", GCM)
                await heard_both_ways(caller, callee)
                assert not sdp.cryptos_of(call.remote_sdp)
                assert (await there.reinvite(callee.session)).status == 200
                await asyncio.sleep(0.05)
                assert agree(call, there, caller, callee) == ("", GCM)
                await heard_both_ways(caller, callee)
                assert (await call.bye()).status == 200
                customer.check()

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


def test_srtp_answer_on_a_plain_leg(node: Node) -> None:
    """Summary: a carrier on UDP answers with keys to a plain offer: its leg is ended, the caller gets 502."""

    async def scenario() -> None:
        carrier = south_agent(session=lambda _: sdp.offer(sdp.Profile.SDES, suites=(CM,)))
        customer = customer_agent(session=sdp.offer(sdp.Profile.SDES, suites=(GCM,)))
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            call = await place(customer, flow, "+13035550188")
            there = await carrier.incoming()
            assert (await call.final()).status == 502
            await there.confirmed()
            assert await there.ended() == "peer-bye"
            no_key_crosses(customer, carrier)
            await flow.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("profile", "offered"),
    [(sdp.Profile.SDES, (CM,)), (sdp.Profile.SDES, (GCM, CM)), (sdp.Profile.PLAIN, ())],
)
def test_emergency_offer_nobody_has_read(node: Node, profile: sdp.Profile, offered: tuple[str, ...]) -> None:
    """Summary: 911, gates frozen: anchored by the generic hops, legs as negotiated, after re-INVITEs too."""

    async def scenario() -> None:
        async with (
            open_leg("customer", 41000, offered, 0x1111, profile) as caller,
            open_leg("psap", 42000, ANY, 0x2222) as callee,
        ):
            await _emergency(node, caller, callee)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


async def _emergency(node: Node, caller: Leg, callee: Leg) -> None:
    customer = customer_agent(session=caller.session)
    carrier = carrier_agent(session=callee.session)
    async with carrier_at(node, carrier, "north"):
        flow = await connect(node, customer)
        for gate in GATES:
            await asyncio.to_thread(node.signal, gate, signal.SIGSTOP)
        try:
            call = await place(customer, flow, "911")
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
        finally:
            for gate in GATES:
                await asyncio.to_thread(node.signal, gate, signal.SIGCONT)
        suites = agree(call, there, caller, callee)
        assert suites == (caller.suites[0] if caller.suites else "", GCM)
        await heard_both_ways(caller, callee)
        for end, leg in ((there, callee), (call, caller)):
            assert (await end.reinvite(leg.session)).status == 200
            await asyncio.sleep(0.05)
            assert agree(call, there, caller, callee) == suites
            await heard_both_ways(caller, callee)
        no_key_crosses(customer, carrier)
        assert (await call.bye()).status == 200
        await flow.close()
        carrier.check()


def test_emergency_body_of_several_parts(node: Node) -> None:
    """Summary: 911 with a location beside its SDP (RFC 6442): the whole body reaches the carrier as it was."""
    parts = [
        f"--x\r\nContent-Type: application/sdp\r\n\r\n{sdp.offer(sdp.Profile.SDES, suites=(CM,))}",
        "--x\r\nContent-Type: application/pidf+xml\r\n\r\n<presence>here</presence>\r\n",
        "--x--\r\n",
    ]
    body = "".join(parts)

    async def scenario() -> None:
        customer = customer_agent(session=body)
        carrier = carrier_agent(session=sdp.offer(sdp.Profile.SDES, suites=(CM,)))
        async with carrier_at(node, carrier, "north"):
            flow = await connect(node, customer)
            message = invite(customer, flow, "911")
            whole = message.to_bytes().replace(b"application/sdp\r\n", b"multipart/mixed;boundary=x\r\n", 1)
            call = customer.place(parse(whole), flow, session=body)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            assert there.invite.body.decode() == body
            assert there.invite.get("Content-Type").replace(" ", "") == "multipart/mixed;boundary=x"
            assert sdp.cryptos_of(call.remote_sdp)
            assert (await call.bye()).status == 200
            await flow.close()
            carrier.check()

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))
