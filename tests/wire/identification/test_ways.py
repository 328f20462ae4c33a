"""Each way of being recognised, and each combination, on a real node: who is told, who is asked, who is refused."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from sipkit.certificates import Credential
from sipkit.transport import Address, Flow, client_context, open_stream, open_udp
from wire.identification.conftest import TRUNKS, Site, number_of
from wire.identification.digest_client import Answering, digest_call, final
from wire.node.parties import (
    CARRIER_MARKS,
    NORTH_NUMBER,
    SBC,
    SBC_PLAIN,
    Party,
    carrier_agent,
    customer_agent,
    faults_in,
    invite,
    run,
    tls_carrier,
)

ANYWHERE = "127.0.9.9"
#: A trunk's own home, where it has one.
HOME = {"by-network": "127.0.1.1", "by-both": "127.0.1.5", "by-all": "127.0.1.6", "by-chain": "127.0.1.7"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a caller shows: a trunk's certificate, another's, or none; a trunk's secret, or one that is wrong."""

    host: str = ANYWHERE
    certificate: str = ""
    username: str = ""
    password: str = ""
    algorithm: str = "SHA-256"


async def come(site: Site, party: Party, shown: Shown, credential: Credential | None = None) -> Flow:
    """A TLS connection that shows a certificate, from somewhere."""
    node = site.node
    own = credential or (node.credential(shown.certificate) if shown.certificate else None)
    tls = client_context(node.authority, own)
    flow: Flow = party.own(await open_stream(SBC, party.receive, tls=tls, local_host=shown.host))
    return flow


def identity(trunk: str) -> str:
    return f"<sip:{number_of(trunk)}@inner.acme>"


@pytest.mark.parametrize(
    ("trunk", "shown"),
    [
        ("by-network", Shown(host=HOME["by-network"])),
        ("by-certificate", Shown(certificate="by-certificate")),
        ("by-chain", Shown(host=HOME["by-chain"], certificate="by-chain")),
        ("by-digest", Shown(username="west-digest", password="by-digest")),
        # a certificate nobody knows is in nobody's way
        (
            "by-digest",
            Shown(certificate="north", host="127.0.9.8", username="west-digest", password="by-digest"),
        ),
        ("by-both", Shown(host=HOME["by-both"], username="by-both", password="by-both")),
        ("by-both", Shown(host=HOME["by-both"], username="by-both", password="by-both", algorithm="MD5")),
        (
            "by-all",
            Shown(host=HOME["by-all"], certificate="by-all", username="by-all", password="by-all"),
        ),
    ],
)
def test_a_trunk_that_shows_all_it_must_calls_and_hangs_up(site: Site, trunk: str, shown: Shown) -> None:
    """Summary: a call of a trunk recognised in its way goes to the carrier and back; nothing of its credentials goes with it."""
    node = site.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.identity = identity(trunk)
        async with tls_carrier(node, carrier):
            flow = await come(site, customer, shown)
            if shown.username:
                answering = Answering(
                    username=shown.username,
                    password=site.passwords[shown.password],
                    algorithm=shown.algorithm,
                )
                call, reply = await digest_call(customer, flow, NORTH_NUMBER, answering)
            else:
                call, reply = await final(customer, flow, invite(customer, flow, NORTH_NUMBER))
            assert reply.status == 200, reply
            there = await carrier.incoming()
            await there.confirmed()
            # what proves who it is stays on its side
            told = b"".join(carrier.raw).lower()
            assert b"authorization" not in told
            assert b"digest" not in told
            assert not customer.saw(CARRIER_MARKS)
            await call.bye()
            await there.ended()
            found = node.record(call.invite.call_id, ended=True)
            assert (found["trunk"], found["reason"]) == (trunk, "admitted")
            # the way is told (the level rests on it), and nothing of what was shown
            ways = found.pop("authenticated_by")
            assert set(ways) == set(TRUNKS[trunk][0].strip("[]").split(", "))
            assert "digest" not in str(found).lower().replace("by-digest", "").replace("west-digest", "")

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize(
    ("trunk", "shown", "status", "reason"),
    [
        ("by-network", Shown(), 407, ""),
        ("by-certificate", Shown(host=HOME["by-both"]), 407, ""),
        # its PBX may know of no credentials: the operator finds what is wrong
        ("by-chain", Shown(host=ANYWHERE, certificate="by-chain"), 407, "credentials-required"),
        ("by-chain", Shown(host=HOME["by-chain"]), 407, ""),
        ("by-digest", Shown(), 407, ""),
        ("by-digest", Shown(username="west-digest", password="by-both"), 403, "credentials-refused"),
        ("by-digest", Shown(username="nobody", password="by-digest"), 403, "credentials-refused"),
        (
            "by-digest",
            Shown(username="west-digest", password="by-digest", algorithm="MD5"),
            407,
            "",
        ),
        ("by-both", Shown(username="by-both", password="by-both"), 403, "credentials-refused"),
        (
            "by-both",
            Shown(host=HOME["by-both"], username="by-both", password="by-all"),
            403,
            "credentials-refused",
        ),
        ("by-all", Shown(host=HOME["by-all"], certificate="by-all"), 407, ""),
        (
            "by-all",
            Shown(host=HOME["by-all"], username="by-all", password="by-all"),
            403,
            "credentials-refused",
        ),
        (
            "by-all",
            Shown(host=ANYWHERE, certificate="by-all", username="by-all", password="by-all"),
            403,
            "credentials-refused",
        ),
        (
            "by-all",
            Shown(host=HOME["by-all"], certificate="by-chain", username="by-all", password="by-all"),
            403,
            "credentials-refused",
        ),
    ],
)
def test_one_that_does_not_is_asked_or_refused(
    site: Site, trunk: str, shown: Shown, status: int, reason: str
) -> None:
    """Summary: who lacks one of the ways its trunk demands is asked for credentials once and then refused, without a word why."""
    node = site.node

    async def scenario() -> None:
        customer = customer_agent()
        customer.identity = identity(trunk)
        flow = await come(site, customer, shown)
        call, reply = await final(customer, flow, invite(customer, flow, NORTH_NUMBER))
        assert reply.status == 407
        offered = reply.get_all("Proxy-Authenticate")
        # MD5 after SHA-256, and to the networks of a trunk that needs it alone
        wanted = ["SHA-256", "MD5"] if shown.host == HOME["by-both"] else ["SHA-256"]
        assert [value.split("algorithm=")[1].split(",")[0] for value in offered] == wanted
        if shown.username and shown.algorithm in wanted:
            answering = Answering(
                username=shown.username, password=site.passwords[shown.password], algorithm=shown.algorithm
            )
            call, reply = await digest_call(customer, flow, NORTH_NUMBER, answering)
        assert reply.status == status
        assert not reply.get("Reason")
        assert not reply.get("Warning")
        if reason:
            assert node.record(call.invite.call_id)["reason"] == reason
            assert node.record(call.invite.call_id)["trunk"] == ""
        if reason == "credentials-required":
            told = node.trunkward("explain", call.invite.call_id).stdout
            assert f"a stranger, who says it is trunk {trunk} (" in told
            assert f"to let it pass: add {ANYWHERE} to networks of trunk {trunk}" in told

    run(node, scenario)


def test_by_authority_and_subject(site: Site, tmp_path: Path) -> None:
    """Summary: any certificate of a trunk's own authority for its subject is that trunk, renewed or not; another subject, or another authority's, is nobody."""
    node, authority = site.node, site.authority
    good = [authority.issue("pbx.west.example.com"), authority.issue("PBX", hosts=("PBX.West.example.com",))]
    bad = [
        authority.issue("pbx.acme.example.com"),
        authority.issue("pbx.west.example.com", hosts=("*.west.example.com",)),
        type(authority)(tmp_path, "West PBX authority").issue("pbx.west.example.com"),
    ]

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(node, carrier):
            for credential in (*good, *bad):
                customer = customer_agent()
                customer.identity = identity("by-authority")
                flow = await come(site, customer, Shown(), credential)
                call, reply = await final(customer, flow, invite(customer, flow, NORTH_NUMBER))
                assert reply.status == (200 if credential in good else 407)
                if credential in good:
                    there = await carrier.incoming()
                    await there.confirmed()
                    await call.bye()
                    await there.ended()
                    assert node.record(call.invite.call_id)["trunk"] == "by-authority"

    run(node, scenario)


def test_nobody_hears_anything_on_the_plain_listener(site: Site) -> None:
    """Summary: over UDP a stranger gets no byte back, whatever credentials it shows."""

    async def scenario() -> None:
        customer = customer_agent()
        endpoint = await open_udp(Address(host=ANYWHERE, port=0), customer.receive)
        flow = customer.own(endpoint.flow(SBC_PLAIN))
        answering = Answering(username="west-digest", password="x", nonce="n", realm="sbc.example.com")
        for headers in ((), (("Proxy-Authorization", answering.header("INVITE", "sip:x@y")),)):
            customer.place(invite(customer, flow, NORTH_NUMBER, headers=headers), flow)
        await asyncio.sleep(1.5)
        assert customer.raw == []

    run(site.node, scenario)
