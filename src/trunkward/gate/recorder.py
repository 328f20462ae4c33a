"""Writing this gate's segments: a record is on the disk before its verdict leaves."""

import asyncio
import errno
import os
import time
from pathlib import Path

from trunkward.records.model import Record
from trunkward.records.segment import encode

#: Bytes after which a new segment is started, so that old ones can be deleted.
SEGMENT_BYTES = 16 << 20


class RecordNotWritten(Exception):
    """The disk did not take the record; there must be no verdict without one."""


class Recorder:
    """The one writer of one gate's segments. Every start begins a new segment.

    A torn line can therefore only be the last of a segment nobody goes on with: what a full disk
    took of a record is taken back before the next one.
    """

    def __init__(self, directory: Path) -> None:
        """`directory` must exist and be writable by this process alone."""
        self._directory = directory
        self._descriptor = -1
        self._written = 0
        #: Lines that go to the disk together at the end of this turn of the loop, and who waits for each.
        self._together: list[tuple[bytes, asyncio.Future[None]]] = []
        self._open()

    def write(self, records: list[Record]) -> None:
        """Appends records and waits for the disk (fdatasync). Raises `RecordNotWritten`."""
        self._append(b"".join([encode(record) for record in records]))

    async def write_together(self, record: Record) -> None:
        """Appends a record with those of other calls that come now, so that the disk is waited for once.

        Raises `RecordNotWritten`: then none of them is written.
        """
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[None] = loop.create_future()
        line = encode(record)
        if not self._together:
            loop.call_soon(self._append_all)
        self._together.append((line, taken))
        await taken

    def _append_all(self) -> None:
        together, self._together = self._together, []
        problem: Exception | None = None
        try:
            self._append(b"".join([line for line, _ in together]))
        except Exception as raised:  # theirs, who wait for it
            problem = raised
        for _, taken in together:
            if taken.done():  # cancelled meanwhile
                continue
            if problem is None:
                taken.set_result(None)
            else:
                taken.set_exception(problem)

    def _append(self, data: bytes) -> None:
        try:
            if self._descriptor < 0 or self._written > SEGMENT_BYTES:
                self.close()
                self._open()
            if os.write(self._descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._descriptor)
        except OSError as problem:
            self._take_back()
            raise RecordNotWritten(str(problem)) from problem
        self._written += len(data)

    def close(self) -> None:
        """Closes the segment in hand."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take_back(self) -> None:
        """The segment ends again where its last whole record ends; if it cannot, it is left for a new one."""
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._written)
        except OSError:
            self.close()

    def _open(self) -> None:
        # after the newest one, also when the clock was set back: the order of names is the order of writing
        newest = max((int(path.stem) for path in self._directory.glob("*.jsonl")), default=0)
        name = f"{max(time.time_ns() // 1_000_000, newest + 1):015d}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._directory / name, flags, 0o640)
        self._written = 0
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the name is on the disk, too
        finally:
            os.close(directory)
