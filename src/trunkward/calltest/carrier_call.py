"""A call from a carrier, message by message (RFC 3261): baresip, which plays all else, writes no Identity.

INVITE, what is answered, ACK, a moment of talk, BYE. It sends no media, and tells nothing of who hears whom:
that is what the calls of two user agents are for.
"""

import asyncio
import base64
import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from trunkward.calltest.baresip import PartyError
from trunkward.calltest.baresip_config import MEDIA_HOST
from trunkward.calltest.parties import LabParty, Media
from trunkward.calltest.sip_trace import SipMessage, read_message

ANSWER_DEADLINE_S = 10.0
"""More than a verification may wait (2.5 s as it comes) and a user agent takes to answer."""
TALK_S = 1.0
MAX_MESSAGE_BYTES = 64 << 10

type Headers = tuple[tuple[str, str], ...]


@asynccontextmanager
async def connected(party: LabParty) -> AsyncIterator["CarrierLine"]:
    """The carrier's TLS connection to the node. Raises `PartyError` where there is none."""
    context = ssl.create_default_context(cafile=party.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert party.certificate is not None
    context.load_cert_chain(party.certificate, party.private_key)
    try:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            reader, writer = await asyncio.open_connection(
                party.sbc_host, party.sbc_port, ssl=context, limit=MAX_MESSAGE_BYTES
            )
    except (OSError, TimeoutError) as error:
        raise PartyError(f"carrier {party.name}: no TLS connection to the node: {error}") from error
    try:
        yield CarrierLine(party, reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class CarrierLine:
    """One call at a time over one connection; `heard` is all that came, in order."""

    def __init__(self, party: LabParty, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Nothing is sent yet."""
        self._party, self._reader, self._writer = party, reader, writer
        self._who = f"carrier {party.name}"
        self.heard: list[SipMessage] = []

    async def call(self, calling: str, dialled: str, headers: Headers) -> str:
        """Places a call and ends it after a moment; its Call-ID. Raises `PartyError`.

        The numbers are E.164 with plus. Refused or answered, it stands in `heard`.
        """
        dialog = _Dialog.begin(self._party, calling, dialled)
        with socket.socket(type=socket.SOCK_DGRAM) as media:
            # bound, so that nobody else gets what the node sends there
            media.bind((MEDIA_HOST, 0))
            offer = _offer(self._party, media.getsockname()[1])
            self._send(dialog.request("INVITE", headers, offer))
            final = await self._final("INVITE")
            if (final.status or 0) >= 300:
                self._send(dialog.ack_of_refusal(final))
                return dialog.call_id
            dialog = dialog.confirmed_by(final)
            self._send(dialog.request("ACK"))
            await asyncio.sleep(TALK_S)
            dialog = dialog.next()
            self._send(dialog.request("BYE"))
            await self._final("BYE")
        return dialog.call_id

    def _send(self, text: str) -> None:
        self._writer.write(text.encode())

    async def _final(self, method: str) -> SipMessage:
        """The final answer; requests of the node's own are left to themselves."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                while True:
                    message = await self._next()
                    self.heard.append(message)
                    if message.method == method and (message.status or 0) >= 200:
                        return message
        except TimeoutError:
            raise PartyError(f"{self._who}: no answer to {method} in {ANSWER_DEADLINE_S:g} s") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise PartyError(f"{self._who}: no answer to {method}, the connection broke: {error}") from error

    async def _next(self) -> SipMessage:
        """RFC 3261 section 18.3: on a stream Content-Length says where a message ends."""
        head = b""
        while not head.strip():  # CR LF between messages keeps a connection alive (RFC 5626 section 3.5.1)
            head = await self._reader.readuntil(b"\r\n\r\n")
        length = self._read(head).first("content-length")
        return self._read(head + await self._reader.readexactly(int(length or 0)))

    def _read(self, raw: bytes) -> SipMessage:
        party = self._party
        return read_message(
            raw.decode("utf-8", "replace").lstrip(),
            transport="TLS",
            source=(party.sbc_host, party.sbc_port),
            destination=(party.sip_host, party.sip_port),
            received=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialog:
    """What stands in each request (RFC 3261 section 12)."""

    party: LabParty
    calling: str
    request_uri: str
    to: str
    call_id: str
    from_tag: str
    branch: str
    cseq: int = 1
    routes: tuple[str, ...] = ()

    @classmethod
    def begin(cls, party: LabParty, calling: str, dialled: str) -> Self:
        uri = f"sip:{dialled}@{party.sbc_host}:{party.sbc_port}"
        return cls(
            party=party,
            calling=calling,
            request_uri=f"{uri};transport=tls",
            to=f"<{uri}>",
            call_id=f"call-test-{secrets.token_hex(8)}",
            from_tag=secrets.token_hex(4),
            branch=_branch(),
        )

    def confirmed_by(self, answer: SipMessage) -> Self:
        """After a 2xx: its ACK is a transaction of its own, to where the other side wants it (13.2.2.4)."""
        contact = answer.first("contact")
        uri = contact.partition("<")[2].partition(">")[0] or contact.partition(";")[0]
        routes = [route.strip() for value in answer.values("record-route") for route in value.split(",")]
        return replace(
            self, request_uri=uri, to=answer.first("to"), routes=tuple(reversed(routes)), branch=_branch()
        )

    def next(self) -> Self:
        """For the next request."""
        return replace(self, cseq=self.cseq + 1, branch=_branch())

    def ack_of_refusal(self, answer: SipMessage) -> str:
        """Of the INVITE's own transaction (17.1.1.3)."""
        return replace(self, to=answer.first("to")).request("ACK")

    def request(self, method: str, headers: Headers = (), body: str = "") -> str:
        """As it goes out."""
        party = self.party
        own = f"sip:{self.calling}@{party.sip_host}"
        told = [
            ("Via", f"SIP/2.0/TLS {party.sip_host}:{party.sip_port};branch={self.branch};rport"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in self.routes),
            ("From", f"<{own}>;tag={self.from_tag}"),
            ("To", self.to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} {method}"),
            *headers,
        ]
        if body:
            told.append(("Contact", f"<{own}:{party.sip_port};transport=tls>"))
            told.append(("Content-Type", "application/sdp"))
        told.append(("Content-Length", str(len(body))))
        lines = [f"{method} {self.request_uri} SIP/2.0", *(f"{name}: {value}" for name, value in told)]
        return "\r\n".join(lines) + "\r\n\r\n" + body


def _branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def _offer(party: LabParty, port: int) -> str:
    """G.711 A-law, and a key of 30 bytes where the carrier has SRTP (RFC 4568 section 6.2)."""
    plain = party.media is Media.PLAIN
    key = base64.b64encode(secrets.token_bytes(30)).decode()
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {MEDIA_HOST}",
        "s=-",
        f"c=IN IP4 {MEDIA_HOST}",
        "t=0 0",
        f"m=audio {port} {'RTP/AVP' if plain else 'RTP/SAVP'} 8",
        "a=rtpmap:8 PCMA/8000",
        *(() if plain else (f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}",)),
    ]
    return "\r\n".join(lines) + "\r\n"
