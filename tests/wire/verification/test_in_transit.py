"""Calls that other providers bring to a trunk, verified end to end, and what we sign beside what they signed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sipkit.call import Call, HeaderLines
from sipkit.provider import ORIGID, Provider
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, place, run, tls_carrier
from wire.shaken.wire_bytes import arrived, bringing
from wire.verification.conftest import FROM, Verified, path_of
from wire.verification.test_calls_in import CALLING, record_of, stir

SENDER = f"<sip:{CALLING}@up.example.net>"
ASSERTED = ("P-Asserted-Identity", f"<sip:{CALLING}@core.up>")


async def call_through(
    verified: Verified,
    identity: str,
    name: str,
    *,
    more: HeaderLines = (),
    call_id: str = "",
    from_tag: str = "",
) -> tuple[Call, Call | None, list[list[bytes]]]:
    """A call of another provider to carrier north, hung up if it was answered; both sides, and what arrived."""
    node = verified.node
    upstream, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, upstream, name, FROM[name])
        if identity:
            upstream.on_wire = bringing(f"Identity: {identity}\r\n".encode())
        call = await place(
            *(upstream, flow, NORTH_NUMBER),
            sender=SENDER,
            headers=[*more],
            call_id=call_id,
            from_tag=from_tag,
        )
        final = await call.final()
        there = None
        if final.status == 200:
            there = await north.incoming()
            await there.confirmed()
            assert (await call.bye()).status == 200
        await flow.close()
    return call, there, arrived(north)


def identities(lines: list[list[bytes]]) -> list[bytes]:
    """Of the one INVITE that arrived."""
    [found] = lines
    return [line for line in found if line.lower().startswith(b"identity")]


def signed(provider: Provider, level: str = "A", **how: Any) -> str:
    return provider.identity(how.pop("orig", CALLING), NORTH_NUMBER, level=level, **how)


@pytest.mark.parametrize("name", ["upstream", "abroad"])
def test_a_signed_call(verified: Verified, name: str) -> None:
    """Summary: what came signed A is verified with a certificate that had to be fetched, goes on byte for byte and is not signed again; record, why and the summary say who signed it."""

    async def scenario() -> None:
        provider = verified.provider(spc="711L" if name == "abroad" else "709J")
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            theirs = signed(provider)
            call, there, lines = await call_through(verified, theirs, name, more=[ASSERTED])
            assert there is not None
            assert identities(lines) == [f"Identity: {theirs}\r\n".encode()]
            assert there.invite.get("P-Asserted-Identity") == f"<sip:{CALLING}@sbc.example.com>"
            assert stir(call) == []
            record = await record_of(verified, call)
            assert record["verification"] == {
                "verstat": "TN-Validation-Passed",
                "attest": "A",
                "spc": "711L" if name == "abroad" else "709J",
                "origid": ORIGID,
                "x5u": provider.url,
            }
            assert (record["attest"], record["attestation"]["rule"]) == ("", "none-already-signed")
            assert host.asked == {path_of(provider): 1}
        why = await asyncio.to_thread(verified.node.trunkward, "why", call.invite.call_id)
        assert f"level A, verified: signed by {record['verification']['spc']}" in why.stdout, why.stderr
        assert ORIGID in why.stdout
        told = await asyncio.to_thread(verified.node.trunkward, "verification", "--upstream", name)
        assert f"trunk {name}: " in told.stdout

    run(verified.node, scenario)


def test_what_is_not_enough_is_signed_c(verified: Verified) -> None:
    """Summary: a number of the country that came signed B, or badly, or with a certificate nobody gives, leaves a gateway with what it came with and our C behind it; an intermediate adds one to what is not good."""

    async def scenario() -> None:
        provider = verified.provider()
        forger = Provider(url=provider.url, authority=verified.authority)
        nobody = verified.provider("nobody.example.net")
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            for theirs, good in (
                (signed(provider, "B"), True),
                (signed(forger), False),
                (signed(nobody), False),
            ):
                for name, rule in (("abroad", "C-gateway"), ("upstream", "C-intermediate-unsigned")):
                    call, there, lines = await call_through(verified, theirs, name)
                    assert there is not None
                    first, *behind = identities(lines)
                    assert first == f"Identity: {theirs}\r\n".encode()
                    record = await record_of(verified, call)
                    if good and name == "upstream":
                        assert (behind, record["attestation"]["rule"]) == ([], "none-already-signed")
                        continue
                    [ours] = behind
                    assert b"ppt=shaken" in ours
                    assert (record["attest"], record["attestation"]["rule"]) == ("C", rule)

    run(verified.node, scenario)


def test_a_bad_signature_by_the_trunks_policy(verified: Verified) -> None:
    """Summary: marked within the trust domain and told to who sent it; refused with 438, 403 or 428 where the trunk says so; unsigned it is signed C."""

    async def scenario() -> None:
        provider = verified.provider()
        forger = Provider(url=provider.url, authority=verified.authority)
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            forged = signed(forger)
            call, there, lines = await call_through(verified, forged, "upstream", more=[ASSERTED])
            assert there is not None
            marked = f"<sip:{CALLING};verstat=TN-Validation-Failed@sbc.example.com;user=phone>"
            assert there.invite.get("P-Asserted-Identity") == marked
            assert identities(lines)[0] == f"Identity: {forged}\r\n".encode()
            assert [value.split(";")[1] for _, value in stir(call)] == ["cause=438"]
            assert (await record_of(verified, call))["verification"]["errors"] == [
                {"code": 438, "cause": "signature"}
            ]
            for theirs, status in (
                (forged, 438),
                (signed(provider, iat=time.time() - 120), 403),
                ("", 428),
            ):
                call, there, lines = await call_through(verified, theirs, "strict")
                assert (there, lines) == (None, [])
                assert (await call.final()).status == status
                assert [code for code, _ in stir(call)] == [status]
                assert (await record_of(verified, call))["blame"] == "customer"
            _, there, lines = await call_through(verified, signed(provider), "strict")
            assert there is not None
        call, _, lines = await call_through(verified, "", "upstream")
        assert len(identities(lines)) == 1
        record = await record_of(verified, call)
        assert (record["attest"], record["attestation"]["rule"]) == ("C", "C-intermediate-unsigned")
        assert record["verification"] == {"verstat": "No-TN-Validation", "why": "no-identity"}

    run(verified.node, scenario)


def test_a_replay(verified: Verified) -> None:
    """Summary: Property 15: a captured signature that comes with another call is refused at a trunk, too; the same call again is not."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            captured = signed(provider)
            for call_id, goes in (("one@up", True), ("one@up", True), ("two@up", False)):
                call, there, _ = await call_through(
                    verified, captured, "strict", call_id=call_id, from_tag="f1"
                )
                assert (there is not None) is goes
                assert (await call.final()).status == (200 if goes else 438)

    run(verified.node, scenario)
