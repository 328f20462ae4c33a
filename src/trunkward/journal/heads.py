"""Heads of journals, signed each minute and kept apart: what shows that a journal was rewritten or cut off.

A chain by itself can be made anew from any entry on, by whoever may write it. So once a minute the worker
writes down how far each journal is and what its last line's hash is, signed with a key of its own (Ed25519,
RFC 8032), in a file outside of the databases. Its lines are a chain again, so that none can be taken from
between. What is signed commits to each head, and what opens that stands behind it: a line that is handed out
opens the head of one journal, and says nothing of others (`only`).

    <signature, base64url> <JSON: `at`, `commits`, `format`, `prev` and `seq`> <JSON: salt and head of each>
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.journal.chain import GENESIS, UNREADABLE, ChainBroken, Entry, begin_or_continue, entry_of
from trunkward.journal.commitment import commitment, opens

#: What a line says it is: the same key signs manifests (`journal.pack`).
FORMAT: Literal["trunkward-heads-1"] = "trunkward-heads-1"
#: Under this name a line commits to a head.
_HEAD = "head"
#: The name of the journal of acts on the configuration; those of signers are called like their identities.
ACTS = "configuration"


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines that are in no journal. Times in seconds since the epoch."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0
    #: Of the first of them.
    cause: str = ""

    def and_(self, times: Sequence[float], cause: str) -> "Gap":
        """With lines of these times, too."""
        return self.plus(Gap(count=len(times), first=min(times), last=max(times), cause=cause))

    def plus(self, later: "Gap") -> "Gap":
        """Both together."""
        if not self.count or not later.count:
            return self if self.count else later
        return Gap(
            count=self.count + later.count,
            first=min(self.first, later.first),
            last=max(self.last, later.last),
            cause=self.cause,
        )


NO_GAP = Gap()


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a journal is: the number of its last line, 0 for none, and that line's SHA-256."""

    journal: str
    seq: int = 0
    hash: str = GENESIS
    #: What it could not take and has not declared yet.
    gap: Gap = NO_GAP


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """The heads of one moment, in seconds since the epoch."""

    seq: int
    prev: str
    at: float
    heads: list[Head]


class _Signed(msgspec.Struct):
    seq: int
    prev: str
    at: float
    #: SHA-256 of each head with its salt, in no order of the journals.
    commits: list[str]
    format: Literal["trunkward-heads-1"]


_signed = msgspec.json.Decoder(_Signed).decode
_opened = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]]).decode


def key_sha256(key: Ed25519PublicKey) -> str:
    """By which somebody can say which key he was given: SHA-256 of its SubjectPublicKeyInfo (RFC 8410), hex.

    As `openssl pkey -pubin -in heads.pub -outform DER | sha256sum` tells it.
    """
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signed_minute(
    last: Entry | None, heads: Sequence[Head], at: float, key: Ed25519PrivateKey, salt: Callable[[], bytes]
) -> tuple[Entry, str]:
    """The entry that follows `last`, and its line, without a line's end. `salt`: 16 bytes of chance."""
    opened = [(salt(), msgspec.json.encode(head)) for head in heads]
    commits = sorted(commitment(salted, _HEAD, head.decode()) for salted, head in opened)
    entry = begin_or_continue(last, {"at": at, "commits": commits, "format": FORMAT})
    signature = urlsafe_b64encode(key.sign(entry.text.encode())).decode().rstrip("=")
    return entry, _line(signature, entry.text, [(salted.hex(), msgspec.Raw(head)) for salted, head in opened])


def read_line(line: str, key: Ed25519PublicKey | None) -> Entry:
    """What of a line is signed; the signature is looked at where a key is given. Raises `ChainBroken`."""
    signature, text, _ = _parts(line)
    entry = entry_of(text)
    if key is not None:
        try:
            key.verify(urlsafe_b64decode(signature + "=="), text.encode())
        except (InvalidSignature, ValueError):
            raise ChainBroken(f"line {entry.seq} of the heads is not signed with this key") from None
    return entry


def read_minute(line: str, key: Ed25519PublicKey) -> Minute:
    """The heads a line opens, all or some of those its signature commits to. Raises `ChainBroken`."""
    entry = read_line(line, key)
    try:
        signed, opened = _signed(entry.text), _opened(_parts(line)[2])
        heads = [msgspec.json.decode(head, type=Head) for _, head in opened]
    except UNREADABLE as problem:
        raise ChainBroken(f"line {entry.seq} of the heads cannot be read: {problem}") from None
    for (salt, text), head in zip(opened, heads, strict=True):
        if not any(opens(commit, salt, _HEAD, bytes(text).decode()) for commit in signed.commits):
            raise ChainBroken(f"line {entry.seq} of the heads: the one of {head.journal} was changed")
    return Minute(seq=signed.seq, prev=signed.prev, at=signed.at, heads=heads)


def only(line: str, journal: str) -> str:
    """A line that can be read, opening what it says of one journal: that of others is nobody's business."""
    signature, text, opened = _parts(line)
    return _line(
        signature,
        text,
        [one for one in _opened(opened) if msgspec.json.decode(one[1], type=Head).journal == journal],
    )


def read_minutes(
    lines: Iterable[str], key: Ed25519PublicKey, *, from_the_first: bool = True
) -> Iterator[Minute]:
    """All minutes of a file, followed from the first. Raises `ChainBroken` at the first that does not fit.

    Not `from_the_first`: what the first of the lines follows is not asked.
    """
    last: Entry | None = None
    for line in lines:
        minute, entry = read_minute(line, key), read_line(line, None)
        wanted = (last.seq + 1, last.hash) if last else (1, GENESIS)
        if (from_the_first or last) and (entry.seq, minute.prev) != wanted:
            raise ChainBroken(f"line {entry.seq} of the heads does not follow the one before it")
        if len(minute.heads) != len(_signed(entry.text).commits):
            raise ChainBroken(f"line {entry.seq} of the heads: heads were taken out")
        last = entry
        yield minute


def _parts(line: str) -> tuple[str, str, str]:
    """Signature, what is signed, which has no space in it, and what opens it."""
    signature, _, rest = line.partition(" ")
    text, _, opened = rest.partition(" ")
    return signature, text, opened


def _line(signature: str, text: str, opened: Sequence[tuple[str, msgspec.Raw]]) -> str:
    return f"{signature} {text} {msgspec.json.encode(opened).decode()}"
