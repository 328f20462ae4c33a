"""A BYE of our own to one side of a call, sent until that side's leg is known to be over (RFC 3261 15.1).

Used by whoever ends calls from here: those of this node (`hang_up`) and of one that has died (`stand_in`).
Each side is spoken to as the other one would have: with its tags, its From and To, its route set, and the
Call-ID it knows. A refusal ends nothing, and silence neither: it is sent again (`trunkward.edge.numbering`).
"""

import time
from typing import Any

from trunkward.edge import ksr, left
from trunkward.edge.numbering import Tries, is_over
from trunkward.edge.reach import Reach, without_alias

#: What became of each, by its name; written by whatever process the answer comes to.
ANSWERS = "own_byes"
_WAITING = "-"
#: Seconds for which an answer is waited for, as long as tm repeats a request, and its row lives.
_ANSWER_S, _ROW_S = 5.0, 60


def name(record_id: str, side: str) -> str:
    """What the answer to a BYE of ours to one side of a call is known by."""
    return f"{record_id}{side}"


class OwnBye:
    """One, to one side of one call; in the timer's process alone."""

    def __init__(
        self,
        call: dict[str, Any],
        side: str,
        way: tuple[str, list[str]],
        tries: Tries,
        *,
        call_id: str,
        reason: str,
        mark: str = "",
    ) -> None:
        """`way`: Contact and route set. `tries` goes on after the highest CSeq seen of who sent to that side.

        `reason`: RFC 3326; `mark`: topos' name of the dialog, where this node's topos has it.
        """
        self._call, self._side = call, side
        self._contact, self._routes = way
        self._call_id, self._reason, self._mark = call_id, reason, mark
        self._name = name(call["record_id"], side)
        self._tries = tries
        self._asked_s = 0.0
        #: It was sent at least once.
        self.is_sent = False
        #: A connection for it is being opened.
        self.waits = False
        #: The status that ended the leg, and when that came, in monotonic seconds; None: it may be alive.
        self.over: tuple[int, float] | None = None

    def go_on(self, reach: Reach) -> None:
        """Takes the answer that has come, or sends it when it is time to. Never raises."""
        now_s = time.monotonic()
        self._look(now_s)
        if self.over is not None or self._asked_s or not self._tries.is_due(now_s):
            return
        try:
            sent = self._send(reach)
        except Exception as problem:  # those after it must not be lost
            ksr.log_error(f"call {self._call['record_id']}: no BYE to its {self._side}: {problem!a}")
            sent = self.waits = False
        if sent:
            self.is_sent, self._asked_s = True, now_s
        else:
            self._tries.again(now_s)

    def _look(self, now_s: float) -> None:
        answer = ksr.table_get(ANSWERS, self._name)
        if answer in ("", _WAITING):
            if self._asked_s and now_s - self._asked_s >= _ANSWER_S:
                self._asked_s = 0.0
                self._tries.again(now_s)
            return
        self._asked_s = 0.0
        ksr.table_remove(ANSWERS, self._name)
        status, at = answer.split(" ")
        if is_over(int(status)):
            self.over = int(status), float(at)
        else:
            ksr.log_warning(f"call {self._call['record_id']}: its {self._side} answers our BYE with {status}")
            self._tries.refused(int(status), now_s)

    def _send(self, reach: Reach) -> bool:
        call, forward = self._call, self._side == "callee"
        hop, peer = reach.way_to(call, self._contact, self._routes, forward=forward)
        if not hop:
            self.waits = bool(peer) and reach.dial(peer)
            return False
        self.waits = False
        number = self._tries.number()
        lines = left.bye(call, self._side, self._routes, number, self._call_id, self._reason)
        if self._mark:
            lines.append(f"P-SR-XUID: {self._mark}")
        ksr.table_set(ANSWERS, self._name, _WAITING, _ROW_S)
        text = "".join(f"{line}\r\n" for line in lines)
        return ksr.send_request("BYE", without_alias(self._contact), hop, text, answers_to=self._name)


def replied() -> None:
    """For every reply to one, in the process it came to; only replies of its own transaction get here."""
    if ksr.status() >= 200 and (known := ksr.answers_to()):
        ksr.table_set(ANSWERS, known, f"{ksr.status()} {time.monotonic():.3f}", _ROW_S)
