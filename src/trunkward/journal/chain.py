"""A chain of entries, each holding the hash of the one before.

The text of an entry is kept word for word, and its SHA-256 is the `prev` of the next. So a changed, removed
or inserted entry breaks the chain at its place. Only the last ones can be cut off unseen, which is why
whoever keeps a chain also counts (`verify` gives the last entry to compare with).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

#: What reading a line of JSON raises, whatever bytes it has come to be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
#: The `prev` of the first entry.
GENESIS = "0" * 64

_encode = msgspec.json.Encoder(order="sorted").encode


class ChainBroken(Exception):
    """The chain does not hold; the message names the first entry at which it shows."""


class _Link(msgspec.Struct):
    seq: int
    prev: str


_decode_link = msgspec.json.Decoder(_Link).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: its number from 1, its text (JSON, with `seq` and `prev`), and the SHA-256 of that."""

    seq: int
    text: str
    hash: str


def begin_or_continue(last: Entry | None, facts: Mapping[str, Any]) -> Entry:
    """The entry that follows `last`. `facts` are JSON-able and have neither `seq` nor `prev`."""
    seq = last.seq + 1 if last else 1
    text = _encode({**facts, "seq": seq, "prev": last.hash if last else GENESIS}).decode()
    return Entry(seq=seq, text=text, hash=_hash(text))


def entry_of(text: str) -> Entry:
    """The entry with this text; whether it follows another is not looked at. Raises `ChainBroken`."""
    try:
        return Entry(seq=_decode_link(text).seq, text=text, hash=_hash(text))
    except UNREADABLE as problem:
        raise ChainBroken(f"a journal entry cannot be read: {problem}") from None


def verify(entries: Iterable[Entry]) -> Entry | None:
    """Follows a whole chain from its first entry; the last one. Raises `ChainBroken`."""
    last: Entry | None = None
    for entry in entries:
        expected = last.seq + 1 if last else 1
        if entry.seq != expected:
            raise ChainBroken(f"journal entry {expected} is missing: {entry.seq} follows")
        if _hash(entry.text) != entry.hash:
            raise ChainBroken(f"journal entry {entry.seq} was changed: its hash does not fit its text")
        try:
            link = _decode_link(entry.text)
        except UNREADABLE as problem:
            raise ChainBroken(f"journal entry {entry.seq} cannot be read: {problem}") from None
        if link.seq != entry.seq or link.prev != (last.hash if last else GENESIS):
            raise ChainBroken(f"journal entry {entry.seq} does not follow the one before it")
        last = entry
    return last


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
