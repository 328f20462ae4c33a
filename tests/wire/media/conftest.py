"""A node with more carriers than the example: one with a single suite, one with two hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from sipkit import sdp
from sipkit.call import Call
from sipkit.transport import Address, Flow
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.media.legs import CM, CM256, GCM, GCM128, Leg, agree, open_leg
from wire.node.parties import (
    NORTH,
    SOUTH,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    tls_carrier,
    udp_carrier,
)

WEST = Address(host="127.0.0.1", port=25071)
PAIR = (Address(host="127.0.0.1", port=25081), Address(host="127.0.0.1", port=25082))
WEST_NUMBER = "+14045550177"
PAIR_NUMBER = "+15055550177"

MORE_CARRIERS = f"""
  - name: west
    hosts: [{WEST}]
    transport: tls
    srtp: [{CM}]
    prefixes: ["+1404"]
    networks: [127.0.0.1/32]
    tls_names: [west.example.net]
    ca: local

  - name: pair
    hosts: [{PAIR[0]}, {PAIR[1]}]
    transport: tls
    prefixes: ["+1505"]
    networks: [127.0.0.1/32]
    tls_names: [pair.example.net]
    ca: local
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = start_node(EXAMPLE.read_text(encoding="utf-8") + MORE_CARRIERS)
    yield running
    stop_node(running)


ANY = (GCM, GCM128, CM256, CM)


@dataclass
class Parties:
    """A customer and a carrier with their media."""

    customer: Party
    carrier: Party
    flow: Flow
    caller: Leg
    callee: Leg
    call: Call
    there: Call
    #: Suite of the caller's and of the callee's leg.
    suites: tuple[str, str]


@asynccontextmanager
async def carrier_at(node: Node, party: Party, name: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        if name == "south":
            await stack.enter_async_context(udp_carrier(party))
        else:
            at = {"north": NORTH, "west": WEST, "pair": PAIR[0], "pair2": PAIR[1]}[name]
            credential = node.credential(name.rstrip("2"))
            await stack.enter_async_context(tls_carrier(node, party, at, credential))
        yield


def contact_of(name: str) -> str:
    if name == "south":
        return f"sip:gw@{SOUTH}"
    at = {"north": NORTH, "west": WEST, "pair": PAIR[0], "pair2": PAIR[1]}[name]
    return f"sip:gw@{at};transport=tls"


NUMBERS = {"north": "+12025550199", "south": "+13035550188", "west": WEST_NUMBER, "pair": PAIR_NUMBER}


@asynccontextmanager
async def talking(
    node: Node, name: str = "north", offered: tuple[str, ...] = (GCM, CM), prefer: tuple[str, ...] = ANY
) -> AsyncIterator[Parties]:
    """An answered call from the customer to a carrier, its keys exchanged."""
    plain = sdp.Profile.PLAIN if name == "south" else sdp.Profile.SDES
    async with (
        open_leg("customer", 41000, offered, 0x1111) as caller,
        open_leg("carrier", 42000, prefer, 0x2222, plain) as callee,
    ):
        customer = customer_agent(session=caller.session)
        carrier = carrier_agent(contact=contact_of(name), session=callee.session)
        async with carrier_at(node, carrier, name):
            flow = await connect(node, customer)
            call = await place(customer, flow, NUMBERS[name])
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            suites = agree(call, there, caller, callee)
            yield Parties(customer, carrier, flow, caller, callee, call, there, suites)
            if not call.is_over:
                assert (await call.bye()).status == 200
            await flow.close()
            carrier.check()
