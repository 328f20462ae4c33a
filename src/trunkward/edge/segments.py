"""The edge's own segments: lines appended by all its processes into one file, a new one now and then.

As a gate writes them (`trunkward.records.segment`); the worker ships and deletes them. An append of a few
kilobytes is one step for the kernel, so lines of different processes never mix.
"""

import os
import time

#: Seconds one segment is written to, so that shipped ones can be deleted.
SEGMENT_S = 3600


class Segments:
    """The segments of one directory, as one process sees them."""

    def __init__(self, directory: str, *, lasts_s: int = SEGMENT_S, most_bytes: int = 0) -> None:
        """Remembers the directory; nothing is opened yet.

        `lasts_s`: of one segment. `most_bytes`: no new one is begun while so many wait there (0: any number).
        """
        self._directory = directory
        self._lasts_s = lasts_s
        self._most_bytes = most_bytes
        self._part = -1
        self._descriptor = -1

    def append(self, lines: str) -> None:
        """Appends whole lines, each with its newline, in one write. Raises `OSError`."""
        part = int(time.time() // self._lasts_s)
        if part != self._part:
            self._open(part)
        if self._descriptor < 0:
            raise OSError(f"{self._directory}: more waits to be shipped than {self._most_bytes} bytes")
        # they start a line of their own, whatever a full disk left of one before
        data = f"\n{lines}".encode()
        if os.write(self._descriptor, data) != len(data):
            raise OSError("no room")

    def _open(self, part: int) -> None:
        """The segment of this time: the worker deletes none so young."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._part, self._descriptor = -1, -1
        if self._most_bytes and self._waiting() > self._most_bytes:
            self._part = part  # asked again when this one's time is over
            return
        path = os.path.join(self._directory, f"{part * self._lasts_s * 1000:015d}.jsonl")
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._part = part

    def _waiting(self) -> int:
        with os.scandir(self._directory) as entries:
            return sum(entry.stat().st_size for entry in entries)
