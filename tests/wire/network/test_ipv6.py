"""A node with an address of each IP version: every leg on either, media too, and nothing shown of the other side."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sipkit import sdp
from sipkit.address import name_addr, sip_uri
from sipkit.call import Call
from sipkit.transport import Address, Flow, client_context, open_stream
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.media.legs import CM, GCM, Leg, agree, heard_both_ways, no_key_crosses, open_leg
from wire.network.addresses import (
    CUSTOMER6,
    PBX6,
    SBC6,
    SBC6_PLAIN,
    SIX,
    SIX_PLAIN,
    put_on_loopback,
)
from wire.node.parties import (
    NORTH,
    NORTH_NUMBER,
    PBX,
    SBC,
    SBC_PLAIN,
    SOUTH,
    SOUTH_NUMBER,
    Party,
    carrier_agent,
    customer_agent,
    faults_in,
    place,
    run,
    tls_carrier,
    udp_carrier,
)

SIX_NUMBER, SIX_PLAIN_NUMBER = "+14045550177", "+15055550177"
SIX_HQ_NUMBER = "+12025550111"
CONFIG = (
    EXAMPLE.read_text(encoding="utf-8")
    .replace("  contact_host: 127.0.0.10\n", f'  contact_host: [127.0.0.10, "{SBC6.host}"]\n')
    .replace("  address: 127.0.0.10\n  tls_port", f'  address: [127.0.0.10, "{SBC6.host}"]\n  tls_port')
    .replace("    address: 127.0.0.10\n    ports", "    ports")
    .replace(
        "networks: [127.0.0.1/32, 127.0.0.21/32]", 'networks: [127.0.0.1/32, 127.0.0.21/32, "2001:db8::/112"]'
    )
    .replace(
        "carriers:\n",
        f"""\
      - name: acme-six
        networks: ["{CUSTOMER6}", "{PBX6.host}"]
        client_certificate: issued
        numbers: ["{SIX_HQ_NUMBER}"]
        caller: {{other: replace, number: "{SIX_HQ_NUMBER}"}}
        host: "{PBX6}"
        tls_names: [six.acme.example.com]

carriers:
  - name: six
    hosts: ["{SIX}"]
    transport: tls
    # one suite, the customers' own: two hops inside
    srtp: [{CM}]
    prefixes: ["+1404"]
    networks: ["{SIX.host}"]
    tls_names: [six.example.net]

  - name: six-plain
    hosts: ["{SIX_PLAIN}"]
    transport: udp
    media: rtp
    prefixes: ["+1505"]
    networks: ["{SIX_PLAIN.host}"]

""",
    )
)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    put_on_loopback()
    running = start_node(CONFIG)
    yield running
    stop_node(running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Where a party is, and how it speaks."""

    name: str
    #: Of its media and of its own end of a connection.
    host: str
    number: str = ""
    at: Address | None = None

    @property
    def plain(self) -> bool:
        return self.at in (SOUTH, SIX_PLAIN)

    @property
    def family(self) -> str:
        return "IP6" if ":" in self.host else "IP4"

    @property
    def contact(self) -> str:
        return f"sip:gw@{self.at}" if self.plain else f"sip:gw@{self.at};transport=tls"


CUSTOMERS = [
    Side(name="acme-hq", host="127.0.0.1", number="+12025550101"),
    Side(name="acme-six", host=CUSTOMER6, number=SIX_HQ_NUMBER),
]
CARRIERS = [
    Side(name="north", host="127.0.0.1", number=NORTH_NUMBER, at=NORTH),
    Side(name="south", host="127.0.0.41", number=SOUTH_NUMBER, at=SOUTH),
    Side(name="six", host=SIX.host, number=SIX_NUMBER, at=SIX),
    Side(name="six-plain", host=SIX_PLAIN.host, number=SIX_PLAIN_NUMBER, at=SIX_PLAIN),
]
ADDRESSES = re.compile(r"127\.0\.0\.\d+|2001:db8:[0-9a-f:]*", re.IGNORECASE)


def sbc(side: Side) -> str:
    return SBC6.host if side.family == "IP6" else SBC.host


@asynccontextmanager
async def listening(node: Node, side: Side, party: Party, credential: str) -> AsyncIterator[Any]:
    assert side.at is not None
    if side.plain:
        async with udp_carrier(party, side.at) as endpoint:
            yield endpoint
    else:
        async with tls_carrier(node, party, side.at, node.credential(credential)):
            yield None


async def connect_from(node: Node, party: Party, side: Side, name: str) -> Flow:
    tls = client_context(node.authority, node.credential(name))
    to = Address(host=sbc(side), port=5061)
    flow: Flow = party.own(await open_stream(to, party.receive, tls=tls, local_host=side.host))
    return flow


def shows_only(party: Party, allowed: set[str]) -> None:
    """Asserts that no address stands in what a party received but these.

    (Questions of the node's own have its first address in their Call-ID.)
    """
    told = [raw.decode(errors="replace") for raw in party.raw if not raw.startswith(b"OPTIONS ")]
    seen = {found for text in told for found in ADDRESSES.findall(text)}
    assert seen <= allowed, seen - allowed


async def speaks(
    node: Node, call: Call, there: Call, caller: tuple[Party, Leg, Side], callee: tuple[Party, Leg, Side]
) -> None:
    """An answered call: ends hidden from each other, media of each side's family, requests both ways."""
    agree(call, there, caller[1], callee[1])
    for leg, side in (caller[1:], callee[1:]):
        assert leg.remote.host == sbc(side)
    await heard_both_ways(caller[1], callee[1], 10)
    answer = next(seen.message for seen in reversed(call.trace) if not seen.sent)
    for message, side in ((there.invite, callee[2]), (answer, caller[2])):
        assert sip_uri(name_addr(message.get("Contact")).uri).host == sbc(side)
    where = f"[{SBC6.host}]" if callee[2].family == "IP6" else SBC.host
    assert where in there.invite.get("Contact")
    assert where in there.invite.get("Via")
    assert (await call.reinvite(caller[1].session)).status == 200
    agree(call, there, caller[1], callee[1])
    assert (await there.reinvite(callee[1].session)).status == 200
    agree(call, there, caller[1], callee[1])
    await heard_both_ways(caller[1], callee[1], 10)
    assert (await there.bye()).status == 200
    assert await call.ended() == "peer-bye"
    for party, _, side in (caller, callee):
        own = {side.host, side.at.host if side.at else side.host, "127.0.0.1"}
        shows_only(party, own | {sbc(side)})
    no_key_crosses(caller[0], callee[0])
    assert not callee[0].saw(caller[0].marks)
    assert not caller[0].saw(callee[0].marks)


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda side: side.name)
@pytest.mark.parametrize("customer", CUSTOMERS, ids=lambda side: side.family)
def test_outbound(node: Node, customer: Side, carrier: Side) -> None:
    """Summary: a call from either IP version to either, over TLS and SRTP and over UDP and RTP, heard both ways."""

    async def scenario() -> None:
        plain = sdp.Profile.PLAIN if carrier.plain else sdp.Profile.SDES
        async with (
            open_leg("customer", 41000, (CM,), 0x1111, host=customer.host) as caller,
            open_leg("carrier", 42000, (GCM, CM), 0x2222, plain, host=carrier.host) as callee,
        ):
            one = customer_agent(session=caller.session)
            other = carrier_agent(contact=carrier.contact, session=callee.session)
            async with listening(node, carrier, other, carrier.name):
                flow = await connect_from(node, one, customer, customer.name)
                call = await place(one, flow, carrier.number)
                there = await other.incoming()
                await call.answered()
                await there.confirmed()
                await speaks(node, call, there, (one, caller, customer), (other, callee, carrier))
                assert {flow.remote.host for flow in other.flows} == {sbc(carrier)}
                other.check()
                await flow.close()
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["source"].rpartition(":")[0].strip("[]") == customer.host
        assert (record["ending"], record["peer"]) == ("bye", carrier.name)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize(
    ("carrier", "customer"),
    [
        (CARRIERS[1], Side(name="acme-six", host=PBX6.host, number=SIX_HQ_NUMBER, at=PBX6)),
        (CARRIERS[2], Side(name="acme-hq", host="127.0.0.1", number="+12025550101", at=PBX)),
        (CARRIERS[3], Side(name="acme-six", host=PBX6.host, number=SIX_HQ_NUMBER, at=PBX6)),
    ],
    ids=["IP4 to IP6", "IP6 to IP4", "IP6 to IP6"],
)
def test_inbound(node: Node, carrier: Side, customer: Side) -> None:
    """Summary: a carrier of either IP version calls a customer of either; the PBX is dialled, its name checked."""

    async def scenario() -> None:
        plain = sdp.Profile.PLAIN if carrier.plain else sdp.Profile.SDES
        async with (
            open_leg("carrier", 42000, (CM,), 0x2222, plain, host=carrier.host) as caller,
            open_leg("customer", 41000, (GCM, CM), 0x1111, host=customer.host) as callee,
        ):
            one = carrier_agent(contact=carrier.contact, session=caller.session)
            other = customer_agent(session=callee.session)
            async with AsyncExitStack() as stack:
                endpoint = await stack.enter_async_context(listening(node, carrier, one, carrier.name))
                await stack.enter_async_context(listening(node, customer, other, customer.name))
                if carrier.plain:
                    to = SBC6_PLAIN if carrier.family == "IP6" else SBC_PLAIN
                    flow = one.own(endpoint.flow(to))
                else:
                    flow = await connect_from(node, one, carrier, carrier.name)
                call = await place(one, flow, customer.number)
                there = await other.incoming()
                await call.answered()
                await there.confirmed()
                await speaks(node, call, there, (one, caller, carrier), (other, callee, customer))
                other.check()
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["direction"], record["trunk"]) == ("bye", "inbound", customer.name)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_a_stranger_learns_nothing_on_ipv6(node: Node) -> None:
    """Summary: the plain listener answers a carrier's IPv6 address, and is silent to any other."""
    question = (
        "OPTIONS sip:sbc.example.com SIP/2.0\r\nVia: SIP/2.0/UDP [{host}]:5060;branch=z9hG4bKv6;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:x@example.com>;tag=1\r\nTo: <sip:sbc.example.com>\r\n"
        "Call-ID: v6\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )

    def asked_from(host: str, within_s: float) -> bytes:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            probe.settimeout(within_s)
            probe.sendto(question.format(host=host).encode(), (SBC6_PLAIN.host, SBC6_PLAIN.port))
            try:
                return probe.recv(4096)
            except TimeoutError:
                return b""

    assert asked_from(SIX_PLAIN.host, 20).startswith(b"SIP/2.0 200")
    assert asked_from(CUSTOMER6, 1) == b""


def test_an_offer_of_the_other_version_alone(node: Node) -> None:
    """Summary: an IPv6 customer that offers IPv4 media is served there; an answer of a version not offered is refused."""

    async def scenario() -> None:
        async with (
            open_leg("customer", 41000, (CM,), 0x1111) as caller,
            open_leg("carrier", 42000, (GCM,), 0x2222, host=SIX.host) as callee,
        ):
            one, other = customer_agent(session=caller.session), carrier_agent(session=callee.session)
            async with tls_carrier(node, other):  # north: offered IPv4, answers IPv6
                flow = await connect_from(node, one, CUSTOMERS[1], "acme-six")
                call = await place(one, flow, NORTH_NUMBER)
                final = await call.final()
                assert (final.status, "media-address-family" in final.get("Reason")) == (502, True)
            callee.host = "127.0.0.1"
            async with tls_carrier(node, other):
                call = await place(one, flow, NORTH_NUMBER)
                assert (await call.final()).status == 200
                assert "c=IN IP4 127.0.0.10" in call.remote_sdp
                assert (await call.bye()).status == 200

    run(node, scenario)


def test_status_names_every_listener(node: Node) -> None:
    """Summary: `status` shows each listener on each address, and that all are ready."""
    said = node.trunkward("status")
    assert said.returncode == 0
    for where in (
        "127.0.0.10:5061",
        f"[{SBC6.host}]:5061",
        f"[{SBC6.host}]:5060",
        f"[{SBC6.host}]:30000-39999",
    ):
        assert where in said.stdout
