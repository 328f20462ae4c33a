"""The limits as one gate counts them by itself, for the time that nobody tells it what the others count.

No substitute for what is shared: of calls that were there before it knows those it has heard of since, and
other gates count their own. It keeps an inbound flood from a trunk as far as one gate can.
"""

import math
from collections.abc import Sequence

from trunkward.admission.ports import Asked, Held, Over
from trunkward.live.library import TRY_AGAIN_S


class LocalCounts:
    """Counters and rates of one process, with the same meaning as those of `library.lua`."""

    def __init__(self) -> None:
        """Empty."""
        #: By key, the record ids of calls that hold a place, each with the end of its hold.
        self._holds: dict[str, dict[str, float]] = {}
        #: By key, the theoretical arrival time of the next call.
        self._arrivals: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether anything is counted."""
        return bool(self._holds or self._arrivals)

    def admit(self, asked: Asked, now_s: float) -> Held | Over:
        """Everything that is asked for, or nothing. `now_s` in seconds of a clock that is never set back."""
        for counter in asked.counters:
            if self._taken(counter.key, now_s) >= counter.most and not self._has(
                counter.key, asked.record_id
            ):
                return Over(
                    key=counter.key, most=counter.most, retry_after_s=TRY_AGAIN_S if counter.most else None
                )
        arrivals = {}
        for rate in asked.rates:
            if not rate.burst:
                return Over(key=rate.key, most=rate.per_second, retry_after_s=None)
            arrival = max(self._arrivals.get(rate.key, 0.0), now_s) + 1 / rate.per_second
            late_s = arrival - now_s - rate.burst / rate.per_second
            if late_s > 1e-6:
                return Over(key=rate.key, most=rate.per_second, retry_after_s=math.ceil(late_s))
            arrivals[rate.key] = arrival
        self._arrivals |= arrivals
        keys = tuple(counter.key for counter in asked.counters)
        self.renew([(asked.record_id, keys)], now_s + asked.hold_s)
        return Held(record_id=asked.record_id, counters=keys)

    def renew(self, calls: Sequence[tuple[str, Sequence[str]]], until_s: float) -> None:
        """Counts these calls until then."""
        for record_id, keys in calls:
            for key in keys:
                self._holds.setdefault(key, {})[record_id] = until_s

    def ended(self, calls: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Counts them no more."""
        for record_id, keys in calls:
            for key in keys:
                if (held := self._holds.get(key)) is not None:
                    held.pop(record_id, None)

    def forget(self) -> None:
        """Counts nothing: what is shared is there again."""
        self._holds.clear()
        self._arrivals.clear()

    def _taken(self, key: str, now_s: float) -> int:
        held = self._holds.get(key, {})
        for record_id in [record_id for record_id, until_s in held.items() if until_s <= now_s]:
            del held[record_id]
        return len(held)

    def _has(self, key: str, record_id: str) -> bool:
        return record_id in self._holds.get(key, ())
