"""Two user agents talk over a wire made of memory, so calls can be followed message by message."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from sipkit import Call, CallRefused, Message, Reply, UserAgent, sdp
from sipkit.transport import Address, Flow


class MemoryFlow:
    """One end of a wire; what is sent arrives at the other end's agent in the loop's next turn."""

    def __init__(self, agent: UserAgent, local: Address, remote: Address) -> None:
        self.agent = agent
        self.local = local
        self.remote = remote
        self.transport_name = "TLS"
        self.is_open = True
        self.peer: MemoryFlow

    def send(self, data: bytes) -> None:
        peer: Flow = self.peer
        asyncio.get_running_loop().call_soon(self.peer.agent.receive, peer, data)

    async def close(self) -> None:
        self.is_open = False


def wire(one: UserAgent, other: UserAgent) -> MemoryFlow:
    """Join two agents and return the first one's end."""
    here, there = Address(host="192.0.2.1", port=5061), Address(host="192.0.2.2", port=5061)
    first, second = MemoryFlow(one, here, there), MemoryFlow(other, there, here)
    first.peer, second.peer = second, first
    return first


Talk = Callable[[UserAgent, UserAgent, MemoryFlow], Coroutine[None, None, None]]
Answering = Callable[[Call], Awaitable[None]]


def play(talk: Talk, answering: Answering | None = None) -> None:
    """Run a conversation between alice (caller) and bob."""

    async def scene() -> None:
        alice = UserAgent("<sip:alice@example.com>", session=lambda _: sdp.offer(sdp.Profile.SDES))
        bob = UserAgent(
            "<sip:bob@example.com>", session=lambda offered: sdp.answer(offered) if offered else ""
        )
        if answering is not None:
            bob.on_call = answering
        async with asyncio.timeout(20):
            await talk(alice, bob, wire(alice, bob))
        alice.check()
        bob.check()
        assert not alice.strays
        assert not bob.strays

    asyncio.run(scene())


def flow_of(call: Call) -> list[str]:
    """The call as its caller saw it: methods and statuses, ours with > before."""
    return [
        f"{'>' if s.sent else '<'}{s.message.method if s.message.is_request else s.message.status}"
        for s in call.trace
    ]


def test_a_call_from_invite_to_bye() -> None:
    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow)
        answer = await call.answered()
        theirs = await bob.incoming()
        await theirs.confirmed()
        assert (await call.bye()).status == 200
        assert await theirs.ended() == "peer-bye"
        assert flow_of(call) == [">INVITE", "<180", "<200", ">ACK", ">BYE", "<200"]
        assert sdp.cryptos_of(answer.body.decode())[0].tag == 1

    play(talk)


def test_a_refusal_is_acknowledged_and_raised() -> None:
    async def busy(call: Call) -> None:
        call.reply(486)

    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow)
        with pytest.raises(CallRefused) as refused:
            await call.answered()
        assert refused.value.response.status == 486
        await (await bob.incoming()).received("ACK")
        assert flow_of(call) == [">INVITE", ">ACK", "<486"] or flow_of(call) == [">INVITE", "<486", ">ACK"]

    play(talk, busy)


def test_cancel_ends_a_ringing_call_with_487() -> None:
    async def ring(call: Call) -> None:
        call.ring()

    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow)
        await call.received(180)
        assert (await call.cancel()).status == 200
        assert (await call.final()).status == 487
        assert await (await bob.incoming()).ended() == "cancelled"

    play(talk, ring)


def test_hold_and_resume_by_reinvite_and_update_from_both_sides() -> None:
    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow)
        await call.answered()
        theirs = await bob.incoming()
        await theirs.confirmed()
        held = await call.reinvite(sdp.offer(sdp.Profile.SDES, direction="sendonly"))
        assert sdp.direction_of(held.body.decode()) == "recvonly"
        assert (await call.update(sdp.offer(sdp.Profile.SDES))).status == 200
        theirs_held = await theirs.reinvite(sdp.offer(sdp.Profile.SDES))
        assert theirs_held.status == 200
        assert [
            seen.message.cseq[0] for seen in call.trace if seen.sent and seen.message.method == "ACK"
        ] == [1, 2]
        before = theirs.dialog
        bye = await theirs.bye()
        assert await call.ended() == "peer-bye"
        assert before is not None
        assert (before.local_tag, before.remote_target) == (
            theirs.local_tag,
            "sip:alice@192.0.2.1:5061;transport=tls",
        )
        assert f"tag={theirs.local_tag}" in bye.get("From")
        assert bye.cseq == (2, "BYE")

    play(talk)


def test_a_reliable_provisional_is_acknowledged_by_prack() -> None:
    async def early(call: Call) -> None:
        call.ring(183, session=sdp.answer(call.remote_sdp), reliable=True)
        await call.received("PRACK")
        call.answer()

    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow, headers=[("Supported", "100rel")])
        progress = await call.received(183)
        assert progress.get("RSeq") == "1"
        assert (await call.prack(progress)).status == 200
        await call.answered()
        assert (await call.bye()).get("CSeq") == "3 BYE"

    play(talk, early)


def test_refer_is_declined_unless_the_test_says_otherwise() -> None:
    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        call = await alice.call("sip:bob@example.com", flow)
        await call.answered()
        theirs = await bob.incoming()
        assert (await call.refer("sip:carol@example.com")).status == 603

        def accept(message: Message) -> Reply | None:
            return Reply(status=202) if message.method == "REFER" else None

        theirs.on_request = accept
        assert (await call.refer("sip:carol@example.com")).status == 202
        assert (await call.options()).status == 200

    play(talk)


def test_a_request_in_no_dialog_is_481_and_options_outside_is_200() -> None:
    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        assert (await alice.request("OPTIONS", "sip:bob@example.com", flow)).status == 200
        call = await alice.call("sip:bob@example.com", flow)
        await call.answered()
        await call.bye()
        assert (await call.request("INFO")).status in (200, 481)

    play(talk)


def test_no_identifier_comes_twice() -> None:
    async def talk(alice: UserAgent, bob: UserAgent, flow: MemoryFlow) -> None:
        calls = [await alice.call("sip:bob@example.com", flow) for _ in range(20)]
        for call in calls:
            await call.answered()
        assert len({call.invite.call_id for call in calls}) == 20
        assert len({call.local_tag for call in calls}) == 20
        assert len({call.dialog.remote_tag for call in calls if call.dialog}) == 20
        assert len({call.invite.get("Via") for call in calls}) == 20

    play(talk)
