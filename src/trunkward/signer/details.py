"""What the journal commits to: salts and values, one file a day, deleted when their time is over.

One line for each journal line that has such values: `{"seq":7,"values":{"orig":["<salt>","12025550100"]}}`.
Written and on disk before the journal's own line is, so that a line whose values never arrived does not
exist; what a crash leaves of lines that do not exist is cut off at the next start.
"""

import errno
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from trunkward.journal.chain import UNREADABLE
from trunkward.signer.segments import MAX_LINE

#: Bytes looked at in one piece, from the end backwards.
_PIECE = 1 << 20
#: Files with lines that were to be written together: on both sides of a midnight, or of a clock's step.
_AT_ONCE = 2


class _Seq(msgspec.Struct):
    seq: int


_decode_seq = msgspec.json.Decoder(_Seq).decode


class Details:
    """The files of one journal. Belongs to one thread at a time."""

    def __init__(self, directory: Path, last_seq: int) -> None:
        """`directory` is made where it is missing; `last_seq`: of the journal. Raises `OSError`."""
        self._directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self._day = ""
        self._fd = -1
        self.take_back(last_seq)

    def append(self, lines: list[tuple[float, bytes]]) -> None:
        """Writes what belongs to lines of these times, in seconds since the epoch. Raises `OSError`."""
        at = 0
        while at < len(lines):
            day = _day_of(lines[at][0])
            end = at
            while end < len(lines) and _day_of(lines[end][0]) == day:
                end += 1
            if day != self._day:
                self.sync()
                self._open(day)
            block = b"".join([line for _, line in lines[at:end]])
            if os.write(self._fd, block) != len(block):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            at = end

    def sync(self) -> None:
        """Forces what was written to disk. Raises `OSError`."""
        if self._fd >= 0:
            os.fdatasync(self._fd)

    def take_back(self, last_seq: int) -> None:
        """Cuts off what belongs to lines after this one. Raises `OSError`."""
        self.close()
        # those written last by what they end with, not by name: the clock may have been ahead for days
        for path in sorted(self._directory.glob("*.jsonl"), key=_ends_with)[-_AT_ONCE:]:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                os.ftruncate(fd, _end_of(fd, last_seq))
            finally:
                os.close(fd)

    def over(self, now_s: float, keep_days: int) -> list[Path]:
        """Files of days that are no longer kept, the oldest first."""
        first = datetime.fromtimestamp(now_s, UTC).date() - timedelta(days=keep_days)
        return sorted(path for path in self._directory.glob("*.jsonl") if path.stem < first.isoformat())

    def close(self) -> None:
        """Lets go of the day in hand."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd, self._day = -1, ""

    def _open(self, day: str) -> None:
        self.close()
        path = self._directory / f"{day}.jsonl"
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._day = day
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the name is on the disk, too
        finally:
            os.close(directory)


def _day_of(at_s: float) -> str:
    now = time.gmtime(at_s)
    return date(now.tm_year, now.tm_mon, now.tm_mday).isoformat()


def _ends_with(path: Path) -> tuple[bool, int]:
    """Whether a file ends with what a crash left of a line; else the number of its last one."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MAX_LINE))
        tail = file.read()
    if not tail.endswith(b"\n"):
        return bool(tail), 0
    try:
        return False, _decode_seq(tail[:-1].rpartition(b"\n")[2]).seq
    except UNREADABLE:
        return True, 0


def _end_of(fd: int, last_seq: int) -> int:
    """Where the last whole line ends that belongs to a line of the journal."""
    end = os.fstat(fd).st_size
    tail = b""
    while True:
        start = max(0, end - len(tail) - _PIECE)
        tail = os.pread(fd, end - len(tail) - start, start) + tail
        # of a piece from the middle of the file the first line may be a part of one
        begins = tail.find(b"\n") + 1 if start else 0
        at = tail.rfind(b"\n") + 1
        while at > begins:
            before = tail.rfind(b"\n", 0, at - 1) + 1
            try:
                if _decode_seq(tail[before : at - 1]).seq <= last_seq:
                    return start + at
            except UNREADABLE:
                pass  # a part of a line that a crash left
            at = before
        if not start:
            return 0
