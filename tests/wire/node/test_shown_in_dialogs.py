"""What each side is shown of the other in a running call, and in the answer to its BYE, whatever the other writes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from sipkit.address import name_addr
from sipkit.call import Call
from sipkit.message import Message
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    PBX,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    run,
    tls_carrier,
)

#: No message a party gets may have any of these.
SPOOFED = ("spoofed", "TN-Validation-Passed", "P-Asserted-Identity: <sip:1@", "Identity: x")
_LINES = (
    b"Identity: x;info=<https://spoofed.example.net>\r\n"
    b"Attestation-Info: spoofed\r\n"
    b"P-Asserted-Identity: <sip:spoofed@x>\r\n"
)
_URI = re.compile(rb"^((?:From|To): [^<\r\n]*<sips?:[^;@>]+)[^@>]*(@[^>;]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = start_node(EXAMPLE.read_text(encoding="utf-8"))
    yield running
    stop_node(running)


def spoofing(data: bytes) -> bytes:
    """INFO and BYE, and what is answered to them, as somebody sends them who would be taken for verified."""
    head, gap, body = data.partition(b"\r\n\r\n")
    if not re.search(rb"^CSeq: [0-9]+ (?:INFO|BYE)\r?$", head, re.MULTILINE):
        return data
    head = _URI.sub(rb"\1;verstat=TN-Validation-Passed\2", head)
    start, _, rest = head.partition(b"\r\n")
    return start + b"\r\n" + _LINES + rest + gap + body


def shown(message: Message) -> tuple[str, str]:
    return name_addr(message.get("From")).uri, name_addr(message.get("To")).uri


async def hangs_up(call: Call, other: Call, other_party: Party) -> None:
    """INFO and BYE of one side: answer and request show each side what it knows the other as."""
    for method in ("INFO", "BYE"):
        before = len(other.trace)
        reply = await call.request(method)
        assert reply.status == 200
        asked = next(
            seen.message for seen in reversed(call.trace) if seen.sent and seen.message.method == method
        )
        assert shown(reply) == shown(asked), f"the answer to {method}"
        dialog = other.dialog
        assert dialog is not None
        [there] = [
            seen.message
            for seen in other.trace[before:]
            if not seen.sent and seen.message.is_request and seen.message.method == method
        ]
        assert shown(there) == (name_addr(dialog.remote).uri, name_addr(dialog.local).uri), (
            f"the {method} itself"
        )
    call.end("bye")
    assert not call.agent.saw(SPOOFED)  # type: ignore[attr-defined]
    assert not other_party.saw(SPOOFED)


@pytest.mark.parametrize("caller_first", [True, False], ids=["caller", "callee"])
@pytest.mark.parametrize("inbound", [True, False], ids=["inbound", "outbound"])
def test_no_side_writes_itself_into_what_the_other_sees(
    node: Node, *, inbound: bool, caller_first: bool
) -> None:
    """Summary: verstat in From and To, Identity, asserted numbers in INFO and BYE and in their answers stay on their side; From and To are those of the dialog."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        mine, theirs = (carrier, customer) if inbound else (customer, carrier)
        at = (PBX, node.credential("acme-hq")) if inbound else ()
        async with tls_carrier(node, theirs, *at):
            flow = await connect(node, mine, "north" if inbound else "acme-hq")
            call = await place(mine, flow, ACME_NUMBER if inbound else NORTH_NUMBER)
            there = await theirs.incoming()
            await call.answered()
            await there.confirmed()
            mine.on_wire = theirs.on_wire = spoofing
            await (hangs_up(call, there, theirs) if caller_first else hangs_up(there, call, mine))
            await asyncio.sleep(0.1)
            await flow.close()

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
