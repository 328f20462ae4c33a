"""Ending calls of a node that has died, as a gate says; in the timer's process alone.

Each side gets a BYE as that node's edge would have sent it, over this node's own connections: topos knows
nothing of it, and leaves it as it is. It is sent again until the carrier's answer says that its leg is over
(`trunkward.edge.own_bye`); that is told to the gates until one has taken it.

A gate may name calls of this node, too: nobody has renewed them, as Valkey was away, or has heard how they
have ended. Of those the edge has still it asks for time at once, and hangs none up; of those that have ended
it tells that again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from trunkward.edge import ksr, left
from trunkward.edge.compact import compact
from trunkward.edge.endings import ENDED, Endings
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.grants import Grants
from trunkward.edge.numbering import Tries
from trunkward.edge.own_bye import OwnBye
from trunkward.edge.reach import Reach
from trunkward.edge.running import RunningCalls

#: Seconds a BYE to the caller may wait for a connection that has to be opened and verified.
_WAIT_S = 3.0
#: ITU-T Q.850 41, temporary failure.
_REASON = 'Q.850;cause=41;text="node-lost"'
#: Calls that are being ended at once: each is two requests, and peers must take them. One that its carrier
#: has not ended after so many tries makes room for others, until a gate names it again; of so many of these
#: it is remembered how far their CSeq has come.
_MOST, _TRIES, _MOST_TRIED = 200, 3, 5000
#: Ends that are told at once.
_MOST_TOLD = 500


@dataclass(slots=True, kw_only=True)
class _Leaving:
    byes: dict[str, OwnBye]
    #: The carrier's, and how many had failed when this began.
    tries: Tries
    failed: int
    until_s: float


class StandIn:
    """Ends them, and tells."""

    def __init__(
        self,
        gate: Callable[[], GateClient],
        reach: Callable[[], Reach],
        *,
        running: RunningCalls,
        grants: Grants,
        endings: Endings,
    ) -> None:
        """`gate` gives a client of its own, `reach` the ways, that are in force; the rest is of own calls."""
        self._gate = gate
        self._reach = reach
        self._running = running
        self._grants = grants
        self._endings = endings
        self._leaving: dict[str, _Leaving] = {}
        #: What no gate has taken yet: the carrier's answer, and when it came, in monotonic seconds.
        self._ended: dict[str, tuple[int, float]] = {}
        self._tried: dict[str, Tries] = {}

    def second(self) -> None:
        """One round."""
        for record_id, leaving in list(self._leaving.items()):
            self._go_on(record_id, leaving)
        now_s = time.monotonic()
        told = [
            (record_id, status, round(max(now_s - at_s, 0.0), 3))
            for record_id, (status, at_s) in list(self._ended.items())[:_MOST_TOLD]
        ]
        asked = {
            "kind": "orphans",
            "ended": told,
            "ending": list(self._leaving),
            "room": _MOST - len(self._leaving),
        }
        try:
            given = self._gate().orphans(compact(asked))
        except GateUnavailable:
            return
        for record_id in [one for one, _, _ in told] if given.taken is None else given.taken:
            self._ended.pop(record_id, None)
            self._tried.pop(record_id, None)
        self._see_to(given.yours)
        for record_id, text in given.hang_up.items():
            if record_id not in self._ended and not self._is_ours(record_id):
                self._begin(record_id, text, now_s)

    def _is_ours(self, record_id: str) -> bool:
        """Whether this node has the call, or knows how it has ended: nobody else is to end it."""
        return bool(self._running.text(record_id) or ksr.table_get(ENDED, record_id))

    def _see_to(self, record_ids: list[str]) -> None:
        """Calls of this node that nobody has renewed."""
        running = [one for one in record_ids if self._running.text(one)]
        self._grants.ask_at_once(running)
        self._endings.tell_again(one for one in record_ids if one not in running)

    def _begin(self, record_id: str, text: str, now_s: float) -> None:
        try:
            found = left.read(text)
        except ValueError as problem:
            ksr.log_error(f"call {record_id} of a dead node cannot be ended: {problem}")
            return
        call, cseqs = found["call"], found["cseqs"]
        ksr.log_warning(f"call {record_id} of a dead node is ended")
        while len(self._tried) >= _MOST_TRIED:
            del self._tried[next(iter(self._tried))]
        tries = self._tried.setdefault(record_id, Tries(cseqs["caller"]))
        byes = {
            side: OwnBye(
                call,
                side,
                found["ways"][side],
                tries if side == "callee" else Tries(cseqs["callee"]),
                call_id=found["masked"] if side == "callee" else call["call_id"],
                reason=_REASON,
            )
            for side in left.SIDES
        }
        leaving = _Leaving(byes=byes, tries=tries, failed=tries.failed, until_s=now_s + _WAIT_S)
        self._leaving[record_id] = leaving
        self._go_on(record_id, leaving)

    def _go_on(self, record_id: str, leaving: _Leaving) -> None:
        caller, carrier = (leaving.byes[side] for side in left.SIDES)
        carrier.go_on(self._reach())
        if not caller.is_sent:
            caller.go_on(self._reach())
        if carrier.over is not None:
            self._ended[record_id] = carrier.over
        tried = carrier.over is not None or leaving.tries.failed - leaving.failed >= _TRIES
        if tried and (caller.is_sent or not caller.waits or time.monotonic() >= leaving.until_s):
            del self._leaving[record_id]
