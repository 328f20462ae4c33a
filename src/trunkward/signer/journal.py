"""The signer's own journal: one line per signature or refusal, append-only, hash-chained.

Every line is a JSON object with `seq` (counting from 1) and `prev`, the SHA-256 of the line before it (64
zeros at the start), so a changed, removed or inserted line shows: `verify`. Lines are with the kernel before
the answer they belong to leaves the process, so no crash of the signer loses one. They are forced to disk by
`sync`, which the server calls every second and at its end: a loss of power can cost that last second.
"""

import errno
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

GENESIS = "0" * 64
#: Longest line written, in bytes; the reader refuses more.
MAX_LINE = 64 * 1024

_encode = msgspec.json.Encoder().encode


class JournalError(RuntimeError):
    """The journal cannot be kept, so nothing may be signed. The message names file and cause."""


class _Link(msgspec.Struct):
    seq: int
    prev: str


_decode_link = msgspec.json.Decoder(_Link).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """What a broken-off write left behind its last whole line, and where it was put."""

    moved_to: str
    size: int
    sha256: str


class Journal:
    """An open journal; one process at a time holds it."""

    def __init__(self, path: Path) -> None:
        """Open or make it (mode 0600), continue the chain, move a torn last line aside.

        Raises `JournalError` when another process holds it, it cannot be opened, or its last line is damaged.
        """
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(f"{path}: in use by another process") from error
            self.torn = self._move_torn_line_aside()
            self._size = os.fstat(self._fd).st_size
            self._seq, self._prev = self._last_link()
        except OSError as error:
            os.close(self._fd)
            raise JournalError(f"{path}: cannot be continued: {error.strerror}") from error
        except JournalError:
            os.close(self._fd)
            raise
        if self.torn:
            self.append([{"kind": "torn-line-moved-aside", **_fields(self.torn)}])

    @property
    def seq(self) -> int:
        """Number of the last line; 0 for an empty journal."""
        return self._seq

    def append(self, entries: Sequence[dict[str, object]]) -> None:
        """Write all entries as lines, in one write, or none of them.

        Raises `JournalError`; the file then ends where it ended before.
        """
        seq, prev = self._seq, self._prev
        lines: list[bytes] = []
        for entry in entries:
            seq += 1
            line = _encode({"seq": seq, "prev": prev, **entry})
            prev = sha256(line).hexdigest()
            lines.append(line)
        block = b"\n".join(lines) + b"\n"
        try:
            written = os.write(self._fd, block)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}") from error
        if written != len(block):
            # A full disk takes a part: no half line may stay in front of the next one.
            os.ftruncate(self._fd, self._size)
            raise JournalError(f"{self.path}: only {written} of {len(block)} bytes were written")
        self._size += written
        self._seq, self._prev = seq, prev

    def sync(self) -> None:
        """Force the lines to disk. May block; call it outside the event loop."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Sync and let go."""
        os.fsync(self._fd)
        os.close(self._fd)

    def _move_torn_line_aside(self) -> Torn | None:
        size = os.fstat(self._fd).st_size
        tail = os.pread(self._fd, MAX_LINE, max(0, size - MAX_LINE))
        rest = tail.rpartition(b"\n")[2]
        if not rest:
            return None
        if len(rest) == MAX_LINE:
            raise JournalError(f"{self.path}: its last line is longer than {MAX_LINE} bytes")
        digest = sha256(rest).hexdigest()
        aside = self.path.with_name(f"{self.path.name}.torn-{digest[:16]}")
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, rest) != len(rest):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # Safe on disk before it leaves the journal.
            os.fsync(fd)
        finally:
            os.close(fd)
        os.ftruncate(self._fd, size - len(rest))
        return Torn(moved_to=aside.name, size=len(rest), sha256=digest)

    def _last_link(self) -> tuple[int, str]:
        if not self._size:
            return 0, GENESIS
        tail = os.pread(self._fd, MAX_LINE, max(0, self._size - MAX_LINE))
        line = tail[:-1].rpartition(b"\n")[2]
        try:
            return _decode_link(line).seq, sha256(line).hexdigest()
        except msgspec.MsgspecError:
            raise JournalError(f"{self.path}: its last line is damaged; see `verify`") from None


def verify(path: Path) -> int:
    """Follow the whole chain; the number of lines. Raises `JournalError` naming the first bad line."""
    prev, seq = GENESIS, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                raise JournalError(f"{path}:{number}: the line is torn")
            content = line[:-1]
            try:
                link = _decode_link(content)
            except msgspec.MsgspecError:
                raise JournalError(f"{path}:{number}: not a journal line") from None
            if link.seq != seq + 1 or link.prev != prev:
                raise JournalError(f"{path}:{number}: the chain is broken before this line")
            prev, seq = sha256(content).hexdigest(), link.seq
    return seq


def _fields(torn: Torn) -> dict[str, object]:
    return {"moved_to": torn.moved_to, "size": torn.size, "sha256": torn.sha256}
