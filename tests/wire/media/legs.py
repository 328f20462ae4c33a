"""The media side of a party: real sockets, its own keys, and everything that ever arrived there."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sipkit import sdp
from sipkit.call import Call
from sipkit.transport import Address
from wire.media.srtp import HEADER_BYTES, Stream
from wire.node.parties import Party, until

CM = "AES_CM_128_HMAC_SHA1_80"
CM256 = "AES_256_CM_HMAC_SHA1_80"
GCM = "AEAD_AES_256_GCM"
GCM128 = "AEAD_AES_128_GCM"

#: Seconds after which nothing more is on its way over loopback.
QUIET_S = 0.25
_PACE_S = 0.002


class Socket(asyncio.DatagramProtocol):
    """One UDP port that keeps what it receives."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.arrived.append(data)

    def error_received(self, exc: Exception) -> None:
        """A port that has been closed meanwhile; what did not arrive is seen by counting."""


async def open_socket(port: int, host: str = "127.0.0.1") -> Socket:
    loop = asyncio.get_running_loop()
    _, made = await loop.create_datagram_endpoint(Socket, local_addr=(host, port))
    return made


@asynccontextmanager
async def open_leg(
    name: str,
    port: int,
    suites: tuple[str, ...],
    ssrc: int,
    profile: sdp.Profile = sdp.Profile.SDES,
    host: str = "127.0.0.1",
) -> AsyncIterator[Leg]:
    """A party's end of the media, closed at the end."""
    leg = Leg(name, port, profile, suites, ssrc, host)
    leg.rtp, leg.rtcp = await open_socket(port, host), await open_socket(port + 1, host)
    try:
        yield leg
    finally:
        leg.rtp.transport.close()
        leg.rtcp.transport.close()


class Leg:
    """One party's end of the media."""

    def __init__(
        self,
        name: str,
        port: int,
        profile: sdp.Profile,
        suites: tuple[str, ...],
        ssrc: int,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self.name, self.port, self.profile, self.suites, self.ssrc = name, port, profile, suites, ssrc
        self.sequence = 100
        self.count = 0
        #: What each description of ours said, newest last.
        self.described: list[str] = []
        #: Puts the direction (`sendonly`...) or anything else into the next descriptions.
        self.change: Any = None
        self.sends: Stream | None = None
        self.receives: Stream | None = None
        self.remote = Address(host="", port=0)
        self.rtp = self.rtcp = Socket()

    def session(self, offered: str) -> str:
        """Our description: an offer, or the answer to one."""
        if offered:
            text = sdp.answer(offered, address=self.host, port=self.port, prefer=self.suites)
        else:
            text = sdp.offer(self.profile, address=self.host, port=self.port, suites=self.suites)
        if self.change is not None:
            text = self.change(text)
        self.described.append(text)
        return text

    def agree(self, remote: str) -> str:
        """Takes keys and address of the other description, which met our newest one. Returns the suite."""
        self.remote = where(remote)
        chosen = sdp.cryptos_of(remote)
        if not chosen:
            self.sends = self.receives = None
            return ""
        (theirs,) = chosen if len(chosen) == 1 else (self._answered(chosen),)
        own = next(
            c for c in sdp.cryptos_of(self.described[-1]) if (c.suite, c.tag) == (theirs.suite, theirs.tag)
        )
        if self.sends is None or (self.sends.key, self.sends.suite) != (own.key, own.suite):
            self.sends = Stream(suite=own.suite, key=own.key)
        if self.receives is None or (self.receives.key, self.receives.suite) != (theirs.key, theirs.suite):
            self.receives = Stream(suite=theirs.suite, key=theirs.key)
        return theirs.suite

    def _answered(self, offered: tuple[sdp.Crypto, ...]) -> sdp.Crypto:
        (own,) = sdp.cryptos_of(self.described[-1])
        return next(c for c in offered if (c.suite, c.tag) == (own.suite, own.tag))

    def packet(self, payload: bytes) -> bytes:
        """The next RTP packet, unprotected."""
        self.sequence = self.sequence + 1 & 0xFFFF
        self.count += 1
        header = struct.pack(">BBHII", 0x80, 8, self.sequence, self.count * 160, self.ssrc)
        return header + payload.ljust(160, b".")

    def seal(self, packet: bytes) -> bytes:
        return self.sends.seal(packet) if self.sends else packet

    def opened(self, raw: bytes) -> bytes:
        """Payload of a received packet. Raises `NotAuthenticError`."""
        plain = self.receives.open(raw) if self.receives else raw
        return plain[HEADER_BYTES:].rstrip(b".")

    async def talk(self, packets: int = 25) -> list[bytes]:
        """Sends packets, each with words of its own, and returns these words."""
        said = []
        for number in range(packets):
            words = f"{self.name} {self.count} {number}".encode()
            said.append(words)
            self.rtp.transport.sendto(self.seal(self.packet(words)), (self.remote.host, self.remote.port))
            await asyncio.sleep(_PACE_S)
        return said

    def take(self) -> list[bytes]:
        """Everything that arrived since the last time, opened; a packet that does not open fails the test."""
        raw, self.rtp.arrived = self.rtp.arrived, []
        return [self.opened(packet) for packet in raw]


def where(text: str) -> Address:
    lines = text.splitlines()
    host = next(line.split(" ")[2] for line in lines if line.startswith("c="))
    port = next(line.split(" ")[1] for line in lines if line.startswith("m=audio "))
    return Address(host=host, port=int(port))


async def heard_both_ways(one: Leg, other: Leg, packets: int = 25) -> None:
    """Asserts that all either says, and nothing else, arrives at the other with the right keys."""
    said, answered = await asyncio.gather(one.talk(packets), other.talk(packets))
    await until(lambda: len(other.rtp.arrived) >= packets and len(one.rtp.arrived) >= packets, "media")
    await asyncio.sleep(0.05)
    assert other.take() == said
    assert one.take() == answered


def agree(call: Call, there: Call, caller: Leg, callee: Leg) -> tuple[str, str]:
    """Both legs after an offer and its answer; the suite of each."""
    return caller.agree(call.remote_sdp), callee.agree(there.remote_sdp)


def inline_keys(raw: list[bytes]) -> set[str]:
    """Every SDES key in these messages."""
    return {
        crypto.key.partition("|")[0].rstrip("=")
        for message in raw
        for crypto in sdp.cryptos_of(message.decode(errors="replace"))
    }


def sent_keys(party: Party) -> set[str]:
    """Every SDES key a party put into what it sent."""
    return inline_keys([seen.message.to_bytes() for seen in party.trace if seen.sent])


def no_key_crosses(*parties: Party) -> None:
    """Asserts that no key known on one side stands in anything another side was sent."""
    for party in parties:
        for other in parties:
            if party is not other:
                known = sent_keys(party) | inline_keys(party.raw)
                everything = b"".join(other.raw).decode(errors="replace")
                assert not [key for key in known if key in everything], (party.identity, other.identity)
