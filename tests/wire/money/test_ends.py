"""A call ends when its carrier's leg is known to be over: what carriers bill against what the ledger charges."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sipkit.address import name_addr
from wire.conftest import Node
from wire.money.conftest import SECOND, node_with
from wire.money.strict import Bench, Strict, answers, at, bench
from wire.money.test_money import spent
from wire.node.parties import NORTH_NUMBER, connect, customer_agent, place, run, tls_carrier, until


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with node_with('{hour: "300.00", day: none, month: none, call: none}') as running:
        yield running


@pytest.mark.parametrize(
    "said",
    [(), (500,), (420, 401, 407), (500, 500, 500), (503, 603), (None, None)],
    ids=["200", "500", "challenged", "500s", "no-way", "silence"],
)
def test_a_bye_of_the_caller_that_is_refused(node: Node, said: tuple[int | None, ...]) -> None:
    """Summary: the carrier refuses or ignores the caller's BYE, and the node's after it: the caller is told 200, and the leg is charged until a BYE is taken."""

    async def scenario(b: Bench) -> None:
        b.carrier.bye = answers(*said)
        call, leg = await b.talking()
        await asyncio.sleep(0.5)
        assert (await call.bye()).status == (200 if said[:1] != (None,) else 408)
        if said:
            assert not leg.ended_s
            assert b.held(), "the leg may be alive"
        await b.carrier.over(leg)
        assert len(leg.byes) >= len(said) + 1
        numbers = [message.cseq[0] for message in leg.byes]
        assert numbers == sorted(numbers)
        await b.is_settled()
        record = await asyncio.to_thread(b.node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["ended_by"]) == ("bye", "caller")
        assert b.charged() == -(-record["answered_ms"] // 1000) * SECOND

    bench(node, scenario)


def test_in_the_place_of_a_refused_bye_the_caller_sees_nothing_of_the_carriers(node: Node) -> None:
    """Summary: the 200 the node makes of a carrier's 500 has From and To as the caller knows them, and no header of the carrier's."""

    def spoofed(data: bytes) -> bytes:
        if not data.startswith(b"SIP/2.0 500"):
            return data
        marked = re.sub(rb"(?m)^((?:From|To): [^@\r\n]*)@", rb"\1;verstat=TN-Validation-Passed@", data)
        start, _, rest = marked.partition(b"\r\n")
        return start + b"\r\nIdentity: spoofed\r\nP-Asserted-Identity: <sip:spoofed@x>\r\n" + rest

    async def scenario(b: Bench) -> None:
        b.carrier.bye = answers(500)
        call, leg = await b.talking()
        b.carrier.party.on_wire = spoofed
        reply = await call.bye()
        assert reply.status == 200
        asked = next(seen.message for seen in call.trace if seen.sent and seen.message.method == "BYE")
        for name in ("From", "To"):
            assert name_addr(reply.get(name)).uri == name_addr(asked.get(name)).uri
        assert not b.customer.saw(("spoofed", "verstat"))
        await b.carrier.over(leg)
        await b.is_settled()

    bench(node, scenario)


def test_sequence_numbers_do_not_keep_a_leg_alive(node: Node) -> None:
    """Summary: an INFO with CSeq 1,000,000, lower ones after it, and one near 2^31: refused here; the BYE with a lower one is answered 200, and the carrier gets one it must take."""

    async def scenario(b: Bench) -> None:
        call, leg = await b.talking()
        at(call, 1_000_000)
        assert (await call.request("INFO")).status == 200
        at(call, 2)
        assert (await call.request("INFO")).status == 500
        for number in (2**31 - 1, 2**31 - 2**19):
            at(call, number)
            assert (await call.request("INFO")).status == 400
        assert leg.highest == 1_000_000
        at(call, 3)
        assert (await call.bye()).status == 200
        await b.carrier.over(leg)
        assert leg.byes[0].cseq[0] > 1_000_000
        await b.is_settled()

    bench(node, scenario)


def test_nothing_is_required_of_a_bye(node: Node) -> None:
    """Summary: a BYE with `Require: x`, which a carrier answers with 420, reaches it without."""

    async def scenario(b: Bench) -> None:
        call, leg = await b.talking()
        assert (await call.bye(headers=[("Require", "x")])).status == 200
        assert len(leg.byes) == 1
        assert leg.ended_s
        await b.is_settled()

    bench(node, scenario)


def test_a_bye_of_another_dialog_ends_nothing(node: Node) -> None:
    """Summary: the caller's BYE with another Call-ID, or To tag, which the carrier would answer with 481, gets it here; the call runs on and is charged."""

    async def scenario(b: Bench) -> None:
        call, leg = await b.talking()
        dialog = call.dialog
        assert dialog is not None
        for other in (replace(dialog, call_id="other@10.9.8.7"), replace(dialog, remote_tag="other")):
            call.dialog = other
            assert (await call.request("BYE")).status == 481
        assert not leg.byes
        await asyncio.sleep(1.5)
        assert b.held()
        call.dialog = dialog
        at(call, 10)
        assert (await call.bye()).status == 200
        await b.is_settled()

    bench(node, scenario)


@pytest.mark.parametrize("crosses", [False, True], ids=["honoured", "answered-all-the-same"])
def test_a_bye_while_it_rings(node: Node, crosses: bool) -> None:
    """Summary: a BYE before the answer ends the call when the carrier ends it; where its 200 comes all the same, the leg is charged until it is over."""

    async def scenario(b: Bench) -> None:
        b.carrier.answers = False
        call = await place(b.customer, b.flow, NORTH_NUMBER)
        await call.received(180)
        leg = b.carrier.legs[-1]
        if crosses:
            # the answer leaves before the BYE is there
            b.carrier.bye = lambda _: b.carrier.answer(leg)
        assert (await call.request("BYE")).status == 200
        assert (await call.final()).status == (200 if crosses else 487)
        if crosses:
            assert leg.ended_s
        await b.is_settled()
        assert b.charged() == (SECOND if crosses else 0)

    bench(node, scenario)


def test_a_cancel_that_crosses_the_answer(node: Node) -> None:
    """Summary: the carrier answers while a CANCEL is on its way: the call is up and charged, until its BYE is taken."""

    async def scenario(b: Bench) -> None:
        b.carrier.answers = False
        call = await place(b.customer, b.flow, NORTH_NUMBER)
        await call.received(180)
        leg = b.carrier.legs[-1]
        b.carrier.answer(leg)
        assert (await call.cancel()).status == 200
        assert (await call.final()).status == 200
        await asyncio.sleep(1.2)
        assert b.held()
        assert (await call.bye()).status == 200
        await b.is_settled()

    bench(node, scenario)


def test_no_way_to_the_carrier(node: Node) -> None:
    """Summary: the carrier's connection is gone when the caller hangs up, and for longer than a BYE waits: the leg is charged until it can be told."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), Strict()
        flow = await connect(node, customer)
        b = Bench(node, customer, flow, carrier, spent(node).hour)
        async with tls_carrier(node, carrier.party):
            call, leg = await b.talking()
        for open_flow in carrier.party.flows:
            await open_flow.close()
        status = (await call.bye()).status
        assert status in (200, 408, 503)
        await asyncio.sleep(4.5)
        assert b.held(), "nobody has told the carrier"
        assert not leg.ended_s
        async with tls_carrier(node, carrier.party):
            await b.carrier.over(leg)
            await b.is_settled()

    run(node, scenario)


def test_the_carrier_hangs_up_first(node: Node) -> None:
    """Summary: while the node cannot end a leg its carrier does: its BYE is answered 200, and is the end."""

    async def scenario(b: Bench) -> None:
        b.carrier.bye = answers(*[403] * 100)
        call, leg = await b.talking()
        assert (await call.bye()).status == 200
        await until(lambda: len(leg.byes) >= 2, "a BYE of the node's own")
        leg.ended_s = time.monotonic()
        assert (await leg.call.bye()).status == 200
        await b.is_settled()
        record = await asyncio.to_thread(b.node.record, call.invite.call_id, ended=True)
        assert record["ended_by"] == "callee"

    bench(node, scenario)


@pytest.mark.parametrize("said", [(), (403, None)], ids=["taken", "refused"])
def test_an_answer_that_is_of_no_use_costs_money(node: Node, said: tuple[int | None, ...]) -> None:
    """Summary: a carrier answers with a description nobody can use: the caller gets 502, the carrier ACK and BYE, until it takes one; what it bills is charged, and on record."""

    async def scenario(b: Bench) -> None:
        b.carrier.bye = answers(*said)
        b.carrier.party.session = "v=0\r\nnonsense\r\n"
        call = await place(b.customer, b.flow, NORTH_NUMBER)
        final = await call.final()
        assert (final.status, "media-malformed" in " ".join(final.get_all("Reason"))) == (502, True)
        (leg,) = b.carrier.legs
        await leg.call.confirmed()
        await b.carrier.over(leg)
        assert len(leg.byes) == len(said) + 1
        await b.is_settled()
        record = await asyncio.to_thread(b.node.record, call.invite.call_id, ended=True)
        assert (record["ending"], record["end_code"], record["ended_by"]) == ("failed", 502, "us")
        assert record["end_reason"] == "media-malformed"
        assert b.charged() == -(-record["answered_ms"] // 1000) * SECOND

    bench(node, scenario)


def test_only_the_carriers_own_answer_counts(node: Node) -> None:
    """Summary: while the carrier refuses each BYE, the caller sends replies that say 200 to one, in the carrier's name: the leg is charged on."""

    async def scenario(b: Bench) -> None:
        b.carrier.bye = answers(*[403] * 100)
        call, leg = await b.talking()
        assert (await call.bye()).status == 200
        await until(lambda: len(leg.byes) >= 2, "a BYE of the node's own")
        assert call.dialog is not None
        for _ in range(4):
            for bye in leg.byes[-2:]:
                lines = [
                    ("Via", bye.get("Via").replace("branch=z9hG4bK", "branch=z9hG4bKx")),
                    ("From", bye.get("From")),
                    ("To", bye.get("To")),
                    ("Call-ID", call.dialog.call_id),
                    ("CSeq", bye.get("CSeq")),
                ]
                text = "".join(f"{name}: {value}\r\n" for name, value in lines)
                b.flow.send(f"SIP/2.0 200 OK\r\n{text}Content-Length: 0\r\n\r\n".encode())
            await asyncio.sleep(0.7)
        assert not leg.ended_s
        assert b.held()
        b.carrier.bye = answers()
        await b.carrier.over(leg)
        await b.is_settled()

    bench(node, scenario)
