"""Media between two SRTP legs: it arrives, under keys that neither side shares with the other."""

import asyncio

import pytest

from sipkit import sdp
from wire.conftest import Node
from wire.media.conftest import ANY, NUMBERS, carrier_at, contact_of, talking
from wire.media.legs import (
    CM,
    CM256,
    GCM,
    GCM128,
    agree,
    heard_both_ways,
    inline_keys,
    no_key_crosses,
    open_leg,
)
from wire.node.parties import carrier_agent, connect, customer_agent, faults_in, place, until


@pytest.mark.parametrize(
    ("name", "offered", "prefer", "expected"),
    [
        ("north", (CM,), ANY, (CM, GCM)),
        ("north", (GCM, CM), ANY, (GCM, GCM128)),
        ("north", (CM256,), (CM,), (CM256, CM)),
        ("north", ("AES_CM_128_HMAC_SHA1_32", GCM128), (CM256,), (GCM128, CM256)),
        # the called side can do only what the calling side uses: two hops
        ("west", (CM,), ANY, (CM, CM)),
        ("south", (GCM,), (), (GCM, "")),
    ],
)
def test_media_arrives_under_keys_of_its_own_leg(
    node: Node, name: str, offered: tuple[str, ...], prefer: tuple[str, ...], expected: tuple[str, str]
) -> None:
    """Summary: all that is said arrives, decrypted with the keys of its leg, one hop and two, both ways."""

    async def scenario() -> None:
        async with talking(node, name, offered, prefer) as parties:
            assert parties.suites == expected
            await heard_both_ways(parties.caller, parties.callee)
            no_key_crosses(parties.customer, parties.carrier)
        record = await asyncio.to_thread(node.record, parties.call.invite.call_id, ended=True)
        assert [leg["srtp_suite"] for leg in record["legs"]] == list(expected)
        assert [leg["packets_in"] for leg in record["legs"]] == [25, 25]
        assert [leg["errors_in"] for leg in record["legs"]] == [0, 0]

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize(("name", "offered"), [("north", (GCM, CM)), ("west", (CM,))])
def test_hold_resume_and_reoffers_from_both_sides(node: Node, name: str, offered: tuple[str, ...]) -> None:
    """Summary: hold, resume, re-INVITE, UPDATE, both ways, fresh keys each time; suites stay, media flows."""

    async def scenario() -> None:
        async with talking(node, name, offered) as parties:
            call, there, caller, callee = parties.call, parties.there, parties.caller, parties.callee
            await heard_both_ways(caller, callee)
            before = {caller.sends.key, callee.sends.key}  # type: ignore[union-attr]
            for end, leg in ((call, caller), (there, callee)):
                for direction in ("sendonly", "sendrecv"):
                    leg.change = lambda text, d=direction: text.replace("a=sendrecv", f"a={d}")
                    reply = await end.reinvite(leg.session)
                    assert reply.status == 200
                    leg.change = None
                    other = there if end is call else call
                    assert sdp.direction_of(other.remote_sdp) == direction
                    await asyncio.sleep(0.05)  # the ACK
                    assert agree(call, there, caller, callee) == parties.suites
                await heard_both_ways(caller, callee)
                assert (await end.update(leg.session)).status == 200
                assert agree(call, there, caller, callee) == parties.suites
                await heard_both_ways(caller, callee)
            assert not before & {caller.sends.key, callee.sends.key}  # type: ignore[union-attr]
            no_key_crosses(parties.customer, parties.carrier)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize("from_caller", [True, False])
def test_reinvite_without_an_offer(node: Node, from_caller: bool) -> None:
    """Summary: a re-INVITE without SDP: the 200 brings the offer, the ACK the answer; media goes on."""

    async def scenario() -> None:
        async with talking(node) as parties:
            call, there, caller, callee = parties.call, parties.there, parties.caller, parties.callee
            end, leg, other, _ = (
                (call, caller, there, callee) if from_caller else (there, callee, call, caller)
            )
            end.ack_session = leg.session
            acks = len(
                [s for s in other.trace if not s.sent and s.message.is_request and s.message.method == "ACK"]
            )
            assert (await end.reinvite(None)).status == 200

            def acknowledged() -> bool:
                found = [
                    s
                    for s in other.trace
                    if not s.sent and s.message.is_request and s.message.method == "ACK"
                ]
                return len(found) > acks and bool(found[-1].message.body)

            await until(acknowledged, "an ACK with an answer")
            assert agree(call, there, caller, callee) == parties.suites
            await heard_both_ways(caller, callee)
            no_key_crosses(parties.customer, parties.carrier)

    asyncio.run(scenario())
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize(("name", "offered"), [("north", (CM,)), ("west", (CM,)), ("north", (GCM,))])
def test_rollover(node: Node, name: str, offered: tuple[str, ...]) -> None:
    """Summary: sequence numbers pass 65535 on both legs; rollover counters are kept, over a re-INVITE too."""

    async def scenario() -> None:
        async with talking(node, name, offered) as parties:
            caller, callee = parties.caller, parties.callee
            caller.sequence = callee.sequence = 65535 - 30
            await heard_both_ways(caller, callee)
            await heard_both_ways(caller, callee)
            assert caller.sequence < 100
            caller.change = lambda _: caller.described[0]  # the same keys again
            assert (await parties.call.reinvite(caller.session)).status == 200
            await asyncio.sleep(0.05)
            callee.agree(parties.there.remote_sdp)
            caller.agree(parties.call.remote_sdp)
            await heard_both_ways(caller, callee)

    asyncio.run(scenario())


def test_a_carrier_that_failed_keeps_no_key(node: Node) -> None:
    """Summary: one host answers 503, the next takes the call: none of the three sides sees another's key."""

    async def scenario() -> None:
        first = carrier_agent(contact=contact_of("pair"), on_call=_unavailable)
        async with (
            carrier_at(node, first, "pair"),
            open_leg("customer", 41000, (GCM, CM), 0x1111) as caller,
            open_leg("carrier", 42000, ANY, 0x2222) as callee,
        ):
            customer = customer_agent(session=caller.session)
            second = carrier_agent(contact=contact_of("pair2"), session=callee.session)
            async with carrier_at(node, second, "pair2"):
                flow = await connect(node, customer)
                call = await place(customer, flow, NUMBERS["pair"])
                failed = await first.incoming()
                there = await second.incoming()
                await call.answered()
                await there.confirmed()
                agree(call, there, caller, callee)
                await heard_both_ways(caller, callee)
                # what the failed one was sent had keys, and they are of no use on any other leg
                assert inline_keys([failed.invite.to_bytes()])
                no_key_crosses(customer, first, second)
                assert (await call.bye()).status == 200
                await flow.close()

    asyncio.run(scenario())


async def _unavailable(call: object) -> None:
    call.reply(503)  # type: ignore[attr-defined]
