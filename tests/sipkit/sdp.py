"""Session descriptions for signalling tests (RFC 8866): plain RTP, SDES-SRTP and DTLS-SRTP offers, and
answers.

Keys are random for every call. The DTLS fingerprint is random too: enough where only signalling is tested,
useless for real media.
"""

from __future__ import annotations

import base64
import itertools
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sipkit.identity import RUN_TOKEN

#: Length in bytes of master key plus master salt per suite (RFC 4568 section 6.2, RFC 7714 section 14.2).
KEY_AND_SALT_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
    "F8_128_HMAC_SHA1_80": 16 + 14,
    "AES_256_CM_HMAC_SHA1_80": 32 + 14,
    "AEAD_AES_128_GCM": 16 + 12,
    "AEAD_AES_256_GCM": 32 + 12,
}

#: What a customer's PBX typically offers.
USUAL_SUITES = ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")

_sessions = itertools.count(int(RUN_TOKEN[:7], 16))


class Profile(StrEnum):
    """The transport profile of the m= line."""

    PLAIN = "RTP/AVP"
    SDES = "RTP/SAVP"
    DTLS = "UDP/TLS/RTP/SAVPF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """One `a=crypto` line (RFC 4568 section 4): `key` is base64 of master key and salt."""

    tag: int
    suite: str
    key: str

    def line(self) -> str:
        """Return the attribute as it stands in SDP."""
        return f"a=crypto:{self.tag} {self.suite} inline:{self.key}"


def fresh_key(suite: str) -> str:
    """Return a random master key and salt of the suite's length, base64."""
    return base64.b64encode(secrets.token_bytes(KEY_AND_SALT_BYTES[suite])).decode()


def offer(
    profile: Profile,
    *,
    address: str = "127.0.0.1",
    port: int = 40000,
    suites: tuple[str, ...] = USUAL_SUITES,
    direction: str = "sendrecv",
) -> str:
    """Return an audio offer with PCMA, PCMU and telephone-event."""
    cryptos = tuple(Crypto(tag=n, suite=suite, key=fresh_key(suite)) for n, suite in enumerate(suites, 1))
    return _describe(profile, address, port, direction, cryptos if profile is Profile.SDES else (), "actpass")


def answer(
    offered: str | bytes,
    *,
    address: str = "127.0.0.1",
    port: int = 42000,
    prefer: tuple[str, ...] = (),
) -> str:
    """Return an answer in the offer's profile; of the offered suites the first in `prefer`, else the first
    offered.

    The direction mirrors the offer's (RFC 3264 section 6.1).

    Raises:
        ValueError: the offer has no audio line, or is RTP/SAVP without any `a=crypto`.
    """
    text = offered.decode() if isinstance(offered, bytes) else offered
    profile = profile_of(text)
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}.get(
        direction_of(text)
    )
    cryptos: tuple[Crypto, ...] = ()
    if profile.endswith("/SAVP") and not profile.startswith("UDP/TLS"):
        cryptos = (_chosen(cryptos_of(text), prefer),)
    return _describe(profile, address, port, mirrored or "sendrecv", cryptos, "active")


def _chosen(offered: tuple[Crypto, ...], prefer: tuple[str, ...]) -> Crypto:
    if not offered:
        raise ValueError("the offer is RTP/SAVP without a=crypto")
    ranked = sorted(offered, key=lambda c: prefer.index(c.suite) if c.suite in prefer else len(prefer))
    return Crypto(tag=ranked[0].tag, suite=ranked[0].suite, key=fresh_key(ranked[0].suite))


def _describe(
    profile: str, address: str, port: int, direction: str, cryptos: tuple[Crypto, ...], setup: str
) -> str:
    session = next(_sessions)
    family = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=- {session} {session} IN {family} {address}",
        "s=-",
        f"c=IN {family} {address}",
        "t=0 0",
        f"m=audio {port} {profile} 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=ptime:20",
        f"a={direction}",
        *(crypto.line() for crypto in cryptos),
    ]
    if profile.startswith("UDP/TLS"):
        lines += [f"a=fingerprint:sha-256 {_fake_fingerprint()}", f"a=setup:{setup}", "a=rtcp-mux"]
    return "\r\n".join([*lines, ""])


def _fake_fingerprint() -> str:
    return ":".join(f"{octet:02X}" for octet in secrets.token_bytes(32))


def profile_of(text: str) -> str:
    """Return the profile of the first audio line.

    Raises:
        ValueError: there is no audio line.
    """
    for line in text.splitlines():
        if line.startswith("m=audio "):
            return line.split(" ")[2]
    raise ValueError("no m=audio line")


def direction_of(text: str) -> str:
    """Return the direction attribute of the last media, `sendrecv` when none stands there."""
    found = [line[2:] for line in text.splitlines() if line in _DIRECTIONS]
    return found[-1] if found else "sendrecv"


_DIRECTIONS = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})


def cryptos_of(text: str) -> tuple[Crypto, ...]:
    """Return the `a=crypto` lines in order; key parameters such as lifetime stay in `key`."""
    found = []
    for line in text.splitlines():
        if line.startswith("a=crypto:"):
            tag, suite, key = line.removeprefix("a=crypto:").split(" ")[:3]
            found.append(Crypto(tag=int(tag), suite=suite, key=key.removeprefix("inline:")))
    return tuple(found)
