"""The answering side of the load: a TLS server that answers every INVITE and keeps no state per call."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass

from sipkit.identity import RUN_TOKEN
from sipkit.load import wire
from sipkit.transport import Address, Flow


@dataclass(slots=True)
class Counts:
    """What the carrier saw since it started."""

    invites: int = 0
    acks: int = 0
    byes: int = 0
    others: int = 0

    def report(self) -> dict[str, int]:
        """Return the counts as JSON-able values."""
        return asdict(self)


class Carrier:
    """Answers 200 at once, or 180 first and 200 after `ring_s`. Its To tag carries the INVITE's arrival."""

    def __init__(self, contact_host: str, ring_s: float | None = None) -> None:
        """Make a carrier that names itself `contact_host` in Contact; set `address` before the first
        INVITE."""
        self.counts = Counts()
        self._ring_s = ring_s
        self._contact_host = contact_host
        self._contact = b""
        self._media_host = contact_host

    def listen_on(self, address: Address) -> None:
        """Learn the address it listens on."""
        self._media_host = address.host
        uri = f"sip:carrier@{self._contact_host}:{address.port};transport=tls"
        self._contact = f"Contact: <{uri}>\r\n".encode()

    def receive(self, flow: Flow, raw: bytes) -> None:
        """Take one message."""
        arrived_ns = time.monotonic_ns()
        if raw.startswith(b"SIP/2.0 "):
            return
        method = raw[: raw.find(b" ")]
        if method == b"INVITE":
            self.counts.invites += 1
            self._answer(flow, raw, arrived_ns)
        elif method == b"ACK":
            self.counts.acks += 1
        else:
            if method == b"BYE":
                self.counts.byes += 1
            else:
                self.counts.others += 1
            copied = b"".join(wire.COPIED.findall(raw))
            to = wire.one(wire.TO, raw)
            flow.send(b"SIP/2.0 200 OK\r\n%bTo: %b\r\nContent-Length: 0\r\n\r\n" % (copied, to))

    def _answer(self, flow: Flow, raw: bytes, arrived_ns: int) -> None:
        to = wire.one(wire.TO, raw)
        if b";tag=" not in to:
            to += b";tag=a%b-%d" % (RUN_TOKEN.encode(), arrived_ns)
        head = b"%bTo: %b\r\n%b" % (b"".join(wire.COPIED.findall(raw)), to, self._contact)
        body = (
            wire.answer(raw, self._media_host, 30000 + 2 * (arrived_ns % 15000))
            if b"\r\nm=audio " in raw
            else b""
        )
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        final = b"SIP/2.0 200 OK\r\n%b%bContent-Length: %d\r\n\r\n%b" % (head, kind, len(body), body)
        if self._ring_s is None:
            flow.send(final)
            return
        flow.send(b"SIP/2.0 180 Ringing\r\n%bContent-Length: 0\r\n\r\n" % head)
        asyncio.get_running_loop().call_later(self._ring_s, _send_if_open, flow, final)


def _send_if_open(flow: Flow, data: bytes) -> None:
    if flow.is_open:
        flow.send(data)
