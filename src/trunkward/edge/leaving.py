"""Calls that are to end, and cost money until it is known that their carrier's leg has (RFC 3261 15.1).

Who hangs up is told 200, and is gone. The carrier's leg is over when the carrier says so: by a BYE of its
own, or by its answer to one. Until then the call keeps its row, its grants, its places and its file; what it
costs is charged on, and `trunkward.edge.hang_up` sends it a BYE of our own, again and again.
"""

import time
from typing import Any, NamedTuple

from trunkward.edge import ksr
from trunkward.edge.running import LEAVING

#: Seconds in which a carrier answers its caller's BYE, before it gets one of ours: tm repeats it as long.
ANSWERED_S = 5.0
_NO_CUT = "-"
#: Seconds a row lives unattended: longer than any call.
_ROW_S = 2 * 86_400


class Leaving(NamedTuple):
    """One of them."""

    #: Who ended it: `caller`, `callee`, or `us`, and then why (`trunkward.calls.grant.Cut`).
    ended_by: str
    cut: str
    #: Monotonic seconds: since when it is to end, and when a BYE of ours is due.
    since_s: float
    due_s: float
    #: Seconds after which the carrier ends its leg by itself unless it is refreshed (RFC 4028); 0: never.
    session_s: int

    @classmethod
    def read(cls, row: str) -> "Leaving":
        """What `text` wrote. Raises `ValueError` for anything else."""
        ended_by, cut, since, due, session = row.split(" ")
        return cls(ended_by, "" if cut == _NO_CUT else cut, float(since), float(due), int(session))

    def text(self) -> str:
        """As a row."""
        return f"{self.ended_by} {self.cut or _NO_CUT} {self.since_s:.3f} {self.due_s:.3f} {self.session_s}"


def costs(call: dict[str, Any]) -> bool:
    """Whether somebody has to know when its carrier's leg ends: it was answered, and is charged."""
    return bool(call.get("money")) and "answered_at" in call


def is_leaving(record_id: str) -> bool:
    """Whether a call is one of them."""
    return bool(ksr.table_get(LEAVING, record_id))


def rows() -> dict[str, Leaving]:
    """All of them, by record id."""
    return {record_id: Leaving.read(row) for record_id, row in ksr.table_rows(LEAVING)}


def begin(call: dict[str, Any], ended_by: str, cut: str = "", *, within_s: float = 0.0) -> bool:
    """Notes one; False when it was noted before. `within_s`: when a BYE of ours is due."""
    record_id, now_s = call["record_id"], time.monotonic()
    row = Leaving(ended_by, cut, now_s, now_s + within_s, call.get("session_s", 0)).text()
    with ksr.table_locked(LEAVING, record_id):
        if ksr.table_get(LEAVING, record_id):
            return False
        return ksr.table_set(LEAVING, record_id, row, _ROW_S)


def is_due_now(record_id: str) -> None:
    """The carrier has refused the other side's BYE: the next one is ours."""
    with ksr.table_locked(LEAVING, record_id):
        if row := ksr.table_get(LEAVING, record_id):
            found = Leaving.read(row)
            ksr.table_set(LEAVING, record_id, found._replace(due_s=found.since_s).text(), _ROW_S)


def forget(record_id: str) -> None:
    """Its call has ended."""
    ksr.table_remove(LEAVING, record_id)
