"""Whether the media engine still knows the running calls: one it has lost is not left in silence.

It forgets all of them when it starts anew, and by itself each that nobody sends packets to (its `timeout`).
A re-INVITE makes it known again, so a call is given some seconds before it is ended. An engine that says
nothing may know them all: it is frozen, or slow. Only a no, or nobody on its port, counts as lost.
"""

from math import ceil

from trunkward.edge.rtpengine import Rtpengine, RtpengineGone

#: Seconds a call may be unknown before it is ended: for a new engine to come up, and a re-INVITE to come.
PATIENCE_S = 10.0
#: Seconds in which each call is asked about once,
TURN_S = 30
#: with at least so many a second, of few calls;
_LEAST_A_ROUND = 5
#: and so many a second once one is unknown: perhaps all are.
_MOST_A_ROUND = 200


class MediaWatch:
    """Asks about each call in turn; in the timer's process alone."""

    def __init__(self, engine: Rtpengine) -> None:
        """`engine`: a client of its own, which nobody else waits for."""
        self._engine = engine
        #: By call, the monotonic second in which it was first found unknown.
        self._missing: dict[str, float] = {}
        #: What this turn has yet to ask about.
        self._queue: list[str] = []
        self._hurry_from_s = 0.0

    def lost(self, names: dict[str, str], now_s: float) -> list[str]:
        """Calls that are lost for good; `names`: in rtpengine, of all running calls by record id."""
        missing = self._missing = {
            record_id: since for record_id, since in self._missing.items() if record_id in names
        }
        over = [record_id for record_id, since in missing.items() if now_s - since >= PATIENCE_S]
        lost: list[str] = []
        try:
            for record_id in [*over[:_MOST_A_ROUND], *self._next(names, now_s)]:
                known = self._engine.knows(names[record_id])
                if known is None:
                    return []
                if known:
                    missing.pop(record_id, None)  # a re-INVITE has come meanwhile
                elif record_id in missing:
                    lost.append(record_id)
                else:
                    missing[record_id] = now_s
        except RtpengineGone:
            for record_id in names:
                missing.setdefault(record_id, now_s)
            return over
        return lost

    def _next(self, names: dict[str, str], now_s: float) -> list[str]:
        """The next ones of the turn."""
        if not self._queue:
            self._queue = list(names)
        count = max(ceil(len(names) / TURN_S), _LEAST_A_ROUND)
        if self._missing and now_s >= self._hurry_from_s:
            # once a turn: a call that was lost alone is no reason to ask about all of them all the time
            count = _MOST_A_ROUND
            if len(self._queue) <= count:
                self._hurry_from_s = now_s + TURN_S
        taken, self._queue = self._queue[:count], self._queue[count:]
        return [one for one in taken if one in names and one not in self._missing]
