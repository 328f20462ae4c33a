"""What a load run counted, and its percentiles."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of unsorted values; NaN when there are none."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, math.ceil(share * len(ranked)) - 1))]


@dataclass(slots=True)
class Tally:
    """Counters and latencies (seconds) of one run of the caller."""

    attempts: int = 0
    answered: int = 0
    completed: int = 0
    invite_timeouts: int = 0
    bye_timeouts: int = 0
    cut_by_peer: int = 0
    lost_connections: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    bye_refused: Counter[int] = field(default_factory=Counter)
    to_carrier_s: list[float] = field(default_factory=list)
    to_answer_s: list[float] = field(default_factory=list)
    bye_s: list[float] = field(default_factory=list)
    #: How late the generator itself sent, against its timetable. Large values: the generator is the
    #: bottleneck.
    lateness_s: list[float] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """Calls that did not go from INVITE to the 200 of their BYE."""
        return self.attempts - self.completed

    def report(self) -> dict[str, Any]:
        """Return the run as JSON-able values; latencies in milliseconds."""
        return {
            "attempts": self.attempts,
            "answered": self.answered,
            "completed": self.completed,
            "failures": self.failures,
            "refused": {str(k): v for k, v in sorted(self.refused.items())},
            "bye_refused": {str(k): v for k, v in sorted(self.bye_refused.items())},
            "invite_timeouts": self.invite_timeouts,
            "bye_timeouts": self.bye_timeouts,
            "cut_by_peer": self.cut_by_peer,
            "lost_connections": self.lost_connections,
            "to_carrier_ms": _spread(self.to_carrier_s),
            "to_answer_ms": _spread(self.to_answer_s),
            "bye_ms": _spread(self.bye_s),
            "lateness_ms": _spread(self.lateness_s),
        }


def _spread(values_s: list[float]) -> dict[str, float | None]:
    def at(share: float) -> float | None:
        value = percentile(values_s, share)
        return None if math.isnan(value) else round(value * 1000, 3)

    return {"p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "max": at(1.0)}
