"""What the node signs on the wire: each level by where a call comes from, retargets, names, and the time."""

import asyncio
import time
from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise

import pytest
from cryptography import x509

from sipkit.address import name_addr
from sipkit.call import Call, HeaderLines
from sipkit.message import Message
from sipkit.passports import by_ppt, head_of, shaken, verified
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.party import canonical_party
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import CalledAs, Verification, Verstat, urls_of, verify
from wire.conftest import Node
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
from wire.shaken.conftest import BRANCH, DIVERTING, FOREIGN, FROM_ABROAD, FROM_BRANCH, FROM_UPSTREAM
from wire.shaken.wire_bytes import arrived

TRUNKS = {
    "acme-hq": ("127.0.0.1", ACME_NUMBER),
    "acme-branch": (FROM_BRANCH, DIVERTING[0]),
    "upstream": (FROM_UPSTREAM, FOREIGN),
    "abroad": (FROM_ABROAD, FOREIGN),
}


async def call_out(
    node: Node, trunk: str, *, sender: str = "", headers: HeaderLines = ()
) -> tuple[Message, Call]:
    """An answered call of a trunk to carrier north: the INVITE as it arrived."""
    host, number = TRUNKS[trunk]
    caller, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, caller, trunk, host)
        call = await place(
            caller, flow, NORTH_NUMBER, sender=sender or f"<sip:{number}@inner.acme>", headers=headers
        )
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    return there.invite, call


def test_levels_and_origids(node: Node) -> None:
    """Summary: Property 7: A for a customer's own number, C for calls in transit and from abroad; origid is the same for each call of a trunk, differs between trunks, and no C has a customer's."""

    async def scenario() -> None:
        found: dict[str, set[str]] = {}
        for trunk, level in (("acme-hq", "A"), ("acme-branch", "A"), ("upstream", "C"), ("abroad", "C")):
            for _ in range(2):
                invite, call = await call_out(node, trunk)
                claims = [verified(v, node.state / "pki" / "shaken.pem") for v in invite.get_all("Identity")]
                assert claims[0]["attest"] == level, trunk
                assert claims[0]["orig"] == {"tn": TRUNKS[trunk][1][1:]}
                assert claims[0]["dest"] == {"tn": [NORTH_NUMBER[1:]]}
                found.setdefault(trunk, set()).add(claims[0]["origid"])
                record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                assert (record["attest"], record["attest_reason"]) == (level, "")
        assert all(len(origids) == 1 for origids in found.values())
        assert len(set.union(*found.values())) == len(TRUNKS)

    run(node, scenario)


def test_a_name_is_signed_beside_the_number(node: Node) -> None:
    """Summary: a trunk with rcd has an rcd PASSporT of its own behind the shaken one: nam and crn, same orig, dest and iat."""

    async def scenario() -> None:
        invite, _ = await call_out(node, "acme-branch")
        values = invite.get_all("Identity")
        assert [head_of(value)["ppt"] for value in values] == ["shaken", "rcd"]
        signed, named = [verified(value, node.state / "pki" / "shaken.pem") for value in values]
        assert named["rcd"] == {"nam": "Example Corp"}
        assert named["crn"] == "Deliveries"
        assert [named[name] for name in ("orig", "dest", "iat")] == [
            signed[name] for name in ("orig", "dest", "iat")
        ]

    run(node, scenario)


@pytest.mark.parametrize("age_s", [None, 0, 90, -90])
def test_date_is_the_time_that_is_signed(node: Node, age_s: int | None) -> None:
    """Summary: Date of a signed call is its iat, an integer; a customer's own Date, stale or not, gives way to it."""

    async def scenario() -> None:
        headers = [] if age_s is None else [("Date", formatdate(time.time() - age_s, usegmt=True))]
        invite, _ = await call_out(node, "acme-hq", headers=headers)
        [date] = invite.get_all("Date")
        [claims] = by_ppt(invite.get_all("Identity"), "shaken")
        assert type(claims["iat"]) is int
        assert int(parsedate_to_datetime(date).timestamp()) == claims["iat"]
        assert abs(time.time() - claims["iat"]) < 60

    run(node, scenario)


def test_to_has_the_number_that_is_signed(node: Node) -> None:
    """Summary: a number dialled nationally is E.164 in To at the carrier, as dest is, in every request of the call; the customer's side sees its own To throughout."""

    async def scenario() -> None:
        dialled, shown = "sip:2025550199@sbc.example.com", f"sip:{NORTH_NUMBER}@sbc.example.com"
        customer, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, customer)
            call = await place(customer, flow, "2025550199")
            there = await north.incoming()
            await call.answered()
            await there.confirmed()
            assert (await call.reinvite(customer.session)).status == 200
            assert (await there.reinvite(north.session)).status == 200
            assert (await there.request("INFO")).status == 200
            assert (await there.bye()).status == 200
            await flow.close()
        [claims] = by_ppt(there.invite.get_all("Identity"), "shaken")
        assert claims["dest"] == {"tn": [NORTH_NUMBER[1:]]}
        for side, wanted in ((call, dialled), (there, shown)):
            seen = [one.message for one in side.trace]
            assert len(seen) > 8
            for message in seen:
                ends = {name_addr(message.get(name)).uri for name in ("From", "To")}
                assert wanted in ends, message.start_line
        assert not north.saw((dialled,))
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["called_number"] == NORTH_NUMBER

    run(node, scenario)


async def diverted(
    node: Node, depth: int, signature: HeaderLines, *, kept: bool, called: str = NORTH_NUMBER
) -> tuple[Message, list[bytes], Call]:
    """A call from outside to the first diverting number, which a PBX sends on through `depth` of them.

    `signature`: what it comes with; `kept`: the PBX brings that along. Gives how it arrived at last.
    """
    numbers = DIVERTING[:depth]
    branch, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, branch, BRANCH, node.credential("acme-branch")), tls_carrier(node, north):
        inbound = await connect(node, north, "north")
        first = await place(
            north, inbound, numbers[0], sender=f"<sip:{FOREIGN}@core.carrier>", headers=signature
        )
        came = await branch.incoming()
        outbound = await connect(node, branch, "acme-branch", FROM_BRANCH)
        second = await place(
            branch,
            outbound,
            called,
            sender=f"<sip:{FOREIGN}@inner.acme>",
            headers=[*diversion(depth), *(brought(came.invite) if kept else [])],
        )
        there = await north.incoming()
        for call in (first, second):
            await call.answered()
        await there.confirmed()
        for call in (second, first):
            assert (await call.bye()).status == 200
        await inbound.close()
        await outbound.close()
    return there.invite, arrived(north)[-1], second


def diversion(depth: int) -> HeaderLines:
    """What a PBX says of a call that went through as many of its numbers, the newest on top."""
    return [
        ("Diversion", f"<sip:{number}@inner.acme>;reason=no-answer") for number in reversed(DIVERTING[:depth])
    ]


@pytest.mark.parametrize("depth", [1, 5])
def test_a_forwarded_call_without_its_signature_is_signed_as_it_came(node: Node, depth: int) -> None:
    """Summary: where the PBX does not keep the signature, the call is signed B as it came to the customer, with a div for each retarget."""

    async def scenario() -> None:
        theirs = [("Identity", shaken(FOREIGN[1:], DIVERTING[0][1:], iat=int(time.time())))]
        invite, _, _ = await diverted(node, depth, theirs, kept=False)
        values = [verified(v, node.state / "pki" / "shaken.pem") for v in invite.get_all("Identity")]
        went = [*(number[1:] for number in DIVERTING[:depth]), NORTH_NUMBER[1:]]
        assert (values[0]["attest"], values[0]["dest"]) == ("B", {"tn": went[:1]})
        assert [(v["div"]["tn"], v["dest"]["tn"]) for v in values[1:]] == [
            (was, [then]) for was, then in pairwise(went)
        ]
        assert len({v["iat"] for v in values}) == 1

    run(node, scenario)


def judged(invite: Message, node: Node) -> Verification:
    """What the verification service of whoever is called makes of a call as it arrives there."""
    pki = node.state / "pki"
    roots = x509.load_pem_x509_certificates((pki / "shaken-ca.pem").read_bytes())
    chain, now_s = (pki / "shaken.pem").read_bytes(), time.time()
    values = invite.get_all("Identity")
    asserted = invite.get("P-Asserted-Identity") or invite.get("From")
    called = CalledAs(
        orig=(canonical_party(name_addr(asserted).uri),),
        to=canonical_party(name_addr(invite.get("To")).uri),
        request_uri=canonical_party(invite.uri),
        date_s=parsedate_to_datetime(invite.get("Date")).timestamp(),
        call_id=invite.call_id,
    )
    credential = credential_of(chain, TrustedList.of(*roots), NO_LIST, now_s)
    return verify(values, call=called, credentials=dict.fromkeys(urls_of(values), credential), now_s=now_s)


def test_whoever_is_called_finds_it_good(node: Node) -> None:
    """Summary: the verification steps pass what leaves the node: A with a name, national dialling, C, and B of a forwarded call."""

    async def scenario() -> None:
        for trunk, level in (("acme-hq", "A"), ("acme-branch", "A"), ("upstream", "C")):
            found = judged((await call_out(node, trunk))[0], node)
            assert (found.outcome, found.attest) == (Verstat.PASSED, level), found
        for depth in (1, 5):
            invite, _, _ = await diverted(node, depth, [], kept=False)
            found = judged(invite, node)
            assert (found.outcome, found.attest) == (Verstat.PASSED, "B"), found

    run(node, scenario)


def brought(invite: Message) -> HeaderLines:
    """What a PBX or carrier takes along of the signatures of a call it has received."""
    return [(name, value) for name, value in invite.headers if name in ("Identity", "Date")]
