"""Limits that were full a moment ago: a call that needs a place in one is refused before it is verified.

Verification comes before the limits are asked about, because both are one question to Valkey: it takes the
places and looks for replays of what was found. A flood beyond a limit would then cost a verification, and
perhaps a fetch, for each call of it. So what Valkey has called full is taken for full for a tenth of a
second: a limit costs ten verifications a second at one gate, however many calls come.

What that gives away: a place that another gate frees is seen that much later, and an attempt that holds one
by a gate that has died meanwhile may be refused. Of rates nothing: what is not taken is there a moment later.
"""

from collections.abc import Iterable

from trunkward.admission.ports import Asked, Counter, Over, Rate

#: Seconds. A limit that lets in N a second lets in N at once, so that its rate is kept with such a pause.
HOLD_S = 0.1
#: Limits that are remembered; numbers have some of their own.
MOST = 10_000


class FullLimits:
    """What one gate has heard of; times are seconds that pass."""

    def __init__(self) -> None:
        """Nothing is full."""
        #: A limit that was changed is another one.
        self._full: dict[Counter | Rate, tuple[Over, float]] = {}

    def __bool__(self) -> bool:
        """Whether anything may be."""
        return bool(self._full)

    def hears(self, asked: Asked, over: Over, now_s: float) -> None:
        """One of those that were asked for is full."""
        limits: Iterable[Counter | Rate] = (*asked.counters, *asked.rates)
        for limit in limits:
            if limit.key == over.key:
                self._full.pop(limit, None)
                self._full[limit] = over, now_s + HOLD_S
        while len(self._full) > MOST:
            del self._full[next(iter(self._full))]

    def freed(self, keys: Iterable[str]) -> None:
        """There is a place again in these."""
        gone = set(keys)
        for limit in [limit for limit in self._full if limit.key in gone]:
            del self._full[limit]

    def over(self, asked: Asked, now_s: float) -> Over | None:
        """The first of those that are asked for that is full; None: of none that is known."""
        while self._full and (oldest := next(iter(self._full.items())))[1][1] <= now_s:
            del self._full[oldest[0]]
        limits: Iterable[Counter | Rate] = (*asked.counters, *asked.rates)
        return next((self._full[limit][0] for limit in limits if limit in self._full), None)
