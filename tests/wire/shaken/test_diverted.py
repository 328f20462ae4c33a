"""A call that came signed and that a customer has diverted: what of it goes on, with our div behind it, and what not."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sipkit.call import HeaderLines
from sipkit.certificates import ThrowawayAuthority
from sipkit.message import Message
from sipkit.nameserver import NameServer
from sipkit.passports import by_ppt, head_of, shaken, verified
from sipkit.provider import Provider
from trunkward.shaken.verify import Verstat
from wire.conftest import start_node, stop_node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.shaken.conftest import BRANCH, DIVERTING, FOREIGN, FROM_BRANCH, signing_node
from wire.shaken.test_signed import brought, diversion, diverted, judged
from wire.verification.conftest import DNS, HOST, Verified, authority_of, path_of, put_on_loopback

#: Whose certificates can be had: other providers', and this node's own.
NAMES = ("certificates.example.net", "cert.example.com")
OWN_PATH = "/trunkward/test.pem"


@pytest.fixture(scope="module")
def world() -> Iterator[Verified]:
    """The node of this room, which finds certificates."""
    put_on_loopback()
    with (
        NameServer(DNS, [(name, "A", HOST) for name in NAMES]) as dns,
        tempfile.TemporaryDirectory(prefix="tw-web-", dir="/tmp") as directory,
    ):
        Path(directory).chmod(0o755)
        web = ThrowawayAuthority(Path(directory))
        credential = web.issue(NAMES[0], hosts=NAMES)
        more = (
            f"  gates: 2\n  resolvers: ['{DNS}']\n"
            f"  verification: {{ca: {web.trust}, unsafe_networks: ['192.0.2.0/24']}}\n"
        )
        running = start_node(signing_node().replace("  gates: 2\n", more, 1))
        try:
            yield Verified(running, dns, web, credential, authority_of(running))
        finally:
            stop_node(running)


def signed(provider: Provider, *, age_s: int = 0, dest: str = DIVERTING[0]) -> list[tuple[str, str]]:
    """What another provider signs of a call to a diverting number."""
    then = int(time.time()) - age_s
    return [
        ("Identity", provider.identity(FOREIGN, dest, iat=then)),
        ("Date", formatdate(then, usegmt=True)),
    ]


async def forwarded(
    world: Verified, headers: HeaderLines, *, called: str = NORTH_NUMBER, call_id: str = ""
) -> tuple[Message, dict[str, Any]]:
    """A call that the PBX says has come to it, though none has: as it arrives, and its record."""
    branch, north = customer_agent(), carrier_agent()
    async with tls_carrier(world.node, north):
        flow = await connect(world.node, branch, "acme-branch", FROM_BRANCH)
        call = await place(
            *(branch, flow, called),
            sender=f"<sip:{FOREIGN}@inner.acme>",
            headers=[*diversion(1), *headers],
            call_id=call_id,
        )
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    return there.invite, await asyncio.to_thread(world.node.record, call.invite.call_id, ended=True)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_a_div_for_each_retarget_of_a_call_that_came_signed(world: Verified, depth: int) -> None:
    """Summary: Property 8: a call forwarded through one to five numbers keeps the signature it came with, byte for byte, with a div for each retarget behind it: orig and iat of the original, and a chain from its dest to the Request-URI."""

    async def scenario() -> None:
        provider = world.provider()
        theirs = signed(provider)
        async with world.host() as host:
            host.publish(path_of(provider), provider.chain)
            invite, lines, _ = await diverted(world.node, depth, theirs, kept=True)
        base, values = theirs[0][1], invite.get_all("Identity")
        assert values[0] == base
        assert f"Identity: {base}\r\n".encode() in lines
        assert [head_of(value)["ppt"] for value in values] == ["shaken", *["div"] * depth]
        original = by_ppt(values, "shaken")[0]
        went = [*(number[1:] for number in DIVERTING[:depth]), NORTH_NUMBER[1:]]
        for value, (was, then) in zip(values[1:], pairwise(went), strict=True):
            assert verified(value, world.node.state / "pki" / "shaken.pem") == {
                "dest": {"tn": [then]},
                "div": {"tn": was},
                "iat": original["iat"],
                "orig": {"tn": FOREIGN[1:]},
            }
        assert invite.uri.startswith(f"sip:{NORTH_NUMBER}@")
        [date] = invite.get_all("Date")
        assert int(parsedate_to_datetime(date).timestamp()) == original["iat"]

    run(world.node, scenario)


def test_a_retarget_of_an_old_call_has_a_time_of_its_own(world: Verified) -> None:
    """Summary: a call that came signed 45 seconds ago: Date is new, and so is the iat of the div."""

    async def scenario() -> None:
        provider = world.provider()
        theirs = signed(provider, age_s=45)
        async with world.host() as host:
            host.publish(path_of(provider), provider.chain)
            invite, _, _ = await diverted(world.node, 1, theirs, kept=True)
        base = theirs[0][1]
        kept, div = invite.get_all("Identity")
        assert kept == base
        claims = verified(div, world.node.state / "pki" / "shaken.pem")
        [date] = invite.get_all("Date")
        assert int(parsedate_to_datetime(date).timestamp()) == claims["iat"]
        assert claims["iat"] - by_ppt([base], "shaken")[0]["iat"] >= 45

    run(world.node, scenario)


@pytest.mark.parametrize("depth", [1, 5])
def test_whoever_is_called_finds_a_whole_chain_good(world: Verified, depth: int) -> None:
    """Summary: Property 8: a call signed A that goes out, comes in, and is forwarded through one or five numbers passes verification at its end, as A of who called."""

    async def scenario() -> None:
        node, numbers = world.node, DIVERTING[:depth]
        customer, branch, north = customer_agent(), customer_agent(), carrier_agent()
        async with (
            world.host() as host,
            tls_carrier(node, branch, BRANCH, node.credential("acme-branch")),
            tls_carrier(node, north),
        ):
            host.publish(OWN_PATH, (node.state / "pki" / "shaken.pem").read_bytes())
            out = await connect(node, customer)
            back = await connect(node, north, "north")
            on = await connect(node, branch, "acme-branch", FROM_BRANCH)
            sender = f"<sip:{ACME_NUMBER}@inner.acme>"
            calls = [await place(customer, out, numbers[0], sender=sender)]
            went = (await north.incoming()).invite
            calls.append(await place(north, back, numbers[0], sender=sender, headers=brought(went)))
            came = (await branch.incoming()).invite
            calls.append(
                await place(
                    branch, on, NORTH_NUMBER, sender=sender, headers=[*diversion(depth), *brought(came)]
                )
            )
            arrived_at = (await north.incoming()).invite
            for call in calls:
                await call.answered()
            for call in reversed(calls):
                assert (await call.bye()).status == 200
            for flow in (out, back, on):
                await flow.close()
        found = judged(arrived_at, node)
        assert (found.outcome, found.attest) == (Verstat.PASSED, "A"), found
        assert [one.ppt for one in found.passports] == ["shaken", *["div"] * depth]

    run(world.node, scenario)


def taken_off(invite: Message, theirs: str) -> dict[str, Any]:
    """The `shaken` claims of a call that goes without what it came with, signed by our own rules with our div."""
    values = invite.get_all("Identity")
    assert theirs not in values
    assert [head_of(value)["ppt"] for value in values] == ["shaken", "div"]
    assert {head_of(value)["x5u"] for value in values} == {"https://cert.example.com/trunkward/test.pem"}
    return by_ppt(values, "shaken")[0]


def test_a_forged_signature_of_a_customer_goes_no_further(world: Verified) -> None:
    """Summary: who brings a signature of nobody's, of a key that is not the certificate's, or a stale one, is signed B with his own origid all the same; so is a good one that is for the number called, and never came to the customer."""

    async def scenario() -> None:
        provider = world.provider()
        forger = Provider(url=provider.url, authority=world.authority)
        now = int(time.time())
        async with world.host() as host:
            host.publish(path_of(provider), provider.chain)
            for theirs, cause in (
                ([("Identity", shaken(FOREIGN[1:], DIVERTING[0][1:], iat=now))], "certificate-unavailable"),
                (signed(forger), "signature"),
                (signed(provider, age_s=90), "iat-outside-window"),
                (signed(provider, dest=NORTH_NUMBER), None),
            ):
                invite, record = await forwarded(world, theirs)
                claims = taken_off(invite, theirs[0][1])
                assert (claims["attest"], claims["dest"]) == ("B", {"tn": [DIVERTING[0][1:]]})
                assert (record["attest"], record["attest_reason"]) == ("B", "")
                found = (record["verification"] or {}).get("errors", [])
                assert [error["cause"] for error in found] == ([cause] if cause else [])

    run(world.node, scenario)


def test_a_signature_is_diverted_in_one_call(world: Verified) -> None:
    """Summary: whoever once got a call of a bank's does not send its A with our div to anybody else: in a second call, or with the same Call-ID to another number, it is taken off and the call signed B."""

    async def scenario() -> None:
        provider = world.provider()
        async with world.host() as host:
            host.publish(path_of(provider), provider.chain)
            theirs = signed(provider)
            invite, _ = await forwarded(world, theirs, call_id="one@acme")
            assert invite.get_all("Identity")[0] == theirs[0][1]
            # (of a Call-ID that comes twice the record is the first one's)
            for called, call_id, why in (
                ("+12025550198", "one@acme", []),
                (NORTH_NUMBER, "two@acme", [{"code": 438, "cause": "replayed"}]),
            ):
                invite, record = await forwarded(world, theirs, called=called, call_id=call_id)
                assert taken_off(invite, theirs[0][1])["attest"] == "B"
                assert record["verification"].get("errors", []) == why

    run(world.node, scenario)
