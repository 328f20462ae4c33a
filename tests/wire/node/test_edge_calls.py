"""Calls through the edge, both ways, over TLS and UDP: ids right, nothing of the inside shown."""

import asyncio

import pytest

from sipkit.address import name_addr
from sipkit.call import Call
from sipkit.transport import Flow
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    NORTH_NUMBER,
    PBX,
    SBC_PLAIN,
    SOUTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
)


def no_leak(customer: Party, carrier: Party) -> None:
    """Asserts that neither side was sent anything of the other's inside."""
    assert not carrier.saw(CUSTOMER_MARKS)
    assert not customer.saw(CARRIER_MARKS)


async def outbound(node: Node, number: str, carrier: Party) -> tuple[Party, Party]:
    customer = customer_agent()
    flow = await connect(node, customer)
    call = await place(
        customer, flow, number, headers=[("Supported", "timer, 100rel"), ("Subject", "inner.acme")]
    )
    there = await carrier.incoming()
    await call.answered()
    await there.confirmed()
    for message in (there.invite, there.trace[-1].message):
        assert name_addr(message.get("From")).uri == f"sip:{ACME_NUMBER}@sbc.example.com"
    assert there.invite.get("Supported") == "timer, 100rel"
    assert not there.invite.has("Subject")
    # the dialog is one: tags end to end, Call-ID another on the called side
    assert call.dialog is not None
    assert there.dialog is not None
    assert (call.dialog.local_tag, call.dialog.remote_tag) == (
        there.dialog.remote_tag,
        there.dialog.local_tag,
    )
    assert call.dialog.call_id != there.dialog.call_id
    for seen in call.trace:
        if not seen.sent:
            assert name_addr(seen.message.get("From")).uri == f"sip:{ACME_NUMBER}@inner.acme", (
                seen.message.start_line
            )
    assert (await call.reinvite(customer.session)).status == 200
    assert (await there.reinvite(carrier.session)).status == 200
    assert (await there.bye()).status == 200
    assert await call.ended() == "peer-bye"
    no_leak(customer, carrier)
    # what the callee sent in the dialog reached the caller with the caller's own address
    for message in [s.message for s in call.trace if not s.sent and s.message.is_request]:
        assert name_addr(message.get("To")).uri == f"sip:{ACME_NUMBER}@inner.acme", message.start_line
    for message in [s.message for s in there.trace if not s.sent and not s.message.is_request]:
        assert name_addr(message.get("From")).uri == f"sip:{number}@sbc.example.com"
        assert name_addr(message.get("To")).uri == f"sip:{ACME_NUMBER}@sbc.example.com", message.start_line
    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
    assert record["ending"] == "bye"
    await flow.close()
    return customer, carrier


def test_customer_to_tls_carrier(node: Node) -> None:
    """Summary: a call over TLS on both legs, re-INVITE both ways, BYE; neither side sees the other's inside."""

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(node, carrier):
            await outbound(node, NORTH_NUMBER, carrier)
        carrier.check()

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_customer_to_udp_carrier(node: Node) -> None:
    """Summary: the same to a carrier on plain UDP."""

    async def scenario() -> None:
        carrier = south_agent()
        async with udp_carrier(carrier):
            await outbound(node, SOUTH_NUMBER, carrier)
        carrier.check()

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


async def inbound(node: Node, carrier: Party, flow: Flow) -> None:
    """A carrier calls the customer, who is dialled at its host."""
    customer = customer_agent()
    async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
        call = await place(carrier, flow, ACME_NUMBER, headers=[("Call-Info", "core.carrier")])
        there = await customer.incoming()
        await call.answered()
        await there.confirmed()
        assert (await there.reinvite(customer.session)).status == 200
        assert (await call.reinvite(carrier.session)).status == 200
        assert (await there.bye()).status == 200
        assert await call.ended() == "peer-bye"
        no_leak(customer, carrier)
        customer.check()
    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
    assert (record["ending"], record["direction"]) == ("bye", "inbound")


def test_tls_carrier_to_customer(node: Node) -> None:
    """Summary: a carrier calls over a TLS connection of its own; the PBX is dialled and answers; it hangs up."""

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(node, carrier):
            await inbound(node, carrier, await connect(node, carrier, "north"))

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_udp_carrier_to_customer(node: Node) -> None:
    """Summary: the same from the carrier on plain UDP."""

    async def scenario() -> None:
        carrier = south_agent()
        async with udp_carrier(carrier) as endpoint:
            await inbound(node, carrier, carrier.own(endpoint.flow(SBC_PLAIN)))

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize(
    "sender",
    [
        "sip:+12025550101@10.9.8.7",  # no angle brackets
        '"a <b" <sip:+12025550101@10.9.8.7>',
        "<sip:+12025550101@10.9.8.7;x=$avp(call)>",  # a pattern's and a script's own characters
        "<sip:+12025550101@10.9.8.7;x=a/b>",
    ],
)
def test_from_is_hidden_and_restored_however_it_is_written(node: Node, sender: str) -> None:
    """Summary: the From host stays inside in every spelling, and comes back byte for byte to its own side."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            call = await place(customer, flow, SOUTH_NUMBER, sender=sender)
            there = await carrier.incoming()
            answered = await call.answered()
            assert answered.get("From") == call.invite.get("From")
            await there.confirmed()
            assert (await there.bye()).status == 200
            no_leak(customer, carrier)

    run(node, scenario)


def test_refusal_of_a_carrier_shows_nothing_of_it(node: Node) -> None:
    """Summary: 486 with every header and a body: status, phrase and Reason pass, the rest stays."""

    async def scenario() -> None:
        async def refuse(call: Call) -> None:
            call.reply(
                486, session=carrier.session, headers=[("Reason", "Q.850;cause=17"), ("Retry-After", "7")]
            )

        carrier, customer = south_agent(on_call=refuse), customer_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            final = await call.final()
            assert (final.status, final.get("Reason"), final.get("Retry-After")) == (
                486,
                "Q.850;cause=17",
                "7",
            )
            assert not final.body
            await (await carrier.incoming()).received("ACK")
            no_leak(customer, carrier)

    run(node, scenario)


def test_compact_forms_cross(node: Node) -> None:
    """Summary: Supported and Session-Expires pass in their compact forms too; an Identity of the customer's never."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            headers = [
                ("k", "timer"),
                ("x", "1800;refresher=uac"),
                ("y", "forged;info=<https://inner.acme>"),
                ("s", "hi"),
            ]
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER, headers=headers)
            there = await carrier.incoming()
            await call.answered()
            assert there.invite.get("Supported") == "timer"
            assert there.invite.get("Session-Expires") == "1800;refresher=uac"
            assert not there.invite.has("Subject")
            assert "forged" not in there.invite.get("Identity")
            await call.bye()
            no_leak(customer, carrier)

    run(node, scenario)
