"""Running calls: what must be remembered from the answer to the end, Kamailio's death included.

topos keeps its side of a dialog in shared memory, which is cheap, cannot block, and is gone when
Kamailio is killed. So each answered call also has one small file on a memory file system, written
once at the first ACK and removed at the end: topos' row and ours. At the next start the rows go back
where they were, and in-dialog requests go on (docs/topology-hiding.md has the measurements).
"""

import contextlib
import json
import os
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import compact

CALLS = "calls"
_TOPOS_DIALOGS = "topos_dialogs"
_MARK = "P-SR-XUID"  # topos' own name of the dialog a request belongs to, and the key of its row


class RunningCalls:
    """The calls of this node by record id."""

    def __init__(self, directory: str, longest_s: int) -> None:
        """`directory` must exist and be ours; `longest_s` is how long a row lives unattended."""
        self._directory = directory
        self._longest_s = longest_s

    def get(self, record_id: str) -> dict[str, Any] | None:
        """What is remembered of a call, None when nothing is."""
        row = ksr.table_get(CALLS, record_id) if record_id else ""
        return json.loads(row) if row else None

    def remember(self, record_id: str, call: dict[str, Any]) -> None:
        """Remembers a call in shared memory: enough until it is answered and acknowledged."""
        ksr.table_set(CALLS, record_id, compact(call), self._longest_s)

    def keep(self, record_id: str) -> None:
        """Writes a call's file; called for each ACK, the moment when topos' row is complete.

        (topos takes over the callee's Contact while it sends the 200, after all callbacks.)
        """
        key = ksr.header(_MARK)
        rows = (key, ksr.table_get(_TOPOS_DIALOGS, key), ksr.table_get(CALLS, record_id))
        if not all(rows):
            return  # ended meanwhile
        # one write: whole, or, when this process dies before it, empty and passed over by `restore`
        descriptor = os.open(self._path(record_id), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, "\n".join(rows).encode())
        finally:
            os.close(descriptor)

    def ended(self, record_id: str) -> bool:
        """Forgets a call; True for the one who was first to end it."""
        was_there = bool(ksr.table_get(CALLS, record_id))
        ksr.table_remove(CALLS, record_id)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(record_id))
        return was_there

    def restore(self) -> int:
        """Puts every remembered call back into shared memory; for Kamailio's start. Counts them."""
        restored = 0
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            try:
                with open(path, encoding="utf-8") as file:
                    key, row, text = file.read().split("\n")
            except (OSError, ValueError) as problem:
                ksr.log_error(f"running call {name} cannot be restored: {problem}")
                continue  # one spoilt file must not cost the other calls
            ksr.table_set(_TOPOS_DIALOGS, key, row, self._longest_s)
            ksr.table_set(CALLS, name, text, self._longest_s)
            restored += 1
        return restored

    def _path(self, record_id: str) -> str:
        if not record_id.isalnum():
            raise ValueError(f"not a record id: {record_id!r}")
        return os.path.join(self._directory, record_id)
