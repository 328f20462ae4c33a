"""Ending calls of a node that has died, as a gate says; in the timer's process alone.

Each side gets a BYE as that node's edge would have sent it, over this node's own connections: topos knows
nothing of it, and leaves it as it is. What the carrier answers is told to a gate; a BYE that was not answered
is sent again when the gate says so again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trunkward.edge import ksr, left
from trunkward.edge.compact import compact
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.reach import Reach, without_alias

#: By From tag of a BYE of ours: what became of it.
ASKED = "stood_in"
_WAITING = "-"
#: Seconds a BYE may wait for a connection that has to be opened and verified, and then for an answer: as long
#: as tm repeats it.
_WAIT_S, _ANSWER_S = 3.0, 5.0
#: ITU-T Q.850 41, temporary failure.
_REASON = 'Q.850;cause=41;text="node-lost"'
#: Calls that are being ended at once: each is two requests, and peers must take them.
_MOST = 200


@dataclass(slots=True, kw_only=True)
class _Leaving:
    left: dict[str, Any]
    until_s: float
    #: Sides without a BYE yet.
    sides: list[str] = field(default_factory=lambda: list(left.SIDES))
    #: Sides whose answer is waited for, by the tag of the BYE.
    asked: dict[str, str] = field(default_factory=dict)
    #: The carrier's answer is told, or will be.
    told: bool = False


class StandIn:
    """Ends them, and tells."""

    def __init__(self, gate: Callable[[], GateClient], reach: Callable[[], Reach]) -> None:
        """`gate` gives a client of its own, `reach` the ways, that are in force."""
        self._gate = gate
        self._reach = reach
        self._leaving: dict[str, _Leaving] = {}
        #: What no gate has heard yet: the carrier's answer, and when it came, in monotonic seconds.
        self._ended: dict[str, tuple[int, float]] = {}

    @staticmethod
    def replied() -> None:
        """For every reply to a BYE, in the process it came to."""
        tag = ksr.pv("$ft")
        if ksr.status() >= 200 and ksr.table_get(ASKED, tag) == _WAITING:
            ksr.table_set(ASKED, tag, f"{ksr.status()} {time.monotonic():.3f}", 60)

    def second(self) -> None:
        """One round."""
        for record_id, leaving in list(self._leaving.items()):
            self._go_on(record_id, leaving)
        now_s = time.monotonic()
        told = [
            (record_id, status, round(max(now_s - at_s, 0.0), 3))
            for record_id, (status, at_s) in self._ended.items()
        ]
        try:
            orders = self._gate().orphans(
                compact(
                    {
                        "kind": "orphans",
                        "ended": told,
                        "ending": list(self._leaving),
                        "room": _MOST - len(self._leaving),
                    }
                )
            )
        except GateUnavailable:
            return
        heard = {record_id for record_id, _, _ in told}
        for record_id in heard:
            self._ended.pop(record_id, None)
        for record_id, text in orders.items():
            try:
                found = left.read(text)
            except ValueError as problem:
                ksr.log_error(f"call {record_id} of a dead node cannot be ended: {problem}")
                continue
            ksr.log_warning(f"call {record_id} of a dead node is ended")
            self._leaving[record_id] = _Leaving(left=found, until_s=time.monotonic() + _WAIT_S)
            self._go_on(record_id, self._leaving[record_id])

    def _go_on(self, record_id: str, leaving: _Leaving) -> None:
        now_s = time.monotonic()
        waits = False
        for side in list(leaving.sides):
            sent, dialled = self._send(record_id, leaving, side)
            waits = waits or dialled
            if sent:
                leaving.sides.remove(side)
                leaving.until_s = now_s + _ANSWER_S
        answers = {side: ksr.table_get(ASKED, tag) for side, tag in leaving.asked.items()}
        if not leaving.told and (answer := answers.get("callee", _WAITING)) not in ("", _WAITING):
            status, at = answer.split(" ")
            self._ended[record_id], leaving.told = (int(status), float(at)), True
        open_ = (waits and leaving.sides) or _WAITING in answers.values()
        if open_ and now_s < leaving.until_s:
            return
        for side in leaving.sides:
            ksr.log_warning(f"call {record_id} of a dead node: no way to send a BYE to its {side}")
        for tag in leaving.asked.values():
            ksr.table_remove(ASKED, tag)
        if not leaving.told:
            self._ended[record_id] = (0, now_s)
        del self._leaving[record_id]

    def _send(self, record_id: str, leaving: _Leaving, side: str) -> tuple[bool, bool]:
        """Whether the BYE was sent; if not, whether a connection for it is being opened. Never raises."""
        try:
            return self._try_to_send(leaving, side)
        except Exception as problem:  # the calls after it must not be lost
            ksr.log_error(f"call {record_id} of a dead node: no BYE to its {side}: {problem!a}")
            return False, False

    def _try_to_send(self, leaving: _Leaving, side: str) -> tuple[bool, bool]:
        call, forward = leaving.left["call"], side == "callee"
        contact, routes = leaving.left["ways"][side]
        hop, peer = self._reach().way_to(call, contact, routes, forward=forward)
        if not hop:
            return False, bool(peer) and self._reach().dial(peer)
        cseq = leaving.left["cseqs"]["caller" if forward else "callee"]
        call_id = leaving.left["masked"] if forward else call["call_id"]
        lines = left.bye(call, side, routes, cseq, call_id, _REASON)
        tag = call["caller_tag"] if forward else call["callee_tag"]
        ksr.table_set(ASKED, tag, _WAITING, 60)
        if not ksr.send_request("BYE", without_alias(contact), hop, "".join(f"{line}\r\n" for line in lines)):
            ksr.table_remove(ASKED, tag)
            return False, False
        leaving.asked[side] = tag
        return True, False
