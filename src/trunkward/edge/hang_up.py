"""Ending a running call from here: a BYE of our own to each side that has not hung up, then its usual end.

1. Of a call that costs nothing, nobody waits for an answer: tm repeats a BYE, and the call has ended.
2. One that is charged ends when its carrier's leg is known to be over (`trunkward.edge.leaving`). Until then
   the carrier's BYE is sent again and again, also where it was the other side that has hung up.

topos keeps the route sets and Contacts, and masks the Call-ID of what goes to the called side by the mark of
the dialog, as it does for what it relays.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trunkward.edge import broken_answer, ksr, ladder, leaving, left
from trunkward.edge.compact import expand
from trunkward.edge.endings import Endings
from trunkward.edge.numbering import Tries
from trunkward.edge.own_bye import OwnBye
from trunkward.edge.reach import Reach
from trunkward.edge.running import TOPOS_DIALOGS, RunningCalls

#: Seconds a BYE may wait for a connection that has to be opened and verified.
_WAIT_S = 3.0
#: Calls that are taken over in one round: peers must take what they are sent.
_MOST_AT_ONCE = 200
#: ITU-T Q.850: 16 "normal call clearing", 31 "normal, unspecified", 41 "temporary failure".
_CAUSES = {"media-lost": 41, "grant-not-renewed": 41}
_NORMAL, _HUNG_UP = 31, "Q.850;cause=16"


@dataclass(slots=True, kw_only=True)
class _Ending:
    """A call whose BYEs are being sent."""

    call: dict[str, Any]
    ended_by: str
    cut: str
    #: By side that is to be told, as far as there is a way to tell.
    byes: dict[str, OwnBye]
    #: Sides that were not sent one yet.
    untold: list[str]
    until_s: float


class HangUp:
    """Ends calls; used in the timer's process alone, which may wait."""

    def __init__(
        self,
        running: RunningCalls,
        endings: Endings,
        reach: Callable[[], Reach],
        masked: Callable[[str], str],
    ) -> None:
        """Keeps its parts; `reach`: the ways in force; `masked`: a Call-ID as the called side knows it."""
        self._running = running
        self._endings = endings
        self._reach = reach
        self._masked = masked
        self._ending: dict[str, _Ending] = {}

    def begin(self, record_id: str, cut: str) -> None:
        """Ends a call for this reason, unless it is ending already."""
        if record_id in self._ending or not (text := self._running.text(record_id)):
            return
        call = expand(text)
        if leaving.costs(call) and not leaving.begin(call, "us", cut):
            return  # its other side has hung up meanwhile
        ksr.log_warning(f"call {record_id} is ended: {cut}")
        self._begin(call, "us", cut, left.SIDES)
        self._go_on(record_id)

    def go_on(self, rows: dict[str, leaving.Leaving]) -> None:
        """For each round: takes over what its carrier has not ended by itself; sends, and takes answers."""
        now_s = time.monotonic()
        due = [one for one, row in rows.items() if row.due_s <= now_s and one not in self._ending]
        for record_id in due[:_MOST_AT_ONCE]:
            row = rows[record_id]
            if not (text := self._running.text(record_id)):
                leaving.forget(record_id)  # it ended the moment it was noted
                continue
            ksr.log_warning(f"call {record_id}: the BYE of its {row.ended_by} has not ended it")
            sides = ("callee",) if row.ended_by == "caller" else left.SIDES
            self._begin(expand(text), row.ended_by, row.cut, sides)
        for record_id in list(self._ending):
            self._go_on(record_id)

    def give_up(self, record_id: str) -> None:
        """Ends a call that its carrier cannot have any more, though it never said so."""
        if (ending := self._ending.get(record_id)) is not None:
            ksr.log_warning(f"call {record_id} cannot be alive any more: its carrier never answered a BYE")
            self._end(record_id, ending, ["callee"], time.monotonic())

    def _begin(self, call: dict[str, Any], ended_by: str, cut: str, sides: tuple[str, ...]) -> None:
        record_id, mark = call["record_id"], call["mark"]
        reason = f'Q.850;cause={_CAUSES.get(cut, _NORMAL)};text="{cut}"' if cut else _HUNG_UP
        cseqs = self._running.cseqs(call)
        byes = {
            side: OwnBye(
                call,
                side,
                way,
                Tries(cseqs["caller" if side == "callee" else "callee"]),
                # topos masks it where it has the dialog
                call_id=call["call_id"] if mark else self._masked(call["call_id"]),
                reason=reason,
                mark=mark,
            )
            for side, way in _ways(call).items()
            if side in sides
        }
        self._ending[record_id] = _Ending(
            call=call,
            ended_by=ended_by,
            cut=cut,
            byes=byes,
            untold=[side for side in sides if not ("way" in call and side == "caller")],
            until_s=time.monotonic() + _WAIT_S,
        )

    def _go_on(self, record_id: str) -> None:
        ending = self._ending[record_id]
        if not self._running.text(record_id):
            del self._ending[record_id]  # its carrier has hung up meanwhile
            return
        for side, bye in ending.byes.items():
            if side == "callee" or not bye.is_sent:
                bye.go_on(self._reach())
            if (bye.is_sent or bye.over is not None) and side in ending.untold:
                ladder.sent(record_id, side, "BYE", why=ending.cut)
                ending.untold.remove(side)
        now_s = time.monotonic()
        waits = any(ending.byes[side].waits for side in ending.untold if side in ending.byes)
        if waits and now_s < ending.until_s:
            return
        if not leaving.costs(ending.call):
            self._end(record_id, ending, ending.untold, now_s)
        elif (carrier := ending.byes.get("callee")) is not None and carrier.over is not None:
            self._end(record_id, ending, ending.untold, carrier.over[1])

    def _end(self, record_id: str, ending: _Ending, unreached: list[str], ended_s: float) -> None:
        if unreached:
            ksr.log_warning(f"call {record_id}: no way to send a BYE to {' and '.join(unreached)}")
        broken_answer.forget_soon(ending.call["mark"])
        self._endings.end_left(ending.call, ending.ended_by, ending.cut, unreached, ended_s)
        del self._ending[record_id]


def _ways(call: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """Contacts and route sets of its sides, as far as anybody knows where they are."""
    if "way" in call:  # its answer was refused: topos has no dialog of it, and its caller no call
        return {"callee": tuple(call["way"])}
    row = ksr.table_get(TOPOS_DIALOGS, call["mark"]).split("|") if call["mark"] else []
    return {side: left.way(row, side) for side in left.SIDES} if left.is_whole(row) else {}
