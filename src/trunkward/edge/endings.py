"""The end of a call: forgotten at once, its media ended and its outcome written down."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import compact, expand
from trunkward.edge.gate import GateClient
from trunkward.edge.grants import Grants
from trunkward.edge.media import Media
from trunkward.edge.outcome import Outcomes
from trunkward.edge.running import RunningCalls

#: Of calls that cost money, and have ended a while ago: what a gate was told (`Endings.tell_again`).
ENDED = "ended"
#: Seconds for which that is known: longer than a leg is held that nobody renews.
_ENDED_S = 600
#: What of a call its end needs.
_NEEDED = (
    *("record_id", "call_id", "hops", "media_id", "caller_tag", "callee_tag"),
    *("caller", "callee", "peer", "tried", "ringing_at", "answered_at", "cut", "unreached", "reason"),
)
#: What of it stands in the outcome.
_TOLD = (
    *("record_id", "call_id", "ending", "status", "ended_by", "reason", "cut", "unreached", "peer", "tried"),
    *("ringing_at", "answered_at", "answered_ms", "ended_at"),
)


class Endings:
    """Ends calls, each once."""

    def __init__(
        self,
        running: RunningCalls,
        grants: Grants,
        media: Media,
        outcomes: Outcomes,
        gate: Callable[[], GateClient],
        group: str,
    ) -> None:
        """`gate`: who is told that places are free. `group`: workers that may wait for the media engine."""
        self._running = running
        self._grants = grants
        self._media = media
        self._outcomes = outcomes
        self._gate = gate
        self._group = group

    def end(self, call: dict[str, Any], ending: str, status: int, ended_by: str) -> None:
        """Ends a call; whoever comes second does nothing."""
        if not self._running.forget(call["record_id"]):
            return
        facts = {name: call[name] for name in _NEEDED if name in call}
        ended_s = call.get("ended_s", time.monotonic())
        ended_at = time.time() - (time.monotonic() - ended_s)
        facts |= {"ending": ending, "status": status, "ended_by": ended_by, "ended_at": ended_at}
        lasted_ms = _lasted_ms(call, ended_s)
        facts |= {"answered_ms": lasted_ms} if lasted_ms else {}
        self._free_places(call, lasted_ms)
        if not facts["hops"]:  # no media to wait for
            self._write_down(facts, marked="")
            return
        self._running.mark_ended(call["record_id"], _mark(facts))
        if not ksr.later("ksr_call_ended", compact(facts), self._group):
            self._write_down(facts, marked=_mark(facts))

    def end_left(
        self, call: dict[str, Any], ended_by: str, cut: str, unreached: list[str], ended_s: float
    ) -> None:
        """Ends a call that got BYEs of ours, because of `cut` if that was our own will.

        `unreached`: sides that could not be told; `ended_s`: when its carrier's leg was over, in monotonic
        seconds.
        """
        told: dict[str, Any] = {"ended_s": ended_s}
        told |= {"cut": cut} if cut else {}
        told |= {"unreached": unreached} if unreached else {}
        ending, status = ("failed", call["refused"]) if "refused" in call else ("bye", 200)
        self.end(call | told, ending, status, ended_by)

    def end_media(self, call: dict[str, Any]) -> None:
        """Ends the media of a route that came to nothing; the call goes on without."""
        if call["hops"]:
            given_up = {name: call[name] for name in ("hops", "media_id", "caller_tag")}
            # without a free worker rtpengine itself ends what nobody sends to
            ksr.later("ksr_media_given_up", compact(given_up), self._group)
        call["hops"] = []

    def clean_up_media(self, _event: str) -> None:
        """The slow part of that, in a worker of the group."""
        self._media.end(expand(ksr.later_data()))

    def clean_up(self, _event: str) -> None:
        """The slow part, in a worker of the group."""
        facts = expand(ksr.later_data())
        self._write_down(facts, marked=_mark(facts))

    def table_event(self, event: str) -> None:
        """Of the shared tables: that they are there now; later, that a row of one has expired."""
        if event == "htable:mod-init":
            self.restore()

    def restore(self) -> None:
        """At Kamailio's start: running calls go on, and those it died on while they ended are ended."""
        found = self._running.restore()
        for call, ended_by, cut, at in found.ended:
            facts = {"ending": "bye", "status": 200, "ended_by": ended_by, "ended_at": at}
            facts |= {"cut": cut} if cut else {}
            self._write_down(call | facts, marked=_mark(facts))
        for call, until_s in found.running:
            self._grants.restore(call, until_s)
        # whoever knows which calls there were (the worker) closes those that are not in it
        self._outcomes.note_start([call["record_id"] for call, _ in found.running])
        if found.running or found.ended:
            ksr.log_warning(f"{len(found.running)} running call(s) restored, {len(found.ended)} ended")

    def _free_places(self, call: dict[str, Any], lasted_ms: int) -> None:
        """Before anything that waits, and with its cost. What no gate hears, the end of the hold does."""
        # a file of the version before has neither
        counters, money = call.get("counters", []), call.get("money", "")
        if counters or money:
            ended = compact([call["record_id"], counters, money, call.get("peer", ""), lasted_ms])
            if money:
                ksr.table_set(ENDED, call["record_id"], ended, _ENDED_S)
            self._gate().tell(_ended([ended]))

    def tell_again(self, record_ids: Iterable[str]) -> None:
        """Tells of these, as far as they have ended, what was told then: its gate may have died over it."""
        if told := [row for record_id in record_ids if (row := ksr.table_get(ENDED, record_id))]:
            ksr.log_warning(f"the ends of {len(told)} call(s) are told again: no gate has told them")
            self._gate().tell(_ended(told))

    def _write_down(self, call: dict[str, Any], *, marked: str) -> None:
        """Media facts, media end, outcome; only then the call's file goes."""
        sides = {"caller": call.get("caller") or {}, "callee": call.get("callee") or {}}
        legs = self._media.end(call) if call["hops"] else []
        merged = [leg | sides[leg["side"]] for leg in legs] or [leg for leg in sides.values() if leg]
        self._outcomes.write({name: call[name] for name in _TOLD if name in call} | {"legs": merged})
        self._running.clear(call["record_id"], marked)


def _ended(calls: list[str]) -> str:
    return f'{{"kind":"ended","calls":[{",".join(calls)}]}}'


def _lasted_ms(call: dict[str, Any], ended_s: float) -> int:
    """Whole milliseconds since the answer, the part of one counting as one; 0: there was none."""
    if "answered_s" not in call:
        return 0
    answered_s: float = call["answered_s"]
    return max(math.ceil((ended_s - answered_s) * 1000), 1)


def _mark(facts: dict[str, Any]) -> str:
    """What a call's file is marked with: who ended it, and why if it was us."""
    return f"{facts['ended_by']}.{facts['cut']}" if "cut" in facts else str(facts["ended_by"])
