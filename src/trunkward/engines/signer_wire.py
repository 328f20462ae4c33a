"""What gate and signer say to each other: JSON in frames over a unix stream socket.

A frame is a length of 4 bytes, big-endian, and that many bytes of JSON. Many requests may be on their way in
one connection; answers carry the request's `id` and may come in any order.
"""

from typing import Annotated, Literal

import msgspec

from trunkward.shaken.attest import Attestation
from trunkward.shaken.passport import MAX_DESTINATIONS
from trunkward.trunks.transit import OF_NODE

#: Largest frame either side accepts, in bytes. A request has about 1,600.
MAX_FRAME = 16 * 1024
LENGTH_BYTES = 4
#: Longest name, number or identifier in a request, in characters.
MAX_NAME = 128
#: Why a signer signs nothing whose first certificate is ordered and was not issued yet.
CERTIFICATE_AWAITED = "certificate-awaited"

#: Retargets of one call that are signed (our limit; hop by hop a call may have more).
MAX_RETARGETS = 5

type Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
#: Attestation level (ATIS-1000074, RFC 8588 section 4).
type Level = Literal["A", "B", "C"]


class Retarget(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the number a call goes to (RFC 8946 section 4); canonical numbers."""

    #: Where it went from here.
    dest: Name
    #: Where it was to go before.
    div: Name
    #: Token of the inventory that number is in.
    evidence: str


class CallerName(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed of who calls and why (RFC 9795); nothing that would have to be fetched."""

    nam: Name
    crn: Name | None = None


class SignRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Claims to sign. No URL, no certificate and no time is in it: those are the signer's own.

    What a signer does not know it passes over: in an upgrade a gate may be of the next version
    (`cli.upgrade`), and what may be signed rests on tokens of `control`, whatever else a gate says.
    """

    #: Names the answer; `SignerClient` fills it in.
    id: Name = ""
    #: Whose certificate it is signed with. A signer has one identity, and signs for no other.
    identity: Name = OF_NODE
    #: `shaken`: the call, and each retarget. `div`: the retargets alone, of a call that came signed.
    kind: Literal["shaken", "div"] = "shaken"
    trunk: Name
    tenant: Name
    #: Id of the record of what is known of the customer; "": there is none.
    customer: Name = ""
    #: For C: the peer by which the call entered the network, of whose caller nothing is known.
    ingress: Name = ""
    #: Canonical numbers (RFC 8224 section 8.3). `dest`: where the caller wanted to go.
    orig: Name
    dest: Annotated[list[Name], msgspec.Meta(max_length=MAX_DESTINATIONS)]
    #: The level the obligated provider's gate decided on, never raised nor lowered here; None for `div`.
    level: Level | None = None
    #: Id of the rule it was decided by.
    rule: Name
    #: Relationship token; needed for A, for B and for what the obligated provider supplied.
    relationship: str | None = None
    #: Evidence token, needed for A; contract token, needed for what the obligated provider supplied.
    evidence: str | None = None
    #: What the obligated provider said, where only the technical act is ours (47 CFR 64.6301(b)).
    supplied: Level | None = None
    #: Each retarget, the first one first.
    div: Annotated[list[Retarget], msgspec.Meta(max_length=MAX_RETARGETS)] = []
    #: For `div`: the `iat` of what the call came signed with, which a retarget keeps; None: it goes on with a
    #: new Date.
    received_iat: int | None = None
    rcd: CallerName | None = None
    #: "" for `div`, which has none.
    origid: Name = ""
    #: Of the decision record this signature belongs to.
    record_id: Name
    #: For joining the journal with captures without storing Call-IDs.
    call_id_hash: Name = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signatures: the values of Identity headers, and of the Date header of the same second."""

    id: str
    #: `shaken`, then `rcd`, then each `div` in the order of the retargets; each is a header of its own.
    identities: list[str]
    #: Seconds since the epoch; of `div`, what it kept.
    iat: int
    #: `SIP-date` of `iat` (RFC 3261 section 20.17).
    date: str
    #: None for `div`.
    attest: Attestation | None
    #: Serial number of the certificate, lower-case hex.
    serial: str
    #: Number of its line in the signer's journal; None: its disk is lost, and the gap will be declared.
    journal: int | None = None


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
