"""REGISTERs as PBXs, strangers and attackers send them."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from typing import Any

import pytest

from sipkit.identity import fresh_id
from sipkit.message import parse
from sipkit.transport import client_context
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    SBC,
    SBC_PLAIN,
    connect,
    faults_in,
    place,
    run,
    signals_in,
    south_agent,
    udp_carrier,
    until,
)
from wire.registration.pbx import INSTANCE, Pbx, ended_if_answered, pbx_agent


@pytest.mark.parametrize(
    ("more", "status", "reason"),
    [
        ({"user": "+12025550199"}, 403, "address-of-another"),
        ({"user": "someone"}, 403, "address-of-another"),
        ({"expires": 59}, 423, "registration-too-brief"),
        ({"contact": "*"}, 400, "malformed-request"),
        ({"contact": "<sip:acme-hq@[2001:db8::1>"}, 400, "malformed-request"),
        ({"contact": "<sip:a@10.0.0.1>|<sip:b@10.0.0.1>"}, 400, "malformed-request"),
        ({"headers": [("Require", "gin")]}, 420, "extension-unknown"),
    ],
)
def test_refusals_say_why(node: Node, more: dict[str, Any], status: int, reason: str) -> None:
    """Summary: each refusal with its code and reason, and the header that tells how to do better."""

    async def scenario() -> None:
        party = pbx_agent()
        answer = await Pbx(party).register(await connect(node, party), **more)
        assert answer.status == status
        assert f'text="{reason}"' in answer.get("Reason")
        assert answer.get("Min-Expires") == ("60" if status == 423 else "")
        assert answer.get("Unsupported") == ("gin" if status == 420 else "")

    run(node, scenario)


def test_all_that_is_told_of_a_flow(node: Node) -> None:
    """Summary: Path, Require: outbound and Flow-Timer to a PBX that can (RFC 3327, 5626), and the form of the Path."""

    async def scenario() -> None:
        party = pbx_agent()
        pbx = Pbx(party, f"<sip:acme-hq@10.9.8.7:5066>;+sip.instance={INSTANCE};reg-id=1")
        flow = await connect(node, party)
        answer = await pbx.register(flow, user="+12025550101", headers=[("Supported", "path, outbound")])
        assert answer.status == 200
        assert (answer.get("Require"), answer.get("Flow-Timer")) == ("outbound", "120")
        assert answer.get("Path").startswith("<sip:")
        assert answer.get("Path").endswith("@127.0.0.10:5061;transport=tls;lr;ob>")
        assert f"+sip.instance={INSTANCE};reg-id=1" in answer.get("Contact")
        again = await pbx.register(flow, user="+12025550101", headers=[("Supported", "path, outbound")])
        assert again.get("Path") == answer.get("Path")
        await pbx.register(flow, contact="*", expires=0)

    run(node, scenario)


def test_a_stranger_learns_nothing(node: Node) -> None:
    """Summary: no certificate, or a trunk's from another network: the same bare 403, whatever is wrong with it."""

    async def scenario() -> None:
        answers = []
        cases: list[dict[str, Any]] = [
            {},
            {"contact": "*"},
            {"headers": [("Require", "gin")]},
            {"expires": 1},
        ]
        for name, host in (("", "127.0.0.1"), ("acme-hq", "127.0.0.99")):
            for more in cases:
                party = pbx_agent()
                answer = await Pbx(party).register(await connect(node, party, name, host), **more)
                answers.append([answer.start_line, *(name for name, _ in answer.headers)])
        assert answers == [answers[0]] * len(answers)
        assert answers[0][0] == "SIP/2.0 403 Forbidden"
        assert not {"Reason", "Warning"} & set(answers[0])

    run(node, scenario)


def test_a_carrier_without_tls_gets_405(node: Node) -> None:
    """Summary: REGISTER on the plain listener: 405 to a carrier's address, as before."""

    async def scenario() -> None:
        carrier = south_agent()
        async with udp_carrier(carrier) as endpoint:
            answer = await Pbx(carrier).register(carrier.own(endpoint.flow(SBC_PLAIN)))
            assert answer.status == 405

    run(node, scenario)


def test_keepalives_are_answered(node: Node) -> None:
    """Summary: a double CRLF gets a single one (RFC 5626 section 4.4.1), before and after a registration."""

    async def scenario() -> None:
        tls = client_context(node.authority, node.credential("acme-hq"))
        reader, writer = await asyncio.open_connection(
            SBC.host, SBC.port, ssl=tls, server_hostname=SBC.host, local_addr=("127.0.0.1", 0)
        )
        try:
            for _ in range(3):
                writer.write(b"\r\n\r\n")
                assert await asyncio.wait_for(reader.readexactly(2), 20) == b"\r\n"
                writer.write(
                    b"REGISTER sip:sbc.example.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.9.8.7;branch=z9hG4bK"
                    + fresh_id("k").encode()
                    + b"\r\nMax-Forwards: 70\r\nFrom: <sip:acme-hq@x>;tag=1\r\nTo: <sip:acme-hq@x>\r\nCall-ID: "
                    + fresh_id("k").encode()
                    + b"\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
                )
                assert parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).status == 200
        finally:
            writer.close()
            with suppress(ssl.SSLError, ConnectionError):
                await writer.wait_closed()

    run(node, scenario)


def test_ten_hostile_registrations_a_second(node: Node) -> None:
    """Summary: strangers, forged addresses and broken Contacts, 20 a second: calls and registrations go on, no records."""

    async def scenario() -> None:
        attackers = [(pbx_agent(), name) for name in ("", "north", "acme-hq", "acme-hq")]
        flows = [(party, await connect(node, party, name)) for party, name in attackers]
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        hostile: list[dict[str, Any]] = [
            {"user": "+12025550199"},
            {"contact": ", ".join(f"<sip:a{n}@10.0.0.1>" for n in range(200))},
            {"contact": '"' * 500},
            {"user": "x" * 600},
            {"headers": [("Require", "a" * 2000)]},
        ]

        async def attack() -> list[int]:
            found = []
            for n in range(100):
                bad, flow = flows[n % len(flows)]
                found.append((await Pbx(bad).register(flow, **hostile[n % len(hostile)])).status)
                await asyncio.sleep(0.05)
            return found

        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            attacking = asyncio.create_task(attack())
            began_s, call_ids, took = time.monotonic(), [], []
            while not attacking.done():
                began = time.monotonic()
                assert (await pbx.register(flow)).status == 200
                took.append(time.monotonic() - began)
                call = await place(carrier, outer, ACME_NUMBER)
                assert (await ended_if_answered(call)).status == 200
                call_ids.append(call.invite.call_id)
                await asyncio.sleep(0.2)
            answers, lasted_s = await attacking, time.monotonic() - began_s
            assert set(answers) <= {400, 403, 420}
            # behind those of the others it would be as long as they last
            assert max(took) < lasted_s / 2

            def recorded() -> list[str]:
                return [call["call_id"] for call in node.calls()]

            # of this node nobody else has called
            await until(lambda: set(call_ids) <= set(recorded()), "the records of all calls", 20)
            assert sorted(recorded()) == sorted(call_ids)
            await pbx.register(flow, contact="*", expires=0)
        assert not faults_in(node.log("kamailio"))
        assert not signals_in(node.log("kamailio"))

    run(node, scenario)
