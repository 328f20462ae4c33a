"""An answer to a call that has been given up here: nobody else would acknowledge it, or hang it up."""

import asyncio
from collections.abc import Iterator

import pytest

from sipkit.call import Reply
from sipkit.message import response
from wire.conftest import Node
from wire.money.conftest import node_with
from wire.money.strict import Bench, bench
from wire.node.parties import NORTH_NUMBER, place, until

RINGS_S = 5


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with node_with(
        '{hour: "300.00", day: none, month: none, call: none}', more=f"  spend_ring_s: {RINGS_S}\n"
    ) as running:
        yield running


@pytest.mark.parametrize("given_up_by", ["CANCEL", "BYE", "the node"])
def test_an_answer_that_is_late(node: Node, given_up_by: str) -> None:
    """Summary: the carrier takes a CANCEL, the caller's or the node's, or a BYE while it rings, never says that the INVITE is over, and answers it 200 when it has been given up: each 200 gets an ACK, the leg one BYE, the caller no call."""

    async def scenario(b: Bench) -> None:
        party = b.carrier.party

        def of(method: str) -> list[bytes]:
            return [raw for raw in party.raw if raw.startswith(method.encode() + b" ")]

        b.carrier.answers = False
        # it says that it has ended the INVITE, and the words are lost
        party.on_wire = lambda data: None if data.startswith(b"SIP/2.0 487") else data
        call = await place(b.customer, b.flow, NORTH_NUMBER)
        await call.received(180)
        there = b.carrier.legs[-1].call
        assert there.server is not None
        if given_up_by == "CANCEL":
            assert (await call.cancel()).status == 200
        elif given_up_by == "BYE":
            assert (await call.request("BYE")).status == 200
        final = await call.final(RINGS_S + 20)
        assert final.status >= 300
        await b.is_settled()
        assert b.charged() == 0
        body = party.session(there.remote_sdp) if callable(party.session) else party.session
        lines = [("Contact", party.contact(there.flow)), ("Content-Type", "application/sdp")]
        late = response(there.invite, 200, to_tag=there.local_tag, headers=lines, body=str(body).encode())
        party.on_request = lambda message: Reply(status=200) if message.method == "BYE" else None
        acks, byes = len(of("ACK")), len(of("BYE"))
        there.server.send(late)
        await until(lambda: len(of("ACK")) == acks + 1, "an ACK")
        await until(lambda: len(of("BYE")) == byes + 1, "a BYE")
        assert f"CSeq: {there.invite.cseq[0] + 1} BYE".encode() in of("BYE")[-1]
        there.server.send(late)
        await until(lambda: len(of("ACK")) == acks + 2, "an ACK of each 200")
        await asyncio.sleep(1)
        assert len(of("BYE")) == byes + 1
        assert b.charged() == 0
        assert all(seen.message.status != 200 or seen.message.cseq[1] != "INVITE" for seen in call.trace)

    bench(node, scenario)
