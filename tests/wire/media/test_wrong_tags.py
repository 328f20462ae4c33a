"""Packets nobody with the keys has sent never leave the node, and never move media (CVE-2025-53399)."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from wire.conftest import Node
from wire.media.conftest import talking
from wire.media.legs import CM, GCM, QUIET_S, Leg, Socket, heard_both_ways, open_socket
from wire.media.srtp import RTCP_HEADER_BYTES, NotAuthenticError, Stream

ROUTES = [("north", (GCM, CM)), ("north", (CM,)), ("west", (CM,))]
THIRD = "127.0.0.66"


def forgeries(leg: Leg) -> list[bytes]:
    """What somebody without the leg's keys may send to it."""
    assert leg.sends is not None
    stranger = Stream(
        suite=leg.sends.suite, key=("A" * len(leg.sends.key.rstrip("="))) + "=" * leg.sends.key.count("=")
    )
    genuine = leg.seal(leg.packet(b"genuine, and then spoilt"))
    other = Leg("stranger", 0, leg.profile, leg.suites, 0x6666)
    other.sequence = leg.sequence + 1000
    return [
        genuine[:-1] + bytes([genuine[-1] ^ 1]),  # a wrong tag
        genuine[:20] + bytes([genuine[20] ^ 1]) + genuine[21:],  # a wrong payload
        genuine[:-10],  # no tag
        stranger.seal(leg.packet(b"under another key")),
        stranger.seal(other.packet(b"another key, another source")),
        leg.packet(b"plain RTP"),
        other.packet(b"plain RTP of another source"),
        bytes(172),
        b"\x80",
    ]


def rtcp_forgeries(leg: Leg) -> list[bytes]:
    """The same for RTCP: sender reports, and a BYE that would end the stream."""
    assert leg.sends is not None
    stranger = Stream(
        suite=leg.sends.suite, key=("A" * len(leg.sends.key.rstrip("="))) + "=" * leg.sends.key.count("=")
    )
    genuine = leg.sends.seal_rtcp(report(leg))
    bye = struct.pack(">BBHI", 0x81, 203, 1, leg.ssrc)
    return [
        genuine[:-1] + bytes([genuine[-1] ^ 1]),
        genuine[:12] + bytes([genuine[12] ^ 1]) + genuine[13:],
        stranger.seal_rtcp(report(leg)),
        stranger.seal_rtcp(bye + bytes(4)),
        report(leg),
        bye,
    ]


def report(leg: Leg) -> bytes:
    """A sender report (RFC 3550 section 6.4.1) and the CNAME it must have."""
    sender = struct.pack(">BBHIIIIII", 0x80, 200, 6, leg.ssrc, 1, 2, 3, leg.count, leg.count * 160)
    return sender + struct.pack(">BBHI", 0x81, 202, 2, leg.ssrc) + b"\x01\x01x\x00"


async def inject(legs: Iterable[Leg], attacker: Socket | None) -> int:
    """Sends every forgery at these legs, from somewhere else or from the peer's own port. Counts them."""
    sent = 0
    for leg in legs:
        to = (leg.remote.host, leg.remote.port)
        for forged in forgeries(leg) * 3:
            (attacker or leg.rtp).transport.sendto(forged, to)
            sent += 1
        for forged in rtcp_forgeries(leg) * 3:
            (attacker or leg.rtcp).transport.sendto(forged, (to[0], to[1] + 1))
            (attacker or leg.rtp).transport.sendto(forged, to)  # as if RTCP were multiplexed (RFC 5761)
            sent += 2
        await asyncio.sleep(0.02)
    return sent


@asynccontextmanager
async def third_address() -> AsyncIterator[Socket]:
    attacker = await open_socket(43000, THIRD)
    try:
        yield attacker
    finally:
        attacker.transport.close()


@contextmanager
def nothing_at(attacker: Socket | None) -> Iterator[None]:
    yield
    assert attacker is None or not attacker.arrived, "media or reports were sent to the attacker"


def no_forged_rtcp(*legs: Leg) -> None:
    """Whatever came as RTCP opens, and tells of nobody's leaving."""
    for leg in legs:
        assert leg.receives is not None
        for packet in leg.rtcp.arrived:
            plain = leg.receives.open_rtcp(packet)
            assert plain[1] in (200, 201), "only reports"
            assert len(plain) >= RTCP_HEADER_BYTES
        leg.rtcp.arrived.clear()


@pytest.mark.parametrize("from_peer", [True, False], ids=["own-address", "third-address"])
@pytest.mark.parametrize(("name", "offered"), ROUTES)
def test_forged_packets_never_leave_the_node(
    node: Node, name: str, offered: tuple[str, ...], from_peer: bool
) -> None:
    """Summary: wrong tags, foreign keys, plain RTP, RTCP; before, between and after talk, hold and resume."""

    async def scenario() -> None:
        async with third_address() as third, talking(node, name, offered) as parties:
            attacker = None if from_peer else third
            caller, callee = parties.caller, parties.callee
            with nothing_at(attacker):
                # the very first packets of a stream: nothing is known of it yet
                sent = await inject((caller, callee), attacker)
                await asyncio.sleep(QUIET_S)
                assert (caller.take(), callee.take()) == ([], [])
                await heard_both_ways(caller, callee)
                sent += await inject((caller, callee), attacker)
                await asyncio.sleep(QUIET_S)
                assert (caller.take(), callee.take()) == ([], [])
                await heard_both_ways(caller, callee)
                for direction in ("sendonly", "sendrecv"):
                    caller.change = lambda text, d=direction: text.replace("a=sendrecv", f"a={d}")
                    assert (await parties.call.reinvite(caller.session)).status == 200
                    await asyncio.sleep(0.05)
                    callee.agree(parties.there.remote_sdp)
                    caller.agree(parties.call.remote_sdp)
                    sent += await inject((caller, callee), attacker)
                    await asyncio.sleep(QUIET_S)
                    assert (caller.take(), callee.take()) == ([], [])
                await heard_both_ways(caller, callee)
                no_forged_rtcp(caller, callee)
        record = await asyncio.to_thread(node.record, parties.call.invite.call_id, ended=True)
        # the genuine ones, in and out
        assert [leg["packets_out"] for leg in record["legs"]] == [75, 75], record["legs"]
        assert sent == 4 * 2 * 3 * (9 + 6 * 2)

    asyncio.run(scenario())


@pytest.mark.parametrize(("name", "offered"), ROUTES)
def test_genuine_reports_pass(node: Node, name: str, offered: tuple[str, ...]) -> None:
    """Summary: SRTCP reports of one side arrive at the other under its own keys: silence means something."""

    async def scenario() -> None:
        async with talking(node, name, offered) as parties:
            caller, callee = parties.caller, parties.callee
            await heard_both_ways(caller, callee)
            for leg in (caller, callee):
                assert leg.sends is not None
                leg.rtcp.transport.sendto(
                    leg.sends.seal_rtcp(report(leg)), (leg.remote.host, leg.remote.port + 1)
                )
            await asyncio.sleep(QUIET_S)
            for leg in (caller, callee):
                assert leg.receives is not None
                (packet,) = leg.rtcp.arrived
                assert leg.receives.open_rtcp(packet)[1] == 200
                with pytest.raises(NotAuthenticError):
                    leg.receives.open_rtcp(packet[:-1] + bytes([packet[-1] ^ 1]))

    asyncio.run(scenario())


def test_plain_leg_takes_packets_from_the_peer_only(node: Node) -> None:
    """Summary: on a plain leg (`media: rtp`) a third address injects and moves nothing (docs/media.md)."""

    async def scenario() -> None:
        async with third_address() as attacker, talking(node, "south", (GCM,)) as parties:
            caller, callee = parties.caller, parties.callee
            await heard_both_ways(caller, callee)
            for _ in range(20):
                attacker.transport.sendto(
                    callee.packet(b"injected"), (callee.remote.host, callee.remote.port)
                )
            await asyncio.sleep(QUIET_S)
            assert (caller.take(), callee.take()) == ([], [])
            await heard_both_ways(caller, callee)
            assert not attacker.arrived

    asyncio.run(scenario())
