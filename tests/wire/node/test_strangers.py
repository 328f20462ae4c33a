"""Who knows everything about a call and is not its peer can neither end nor move it, nor be told anything."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sipkit.dialog import Dialog
from sipkit.identity import fresh_id
from sipkit.message import request
from sipkit.transport import open_udp
from wire.conftest import Node
from wire.node.parties import (
    NORTH_NUMBER,
    SBC_PLAIN,
    SOUTH,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    reoffer,
    run,
    tls_carrier,
)


def _as_caller(call: Any, _there: Any) -> Dialog:
    found: Dialog = call.dialog
    return found


def _as_callee(_call: Any, there: Any) -> Dialog:
    found: Dialog = there.dialog
    return found


def _with_a_tag_of_its_own(call: Any, _there: Any) -> Dialog:
    return replace(_as_caller(call, _there), local_tag=fresh_id("t"))


async def _no_certificate(node: Node, party: Party) -> Any:
    return await connect(node, party, name="")


async def _other_network(node: Node, party: Party) -> Any:
    return await connect(node, party, host="127.0.0.2")


async def _other_peer(node: Node, party: Party) -> Any:
    return await connect(node, party, name="north")


async def _the_customer(node: Node, party: Party) -> Any:
    return await connect(node, party)


async def _plain(_node: Node, party: Party) -> Any:
    endpoint = await open_udp(replace(SOUTH, port=0), party.receive)
    return party.own(endpoint.flow(SBC_PLAIN))


@pytest.mark.parametrize(
    ("come", "dialog"),
    [
        (_no_certificate, _as_caller),
        (_no_certificate, _as_callee),
        (_no_certificate, _with_a_tag_of_its_own),
        (_other_network, _as_caller),
        (_other_peer, _as_caller),
        (_the_customer, _as_callee),
        (_the_customer, _with_a_tag_of_its_own),
        (_plain, _as_caller),
        (_plain, _as_callee),
    ],
)
def test_a_stranger_is_told_481(
    node: Node, come: Callable[..., Any], dialog: Callable[[Any, Any], Dialog]
) -> None:
    """Summary: a stranger with a running call's identifiers gets 481 for BYE, re-INVITE, UPDATE and INFO; the call goes on."""

    async def scenario() -> None:
        customer, carrier, stranger = customer_agent(), carrier_agent(), customer_agent()
        async with tls_carrier(node, carrier):
            call = await place(customer, await connect(node, customer), NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            heard = len(customer.raw), len(carrier.raw)
            flow = await come(node, stranger)
            stolen = replace(dialog(call, there), local_seq=100)
            for method in ("BYE", "INVITE", "UPDATE", "INFO", "ACK"):
                stolen = stolen.next_request()
                uri, _ = stolen.routing()
                lines = stolen.headers(method, stranger.via(flow))
                body = b""
                if method in ("INVITE", "UPDATE"):
                    body = reoffer(call).encode()
                    lines += [("Contact", stranger.contact(flow)), ("Content-Type", "application/sdp")]
                message = request(method, uri, lines, body)
                if method == "ACK":
                    flow.send(message.to_bytes())
                    continue
                reply = await stranger.transact(flow, message)
                assert reply.status == 481
                assert not reply.body
            await asyncio.sleep(0.2)
            assert (len(customer.raw), len(carrier.raw)) == heard
            assert (await call.reinvite(reoffer(call))).status == 200
            assert (await there.reinvite(reoffer(there))).status == 200
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            assert not record["ended_at"]
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"

    run(node, scenario)


def test_a_peer_that_connects_anew_is_no_stranger(node: Node) -> None:
    """Summary: a customer that comes back on another connection, and its carrier on one of its own, go on with the call."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            call = await place(customer, await connect(node, customer), NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            await call.flow.close()
            call.flow = await connect(node, customer)
            assert (await call.reinvite(reoffer(call))).status == 200
            there.flow = await connect(node, carrier, name="north")
            assert (await there.reinvite(reoffer(there))).status == 200
            assert (await there.bye()).status == 200
            assert await call.ended() == "peer-bye"

    run(node, scenario)
