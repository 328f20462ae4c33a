"""Writing this gate's segments: a record is on the disk before its verdict leaves."""

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

    A torn line can therefore only be the last of a segment nobody goes on with.
    """

    def __init__(self, directory: Path) -> None:
        """`directory` must exist and be writable by this process alone."""
        self._directory = directory
        self._descriptor = -1
        self._written = 0
        self._open()

    def write(self, records: list[Record]) -> None:
        """Appends records and waits for the disk (fdatasync). Raises `RecordNotWritten`."""
        data = b"".join(encode(record) for record in records)
        try:
            if self._written > SEGMENT_BYTES:
                self.close()
                self._open()
            if os.write(self._descriptor, data) != len(data):
                raise OSError("a short write: the disk is full")
            os.fdatasync(self._descriptor)
        except OSError as problem:
            raise RecordNotWritten(str(problem)) from problem
        self._written += len(data)

    def close(self) -> None:
        """Closes the segment in hand."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        name = f"{time.time_ns() // 1_000_000:015d}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._descriptor = os.open(self._directory / name, flags, 0o640)
        self._written = 0
