"""A refused caller hears why: the tone in the file arrives, over SRTP, and then the refusal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sipkit import sdp
from sipkit.call import Call
from trunkward.calltest.tone import find_tone, write_tone
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.media.legs import CM, GCM, QUIET_S, Leg, open_leg
from wire.media.srtp import HEADER_BYTES
from wire.node.parties import (
    NORTH_NUMBER,
    SBC,
    SBC_PLAIN,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)

#: Nobody takes it.
UNROUTED = "+12125550142"
NOBODYS = "+12025550104"
#: Of the files, in Hz and seconds; less than 2.05 s of a tone cannot be told (`calltest.tone`).
NO_ROUTE, UNKNOWN = (440.0, 2.4), (1000.0, 2.2)
#: One that nobody hears to its end; and a number whose call is refused with it.
LONG_S, ABROAD = 14.0, "+442079460123"
PACKET_S = 0.02
#: As `edge.announcements`.
MOST = 32


def files_in(factory: pytest.TempPathFactory) -> Path:
    """Where the node's processes can read."""
    return Path("/tmp") / f"tw-announcements-{factory.getbasetemp().name}"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    files = files_in(tmp_path_factory)
    files.mkdir(exist_ok=True)
    write_tone(files / "no-route.wav", frequency_hz=NO_ROUTE[0], duration_s=NO_ROUTE[1])
    write_tone(files / "called-number-unknown.wav", frequency_hz=UNKNOWN[0], duration_s=UNKNOWN[1])
    write_tone(files / "destination-not-allowed.wav", frequency_hz=440.0, duration_s=LONG_S)
    files.chmod(0o755)
    for file in files.iterdir():
        file.chmod(0o644)
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "  gates: 2\n", f"  gates: 2\n  announcements: {files}\n", 1
    )
    running = start_node(text.replace('prefixes: ["+1202"]', 'prefixes: ["+1202", "+44"]'))
    yield running
    stop_node(running)
    for file in files.iterdir():
        file.unlink()
    files.rmdir()


def linear(byte: int) -> int:
    """One sample of G.711 A-law (ITU-T G.711, table 1a)."""
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    value = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 0x108 << exponent - 1
    return value if byte & 0x80 else -value


def heard(leg: Leg) -> list[int]:
    """Samples of all that has arrived; a packet that does not open fails the test."""
    packets = [leg.receives.open(raw) if leg.receives else raw for raw in leg.rtp.arrived]
    assert {packet[1] & 0x7F for packet in packets} == {8}
    return [linear(byte) for packet in packets for byte in packet[HEADER_BYTES:]]


@dataclass
class Refused:
    """A call that was refused after its announcement, and what was heard of it."""

    final: Any
    early: Any
    samples: list[int]


async def refused(call: Call, leg: Leg, lasts_s: float) -> Refused:
    """Waits for both; `lasts_s`: the file, of which the refusal may be read here before its last packets are."""
    early = await call.received(183)
    assert leg.agree(early.body.decode()) == (leg.receives.suite if leg.receives else "")
    final = await call.final()
    await until(lambda: len(leg.rtp.arrived) * PACKET_S > lasts_s - 3 * PACKET_S, "the whole file", 20)
    return Refused(final, early, heard(leg))


def sent_at(node: Node, call: Call, *answers: str) -> dict[str, float]:
    """When these answers left the node, in seconds since the epoch; {} while one of them is not on record."""
    shown = node.trunkward("calls", "show", call.invite.call_id, "--json")
    messages = json.loads(shown.stdout)["messages"] if shown.returncode == 0 else []
    found = {message["what"]: message["at"] for message in messages if message["what"] in answers}
    return found if set(answers) <= set(found) else {}


@pytest.mark.parametrize("suite", [GCM, CM])
def test_a_customer_hears_the_file_over_srtp(node: Node, suite: str) -> None:
    """Summary: 183 with SRTP of the caller's suite; the file's tone; then 404 with its reason; no carrier was asked."""

    async def scenario() -> None:
        carrier = carrier_agent()
        async with open_leg("customer", 41000, (suite,), 0x1111) as leg, tls_carrier(node, carrier):
            customer = customer_agent(session=leg.session)
            flow = await connect(node, customer)
            call = await place(customer, flow, UNROUTED)
            told = await refused(call, leg, NO_ROUTE[1])
            assert leg.receives is not None
            assert leg.receives.suite == suite
            tone = find_tone(told.samples)
            assert abs(tone.frequency_hz - NO_ROUTE[0]) < 5
            assert tone.share > 0.9
            assert len(told.samples) == pytest.approx(NO_ROUTE[1] * 8000, abs=8000 * 3 * PACKET_S)
            assert (told.final.status, told.final.get_all("Reason")) == (
                404,
                ('SIP;cause=404;text="no-route"', 'Q.850;cause=3;text="no route to destination"'),
            )
            assert "a=sendonly" in told.early.body.decode()
            assert told.early.get("Contact") == f"<sip:{SBC};transport=tls>"
            await until(lambda: not node.media(), "the media to be gone", 20)
            await flow.close()
            assert carrier.raw == []
        # the refusal waited for the file, by the node's own clock
        sent = await until(lambda: sent_at(node, call, "183", "404"), "the messages of the call", 20)
        assert sent["404"] - sent["183"] > NO_ROUTE[1] / 2

    run(node, scenario)


def test_a_carrier_hears_it_over_plain_rtp(node: Node) -> None:
    """Summary: an inbound call to nobody's number, over UDP: the other file's tone, then 404."""

    async def scenario() -> None:
        async with open_leg("carrier", 42000, (), 0x2222, sdp.Profile.PLAIN) as leg:
            carrier = south_agent(session=leg.session)
            async with udp_carrier(carrier) as endpoint:
                flow = carrier.own(endpoint.flow(SBC_PLAIN))
                told = await refused(await place(carrier, flow, NOBODYS), leg, UNKNOWN[1])
                tone = find_tone(told.samples)
                assert abs(tone.frequency_hz - UNKNOWN[0]) < 5
                assert told.final.status == 404
                assert "called-number-unknown" in told.final.get("Reason")

    run(node, scenario)


def test_cancel_ends_it_at_once(node: Node) -> None:
    """Summary: CANCEL at its begin: 487 before its end, and no packet more."""

    async def scenario() -> None:
        async with open_leg("customer", 41000, (GCM,), 0x1111) as leg:
            customer = customer_agent(session=leg.session)
            flow = await connect(node, customer)
            call = await place(customer, flow, ABROAD)
            leg.agree((await call.received(183)).body.decode())
            await until(lambda: len(leg.rtp.arrived) > 10, "media")
            assert (await call.cancel()).status == 200
            assert (await call.final(LONG_S / 2)).status == 487  # the file would go on for longer
            await until(lambda: not node.media(), "the media to be gone", 20)
            await asyncio.sleep(QUIET_S)
            arrived = len(leg.rtp.arrived)
            await asyncio.sleep(QUIET_S)
            assert len(leg.rtp.arrived) == arrived
            await flow.close()

    run(node, scenario)


def test_nobody_waits_for_it_and_some_are_one_too_many(node: Node) -> None:
    """Summary: four more than may be played at once: these are refused at once; a call of the same moment is placed."""

    async def scenario() -> None:
        offer = sdp.offer(sdp.Profile.SDES, suites=(GCM,))
        customer = customer_agent(session=offer)
        carrier = carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            # they end, and leave their places
            ended = [await place(customer, flow, UNROUTED) for _ in range(MOST // 2)]
            assert {(await call.received(183)).status for call in ended} == {183}
            assert {(await call.final()).status for call in ended} == {404}
            played: list[Call] = []
            while len(played) < MOST:
                call = await place(customer, flow, ABROAD)
                if (await _settled(call)).status < 300:
                    played.append(call)
                else:  # on a busy machine rtpengine may not answer in its quarter of a second
                    await asyncio.sleep(0.1)
            too_many = [await place(customer, flow, ABROAD) for _ in range(4)]
            assert {(await _settled(call)).status for call in too_many} == {403}
            assert len(node.media()) == MOST
            placed = await place(customer, flow, NORTH_NUMBER)
            (await carrier.incoming()).reply(486)
            assert (await placed.final()).status == 486
            assert not [call for call in played if call.is_over]
            for call in played:
                assert (await call.cancel()).status == 200
            assert {(await call.final()).status for call in played} == {487}
            # the places are free again
            await call_heard(await place(customer, flow, UNROUTED))
            await flow.close()

    run(node, scenario)


async def call_heard(call: Call) -> None:
    await call.received(183)
    assert (await call.final()).status == 404


async def _settled(call: Call) -> Any:
    early = asyncio.ensure_future(call.received(183))
    final = asyncio.ensure_future(call.final())
    done, waiting = await asyncio.wait((early, final), return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return final.result() if final in done else early.result()


async def _no_183(customer: Party, flow: Any, number: str, **more: Any) -> Any:
    call = await place(customer, flow, number, **more)
    final = await call.final()
    assert not [seen for seen in call.trace if seen.message.status == 183]
    return final


def test_who_hears_nothing(node: Node) -> None:
    """Summary: a stranger; whoever requires reliable answers, or offers DTLS-SRTP; media that was not understood; a reason without a file."""

    async def scenario() -> None:
        customer = customer_agent()
        flow = await connect(node, customer)
        assert (await _no_183(customer, flow, UNROUTED, headers=[("Require", "100rel")])).status == 404
        assert (await _no_183(customer, flow, "12")).status == 484
        plain = customer_agent(session=sdp.offer(sdp.Profile.PLAIN))
        other = await connect(node, plain)
        assert (await _no_183(plain, other, UNROUTED)).status == 404
        dtls = customer_agent(session=sdp.offer(sdp.Profile.DTLS))
        assert (await _no_183(dtls, await connect(node, dtls), UNROUTED)).status == 404
        stranger = customer_agent()
        third = await connect(node, stranger, name="")
        assert (await _no_183(stranger, third, UNROUTED)).status == 403
        for one in (flow, other, third):
            await one.close()

    run(node, scenario)


def test_a_file_that_became_a_pipe_is_not_opened(
    node: Node, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Summary: the file is swapped for a pipe nobody writes to: 404 without 183, nobody waits at it, and the other file is played as before."""
    file = files_in(tmp_path_factory) / "no-route.wav"
    kept = file.rename(file.with_suffix(".kept"))
    os.mkfifo(file)
    file.chmod(0o644)

    async def scenario() -> None:
        customer = customer_agent()
        flow = await connect(node, customer)
        assert (await _no_183(customer, flow, UNROUTED)).status == 404
        with pytest.raises(
            OSError, match="No such device or address"
        ):  # ENXIO: nobody has it open, or waits to
            os.open(file, os.O_WRONLY | os.O_NONBLOCK)
        async with open_leg("carrier", 42000, (), 0x2222, sdp.Profile.PLAIN) as leg:
            carrier = south_agent(session=leg.session)
            async with udp_carrier(carrier) as endpoint:
                there = carrier.own(endpoint.flow(SBC_PLAIN))
                await call_heard(await place(carrier, there, NOBODYS))
        await flow.close()

    try:
        run(node, scenario)
    finally:
        kept.rename(file)


def test_without_rtpengine_the_refusal_goes_at_once(node: Node) -> None:
    """Summary: rtpengine frozen: 404 without 183, while it still is."""

    async def scenario() -> None:
        customer = customer_agent()
        flow = await connect(node, customer)
        await asyncio.to_thread(node.signal, "rtpengine", signal.SIGSTOP)
        try:
            assert (await _no_183(customer, flow, UNROUTED)).status == 404
        finally:
            await asyncio.to_thread(node.signal, "rtpengine", signal.SIGCONT)
        # what it did late is not left there
        await until(lambda: not node.media(), "the media to be gone", 20)
        await flow.close()

    run(node, scenario)
