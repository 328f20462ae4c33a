"""Running calls: what must be remembered from the answer to the end, Kamailio's death included.

topos keeps its side of a dialog in shared memory, which is cheap, cannot block, and is gone when
Kamailio is killed. So each answered call also has one small file on a memory file system, written
at its ACKs and removed at the end: topos' row and ours. At the next start the rows go back where they
were, and in-dialog requests go on (docs/topology-hiding.md).
"""

import contextlib
import os
import time
from dataclasses import dataclass, field
from typing import Any

from trunkward.edge import ksr, numbering
from trunkward.edge.compact import expand

CALLS = "calls"
#: Each call's time (`trunkward.edge.grants`).
GRANTS = "grants"
#: Calls that are to end, and whose carrier has not said that its leg is over (`trunkward.edge.leaving`).
LEAVING = "leaving"
TOPOS_DIALOGS = "topos_dialogs"
#: The highest CSeq of each side's requests since the INVITE, and the callee's tag in them, by record id and
#: side.
_CSEQS = "cseqs"
_SIDES = ("caller", "callee")
_MARK = "P-SR-XUID"  # topos' own name of the dialog a request belongs to, and the key of its row


@dataclass(slots=True, kw_only=True)
class Restored:
    """What was found when Kamailio started."""

    #: Running calls, each with the end of its grant in monotonic seconds.
    running: list[tuple[dict[str, Any], float]] = field(default_factory=list)
    #: Those that had ended without an outcome: the call, who ended it, why if it was us, and when.
    ended: list[tuple[dict[str, Any], str, str, float]] = field(default_factory=list)


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
        """Remembers a call in shared memory: from its verdict on, enough until its answer is acknowledged."""
        ksr.table_set(CALLS, record_id, text, self._longest_s)

    def keep(self, record_id: str, text: str) -> list[str]:
        """Writes a call's file; called for each ACK, the moment when topos' row is complete.

        (topos takes over the callee's Contact while it sends the 200, after all callbacks.) A call whose
        file cannot be written goes on without: it would be lost with Kamailio. That row, [] for none.
        """
        key = ksr.header(_MARK)
        row = ksr.table_get(TOPOS_DIALOGS, key)
        if not key or not row:
            return []  # ended meanwhile
        end_s = ksr.table_get(GRANTS, record_id).partition(" ")[0]
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
            if end_s:
                self.note_end(record_id, float(end_s))
            if not self.text(record_id):
                os.unlink(path)  # ended meanwhile
        except OSError as problem:
            ksr.log_error(f"call {record_id} goes on, but would be lost with Kamailio: {problem}")
        return row.split("|")

    def cseqs(self, call: dict[str, Any]) -> dict[str, int]:
        """The highest CSeq seen of each side's requests."""
        seen = {
            side: numbering.highest(ksr.table_get(_CSEQS, f"{call['record_id']}{side}")) for side in _SIDES
        }
        return seen | {"caller": max(seen["caller"], call["cseq"])}

    def note_end(self, record_id: str, end_s: float) -> None:
        """Notes on a call's file when its grant ends: a call that outlives Kamailio has the same one."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._path(record_id), (max(end_s, 0.0), max(end_s, 0.0)))

    def note_cseq(self, call: dict[str, Any], *, forward: bool) -> bool:
        """Notes the CSeq of the request in hand: a BYE of ours for that side must have a higher one.

        False for one that is out of order.
        """
        key = f"{call['record_id']}{_SIDES[not forward]}"
        number, tag = int(ksr.pv("$cs")), ksr.pv("$tt" if forward else "$ft")
        with ksr.table_locked(_CSEQS, key):
            row, in_order = numbering.noted(
                ksr.table_get(_CSEQS, key), number, tag, call["cseq"] if forward else 0
            )
            ksr.table_set(_CSEQS, key, row, self._longest_s)
        return in_order

    def forget(self, record_id: str) -> bool:
        """Forgets a call that ends; True for the one who was first to end it."""
        with ksr.table_locked(CALLS, record_id):
            was_there = bool(ksr.table_get(CALLS, record_id))
            ksr.table_remove(CALLS, record_id)
        for table in (GRANTS, LEAVING):
            ksr.table_remove(table, record_id)
        for side in _SIDES:
            ksr.table_remove(_CSEQS, f"{record_id}{side}")
        return was_there

    def mark_ended(self, record_id: str, mark: str) -> None:
        """Notes beside the file that the call has ended, until `clear`: by whom, and why if it was us."""
        path = self._path(record_id)
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, f"{path}.{mark}")

    def clear(self, record_id: str, marked: str) -> None:
        """Removes a call's file, its outcome being written down; `marked`: by `mark_ended`, or ""."""
        path = self._path(record_id)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}.{marked}" if marked else path)

    def restore(self) -> Restored:
        """Puts remembered calls back into shared memory; for Kamailio's start."""
        found = Restored()
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if name.endswith(".part"):  # a rewriting broken off: the file itself is whole
                os.unlink(path)
                continue
            record_id, _, mark = name.partition(".")
            ended_by, _, cut = mark.partition(".")
            try:
                state = os.stat(path)
                with open(path, encoding="utf-8") as file:
                    key, row, text = file.read().split("\n")
                call = expand(text)
                too_old = time.time() - call["answered_at"] > self._longest_s
            except (OSError, ValueError, KeyError) as problem:
                # one spoilt file must not cost the other calls; its own is closed (`note_start`)
                ksr.log_error(f"running call {name} cannot be restored: {problem!r}")
                with contextlib.suppress(OSError):
                    os.unlink(path)
                continue
            if ended_by:
                found.ended.append((call, ended_by, cut, state.st_ctime))
            elif too_old:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)  # nobody ever ended it
            else:
                ksr.table_set(TOPOS_DIALOGS, key, row, self._longest_s)
                ksr.table_set(CALLS, record_id, text, self._longest_s)
                found.running.append((call, state.st_mtime))
        return found

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
