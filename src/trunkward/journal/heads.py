"""Heads of journals, signed each minute and kept apart: what shows that a journal was rewritten or cut off.

A chain by itself can be made anew from any entry on, by whoever may write it. So once a minute the worker
writes down how far each journal is and what its last line's hash is, signed with a key of its own (Ed25519,
RFC 8032), in a file outside of the databases. Its lines are a chain again, so that none can be taken from
between.

    <signature, base64url> <JSON with `at`, `heads`, `prev` and `seq`>
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.journal.chain import GENESIS, UNREADABLE, ChainBroken, Entry, begin_or_continue, entry_of

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

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """What an entry of the file says. Raises `ChainBroken`."""
        try:
            return msgspec.json.decode(entry.text, type=cls)
        except UNREADABLE as problem:
            raise ChainBroken(f"line {entry.seq} of the heads cannot be read: {problem}") from None


def signed_minute(
    last: Entry | None, heads: Sequence[Head], at: float, key: Ed25519PrivateKey
) -> tuple[Entry, str]:
    """The entry that follows `last`, and its line with the signature, without a line's end."""
    entry = begin_or_continue(last, {"at": at, "heads": msgspec.to_builtins(heads)})
    signature = urlsafe_b64encode(key.sign(entry.text.encode())).decode().rstrip("=")
    return entry, f"{signature} {entry.text}"


def read_line(line: str, key: Ed25519PublicKey | None) -> Entry:
    """One line; its signature is looked at where a key is given. Raises `ChainBroken`."""
    signature, _, text = line.partition(" ")
    entry = entry_of(text)
    if key is not None:
        try:
            key.verify(urlsafe_b64decode(signature + "=="), text.encode())
        except (InvalidSignature, ValueError):
            raise ChainBroken(f"line {entry.seq} of the heads is not signed with this key") from None
    return entry


def read_minutes(lines: Iterable[str], key: Ed25519PublicKey) -> Iterator[Minute]:
    """All minutes of a file, followed from the first. Raises `ChainBroken` at the first that does not fit."""
    last: Entry | None = None
    for line in lines:
        entry = read_line(line, key)
        minute = Minute.of(entry)
        if entry.seq != (last.seq + 1 if last else 1) or minute.prev != (last.hash if last else GENESIS):
            raise ChainBroken(f"line {entry.seq} of the heads does not follow the one before it")
        last = entry
        yield minute
