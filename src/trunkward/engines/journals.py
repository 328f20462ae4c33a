"""Journals in files: where each lies, and how it is read; and the file of their signed heads."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from trunkward.engines.whole_file import NoPlainFile, open_plain, read_plain, write_whole
from trunkward.journal.chain import UNREADABLE, ChainBroken, Entry, entry_of
from trunkward.journal.heads import ACTS, Head, Minute, read_line, read_minutes
from trunkward.journal.segments import Segment, first_of
from trunkward.journal.values import Values, ValuesOf
from trunkward.settings import Paths, signer_name
from trunkward.trunks.transit import OF_NODE

#: A head as a signer tells it has some 200 bytes; a line of heads or of a journal less than this (our limit).
_MAX_HEAD = 4096
_MAX_LINE = 1 << 20
#: Bytes of signed heads that a day has at most: 1,440 lines, of a few hundred each and more with resellers.
_LATEST = 4 << 20


class KeyUnusable(Exception):
    """No key in this file; the message names it."""


def signers_journals(paths: Paths) -> dict[str, Path]:
    """The journal of each identity there is or was, by its name: the directory of its segments."""
    found = {}
    for directory in sorted(paths.state.glob(f"{signer_name(OF_NODE)}*")):
        name = _identity(directory.name)
        if name is not None and (journal := paths.signer_journal(name)).is_dir():
            found[name] = journal
    return found


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file of signed heads: where it begins, in bytes, and its SHA-256."""

    offset: int
    sha256: str


def files_of(journal: Path) -> list[Path]:
    """Its segments, the oldest first. Raises `OSError`."""
    return sorted(path for path in journal.iterdir() if first_of(path.name) is not None)


def segments_of(journal: Path, since: int = 0) -> list[Segment]:
    """The same, to be read; of the last one not what is still being written. Raises `OSError`.

    Reading one raises `NoPlainFile` for what the signer's user has put in its place.
    `since`: from the one on that has a line with this number; none, if that is before the first.
    """
    files = files_of(journal)
    if since:
        begun = sum((first_of(path.name) or 0) <= since for path in files)
        files = files[begun - 1 :] if begun else []
    return [Segment(name=path.name, lines=partial(_lines, path, ended=path != files[-1])) for path in files]


def _lines(path: Path, *, ended: bool) -> Iterator[bytes]:
    with open_plain(path) as file:
        for line in lines_of(file, path):
            if line.endswith(b"\n"):
                yield line[:-1]
            elif ended:
                yield line


def next_line(file: BinaryIO, path: Path) -> bytes:
    """The next line with its end, b"" where there is none. Raises `NoPlainFile` for what fills memory."""
    line = file.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise NoPlainFile(f"{path}: a line of more than {_MAX_LINE} bytes: none that was written here")
    return line


def lines_of(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The same, of all that are left."""
    while line := next_line(file, path):
        yield line


def values_beside(journal: Path) -> ValuesOf:
    """What its lines commit to, by day."""

    def of_day(day: str) -> Iterator[Values] | None:
        path = journal.with_name("details") / f"{day}.jsonl"
        return _values(path) if path.is_file() else None

    return of_day


def head_of(name: str, journal: Path) -> Head:
    """How far a signer's journal is that nobody writes to. Raises `OSError`, and `ChainBroken`."""
    files = files_of(journal)
    last = b""
    for line in _lines(files[-1], ended=False) if files else ():
        last = line
    if not last:
        return Head(journal=name)
    entry = entry_of(last.decode(errors="replace"))
    return Head(journal=name, seq=entry.seq, hash=sha256(last).hexdigest())


def told_heads(paths: Paths) -> list[Head]:
    """How far each journal is, as who keeps it tells; who tells nothing that can be read is left out."""
    found = []
    places = {directory.name: directory / "head.json" for directory in (paths.run / "heads").glob("*")}
    for name, path in sorted(places.items()):
        identity = _identity(name)
        head = _head(path)
        # nobody speaks for another
        if head is not None and identity is not None and head.journal == identity:
            found.append(head)
    acts = _head(paths.acts_head)
    return [*found, acts] if acts is not None and acts.journal == ACTS else found


def tell_acts(paths: Paths, entry: Entry) -> None:
    """How far the journal of acts is, for the worker, who may not read the database it is in.

    An act is done when it is in there: a disk that is full does not undo it, and the next one tells of both.
    """
    head = Head(journal=ACTS, seq=entry.seq, hash=entry.hash)
    with suppress(OSError):
        write_whole(paths.acts_head, msgspec.json.encode(head), 0o644)


def append_minute(path: Path, line: str) -> None:
    """One more line of signed heads, on the disk when this returns. Raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        data = f"{line}\n".encode()
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, size)
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_minute(path: Path) -> Entry | None:
    """The newest line of signed heads, None for a file that is not there. Raises `ChainBroken`, `OSError`."""
    try:
        with open_plain(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MAX_LINE))
            tail = file.read()
    except FileNotFoundError:
        return None
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) != len(tail):
        os.truncate(path, size - len(tail) + len(whole))  # what a crash left of a line
    if not whole:
        return None
    return read_line(whole[:-1].rpartition(b"\n")[2].decode(errors="replace"), None)


def signed_between(path: Path, since_s: float, until_s: float) -> bool:
    """Whether the end of a file of signed heads has some of this time, in seconds since the epoch.

    By the times they tell; whoever asks may write none of them, and believes who does. Raises `OSError`.
    """
    try:
        with open_plain(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LATEST))
            lines = file.read(_LATEST).splitlines()
    except FileNotFoundError:
        return False
    return any(since_s <= at <= until_s for at in map(_signed_at, lines))


def minutes_of(path: Path, key: Ed25519PublicKey) -> Iterator[Minute]:
    """All of a file of signed heads, each followed and checked. Raises `ChainBroken`, `OSError`."""
    return (minute for minute, _ in minutes_since(path, key, None))


def minutes_since(
    path: Path, key: Ed25519PublicKey, known: Place | None, *, whole: bool = False
) -> Iterator[tuple[Minute, Place]]:
    """The same with the place of each.

    `known`: one that was there before, and has to be as it was; it begins with that one, or if `whole` with
    the first.
    """
    places: list[Place] = []

    def lines(file: BinaryIO) -> Iterator[str]:
        offset = file.tell()
        for line in lines_of(file, path):
            if line.endswith(b"\n"):
                places.append(Place(offset=offset, sha256=sha256(line).hexdigest()))
                offset += len(line)
                yield line[:-1].decode(errors="replace")

    try:
        with open_plain(path) as file:
            if known is not None:
                file.seek(known.offset)
                if sha256(file.readline(_MAX_LINE)).hexdigest() != known.sha256:
                    raise ChainBroken(
                        "the line it was verified to before is not there: rewritten, or cut off"
                    )
            begins = 0 if known is None or whole else known.offset
            file.seek(begins)
            for minute in read_minutes(lines(file), key, from_the_first=not begins):
                yield minute, places.pop()
    except FileNotFoundError:
        if known is None:
            raise
        raise ChainBroken(f"{path}: it is gone, and was verified before: taken away") from None
    except NoPlainFile as problem:
        raise ChainBroken(str(problem)) from None
    except ChainBroken as broken:
        raise ChainBroken(f"{path}: {broken}") from None


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The key heads are signed with. Raises `KeyUnusable`."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise KeyUnusable(f"{path}: {problem}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path}: not an Ed25519 key")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Its public half. Raises `KeyUnusable`."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as problem:
        raise KeyUnusable(f"{path}: {problem}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path}: not an Ed25519 public key")
    return key


def _identity(directory: str) -> str | None:
    """Whose signer a directory belongs to; None: it is none of a signer's."""
    own = signer_name(OF_NODE)
    if directory == own:
        return OF_NODE
    return directory.removeprefix(f"{own}-") if directory.startswith(f"{own}-") else None


def _head(path: Path) -> Head | None:
    try:
        return msgspec.json.decode(read_plain(path, _MAX_HEAD), type=Head)
    except (OSError, *UNREADABLE):
        return None


class _At(msgspec.Struct):
    at: float


def _signed_at(line: bytes) -> float:
    """When a line of signed heads was signed; of what cannot be read, long ago."""
    try:
        return msgspec.json.decode(line.partition(b" ")[2].partition(b" ")[0], type=_At).at
    except UNREADABLE:
        return 0.0


def _values(path: Path) -> Iterator[Values]:
    with open_plain(path) as file:
        for line in lines_of(file, path):
            try:
                yield msgspec.json.decode(line, type=Values)
            except UNREADABLE:
                continue  # then its line finds no values
