"""Messages no honest peer sends: no text, heads with two readings, replies nobody asked for. None opens the border."""

import asyncio
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sipkit.call import Call
from sipkit.sdp import Profile
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    SBC_PLAIN,
    SOUTH,
    SOUTH_NUMBER,
    connect,
    customer_agent,
    described,
    invite,
    kamcmd,
    place,
    reached,
    run,
    signals_in,
    south_agent,
    udp_carrier,
    until,
)

#: As long as what it stands for, so that no Content-Length is wrong.
LATIN_1 = "Gerät-11".encode("latin-1")


def rewritten(start: bytes, method: bytes, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Changes what begins so and has this method in its CSeq, once it is on the wire."""

    def on_wire(data: bytes) -> bytes:
        return change(data) if data.startswith(start) and b" " + method + b"\r\n" in data else data

    return on_wire


async def ring_only(call: Call) -> None:
    call.ring()


NO_TEXT = {
    "in Server": (b"CarrierSoft/1.0", LATIN_1 + b" CarrierSoft"),
    "in the phrase": (b"200 OK", b"200 " + LATIN_1 + b" CarrierSoft"),
    "in the session's name": (b"s=core.carrier", b"s=core" + LATIN_1),
    "in a display name": (b"\r\nTo: ", b'\r\nTo: "' + LATIN_1 + b'" '),
    "in Contact": (b"\r\nContact: <sip:", b"\r\nContact: <sip:" + LATIN_1),
}


@pytest.mark.parametrize("where", NO_TEXT)
def test_a_reply_that_is_no_text(node: Node, where: str) -> None:
    """Summary: a 200 with a byte that is no UTF-8 becomes 502, and its sender is let go."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        carrier.on_wire = rewritten(b"SIP/2.0 200", b"INVITE", lambda data: data.replace(*NO_TEXT[where]))
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            assert (await call.final()).status == 502
            assert await there.ended() == "peer-bye"
            assert not customer.saw((*CARRIER_MARKS, "Soft"))
            assert not carrier.saw(CUSTOMER_MARKS)
        assert not signals_in(node.log("kamailio"))

    run(node, scenario)


def test_early_media_and_a_refusal_that_are_no_text(node: Node) -> None:
    """Summary: a 183 of that kind goes nowhere, a 486 goes on as a bare one."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        carrier.on_call = ring_only
        carrier.on_wire = lambda data: data.replace(b"CarrierSoft/1.0", LATIN_1)
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            there.ring(183, session=described(Profile.PLAIN, CARRIER_MARKS))
            there.reply(486)
            assert (await call.final()).status == 486
            assert not any(raw.startswith(b"SIP/2.0 183") for raw in customer.raw)
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def test_requests_that_are_no_text(node: Node) -> None:
    """Summary: requests of a running call with a byte that is no UTF-8 get 400, which shows neither side the other's
    Call-ID, and reach nobody; an INVITE of that kind gets 400."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            call = await place(customer, flow, SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            before = len(customer.raw), len(carrier.raw)
            for party in (customer, carrier):
                party.on_wire = lambda data: data.replace(b"/1.0\r\n", b"/" + LATIN_1 + b"\r\n")
            for one in (call, there):
                for method in ("INFO", "BYE", "UPDATE"):
                    assert (await one.request(method)).status == 400
            heard = customer.raw[before[0] :] + carrier.raw[before[1] :]
            assert all(raw.startswith(b"SIP/2.0 400") for raw in heard)
            for party in (customer, carrier):
                party.on_wire = None
            customer.on_wire = lambda data: data.replace(b"InnerPBX", LATIN_1)
            refused = customer.place(invite(customer, flow, SOUTH_NUMBER), flow, session=customer.session)
            assert (await refused.final()).status == 400
            customer.on_wire = None
            assert (await there.bye()).status == 200
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


#: A header that some see, and others take for something else or for nothing.
HIDDEN = {
    "CR CR LF": b"Supported: timer\r\r\nX-Hidden: %s\r\n",
    "a bare CR": b"Supported: timer\rX-Hidden: %s\r\n",
    "a bare LF": b"Supported: timer\nX-Hidden: %s\r\n",
    "NUL": b"Supported: \0\r\nX-Hidden: %s\r\n",
    "a long name": b"X" * 125 + b": %s\r\n",
    "too many": b"X-Hidden: %s\r\n" * 260,
}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_request_with_a_hidden_header(node: Node, way: str) -> None:
    """Summary: an INVITE whose head can be read in two ways gets 400 and reaches nobody."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        line = HIDDEN[way].replace(b"%s", CUSTOMER_MARKS[0].encode())
        customer.on_wire = rewritten(
            b"INVITE", b"INVITE", lambda data: data.replace(b"\r\nCSeq:", b"\r\n" + line + b"CSeq:")
        )
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            assert (await call.final()).status == 400
            assert not reached(carrier, "INVITE")

    run(node, scenario)


@pytest.mark.parametrize("way", HIDDEN)
def test_a_reply_with_a_hidden_header(node: Node, way: str) -> None:
    """Summary: a 200 whose head can be read in two ways becomes 502, and its sender is let go."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        line = HIDDEN[way].replace(b"%s", CARRIER_MARKS[0].encode())
        carrier.on_wire = rewritten(
            b"SIP/2.0 200", b"INVITE", lambda data: data.replace(b"\r\nCSeq:", b"\r\n" + line + b"CSeq:")
        )
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            assert (await call.final()).status == 502
            assert await there.ended() == "peer-bye"
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def test_a_status_line_with_a_header_in_it(node: Node) -> None:
    """Summary: what stands behind a bare LF in a status line does not go on with it."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        carrier.on_wire = rewritten(
            b"SIP/2.0 200", b"INVITE", lambda data: data.replace(b" OK\r\n", b" OK\nX-Hidden: 10.66.6.6\r\n")
        )
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            assert (await call.final()).status == 502
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def test_a_reply_whose_head_cannot_be_read(node: Node) -> None:
    """Summary: a 183 with a line that is no header goes nowhere; the 200 after it makes the call."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        carrier.on_call = ring_only
        carrier.on_wire = rewritten(
            b"SIP/2.0 183",
            b"INVITE",
            lambda data: data.replace(b"\r\nServer:", b"\r\nno header: 10.66.6.6\r\nServer:"),
        )
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            there.ring(183, session=described(Profile.PLAIN, CARRIER_MARKS))
            there.answer()
            assert (await call.answered()).body
            assert not any(raw.startswith(b"SIP/2.0 183") for raw in customer.raw)
            assert (await call.bye()).status == 200
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def test_a_route_of_the_caller(node: Node) -> None:
    """Summary: the Route a caller put into its first INVITE is not followed, and the callee does not see it."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(
                customer,
                await connect(node, customer),
                SOUTH_NUMBER,
                headers=[("Route", "<sip:10.9.8.7:5099;lr>"), ("Route", "<sip:inner.acme;lr>")],
            )
            there = await carrier.incoming()
            await call.answered()
            assert not there.invite.has("Route")
            assert (await call.bye()).status == 200
            assert not carrier.saw(CUSTOMER_MARKS)

    run(node, scenario)


def telling(profile: Profile, marks: tuple[str, ...]) -> Callable[[str], str]:
    """A session with lines about its author in each place SDP has for them."""
    plain = described(profile, marks)

    def session(offered: str) -> str:
        about = [
            f"i={marks[1]}",
            f"u=https://{marks[3]}/",
            f"e=a@{marks[3]}",
            f"p={marks[0]}",
            f"k=uri:{marks[3]}",
        ]
        v, o, s, *rest = plain(offered).split("\r\n")[:-1]
        below = [f"a=tool:{marks[1]}", f"a=key-mgmt:mikey {marks[1]}", f"a=alt:1 1 : a b {marks[0]} 40000"]
        below += [
            f"i={marks[1]}",
            f"a=ssrc:1 cname:a@{marks[3]}",
            f"a={marks[2]}:1",
            f"b={marks[2]}:64",
            "a=rtcp-mux",
        ]
        return "\r\n".join([v, o, s, *about, *rest, *below, ""])

    return session


def test_sdp_lines_about_their_author(node: Node) -> None:
    """Summary: offers and answers cross without the lines and attributes that tell of their author, first and later."""

    async def scenario() -> None:
        customer = customer_agent(session=telling(Profile.SDES, CUSTOMER_MARKS))
        carrier = south_agent(session=telling(Profile.PLAIN, CARRIER_MARKS))
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            assert (await there.reinvite(telling(Profile.PLAIN, CARRIER_MARKS))).status == 200
            assert (await call.bye()).status == 200
            for party, marks in ((customer, CARRIER_MARKS), (carrier, CUSTOMER_MARKS)):
                assert not party.saw((*marks, "a=tool", "a=key-mgmt", "a=ssrc"))
                assert party.saw(("a=rtpmap:",))

    run(node, scenario)


def test_an_origin_nobody_can_count_on(node: Node) -> None:
    """Summary: an `o=` whose numbers are none: 488 to a first offer and to a later one, 502 for an answer."""

    def session(offered: str) -> str:
        return re.sub(r"o=(\S+) \d+", r"o=\1 pbx", described(Profile.PLAIN, CARRIER_MARKS)(offered))

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            spoilt = re.sub(r"o=(\S+) \d+", r"o=\1 pbx", described(Profile.SDES, CUSTOMER_MARKS)(""))
            refused = await place(customer, flow, SOUTH_NUMBER, session=spoilt)
            assert (await refused.final()).status == 488
            call = await place(customer, flow, SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            assert (await there.reinvite(session)).status == 488
            assert (await call.bye()).status == 200
            carrier.session = session
            assert (await (await place(customer, flow, SOUTH_NUMBER)).final()).status == 502
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def transactions(node: Node) -> int:
    """How many tm keeps."""
    (found,) = re.findall(r"current: (\d+)", kamcmd(node, "tm.stats"))
    return int(found)


@contextmanager
def transactions_soon_forgotten(node: Node) -> Iterator[None]:
    """Lets tm forget a transaction in half a second instead of the time a 2xx may be repeated for."""

    file = node.run / "edge" / "kamailio.cfg"
    rendered = file.read_text()
    shortened = re.sub(r'("tm", "wt_timer", )\d+', r"\g<1>500", rendered)
    assert shortened != rendered

    def restart(text: str) -> None:
        file.write_text(text)
        old = node.pid("kamailio")
        node.signal("kamailio", signal.SIGKILL)
        end = time.monotonic() + 20
        while node.pid("kamailio") == old:
            assert time.monotonic() < end
            time.sleep(0.1)
        node.wait_ready()

    restart(shortened)
    try:
        yield
    finally:
        restart(rendered)


def test_an_answer_repeated_when_its_transaction_is_gone(node: Node) -> None:
    """Summary: a 200 repeated after the transaction's end goes nowhere: the caller sees no SDP of the carrier's."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            ok = next(
                seen.message for seen in there.trace if seen.sent and seen.message.status == 200
            ).to_bytes()
            await until(lambda: transactions(node) == 0, "the transaction's end")
            before = len(customer.raw)
            there.flow.send(ok)
            await asyncio.sleep(1)
            assert len(customer.raw) == before
            assert (await call.bye()).status == 200
            assert not customer.saw(CARRIER_MARKS)

    with transactions_soon_forgotten(node):
        run(node, scenario)


def test_a_late_answer_brings_an_acknowledgement(node: Node) -> None:
    """Summary: a 200 repeated six seconds after the first, longer than the usual wait of tm, goes on filtered, and the
    ACK it asks for comes."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            ok = next(
                seen.message for seen in there.trace if seen.sent and seen.message.status == 200
            ).to_bytes()
            await asyncio.sleep(6)
            before = len(carrier.raw)
            there.flow.send(ok)
            await until(lambda: any(raw.startswith(b"ACK") for raw in carrier.raw[before:]), "an ACK")
            assert (await call.bye()).status == 200
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)


def test_a_reply_nobody_asked_for(node: Node) -> None:
    """Summary: a reply to no request, its second Via naming a third party, reaches nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.settimeout(1.0)
        reply = (
            f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {SBC_PLAIN};branch=z9hG4bKnone\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{victim.getsockname()[1]};branch=z9hG4bKvictim\r\n"
            "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: none\r\n"
            "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anyone:
            anyone.bind((SOUTH.host, 0))
            for _ in range(3):
                anyone.sendto(reply.encode(), (SBC_PLAIN.host, SBC_PLAIN.port))
        with pytest.raises(TimeoutError):
            victim.recv(4096)
    assert not signals_in(node.log("kamailio"))
