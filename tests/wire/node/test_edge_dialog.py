"""Inside a dialog, before one, and around cancellation: what passes, what is refused, what is absorbed."""

import asyncio

import pytest

from sipkit.call import Call, Reply
from sipkit.message import Message
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    SBC_PLAIN,
    SOUTH_NUMBER,
    Party,
    connect,
    customer_agent,
    faults_in,
    invite,
    place,
    reached,
    reoffer,
    run,
    south_agent,
    udp_carrier,
    until,
)
from wire.node.test_gate_failures import frozen, works
from wire.node.waves import meanwhile


def no_leak(customer: Party, carrier: Party) -> None:
    assert not carrier.saw(CUSTOMER_MARKS)
    assert not customer.saw(CARRIER_MARKS)


async def established(node: Node, customer: Party, carrier: Party) -> tuple[Call, Call]:
    call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
    there = await carrier.incoming()
    await call.answered()
    await there.confirmed()
    return call, there


def test_requests_inside_a_dialog(node: Node) -> None:
    """Summary: UPDATE, INFO, OPTIONS, session timers pass both ways; REFER 403, others 405, a foreign body 415."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            call, there = await established(node, customer, carrier)
            for one, other in ((call, there), (there, call)):
                timer = [("Session-Expires", "1800;refresher=uas"), ("Min-SE", "90"), ("Supported", "timer")]
                assert (await one.reinvite(reoffer(one), headers=timer)).status == 200
                seen = [
                    s.message
                    for s in other.trace
                    if not s.sent and s.message.method == "INVITE" and s.message.is_request
                ][-1]
                assert seen.get("Session-Expires") == "1800;refresher=uas"
                assert (await one.update()).status == 200
                assert (await one.update(reoffer(one))).status == 200
                digits = await one.request(
                    "INFO", body=b"Signal=5\r\n", content_type="application/dtmf-relay"
                )
                assert digits.status == 200
                assert (await other.received("INFO")).body == b"Signal=5\r\n"
                other.on_request = lambda m: (
                    Reply(
                        status=200,
                        headers=(("Content-Type", "application/sdp"),),
                        body=b"v=0\r\no=core.carrier inner.acme",
                    )
                    if m.method == "OPTIONS"
                    else None
                )
                answered = await one.options()
                assert (answered.status, answered.body) == (200, b"")
                other.on_request = None
                for refused, status in (
                    ("REFER", 403),
                    ("NOTIFY", 405),
                    ("MESSAGE", 405),
                    ("SUBSCRIBE", 405),
                ):
                    answer = await one.request(refused, headers=[("Refer-To", "<sip:x@inner.acme>")])
                    assert answer.status == status
                    assert answer.call_id == one.invite.call_id, answer.start_line
                mixed = await one.request(
                    "INVITE", body=b"--x\r\n\r\nv=0", content_type="multipart/mixed;boundary=x"
                )
                assert (mixed.status, mixed.get("Accept")) == (415, "application/sdp")
                others = carrier if other is there else customer
                assert not reached(others, "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE")
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"
            assert (await call.request("INFO")).status == 481
            gone = await there.request("INFO")
            assert (gone.status, gone.call_id) == (481, there.invite.call_id)
            no_leak(customer, carrier)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_prack_and_early_update(node: Node) -> None:
    """Summary: a reliable 183 is acknowledged by PRACK through the node before the 200; CANCEL after it works too."""

    async def scenario() -> None:
        async def progress(call: Call) -> None:
            call.ring(183, session=call.session, reliable=True)
            await call.received("PRACK")
            call.answer(session="")

        carrier, customer = south_agent(on_call=progress), customer_agent()
        async with udp_carrier(carrier):
            call = await place(
                customer, await connect(node, customer), SOUTH_NUMBER, headers=[("Supported", "100rel")]
            )
            early = await call.received(183)
            assert early.get("RSeq")
            assert (await call.prack(early)).status == 200
            await call.answered()
            there = await carrier.incoming()
            await there.confirmed()
            await there.bye()
            assert await call.ended() == "peer-bye"
            no_leak(customer, carrier)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_cancel_while_ringing(node: Node) -> None:
    """Summary: CANCEL while ringing ends both sides with 487, one outcome `cancelled`."""

    async def scenario() -> None:
        async def ring(call: Call) -> None:
            call.ring()

        carrier, customer = south_agent(on_call=ring), customer_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            await call.received(180)
            there = await carrier.incoming()
            assert (await call.cancel()).status == 200
            assert (await call.final()).status == 487
            assert await there.ended() == "cancelled"
            await there.received("ACK")
            no_leak(customer, carrier)
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["ending"] == "cancelled"

    run(node, scenario)


def test_cancel_while_suspended(node: Node) -> None:
    """Summary: with the gates frozen, CANCEL gets its 200 and the INVITE its 487; no carrier hears of it."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)

            async def wave() -> bool:
                call = await place(customer, flow, SOUTH_NUMBER)
                await call.received(100)
                answer = await call.cancel()
                # once the gates are given up, or while they are left alone, a CANCEL comes too late
                in_time = (await call.final()).status == 487
                assert answer.status == 200 or not in_time
                return in_time

            with frozen(node):
                await meanwhile(wave, "CANCEL")
            # the next call comes through, the cancelled one never
            await works(node, customer)
            assert len(reached(carrier, "INVITE")) == 1
            assert not reached(carrier, "CANCEL")

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_cancel_after_200(node: Node) -> None:
    """Summary: a CANCEL that comes after the 200 ends nothing; the call goes on to its BYE."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            call, there = await established(node, customer, carrier)
            assert (await call.cancel()).status in (200, 481)
            assert (await call.reinvite(reoffer(call))).status == 200
            assert not there.is_over
            assert (await call.bye()).status == 200

    run(node, scenario)


def test_retransmissions_are_absorbed(node: Node) -> None:
    """Summary: an INVITE sent four times is one attempt and one INVITE at the carrier; so is a BYE from either side."""

    async def scenario() -> None:
        async def ring(call: Call) -> None:
            call.ring()

        carrier, customer = south_agent(on_call=ring), customer_agent()
        async with udp_carrier(carrier) as endpoint:
            flow = await connect(node, customer)
            call = await place(customer, flow, SOUTH_NUMBER)
            for _ in range(3):
                flow.send(call.invite.to_bytes())
            there = await carrier.incoming()
            await call.received(180)
            there.answer()
            await call.answered()
            assert len(reached(carrier, "INVITE")) == 1
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            assert sum(c["call_id"] == record["call_id"] for c in await asyncio.to_thread(node.calls)) == 1
            await there.confirmed()
            await there.bye()
            bye = [s.message for s in there.trace if s.sent and s.message.method == "BYE"][-1]
            replies = len(carrier.raw)
            carrier.own(endpoint.flow(SBC_PLAIN)).send(bye.to_bytes())
            await until(lambda: len(carrier.raw) > replies, "an answer to the BYE sent again")
            assert carrier.raw[-1].startswith(b"SIP/2.0 200")
            assert sum(s.message.method == "BYE" for s in customer.trace if not s.sent) == 1
            assert not carrier.saw(CUSTOMER_MARKS)

    run(node, scenario)


def test_forged_marks_are_refused(node: Node) -> None:
    """Summary: a request with topos' own marks, in any spelling, gets 400; no carrier hears of it."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            for header in (
                ("P-SR-XUID", "atpsh-1-1"),
                ("P-SR-XBranch", "z9hG4bK1"),
                ("p-sr-xbranch", "x"),
                ("P-SR-XUID", ""),
            ):
                call = await place(customer, flow, SOUTH_NUMBER, headers=[header])
                assert (await call.final()).status == 400, header
            call, there = await established(node, customer, carrier)
            for one in (call, there):
                for header in (("P-SR-XUID", "atpsh-1-1"), ("P-SR-XBranch", "z9hG4bK1")):
                    answer = await one.request("INFO", headers=[header])
                    assert answer.status == 400, header
            await call.bye()
            no_leak(customer, carrier)
            assert len(reached(carrier, "INVITE")) == 1
            assert not reached(carrier, "INFO") + reached(customer, "INFO")

    run(node, scenario)


LONG = "x" * 1500


def _replaced(message: Message, name: str, value: str) -> Message:
    lines = tuple((n, value if n == name else v) for n, v in message.headers)
    return Message(start_line=message.start_line, headers=lines, body=message.body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Contact", f"<sip:{LONG}@10.9.8.7:5066;transport=tls>"),
        ("From", f'"{LONG}" <sip:+12025550101@10.9.8.7>;tag=1'),
        ("From", f"<sip:+12025550101@10.9.8.7>;tag={LONG}"),
        ("Call-ID", LONG),
        ("CSeq", f"{'0' * 1500}1 INVITE"),
        ("Contact", "<sip:alice|x@10.9.8.7:5066;transport=tls>"),
        ("Contact", "*"),
        ("Contact", "<sip:alice@10.9.8.7>, <sip:bob@10.9.8.7>"),
        ("From", r"<sip:+12025550101@10.9.8.7;x=a\1>;tag=1"),
        ("No-Contact", ""),
        ("Via", ""),
        ("Vias", ""),
        ("Record-Route", ""),
        ("Empty-Record-Route", ""),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_cannot_be_stored_is_refused(node: Node, name: str, value: str) -> None:
    """Summary: a header topos could not store whole is refused with 400 before it gets there."""

    async def scenario() -> None:
        carrier, customer = south_agent(), customer_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            message = invite(customer, flow, SOUTH_NUMBER)
            first = message.headers[0]
            match name:
                case "Via":
                    added = [("Via", f"SIP/2.0/TLS {LONG}.inner.acme;branch=z9hG4bK{n}") for n in range(2)]
                case "No-Contact":
                    added, message = [], message.without("Contact")
                case "Vias":
                    added = [("Via", f"SIP/2.0/TLS a{n};branch=z9hG4bK{n}") for n in range(21)]
                    added.append(("Via", f"SIP/2.0/TLS {LONG}.inner.acme;branch=z9hG4bK"))
                case "Record-Route":
                    added = [("Record-Route", f"<sip:10.9.8.{n};lr>") for n in range(60)]
                case "Empty-Record-Route":
                    added = [("Record-Route", ""), ("Record-Route", f"<sip:{LONG}@10.9.8.7;lr>")]
                case _:
                    added = []
                    message = _replaced(message, name, value)
            message = Message(
                start_line=message.start_line,
                headers=(first, *added, *message.headers[1:]),
                body=message.body,
            )
            flow.send(message.to_bytes())
            await until(
                lambda: (
                    any(not s.message.is_request and s.message.status >= 200 for s in customer.trace)
                    or b"SIP/2.0 4" in b"".join(customer.raw)
                ),
                "a refusal",
            )
            assert b"SIP/2.0 400" in b"".join(customer.raw)
            assert not reached(carrier, "INVITE")

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize("code", [180, 200, 302, 486])
def test_a_reply_that_cannot_be_hidden_stays_here(node: Node, code: int) -> None:
    """Summary: huge Contact and Record-Route in a carrier's reply reach nobody; a 2xx becomes 502 and its sender is let go."""

    async def scenario() -> None:
        def spoil(data: bytes) -> bytes:
            if not data.startswith(b"SIP/2.0 %d" % code) or b"INVITE" not in data:
                return data
            lines = [
                line for line in data.split(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"Contact")
            ]
            lines += [b"Contact: <sip:" + LONG.encode() + b"@10.66.6.6:5061>"]
            lines += [b"Record-Route: <sip:10.66.6.%d;lr>" % n for n in range(60)]
            return b"\r\n".join([*lines, b"", b""])

        async def answer(call: Call) -> None:
            if code == 180:
                call.ring()
                await call.received("CANCEL")
            elif code == 200:
                call.answer()
            else:
                call.reply(code)

        carrier, customer = south_agent(on_call=answer), customer_agent()
        carrier.on_wire = spoil
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            if code == 180:
                await until(lambda: any(s.sent and s.message.status == 180 for s in there.trace), "the 180")
                assert (await call.cancel()).status == 200
                assert (await call.final()).status == 487
            else:
                final = await call.final()
                assert final.status == {200: 502}.get(code, code)
                assert not final.has("Contact") or "10.66.6.6" not in final.get("Contact")
            assert not customer.saw(CARRIER_MARKS)
            assert LONG not in b"".join(customer.raw).decode(errors="replace")
            assert not carrier.saw(CUSTOMER_MARKS)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
