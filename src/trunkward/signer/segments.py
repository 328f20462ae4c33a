"""The files of one journal, of which the last is written to; the others stay as they are.

A segment is begun with the first lines of a day, or when the one before is full, in one write with its
opening line. It counts once both are on the disk; what a crash leaves before that is taken away by the next
start, which reads the end of the last segment and nothing else.
"""

import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from trunkward.journal.chain import GENESIS, UNREADABLE
from trunkward.journal.segments import FULL_BYTES, MOST_LINES, STOPPED, first_of, name_of
from trunkward.trunks.retention import DAY_S

#: Longest line written, in bytes; the reader refuses more.
MAX_LINE = 64 * 1024


class JournalError(RuntimeError):
    """The journal cannot be kept. The message names file and cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """What a broken-off write left behind its last whole line, and where it was put."""

    moved_to: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A segment that is no longer kept."""

    path: Path
    #: Numbers of its lines.
    first: int
    last: int
    #: SHA-256 of the last one.
    hash: str
    size: int
    #: The last one's, in days since the epoch.
    day: int


class _Link(msgspec.Struct):
    seq: int
    prev: str
    at: float = 0.0
    kind: str = ""


_decode = msgspec.json.Decoder(_Link).decode


@dataclass(slots=True, kw_only=True)
class _Open:
    """A segment that is written to."""

    path: Path
    fd: int
    size: int
    #: Days since the epoch; -1: nothing is in it yet.
    day: int


class Segments:
    """Those of one journal. One process holds them at a time, one thread writes."""

    def __init__(self, directory: Path) -> None:
        """Opens the last one; makes the directory and the first where there is none.

        Raises `JournalError` when another process holds them, or the last line is damaged, and `OSError`.
        """
        self.directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self._held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        #: What a crash left of a line.
        self.torn: Torn | None = None
        #: Number and hash of the last line; 0 and `GENESIS` when there is none.
        self.last: tuple[int, str] = (0, GENESIS)
        #: The last line says that whoever wrote it had ended; or there is none.
        self.ended_well = True
        #: The one that was written to before a commit that is not on the disk yet has begun another.
        self._before: _Open | None = None
        try:
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(f"{directory}: in use by another process") from error
            self._now = self._open_last()
        except (OSError, JournalError):
            os.close(self._held)
            raise

    @property
    def name(self) -> str:
        """Of the one that is written to."""
        return self._now.path.name

    def ended(self, at_s: float) -> bool:
        """Whether a line of this time, in seconds since the epoch, goes into a new one."""
        now = self._now
        return now.size > 0 and (now.size >= FULL_BYTES or int(at_s // DAY_S) > now.day)

    def begin(self, first: int) -> None:
        """Opens the one whose first line has this number. Raises `OSError`."""
        begun = self._made(first, os.O_EXCL)
        self._before, self._now = self._now, begun

    def write(self, block: bytes, at_s: float) -> None:
        """Whole lines, the first of this time; on the disk when this returns. Raises `OSError`."""
        now = self._now
        if os.write(now.fd, block) != len(block):
            # a full disk takes a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(now.fd)
        if not now.size:
            os.fsync(self._held)  # its name is there, too
            now.day = int(at_s // DAY_S)
        now.size += len(block)
        if self._before is not None:
            before, self._before = self._before, None
            os.close(before.fd)

    def take_back(self) -> None:
        """Undoes what was written since the last `write` that returned. Raises `OSError`."""
        if self._before is not None:
            self._now.path.unlink(missing_ok=True)
            os.close(self._now.fd)
            self._now, self._before = self._before, None
        os.ftruncate(self._now.fd, self._now.size)

    def over(self, now_s: float, keep_days: int) -> Over | None:
        """The oldest, once its last line is of a day that is no longer kept. Raises `OSError`."""
        names = _names(self.directory)
        if len(names) < 2:
            return None
        path = self.directory / names[0]
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            line = _last_line(file.fileno(), size)
        try:
            link = _decode(line)
        except UNREADABLE:
            return None  # what cannot be read is not deleted either
        day = int(link.at // DAY_S)
        if day >= int(now_s // DAY_S) - keep_days:
            return None
        first = first_of(names[0]) or 0
        its_hash = sha256(line).hexdigest()
        return Over(path=path, first=first, last=link.seq, hash=its_hash, size=size, day=day)

    def close(self) -> None:
        """Lets go."""
        for each in (self._now, self._before):
            if each is not None:
                os.close(each.fd)
        os.close(self._held)

    def _made(self, first: int, also: int = 0) -> _Open:
        path = self.directory / name_of(first)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | also, 0o600)
        return _Open(path=path, fd=fd, size=os.fstat(fd).st_size, day=-1)

    def _open_last(self) -> _Open:
        names = _names(self.directory)
        while True:
            found = self._made(first_of(names[-1]) or 1) if names else self._made(1)
            try:
                self._move_torn_line_aside(found)
                if found.size:
                    self._continue(found)
                    return found
                if len(names) < 2:
                    return found
                # one whose first lines never were on the disk
                found.path.unlink()
                names.pop()
            except (OSError, JournalError):
                os.close(found.fd)
                raise
            os.close(found.fd)

    def _continue(self, found: _Open) -> None:
        line = _last_line(found.fd, found.size)
        try:
            link = _decode(line)
            seq, self.ended_well = link.seq, link.kind == STOPPED
        except UNREADABLE:
            seq = 0
        if not (first_of(found.path.name) or 1) <= seq < MOST_LINES:
            raise JournalError(f"{found.path}: its last line is damaged; see `journal verify`")
        self.last = seq, sha256(line).hexdigest()
        first = os.pread(found.fd, MAX_LINE, 0).partition(b"\n")[0]
        # one whose first line is damaged ends here: `verify` says so
        with suppress(*UNREADABLE):
            found.day = int(_decode(first).at // DAY_S)

    def _move_torn_line_aside(self, found: _Open) -> None:
        tail = os.pread(found.fd, MAX_LINE, max(0, found.size - MAX_LINE))
        rest = tail.rpartition(b"\n")[2]
        if not rest:
            return
        if len(rest) == MAX_LINE:
            raise JournalError(f"{found.path}: its last line is longer than {MAX_LINE} bytes")
        digest = sha256(rest).hexdigest()
        aside = found.path.with_name(f"{found.path.name}.torn-{digest[:16]}")
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, rest) != len(rest):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # Safe on disk before it leaves the journal.
            os.fsync(fd)
        finally:
            os.close(fd)
        found.size -= len(rest)
        os.ftruncate(found.fd, found.size)
        self.torn = Torn(moved_to=aside.name, size=len(rest), sha256=digest)


def _names(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if first_of(name) is not None)


def _last_line(fd: int, size: int) -> bytes:
    return os.pread(fd, MAX_LINE, max(0, size - MAX_LINE))[:-1].rpartition(b"\n")[2]
