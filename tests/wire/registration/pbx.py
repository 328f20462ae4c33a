"""A PBX behind NAT that registers: its Contact names an inner address, its calls come on its own connection."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sipkit.call import Call, HeaderLines
from sipkit.identity import fresh_id
from sipkit.message import Message, request
from sipkit.transport import Flow
from wire.conftest import EXAMPLE
from wire.node.parties import ACME_NUMBER, Party, customer_agent, place

#: The example, its trunk registering.
CONFIG = (
    EXAMPLE.read_text(encoding="utf-8")
    .replace("        host: 127.0.0.21:15061\n", "        host: registered\n")
    .replace("        tls_names: [pbx.acme.example.com]\n", "")
)
USERNAME = "acme-hq"
INNER = f"sip:{USERNAME}@10.9.8.7:5066;transport=tls"
INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


class Pbx:
    """One that registers again and again, as RFC 3261 section 10.2.4 wants it."""

    def __init__(self, party: Party, contact: str = f"<{INNER}>") -> None:
        self.party = party
        self.contact = contact
        self.call_id = fresh_id("r")
        self.cseq = 0

    def message(
        self,
        flow: Flow,
        *,
        contact: str | None = None,
        headers: HeaderLines = (),
        user: str = USERNAME,
        cseq: int = 0,
        expires: int | None = 600,
    ) -> Message:
        """The next REGISTER."""
        self.cseq = cseq or self.cseq + 1
        contact = self.contact if contact is None else contact
        lines = [
            ("Via", self.party.via(flow)),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{user}@sbc.example.com>;tag={fresh_id('f')}"),
            ("To", f"<sip:{user}@sbc.example.com>"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} REGISTER"),
        ]
        lines += [("Contact", contact)] if contact else []
        lines += [("Expires", str(expires))] if expires is not None else []
        return request("REGISTER", "sip:sbc.example.com", [*lines, *headers])

    async def register(self, flow: Flow, **more: Any) -> Message:
        """Registers, and gives the answer."""
        return await self.party.transact(flow, self.message(flow, **more))


def pbx_agent(**more: Any) -> Party:
    """The party; calls to it are answered."""
    return customer_agent(**more)


async def final_of_a_call(carrier: Party, flow: Flow) -> Message:
    """What a call to acme's number comes to; ended if it was answered."""
    return await ended_if_answered(await place(carrier, flow, ACME_NUMBER))


async def ended_if_answered(call: Call) -> Message:
    """What a call comes to; ended if it was answered."""
    final = await call.final()
    if final.status == 200:
        await call.bye()
    return final


async def called_until(status: int, carrier: Party, flow: Flow, within_s: float = 20.0) -> Call:
    """Calls acme's number again and again until it comes to this status, which is one of 200 and 480; that call.

    What was registered is known to Valkey before it is to the edge, and what it stood on ends by other processes.
    """
    end = time.monotonic() + within_s
    while True:
        call = await place(carrier, flow, ACME_NUMBER)
        if (final := await call.final()).status == status:
            return call
        assert final.status in (200, 480)
        if final.status == 200:
            await call.bye()
        assert time.monotonic() < end, f"not {status} within {within_s} s"
        await asyncio.sleep(0.2)
