"""Offers and answers that no call may stand on: refused with a reason, and nothing of them goes further."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from sipkit import sdp
from sipkit.call import Call
from wire.conftest import Node
from wire.media.conftest import ANY, NUMBERS, PAIR_NUMBER, carrier_at, contact_of, talking
from wire.media.legs import CM, CM256, GCM, Leg, agree, heard_both_ways, no_key_crosses, open_leg
from wire.node.parties import (
    ACME_NUMBER,
    SBC_PLAIN,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    south_agent,
    udp_carrier,
    until,
)

PLAIN = sdp.offer(sdp.Profile.PLAIN)
WEAK = ("AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80")
SDES = sdp.offer(sdp.Profile.SDES, suites=(GCM, CM))
NULLED = SDES.replace(GCM, "NULL_HMAC_SHA1_80").replace(CM, "NULL_HMAC_SHA1_32")


def unencrypted(text: str) -> str:
    return "".join(
        f"{line} UNENCRYPTED_SRTP\r\n" if line.startswith("a=crypto") else f"{line}\r\n"
        for line in text.splitlines()
    )


OFFERS = {
    "plain": (PLAIN, "srtp-required"),
    "32-bit tag only": (sdp.offer(sdp.Profile.SDES, suites=WEAK[:1]), "srtp-suite-refused"),
    "f8": (sdp.offer(sdp.Profile.SDES, suites=WEAK), "srtp-suite-refused"),
    "null": (NULLED, "srtp-suite-refused"),
    "unencrypted": (unencrypted(SDES), "srtp-suite-refused"),
    "one stream plain": (SDES + "m=audio 40002 RTP/AVP 8\r\n", "srtp-required"),
    "no a=crypto": (
        "\r\n".join(x for x in SDES.splitlines() if "crypto" not in x) + "\r\n",
        "media-malformed",
    ),
    "short key": (SDES.replace("inline:", "inline:AAAA").replace("=", "=", 1), "media-malformed"),
    "weak fingerprint": (
        sdp.offer(sdp.Profile.DTLS).replace("fingerprint:sha-256", "fingerprint:sha-1"),
        "srtp-suite-refused",
    ),
    "garbage": ("v=0\r\nthis is no SDP\r\n", "media-malformed"),
}


@pytest.mark.parametrize("name", OFFERS)
def test_customer_offers_nothing_that_will_do(node: Node, name: str) -> None:
    """Summary: 488 with a reason; nothing reaches the carrier."""
    text, reason = OFFERS[name]
    asyncio.run(_refused(node, text, reason))


def test_no_offer(node: Node) -> None:
    """Summary: an INVITE without SDP is refused with 488 no-offer."""
    asyncio.run(_refused(node, "", "no-offer"))


async def _refused(node: Node, text: str, reason: str) -> None:
    carrier = carrier_agent()
    customer = customer_agent(session=lambda _: text)
    async with carrier_at(node, carrier, "north"):
        flow = await connect(node, customer)
        call = await place(customer, flow, NUMBERS["north"])
        reply = await call.final()
        assert (reply.status, reply.get("Reason")) == (488, f'SIP;cause=488;text="{reason}"')
        await asyncio.sleep(0.1)
        assert not [raw for raw in carrier.raw if raw.startswith(b"INVITE")]
        await flow.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [(SDES, "sdes-without-tls"), (unencrypted(SDES), "sdes-without-tls"), ("", "no-offer")],
)
def test_udp_carrier_offers_keys_in_clear(node: Node, text: str, reason: str) -> None:
    """Summary: SDES from a carrier on UDP is refused with 488; nothing reaches the customer."""

    async def scenario() -> None:
        carrier = south_agent(session=lambda _: text)
        async with udp_carrier(carrier) as endpoint:
            call = await place(
                carrier,
                carrier.own(endpoint.flow(SBC_PLAIN)),
                ACME_NUMBER,
                sender="<sip:+13035550188@core.carrier>",
            )
            reply = await call.final()
            assert (reply.status, reply.get("Reason")) == (488, f'SIP;cause=488;text="{reason}"')

    asyncio.run(scenario())


@asynccontextmanager
async def legs(offered: tuple[str, ...]) -> AsyncIterator[tuple[Leg, Leg]]:
    async with (
        open_leg("customer", 41000, offered, 0x1111) as caller,
        open_leg("carrier", 42000, ANY, 0x2222) as callee,
    ):
        yield caller, callee


def as_plain(text: str) -> str:
    kept = [line for line in text.splitlines() if not line.startswith("a=crypto")]
    return "\r\n".join(kept).replace("RTP/SAVP", "RTP/AVP") + "\r\n"


ANSWERS: dict[str, tuple[Callable[[str], str], str]] = {
    "plain": (as_plain, "srtp-required"),
    # GCM is the caller's suite here: it was never offered to the carrier
    "a suite not offered": (lambda text: swap(text, GCM), "srtp-suite-refused"),
    "32-bit tag": (lambda text: swap(text, WEAK[0]), "srtp-suite-refused"),
    "unencrypted": (unencrypted, "srtp-suite-refused"),
    "no a=crypto": (lambda text: as_plain(text).replace("RTP/AVP", "RTP/SAVP"), "media-malformed"),
    "garbage": (lambda _: "v=0\r\nnonsense\r\n", "media-malformed"),
    "none": (lambda _: "", "media-malformed"),
}


def swap(text: str, suite: str) -> str:
    lines = [
        f"a=crypto:1 {suite} inline:{sdp.fresh_key(suite)}" if "crypto" in x else x for x in text.splitlines()
    ]
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("name", ANSWERS)
def test_carrier_answers_with_what_was_not_offered(node: Node, name: str) -> None:
    """Summary: no call is established: the carrier's leg gets ACK and BYE, the caller 502 with a reason."""
    spoil, reason = ANSWERS[name]

    async def scenario() -> None:
        callee = Leg("carrier", 42000, sdp.Profile.SDES, ANY, 0x2222)
        callee.change = spoil
        carrier = carrier_agent(session=callee.session)
        customer = customer_agent(session=sdp.offer(sdp.Profile.SDES, suites=(GCM, CM)))
        async with carrier_at(node, carrier, "north"):
            flow = await connect(node, customer)
            call = await place(customer, flow, NUMBERS["north"])
            there = await carrier.incoming()
            reply = await call.final()
            assert (reply.status, reply.get("Reason")) == (502, f'SIP;cause=502;text="{reason}"')
            assert not reply.body
            await there.confirmed()
            assert await there.ended() == "peer-bye"
            bye = await there.received("BYE")
            # one dialog for the carrier, its Call-ID the one it knows
            assert (bye.call_id, bye.cseq[0]) == (there.invite.call_id, there.invite.cseq[0] + 1)
            assert not carrier.saw(("10.9.8.7", "inner.acme"))
            assert not customer.saw(("10.66.6.6", "core.carrier"))
            no_key_crosses(customer, carrier)
            assert not carrier.strays
            await flow.close()
            carrier.check()
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["end_code"]) == ("failed", 502)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


def test_after_a_bad_answer_a_call_that_costs_money_goes_to_no_other_carrier(node: Node) -> None:
    """Summary: the first host answers in plain RTP, and bills that; it is let go, and no second one would bill beside it."""

    async def scenario() -> None:
        bad = Leg("bad", 42100, sdp.Profile.SDES, ANY, 0x3333)
        bad.change = as_plain
        first = carrier_agent(contact=contact_of("pair"), session=bad.session)
        second = carrier_agent(contact=contact_of("pair2"))
        customer = customer_agent(session=sdp.offer(sdp.Profile.SDES, suites=(GCM, CM)))
        async with carrier_at(node, first, "pair"), carrier_at(node, second, "pair2"):
            flow = await connect(node, customer)
            call = await place(customer, flow, PAIR_NUMBER)
            assert (await call.final()).status == 502
            assert await (await first.incoming()).ended() == "peer-bye"
            await flow.close()
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["end_code"], record["answered_ms"] > 0) == (502, True)
        assert not [raw for raw in second.raw if raw.startswith(b"INVITE")]
        no_key_crosses(customer, first)

    asyncio.run(scenario())


def test_early_media_that_is_not_srtp_does_not_pass(node: Node) -> None:
    """Summary: a 183 with plain RTP arrives without SDP; the 200 with SRTP then makes the call."""

    async def scenario() -> None:
        async with legs((GCM,)) as (caller, callee):
            await _early(node, caller, callee)

    asyncio.run(scenario())


async def _early(node: Node, caller: Leg, callee: Leg) -> None:
    async def early(call: Call) -> None:
        good = callee.session(call.remote_sdp)
        call.ring(183, session=as_plain(good))
        await asyncio.sleep(0.05)
        call.answer(good)

    customer = customer_agent(session=caller.session)
    carrier = carrier_agent(session=callee.session, on_call=early)
    async with carrier_at(node, carrier, "north"):
        flow = await connect(node, customer)
        call = await place(customer, flow, NUMBERS["north"])
        there = await carrier.incoming()
        await call.answered()
        assert not (await call.received(183)).body
        await there.confirmed()
        agree(call, there, caller, callee)
        await heard_both_ways(caller, callee)
        assert (await call.bye()).status == 200
        await flow.close()
        carrier.check()


LATER_OFFERS: dict[str, Callable[[str], str]] = {
    "plain": as_plain,
    "another suite": lambda text: swap(text, CM256),
    "32-bit tag": lambda text: swap(text, WEAK[0]),
    "dtls": lambda _: sdp.offer(sdp.Profile.DTLS),
    "garbage": lambda _: "v=0\r\nnonsense\r\n",
}


@pytest.mark.parametrize("name", LATER_OFFERS)
def test_a_running_call_keeps_its_protection(node: Node, name: str) -> None:
    """Summary: a re-INVITE or UPDATE that would change a leg's protection gets 488; media goes on."""

    async def scenario() -> None:
        async with talking(node, "north", (CM,), (GCM,)) as parties:
            for end, leg, other in (
                (parties.call, parties.caller, parties.carrier),
                (parties.there, parties.callee, parties.customer),
            ):
                seen, kept = len(other.raw), leg.described[-1]
                leg.change = LATER_OFFERS[name]
                for ask in (end.reinvite, end.update):
                    reply = await ask(leg.session)
                    assert (reply.status, reply.get("Reason")) == (
                        488,
                        'SIP;cause=488;text="media-malformed"',
                    )
                leg.change = None
                leg.described.append(kept)
                await asyncio.sleep(0.1)
                assert len(other.raw) == seen, other.raw[seen:]
            await heard_both_ways(parties.caller, parties.callee)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize("from_caller", [True, False])
def test_a_later_answer_keeps_the_protection(node: Node, from_caller: bool) -> None:
    """Summary: a re-INVITE answered in plain RTP: 488 to the offerer, ACK to the other; the call goes on."""

    async def scenario() -> None:
        async with talking(node) as parties:
            end, leg, other, other_leg = (
                (parties.call, parties.caller, parties.there, parties.callee)
                if from_caller
                else (parties.there, parties.callee, parties.call, parties.caller)
            )
            before = (leg.described[-1], other_leg.described[-1])
            other_leg.change = as_plain
            other.session = other_leg.session
            acks = _acks(other)
            reply = await end.reinvite(leg.session)
            assert (reply.status, reply.get("Reason")) == (488, 'SIP;cause=488;text="media-malformed"')
            await until(lambda: _acks(other) > acks, "the ACK")
            other_leg.change = None
            leg.described.append(before[0])
            other_leg.described.append(before[1])
            # and both may agree again
            assert (await end.reinvite(leg.session)).status == 200
            await asyncio.sleep(0.05)
            agree(parties.call, parties.there, parties.caller, parties.callee)
            await heard_both_ways(parties.caller, parties.callee)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


def _acks(call: Call) -> int:
    return len([s for s in call.trace if not s.sent and s.message.is_request and s.message.method == "ACK"])
