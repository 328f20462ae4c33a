"""Carriers found by NAPTR and SRV, tried in order, asked whether they are there; DNS believed about addresses alone."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sipkit.address import sip_uri
from sipkit.call import Call
from sipkit.nameserver import NameServer
from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.health.conftest import ask
from wire.network.addresses import put_on_loopback
from wire.node.parties import (
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
    until,
)

DNS = Address(host="127.0.0.53", port=5353)
FIRST, SECOND = Address(host="127.0.0.71", port=25071), Address(host="127.0.0.72", port=25072)
THIRD = Address(host="127.0.0.73", port=25073)
PLAIN = Address(host="127.0.0.74", port=35074)
NAMED, NAMED_PLAIN = "+14045550177", "+15055550177"
#: Seconds until a name is known in any case: what was asked in vain is asked again after 30.
LOOKED_UP_S = 45.0
SRV = "_sips._tcp.named.example.net"
RECORDS = [
    ("named.example.net", "NAPTR", '10 10 "s" "SIP+D2U" "" _sip._udp.trap.example.net.'),
    ("named.example.net", "NAPTR", f'20 10 "s" "SIPS+D2T" "" {SRV}.'),
    (SRV, "SRV", f"10 1 {FIRST.port} first.named.example.net."),
    (SRV, "SRV", f"20 1 {SECOND.port} second.named.example.net."),
    ("first.named.example.net", "A", FIRST.host),
    ("second.named.example.net", "A", SECOND.host),
    ("_sip._udp.plain.example.net", "SRV", f"1 1 {PLAIN.port} gw.plain.example.net."),
    ("gw.plain.example.net", "A", PLAIN.host),
]
CONFIG = (
    EXAMPLE.read_text(encoding="utf-8").replace(
        "  gates: 2\n",
        f"  gates: 2\n  resolvers: ['{DNS}']\n  probes: {{every_s: 1, down_after: 2, up_after: 1}}\n",
    )
    + """
  - name: named
    hosts: [named.example.net]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.1/32]

  - name: named-plain
    hosts: [plain.example.net]
    transport: udp
    media: rtp
    prefixes: ["+1505"]
    networks: [192.0.2.0/24]
"""
)


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with NameServer(DNS, RECORDS) as server:
        yield server


@pytest.fixture(scope="module")
def node(dns: NameServer) -> Iterator[Node]:
    put_on_loopback()
    running = start_node(CONFIG)
    yield running
    stop_node(running)


def health(node: Node) -> dict[str, dict[str, Any]]:
    """What the edge says of carriers' hosts."""
    try:
        document = json.loads((node.run / "health" / "targets.json").read_text())
    except FileNotFoundError:
        return {}
    return {target["host"]: target for target in document["targets"]}


def targets(node: Node) -> Any:
    """What the worker says of carriers' names."""
    try:
        return json.loads((node.state / "targets" / "targets.json").read_text())["peers"]
    except FileNotFoundError:
        return {}


def found(node: Node, peer: str) -> list[str]:
    return [
        host
        for known in targets(node).get(f"carrier:{peer}", {}).values()
        for server in known["servers"]
        for host in server["hosts"]
    ]


def asks_dns_again(node: Node) -> None:
    """Has everything asked for now, as if its time were over."""
    node.signal("worker", signal.SIGSTOP)  # it writes the file, too
    path = node.state / "targets" / "targets.json"
    document = json.loads(path.read_text())
    for names in document["peers"].values():
        for known in names.values():
            known["ask_at"] = 0
    path.write_text(json.dumps(document))
    node.signal("worker", signal.SIGKILL)


async def is_in_state(node: Node, at: Address, state: str, **more: str) -> None:
    """Waits for a host to be up or down, by what an OPTIONS came to (`status`, `problem`)."""
    wanted = more | {"state": state}
    await until(lambda: wanted.items() <= health(node).get(str(at), {}).items(), f"{at}: {wanted}", 30.0)


@asynccontextmanager
async def listening(node: Node, at: Address, party: Party, name: str = "named") -> AsyncIterator[None]:
    async with tls_carrier(node, party, at, node.credential(name)):
        yield


def methods(party: Party) -> set[str]:
    return {seen.message.method for seen in party.trace if not seen.sent and seen.message.is_request}


async def answered_by(node: Node, customer: Party, number: str, party: Party) -> Call:
    """A call that this carrier answers; its other end."""
    call = await place(customer, await connect(node, customer), number)
    there = await party.incoming()
    await call.answered()
    await there.confirmed()
    assert (await call.bye()).status == 200
    return there


def test_calls_go_to_what_srv_names_first(node: Node, dns: NameServer) -> None:
    """Summary: NAPTR, SRV, A for TLS alone; the domain stays in the Request-URI and is the certificate's name."""

    async def scenario() -> None:
        first, second, customer = carrier_agent(), carrier_agent(), customer_agent()
        await until(lambda: len(found(node, "named")) == 2, "looked up", LOOKED_UP_S)
        async with listening(node, FIRST, first), listening(node, SECOND, second):
            await is_in_state(node, FIRST, "up")
            there = await answered_by(node, customer, NAMED, first)
            assert sip_uri(there.invite.start_line.split(" ")[1]).host == "named.example.net"
        assert "INVITE" not in methods(second)

    run(node, scenario)
    assert f"SRV {SRV}" in dns.asked
    assert not [asked for asked in dns.asked if "trap" in asked or "_sip._tcp" in asked]
    assert not faults_in(node.log("kamailio"))


def test_a_server_that_is_away_is_passed_over(node: Node) -> None:
    """Summary: the next server gets the call; one that stays away counts as down, is tried last, and comes back."""

    async def scenario() -> None:
        first, second, customer = carrier_agent(), carrier_agent(), customer_agent()
        async with listening(node, SECOND, second):
            await answered_by(node, customer, NAMED, second)
            await is_in_state(node, FIRST, "down", problem="nothing accepts TCP connections there")
            await is_in_state(node, SECOND, "up")
            async with listening(node, FIRST, first):
                await is_in_state(node, FIRST, "up")
                await answered_by(node, customer, NAMED, first)
            said = "carrier:named at 127.0.0.71:25071 (tls) is down"
            await until(lambda: said in node.log("kamailio"), "it is said", 20)

    run(node, scenario)


def test_all_down_are_all_tried(node: Node) -> None:
    """Summary: a carrier that is down is never left out: the moment it is there it gets the call."""

    async def scenario() -> None:
        second, customer = carrier_agent(), customer_agent()
        await is_in_state(node, FIRST, "down")
        await is_in_state(node, SECOND, "down")
        up, down = (
            'trunkward_carriers{part="worker",state="up"}',
            'trunkward_carrier_hosts{part="worker",state="down"}',
        )
        await until(lambda: f"{up} 0.0" in ask("/metrics")[1], "no carrier is up in the metrics", 20)
        await until(lambda: f"{down} 5.0" in ask("/metrics")[1], "all their hosts are down", 20)
        async with listening(node, SECOND, second):
            await answered_by(node, customer, NAMED, second)
            await until(lambda: f"{up} 1.0" in ask("/metrics")[1], "one carrier is up in the metrics", 20)

    run(node, scenario)


def test_the_name_of_an_srv_target_is_no_identity(node: Node) -> None:
    """Summary: who has the certificate of a name that DNS gave, and not of the domain, gets no call (RFC 5922 7.3)."""

    async def scenario() -> None:
        impostor, second, customer = carrier_agent(), carrier_agent(), customer_agent()
        async with listening(node, FIRST, impostor, "north"), listening(node, SECOND, second):
            await answered_by(node, customer, NAMED, second)
            said = "expected named.example.net, the certificate is for north.example.net"
            await until(lambda: said in node.log("kamailio"), "its certificate was looked at", 20)
            # whoever is up comes first, and the impostor never is
            await is_in_state(node, FIRST, "down", problem=said)
            await answered_by(node, customer, NAMED, second)
        assert "INVITE" not in methods(impostor)

    run(node, scenario)


def test_what_an_options_is_answered(node: Node) -> None:
    """Summary: 405 is life, 503 is none: a server that says it takes no calls is tried last."""

    async def scenario() -> None:
        status = 405

        def change(data: bytes) -> bytes:
            if b"\r\nCSeq:" in data and b" OPTIONS\r\n" in data:
                return data.replace(b"SIP/2.0 200 OK", b"SIP/2.0 %d Said So" % status, 1)
            return data

        plain = south_agent()
        plain.on_wire = change
        async with udp_carrier(plain, PLAIN):
            await is_in_state(node, PLAIN, "up", status="405")
            status = 503
            await is_in_state(node, PLAIN, "down", status="503")
            status = 405
            await is_in_state(node, PLAIN, "up", status="405")

    run(node, scenario)


def test_a_plain_carrier_by_name(node: Node) -> None:
    """Summary: a UDP carrier found by SRV; its BYE is taken from where the call went, its Contact's name never asked."""

    async def scenario() -> None:
        plain, customer = south_agent(), customer_agent()
        plain.contact_uri = "sip:gw@core.plain.example.net"
        async with udp_carrier(plain, PLAIN):
            call = await place(customer, await connect(node, customer), NAMED_PLAIN)
            there = await plain.incoming()
            await call.answered()
            await there.confirmed()  # the ACK came, though its Request-URI is a name nobody knows
            assert (await call.reinvite(customer.session)).status == 200
            assert (await there.bye()).status == 200
            assert await call.ended() == "peer-bye"

    run(node, scenario)


def test_dns_may_fail_and_change(node: Node, dns: NameServer) -> None:
    """Summary: with DNS silent calls go on to where they went; what it says then is followed, running calls are kept."""

    async def scenario() -> None:
        third, second, customer = carrier_agent(), carrier_agent(), customer_agent()
        dns.silent = True
        async with listening(node, SECOND, second):
            asks_dns_again(node)
            in_vain = '"problem": "SRV of _sips._tcp.named.example.net'
            await until(lambda: in_vain in node.log("worker"), "DNS was asked in vain", LOOKED_UP_S)
            assert found(node, "named") == [str(FIRST), str(SECOND)]
            call = await place(customer, await connect(node, customer), NAMED)
            there = await second.incoming()
            await call.answered()
            await there.confirmed()
            dns.records = [
                record for record in dns.records if record[0] != SRV and "named.example.net" not in record[2]
            ]
            dns.records += [
                (SRV, "SRV", f"1 1 {THIRD.port} third.example.net."),
                ("third.example.net", "A", THIRD.host),
            ]
            dns.silent = False
            asks_dns_again(node)
            async with listening(node, THIRD, third):
                await until(lambda: found(node, "named") == [str(THIRD)], "the new server", 30.0)
                await is_in_state(node, THIRD, "up")
                await answered_by(node, customer, NAMED, third)
                assert (await there.reinvite(second.session)).status == 200
                assert (await call.bye()).status == 200

    run(node, scenario)


def test_status_of_a_name(node: Node) -> None:
    """Summary: `status` says where a carrier's name leads, and how each of its hosts is."""
    said = " ".join(node.trunkward("status").stdout.split())
    assert f"carrier named-plain plain.example.net: {PLAIN}" in said
    assert f"carrier named-plain {PLAIN}/udp " in said
