"""Limits that were full lately: whether a call gets a place in one is asked before it is verified.

Verification comes before the limits are asked about, because both are one question to Valkey: it takes the
places and looks for replays of what was found. A flood beyond a limit would then cost a verification, and
perhaps a fetch and seconds of waiting, for each call of it. So where a limit was full lately, Valkey is asked
first whether there is room now, and nothing is taken: who would be refused this moment is, and nobody else.

What a flood still costs: the calls that came before the first of them was refused, which a slow certificate
keeps waiting for as long as the policy lets it, and those that come while there is a place nobody has taken
yet.
"""

from collections.abc import Iterable

from trunkward.admission.ports import Asked, Counter, Over, Rate

#: Seconds; longer than a call may wait for its certificate, so that those of a flood hear of each other.
LATELY_S = 10.0
#: Limits that are remembered; numbers have some of their own.
MOST = 10_000


class FullLately:
    """What one gate has heard of; times are seconds that pass."""

    def __init__(self) -> None:
        """Nothing was full."""
        #: By key of a limit, until when it is asked about first; the first to be forgotten stands first.
        self._until: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether anything may have been."""
        return bool(self._until)

    def hears(self, over: Over, now_s: float) -> None:
        """One is full."""
        self._until.pop(over.key, None)
        self._until[over.key] = now_s + LATELY_S
        if len(self._until) > MOST:
            del self._until[next(iter(self._until))]

    def has(self, asked: Asked, now_s: float) -> bool:
        """Whether one of those that are asked for was."""
        while self._until and (oldest := next(iter(self._until.items())))[1] <= now_s:
            del self._until[oldest[0]]
        limits: Iterable[Counter | Rate] = (*asked.counters, *asked.rates)
        return any(limit.key in self._until for limit in limits)
