"""What gate and signer say to each other: JSON in frames over a unix stream socket.

A frame is a length of 4 bytes, big-endian, and that many bytes of JSON. Many requests may be on their way in
one connection; answers carry the request's `id` and may come in any order.
"""

from typing import Annotated, Literal

import msgspec

from trunkward.shaken.attest import Attestation
from trunkward.shaken.passport import MAX_DESTINATIONS

#: Largest frame either side accepts, in bytes. A request has about 700.
MAX_FRAME = 16 * 1024
LENGTH_BYTES = 4
#: Longest name, number or identifier in a request, in characters.
MAX_NAME = 128

type Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]


class SignRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Claims to sign. There is no time, no URL and no certificate in it: those are the signer's own."""

    #: Names the answer; `SignerClient` fills it in.
    id: Name = ""
    trunk: Name
    tenant: Name
    #: Canonical numbers (RFC 8224 section 8.3).
    orig: Name
    dest: Annotated[list[Name], msgspec.Meta(max_length=MAX_DESTINATIONS)]
    #: The level the obligated provider's gate decided on. The signer never raises nor lowers it.
    level: Literal["A", "B"]
    #: Evidence token; needed for A.
    evidence: str | None = None
    origid: Name
    #: Of the decision record this signature belongs to.
    record_id: Name
    #: For joining the journal with captures without storing Call-IDs.
    call_id_hash: Name = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature: the Identity header value and the Date header value of the same second."""

    id: str
    identity: str
    #: Seconds since the epoch.
    iat: int
    #: `SIP-date` of `iat` (RFC 3261 section 20.17).
    date: str
    attest: Attestation
    #: Serial number of the certificate, lower-case hex.
    serial: str


class Refused(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No signature, with a stable kebab-case reason."""

    id: str
    error: str


class FrameTooLarge(ValueError):
    """The peer announced more than `MAX_FRAME` bytes: the stream cannot be followed any further."""


class Deframer:
    """Bytes in, whole frames out. One per connection."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        """Start at a frame boundary."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Frames completed by `data`. Raises `FrameTooLarge`, and the frames before it are lost too."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        start = 0
        while len(buffer) - start >= LENGTH_BYTES:
            body = start + LENGTH_BYTES
            length = int.from_bytes(buffer[start:body], "big")
            if length > MAX_FRAME:
                raise FrameTooLarge(length)
            if len(buffer) - body < length:
                break
            start = body + length
            frames.append(bytes(buffer[body:start]))
        if start:
            del buffer[:start]
        return frames


def frame(payload: bytes) -> bytes:
    """One frame. Raises `FrameTooLarge`."""
    if len(payload) > MAX_FRAME:
        raise FrameTooLarge(len(payload))
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload
