"""Ending a running call from here: a BYE of our own to each side (RFC 3261 section 15), then its usual end.

Each side is spoken to as the other one would have: with its tags, its From and To, its route set, and the
Call-ID it knows. topos keeps the route sets and Contacts, and masks the Call-ID of what goes to the called
side by the mark of the dialog, as it does for what it relays. Nobody waits for an answer: tm repeats it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trunkward.edge import broken_answer, ksr, ladder, left
from trunkward.edge.endings import Endings
from trunkward.edge.reach import Reach, without_alias
from trunkward.edge.running import TOPOS_DIALOGS, RunningCalls

#: Seconds a BYE may wait for a connection that has to be opened and verified.
_WAIT_S = 3.0
#: ITU-T Q.850: 31 "normal, unspecified", 41 "temporary failure".
_CAUSES = {"media-lost": 41, "grant-not-renewed": 41}
_NORMAL = 31


@dataclass(slots=True, kw_only=True)
class _Leaving:
    """A call whose BYEs are being sent."""

    call: dict[str, Any]
    cut: str
    #: topos' row of it, field by field.
    row: list[str]
    #: The highest CSeq seen of each side's requests.
    cseqs: dict[str, int]
    #: Sides without a BYE yet.
    sides: list[str]
    until_s: float


class HangUp:
    """Ends calls; used in the timer's process alone, which may wait."""

    def __init__(self, running: RunningCalls, endings: Endings, reach: Callable[[], Reach]) -> None:
        """Keeps its parts; `reach` gives the ways that are in force."""
        self._running = running
        self._endings = endings
        self._reach = reach
        self._leaving: list[_Leaving] = []

    def begin(self, record_id: str, cut: str) -> None:
        """Ends a call for this reason, unless it is ending already."""
        taken = self._running.take(record_id)
        if taken is None:
            return
        call, cseqs = taken
        row = ksr.table_get(TOPOS_DIALOGS, call["mark"]).split("|") if call["mark"] else []
        leaving = _Leaving(
            call=call,
            cut=cut,
            row=row,
            cseqs=cseqs,
            sides=list(left.SIDES),
            until_s=time.monotonic() + _WAIT_S,
        )
        ksr.log_warning(f"call {record_id} is ended: {cut}")
        if not self._is_over(leaving):
            self._leaving.append(leaving)

    def go_on(self) -> None:
        """Sends what waited for a connection; for each round."""
        self._leaving = [leaving for leaving in self._leaving if not self._is_over(leaving)]

    def _is_over(self, leaving: _Leaving) -> bool:
        waits = False
        for side in list(leaving.sides):
            sent, dialled = self._send(leaving, side)
            if sent:
                ladder.sent(leaving.call["record_id"], side, "BYE", why=leaving.cut)
                leaving.sides.remove(side)
            waits = waits or dialled
        if waits and leaving.sides and time.monotonic() < leaving.until_s:
            return False
        if leaving.sides:
            unreached = " and ".join(leaving.sides)
            ksr.log_warning(f"call {leaving.call['record_id']}: no way to send a BYE to {unreached}")
        broken_answer.forget_soon(leaving.call["mark"])
        self._endings.end_cut(leaving.call, leaving.cut, leaving.sides)
        return True

    def _send(self, leaving: _Leaving, side: str) -> tuple[bool, bool]:
        """Whether the BYE was sent; if not, whether a connection for it is being opened. Never raises."""
        try:
            return self._try_to_send(leaving, side)
        except Exception as problem:  # its end must not be lost, nor that of the calls after it
            ksr.log_error(f"call {leaving.call['record_id']}: no BYE to its {side}: {problem!a}")
            return False, False

    def _try_to_send(self, leaving: _Leaving, side: str) -> tuple[bool, bool]:
        if not left.is_whole(leaving.row):
            return False, False  # topos has lost it: nobody knows where the sides are
        call, forward = leaving.call, side == "callee"
        contact, routes = left.way(leaving.row, side)
        hop, peer = self._reach().way_to(call, contact, routes, forward=forward)
        if not hop:
            return False, bool(peer) and self._reach().dial(peer)
        cseq = leaving.cseqs["caller" if forward else "callee"]
        reason = f'Q.850;cause={_CAUSES.get(leaving.cut, _NORMAL)};text="{leaving.cut}"'
        lines = left.bye(call, side, routes, cseq, call["call_id"], reason)
        lines.append(f"P-SR-XUID: {call['mark']}")
        uri = without_alias(contact)
        return ksr.send_request("BYE", uri, hop, "".join(f"{line}\r\n" for line in lines)), False
