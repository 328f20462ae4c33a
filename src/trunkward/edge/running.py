"""Running calls: what must be remembered from the answer to the end, Kamailio's death included.

topos keeps its side of a dialog in shared memory, which is cheap, cannot block, and is gone when
Kamailio is killed. So each answered call also has one small file on a memory file system, written
at its ACKs and removed at the end: topos' row and ours. At the next start the rows go back where they
were, and in-dialog requests go on (docs/topology-hiding.md).
"""

import contextlib
import os
import time
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import expand

CALLS = "calls"
_TOPOS_DIALOGS = "topos_dialogs"
_MARK = "P-SR-XUID"  # topos' own name of the dialog a request belongs to, and the key of its row


class RunningCalls:
    """The calls of this node by record id."""

    def __init__(self, directory: str, longest_s: int) -> None:
        """`directory` must exist and be ours; `longest_s` is how long a row lives unattended."""
        self._directory = directory
        self._longest_s = longest_s

    def text(self, record_id: str) -> str:
        """What is remembered of a call, as JSON; "" when nothing is."""
        return ksr.table_get(CALLS, record_id) if record_id else ""

    def remember(self, record_id: str, text: str) -> None:
        """Remembers a call in shared memory: enough until it is answered and acknowledged."""
        ksr.table_set(CALLS, record_id, text, self._longest_s)

    def keep(self, record_id: str, text: str) -> None:
        """Writes a call's file; called for each ACK, the moment when topos' row is complete.

        (topos takes over the callee's Contact while it sends the 200, after all callbacks.) A call whose
        file cannot be written goes on without: it would be lost with Kamailio.
        """
        key = ksr.header(_MARK)
        row = ksr.table_get(_TOPOS_DIALOGS, key)
        if not key or not row:
            return  # ended meanwhile
        data = f"{key}\n{row}\n{text}".encode()
        path = self._path(record_id)
        try:
            try:
                # one write: whole, or, when this process dies before it, empty and passed over by `restore`
                _write(path, data, os.O_EXCL)
            except FileExistsError:
                part = f"{path}.{os.getpid()}.part"
                _write(part, data, os.O_TRUNC)
                os.rename(part, path)
        except OSError as problem:
            ksr.log_error(f"call {record_id} goes on, but would be lost with Kamailio: {problem}")

    def forget(self, record_id: str) -> bool:
        """Forgets a call that ends; True for the one who was first to end it."""
        was_there = bool(ksr.table_get(CALLS, record_id))
        ksr.table_remove(CALLS, record_id)
        return was_there

    def mark_ended(self, record_id: str, ended_by: str) -> None:
        """Notes beside the file that the call has ended, until `clear`."""
        path = self._path(record_id)
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, f"{path}.{ended_by}")

    def clear(self, record_id: str, marked: str) -> None:
        """Removes a call's file, its outcome being written down; `marked`: by `mark_ended`, or ""."""
        path = self._path(record_id)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}.{marked}" if marked else path)

    def restore(self) -> tuple[int, list[tuple[dict[str, Any], str, float]]]:
        """Puts remembered calls back into shared memory; for Kamailio's start.

        How many, and those that had ended without an outcome: the call, who ended it, and when.
        """
        restored = 0
        ended: list[tuple[dict[str, Any], str, float]] = []
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            record_id, _, ended_by = name.partition(".")
            if ended_by.endswith("part"):  # a rewriting broken off: the file itself is whole
                os.unlink(path)
                continue
            try:
                written_s = os.stat(path).st_mtime
                with open(path, encoding="utf-8") as file:
                    key, row, text = file.read().split("\n")
                call = expand(text)
            except (OSError, ValueError) as problem:
                ksr.log_error(f"running call {name} cannot be restored: {problem}")
                continue  # one spoilt file must not cost the other calls
            if ended_by:
                ended.append((call, ended_by, os.stat(path).st_ctime))
            elif time.time() - written_s > self._longest_s:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)  # nobody ever ended it
            else:
                ksr.table_set(_TOPOS_DIALOGS, key, row, self._longest_s)
                ksr.table_set(CALLS, record_id, text, self._longest_s)
                restored += 1
        return restored, ended

    def _path(self, record_id: str) -> str:
        if not record_id.isalnum():
            raise ValueError(f"not a record id: {record_id!r}")
        return os.path.join(self._directory, record_id)


def _write(path: str, data: bytes, how: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError("no room")
    finally:
        os.close(descriptor)
