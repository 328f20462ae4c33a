"""DTLS-SRTP on the customer's side: real handshakes, hold and resume, and packets nobody with the keys has sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sipkit import sdp
from wire.conftest import Node
from wire.media.conftest import ANY, NUMBERS, Parties, carrier_at, contact_of
from wire.media.dtls import DtlsLeg, open_dtls_leg, other_fingerprint
from wire.media.legs import CM, GCM, QUIET_S, Leg, Socket, heard_both_ways, inline_keys, open_leg
from wire.media.test_wrong_tags import inject, nothing_at, third_address
from wire.node.parties import carrier_agent, connect, customer_agent, faults_in, place, until


@asynccontextmanager
async def dtls_call(
    node: Node, directory: Path, suite: str, name: str = "north", *, deaf: bool = False
) -> AsyncIterator[Parties]:
    """An answered call from a DTLS-SRTP customer to a carrier; `deaf`: no hands are shaken yet."""
    plain = sdp.Profile.PLAIN if name == "south" else sdp.Profile.SDES
    async with (
        open_dtls_leg("customer", 41000, suite, 0x1111, directory) as caller,
        open_leg("carrier", 42000, ANY, 0x2222, plain) as callee,
    ):
        caller.rtp.deaf = deaf  # type: ignore[attr-defined]
        customer = customer_agent(session=caller.session)
        carrier = carrier_agent(contact=contact_of(name), session=callee.session)
        async with carrier_at(node, carrier, name):
            flow = await connect(node, customer)
            call = await place(customer, flow, NUMBERS[name])
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            caller.agree(call.remote_sdp)
            suites = (suite, callee.agree(there.remote_sdp))
            yield Parties(customer, carrier, flow, caller, callee, call, there, suites)
            assert (await call.bye()).status == 200
            await flow.close()
            carrier.check()


def dtls(parties: Parties) -> DtlsLeg:
    assert isinstance(parties.caller, DtlsLeg)
    return parties.caller


async def shake_hands(parties: Parties) -> None:
    await dtls(parties).shake_hands(parties.call.remote_sdp)


@pytest.mark.parametrize(("suite", "name"), [(GCM, "north"), (CM, "north"), (CM, "west"), (CM, "south")])
def test_talk_hold_and_resume(node: Node, tmp_path: Path, suite: str, name: str) -> None:
    """Summary: a DTLS-SRTP customer talks, holds, resumes, is held; one handshake, both suites in the record."""

    async def scenario() -> Parties:
        async with dtls_call(node, tmp_path, suite, name) as parties:
            await shake_hands(parties)
            await heard_both_ways(parties.caller, parties.callee)
            for end, leg in ((parties.call, parties.caller), (parties.there, parties.callee)):
                for direction in ("sendonly", "sendrecv"):
                    leg.change = lambda text, d=direction: text.replace("a=sendrecv", f"a={d}")
                    assert (await end.reinvite(leg.session)).status == 200
                    await asyncio.sleep(0.05)
                    assert sdp.profile_of(parties.call.remote_sdp) == sdp.Profile.DTLS
                    parties.callee.agree(parties.there.remote_sdp)
                leg.change = None
                await heard_both_ways(parties.caller, parties.callee)
            assert dtls(parties).said.count(b"Keying material:") == 1
            # nothing of the customer's DTLS is told to the carrier
            assert not [raw for raw in parties.carrier.raw if b"fingerprint" in raw or b"a=setup" in raw]
            assert not inline_keys(parties.customer.raw)
            return parties

    parties = asyncio.run(scenario())
    record = node.record(parties.call.invite.call_id, ended=True)
    caller, callee = record["legs"]
    assert (caller["key_source"], caller["srtp_suite"]) == ("dtls-srtp", suite)
    assert (callee["key_source"], callee["srtp_suite"]) == (
        ("none", "") if name == "south" else ("sdes", parties.suites[1])
    )
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize("from_peer", [True, False], ids=["own-address", "third-address"])
@pytest.mark.parametrize("suite", [GCM, CM])
def test_forged_packets_never_leave_the_node(node: Node, tmp_path: Path, suite: str, from_peer: bool) -> None:
    """Summary: DTLS customer: wrong tags, foreign keys, plain RTP, RTCP: before, between and after talk: nothing leaves."""

    async def scenario() -> None:
        async with third_address() as third, dtls_call(node, tmp_path, suite) as parties:
            caller, callee = parties.caller, parties.callee
            attacker = None if from_peer else third
            with nothing_at(attacker):
                await shake_hands(parties)
                for _ in range(2):
                    await inject((caller, callee), attacker)
                    await asyncio.sleep(QUIET_S)
                    only_reports(caller, caller.rtp, from_peer)  # RTCP is multiplexed here
                    only_reports(callee, callee.rtcp, from_peer)
                    assert (caller.take(), callee.take()) == ([], [])
                    await heard_both_ways(caller, callee)

    asyncio.run(scenario())


def only_reports(leg: Leg, socket: Socket, from_peer: bool) -> None:
    """Takes out what came as RTCP: from a peer's own address its reports pass, protected or not (docs/media.md)."""
    assert leg.receives is not None
    rtcp = [packet for packet in socket.arrived if 200 <= packet[1] <= 207]
    assert from_peer or not rtcp
    for packet in rtcp:
        assert leg.receives.open_rtcp(packet)[1] in (200, 201), "only reports"
        socket.arrived.remove(packet)


def test_nothing_passes_before_the_handshake(node: Node, tmp_path: Path) -> None:
    """Summary: until hands are shaken no packet passes, either way; then all do."""

    async def scenario() -> None:
        async with dtls_call(node, tmp_path, CM, deaf=True) as parties:
            caller, callee = parties.caller, parties.callee
            for leg in (caller, callee):
                await leg.talk(5)
            await asyncio.sleep(QUIET_S)
            assert (caller.rtp.arrived, callee.rtp.arrived) == ([], [])
            caller.rtp.deaf = False  # type: ignore[attr-defined]
            await shake_hands(parties)
            await heard_both_ways(caller, callee)

    asyncio.run(scenario())


def test_a_certificate_that_was_not_announced(node: Node, tmp_path: Path) -> None:
    """Summary: a handshake with another certificate than the SDP's fingerprint gives no media in either direction."""

    async def scenario() -> None:
        async with (
            open_dtls_leg("customer", 41000, CM, 0x1111, tmp_path) as caller,
            open_leg("carrier", 42000, ANY, 0x2222) as callee,
        ):
            caller.fingerprint = other_fingerprint()
            customer = customer_agent(session=caller.session)
            carrier = carrier_agent(contact=contact_of("north"), session=callee.session)
            async with carrier_at(node, carrier, "north"):
                flow = await connect(node, customer)
                call = await place(customer, flow, NUMBERS["north"])
                there = await carrier.incoming()
                await call.answered()
                await there.confirmed()
                caller.agree(call.remote_sdp)
                callee.agree(there.remote_sdp)
                # rtpengine may break it off, or finish it and use no key
                over = (b"ERROR", b"Keying material")
                await until(lambda: any(one in caller.said for one in over), "an end of the handshake")
                for leg in (caller, callee):
                    await leg.talk(5)
                await asyncio.sleep(QUIET_S)
                assert (caller.rtp.arrived, callee.rtp.arrived) == ([], [])
                assert (await call.bye()).status == 200
                await flow.close()

    asyncio.run(scenario())
