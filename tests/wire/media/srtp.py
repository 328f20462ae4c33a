"""SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714), small and slow: an independent opinion on the node.

Only what the suites the node allows need: no MKI, no key lifetime, no header extensions, no replay lists.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HEADER_BYTES = 12
RTCP_HEADER_BYTES = 8
_TAG_BYTES = 10
#: Bytes of master key by suite; the rest of the key in SDP is the salt.
_KEY_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 16,
    "AES_256_CM_HMAC_SHA1_80": 32,
    "AEAD_AES_128_GCM": 16,
    "AEAD_AES_256_GCM": 32,
}


class NotAuthenticError(Exception):
    """A packet whose tag does not fit."""


def keystream(key: bytes, iv: bytes, length: int) -> bytes:
    """AES in counter mode (RFC 3711 section 4.1.1)."""
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(bytes(length))


def derive(master: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key (RFC 3711 section 4.3.1, key derivation rate 0); a 96-bit salt is padded at its end."""
    x = bytearray(salt.ljust(14, b"\0"))
    x[7] ^= label
    return keystream(master, bytes(x) + b"\0\0", length)


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@dataclass
class Stream:
    """One direction: its keys, and the packet index of each SSRC."""

    suite: str
    #: Master key and salt as SDP writes them, base64.
    key: str
    roc: dict[int, tuple[int, int]] = field(default_factory=dict)
    rtcp_index: int = 0

    def __post_init__(self) -> None:
        raw = base64.b64decode(self.key.partition("|")[0])
        master, salt = raw[: _KEY_BYTES[self.suite]], raw[_KEY_BYTES[self.suite] :]
        self.gcm = "GCM" in self.suite
        length = len(master)
        self.ciphers = [derive(master, salt, label, length) for label in (0, 3)]
        self.auths = [derive(master, salt, label, 20) for label in (1, 4)]
        self.salts = [derive(master, salt, label, 12 if self.gcm else 14) for label in (2, 5)]

    def seal(self, packet: bytes) -> bytes:
        """A plain RTP packet as SRTP."""
        sequence, ssrc = struct.unpack_from(">H4xI", packet, 2)
        roc = self._roc(ssrc, sequence)
        header, payload = packet[:HEADER_BYTES], packet[HEADER_BYTES:]
        if self.gcm:
            return header + AESGCM(self.ciphers[0]).encrypt(
                self._gcm_iv(ssrc, roc, sequence), payload, header
            )
        sealed = header + xor(payload, self._counter(0, ssrc, roc << 16 | sequence, len(payload)))
        return sealed + self._tag(0, sealed + struct.pack(">I", roc))

    def open(self, packet: bytes) -> bytes:
        """A received SRTP packet as plain RTP. Raises `NotAuthenticError`."""
        sequence, ssrc = struct.unpack_from(">H4xI", packet, 2)
        before = dict(self.roc)
        roc = self._roc(ssrc, sequence)
        header = packet[:HEADER_BYTES]
        try:
            if self.gcm:
                return header + AESGCM(self.ciphers[0]).decrypt(
                    self._gcm_iv(ssrc, roc, sequence), packet[HEADER_BYTES:], header
                )
            sealed, tag = packet[:-_TAG_BYTES], packet[-_TAG_BYTES:]
            if not hmac.compare_digest(tag, self._tag(0, sealed + struct.pack(">I", roc))):
                raise NotAuthenticError(self.suite)
            payload = sealed[HEADER_BYTES:]
            return header + xor(payload, self._counter(0, ssrc, roc << 16 | sequence, len(payload)))
        except (InvalidTag, NotAuthenticError, ValueError) as problem:
            self.roc = before
            raise NotAuthenticError(self.suite) from problem

    def seal_rtcp(self, packet: bytes) -> bytes:
        """A plain compound RTCP packet as SRTCP (RFC 3711 section 3.4, RFC 7714 section 9)."""
        self.rtcp_index += 1
        (ssrc,) = struct.unpack_from(">I", packet, 4)
        word = struct.pack(">I", 1 << 31 | self.rtcp_index)
        header, payload = packet[:RTCP_HEADER_BYTES], packet[RTCP_HEADER_BYTES:]
        if self.gcm:
            iv = self._rtcp_iv(ssrc, self.rtcp_index)
            return header + AESGCM(self.ciphers[1]).encrypt(iv, payload, header + word) + word
        sealed = header + xor(payload, self._counter(1, ssrc, self.rtcp_index, len(payload))) + word
        return sealed + self._tag(1, sealed)

    def open_rtcp(self, packet: bytes) -> bytes:
        """A received SRTCP packet as plain RTCP. Raises `NotAuthenticError`."""
        (ssrc,) = struct.unpack_from(">I", packet, 4)
        header = packet[:RTCP_HEADER_BYTES]
        if self.gcm:
            word = packet[-4:]
            index = struct.unpack(">I", word)[0] & 0x7FFFFFFF
            try:
                return header + AESGCM(self.ciphers[1]).decrypt(
                    self._rtcp_iv(ssrc, index), packet[RTCP_HEADER_BYTES:-4], header + word
                )
            except InvalidTag as problem:
                raise NotAuthenticError(self.suite) from problem
        sealed, tag = packet[:-_TAG_BYTES], packet[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(1, sealed)):
            raise NotAuthenticError(self.suite)
        index = struct.unpack(">I", sealed[-4:])[0] & 0x7FFFFFFF
        payload = sealed[RTCP_HEADER_BYTES:-4]
        return header + xor(payload, self._counter(1, ssrc, index, len(payload)))

    def _roc(self, ssrc: int, sequence: int) -> int:
        """RFC 3711 section 3.3.1: the rollover counter most likely meant."""
        roc, highest = self.roc.get(ssrc, (0, sequence))
        if highest < 0x8000 and sequence - highest > 0x8000:
            guessed = roc - 1
        elif highest >= 0x8000 and highest - 0x8000 > sequence:
            guessed = roc + 1
        else:
            guessed = roc
        if (guessed, sequence) >= (roc, highest):
            self.roc[ssrc] = (guessed, sequence)
        return max(guessed, 0)

    def _counter(self, which: int, ssrc: int, index: int, length: int) -> bytes:
        number = int.from_bytes(self.salts[which]) << 16 ^ ssrc << 64 ^ index << 16
        return keystream(self.ciphers[which], number.to_bytes(16), length)

    def _gcm_iv(self, ssrc: int, roc: int, sequence: int) -> bytes:
        return xor(struct.pack(">HIIH", 0, ssrc, roc, sequence), self.salts[0])

    def _rtcp_iv(self, ssrc: int, index: int) -> bytes:
        return xor(struct.pack(">HIHI", 0, ssrc, 0, index), self.salts[1])

    def _tag(self, which: int, covered: bytes) -> bytes:
        return hmac.new(self.auths[which], covered, hashlib.sha1).digest()[:_TAG_BYTES]
