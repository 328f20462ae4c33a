"""That one line of a signer's journal is as it was written: what it says, and the first signed head after it.

`trunkward journal verify` follows everything from the first line on. Here the question is one line: those
from it to the first head signed after it are its proof, a minute of them, however long the journal is.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.engines.journals import files_of, lines_of, next_line
from trunkward.engines.whole_file import open_plain
from trunkward.journal.chain import UNREADABLE, ChainBroken
from trunkward.journal.heads import Head, only, read_minute
from trunkward.journal.segments import first_of
from trunkward.journal.values import Values


class _Link(msgspec.Struct):
    seq: int = 0
    prev: str = ""


class _Signed(msgspec.Struct):
    at: float


_link = msgspec.json.Decoder(_Link).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLine:
    """A line, and what speaks for it."""

    #: What it says; {}: it is not there.
    facts: dict[str, Any]
    #: When the head was signed that it leads to, in seconds since the epoch; None: none was signed since.
    signed_at: float | None = None
    #: What does not hold; "": nothing.
    broken: str = ""
    #: The line, and the signed head with nobody else's in it, as they stand in their files; "": not there.
    text: str = ""
    head: str = ""


def proven_line(
    journal: Path, identity: str, seq: int, at: float, heads: Path, key: Ed25519PublicKey
) -> ProvenLine:
    """Line `seq` of the journal of an identity, written at `at` (seconds since the epoch). Raises `OSError`.

    1. The line is there, by its number.
    2. The first minute after it that has a head of this journal beyond it is signed with the key.
    3. From the line on each line is the next one's `prev`, and the last one is that head.
    """
    # 1.
    lines = _lines_from(journal, seq)
    line = next(lines, b"")
    if _number(line) != seq:
        return ProvenLine(facts={}, broken=f"line {seq} of {journal} is not there")
    proven = ProvenLine(facts={}, text=line.decode(errors="replace"))
    # 2.
    try:
        proven = replace(proven, facts=msgspec.json.decode(line))
        found = _head_after(heads, identity, seq, at, key)
    except (ChainBroken, *UNREADABLE) as problem:
        return replace(proven, broken=str(problem))
    if found is None:
        return proven
    signed_at, head, signed = found
    proven = replace(proven, signed_at=signed_at, head=signed)
    # 3.
    number, last = seq, sha256(line).hexdigest()
    while number < head.seq:
        line = next(lines, b"")
        number += 1
        if _number(line) != number or _link(line).prev != last:
            return replace(proven, broken=f"line {number} does not follow the one before it")
        last = sha256(line).hexdigest()
    broken = "" if last == head.hash else f"line {number} is not the one whose head was signed: rewritten"
    return replace(proven, broken=broken)


def values_of(journal: Path, day: str, seq: int) -> Values | None:
    """What line `seq`, written on `day` (`2026-11-26`), committed to; None: deleted, or it has none.

    Raises `OSError`.
    """
    path = journal.with_name("details") / f"{day}.jsonl"
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return None
    with file:
        _to_first(file, path, lambda line: _number(line) >= seq)
        line = next_line(file, path)
        return msgspec.json.decode(line, type=Values) if _number(line) == seq else None


def _lines_from(journal: Path, seq: int) -> Iterator[bytes]:
    """Lines from the one with this number on, through all segments. Raises `OSError`."""
    files = files_of(journal)
    begun = sum(first <= seq for path in files if (first := first_of(path.name)) is not None)
    for path in files[max(begun - 1, 0) :]:
        with open_plain(path) as file:
            _to_first(file, path, lambda line: _number(line) >= seq)
            for line in lines_of(file, path):
                yield line.rstrip(b"\n")


def _head_after(
    heads: Path, identity: str, seq: int, at: float, key: Ed25519PublicKey
) -> tuple[float, Head, str] | None:
    """The first signed head of a journal at its line `seq` or beyond; when it was signed; its line alone."""
    try:
        file = open_plain(heads)
    except FileNotFoundError:
        return None
    with file:
        _to_first(file, heads, lambda line: _signed_at(line) >= at)
        for line in lines_of(file, heads):
            if not line.endswith(b"\n"):
                return None  # still being written
            signed = line.rstrip(b"\n").decode(errors="replace")
            minute = read_minute(signed, key)
            head = next((one for one in minute.heads if one.journal == identity), None)
            if head is not None and head.seq >= seq:
                return minute.at, head, only(signed, identity)
    return None


def _to_first(file: BinaryIO, path: Path, reached: Callable[[bytes], bool]) -> None:
    """Leaves a file at the first line that has `reached` what is looked for, or at its end; by halves.

    `reached` is false for all lines before it and true for all after.

    Raises `NoPlainFile` as `next_line` does.
    """
    # every line that begins before `low`, which is where one begins, has not reached it
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            next_line(file, path)
        start = file.tell()
        line = next_line(file, path)
        if start >= high or not line.endswith(b"\n") or reached(line.rstrip(b"\n")):
            high = middle
        else:
            low = start + len(line)
    file.seek(low)


def _number(line: bytes) -> int:
    """A line's number; of one that cannot be read, and at the end of a file, one beyond all."""
    try:
        return _link(line).seq
    except UNREADABLE:
        return 1 << 62


def _signed_at(line: bytes) -> float:
    return msgspec.json.decode(line.partition(b" ")[2].partition(b" ")[0], type=_Signed).at
