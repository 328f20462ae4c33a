"""One run: calls in time, one way of bounding them, and what the carrier charges."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.against.traffic import HORIZON_S, Call, Family, attack, honest
from trunkward.trunks.spending import WINDOW_S, Spending, Window

#: Seconds from the moment a call is to end until its carrier has the BYE; the same for all.
BYE_S = 0.5


class Way(Protocol):
    """A way of bounding what calls cost. It ends calls with the `end` it is given."""

    #: Seconds between two calls of `tick`; 0: it has no clock.
    period_s: float

    def begin(self, end: Callable[[Call], None]) -> None:
        """A run begins."""

    def admits(self, call: Call, now: float) -> bool:
        """Whether a call may be tried."""

    def answered(self, call: Call, now: float) -> None:
        """It costs money from now on."""

    def over(self, call: Call, now: float) -> None:
        """It is over, answered or not."""

    def tick(self, now: float) -> None:
        """Time has passed, and a call runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run has cost, in micro-units."""

    #: All of the thief's calls.
    lost: int
    #: By window: the most that was spent in one, less its cap; negative where the cap was not reached.
    beyond: dict[Window, int]
    #: The office's calls: refused, cut, and all.
    refused: int
    cut: int
    honest: int


class Trial:
    """A run. The same seed and family give each way the same calls."""

    def __init__(self, way: Way, family: Family | None, seed: int) -> None:
        self._way, self._now = way, 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._running: dict[Call, None] = {}
        self._ending: set[Call] = set()
        self._calls: list[Call] = []
        self._refused = self._cut = self._honest = 0
        self._ticks = False
        for at, call in honest(seed):
            self._at(at, lambda call=call: self._try(call))  # type: ignore[misc]
        for at, channel in attack(seed, family) if family else ():
            self._at(at, lambda channel=channel: self._try(channel.call()))  # type: ignore[misc]

    def run(self, caps: Spending) -> Outcome:
        """To the end of the horizon, and until the last call is over."""
        self._way.begin(self._end)
        while self._due:
            self._now, _, doing = heapq.heappop(self._due)
            doing()
        return Outcome(
            lost=sum(call.cost_micro(self._now) for call in self._calls if not call.honest),
            beyond=beyond(self._calls, caps),
            refused=self._refused,
            cut=self._cut,
            honest=self._honest,
        )

    def _at(self, at: float, doing: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at, next(self._order), doing))

    def _try(self, call: Call) -> None:
        self._honest += call.honest
        if not self._way.admits(call, self._now):
            self._refused += call.honest
            self._again(call, refused=True)
        elif call.wants_s:
            self._at(self._now + call.rings_s, lambda: self._answer(call))
        else:
            self._at(self._now + call.rings_s, lambda: self._over(call))

    def _answer(self, call: Call) -> None:
        call.answered_at = self._now
        self._running[call] = None
        self._calls.append(call)
        self._way.answered(call, self._now)
        self._at(self._now + call.wants_s, lambda: self._over(call))
        if self._way.period_s and not self._ticks:
            self._ticks = True
            self._at(self._now + self._way.period_s, self._tick)

    def _tick(self) -> None:
        self._way.tick(self._now)
        self._ticks = bool(self._running)
        if self._ticks:
            self._at(self._now + self._way.period_s, self._tick)

    def _end(self, call: Call) -> None:
        """Somebody has decided that it is over."""
        if call not in self._running or call in self._ending:
            return
        self._ending.add(call)
        assert call.answered_at is not None
        self._cut += call.honest and self._now + BYE_S < call.answered_at + call.wants_s
        self._at(self._now + BYE_S, lambda: self._over(call))

    def _over(self, call: Call) -> None:
        if call.ended_at is not None:
            return
        call.ended_at = self._now
        self._running.pop(call, None)
        self._way.over(call, self._now)
        self._again(call, refused=False)

    def _again(self, call: Call, *, refused: bool) -> None:
        channel = call.channel
        if channel is None:
            return
        at = self._now + channel.again_in_s(refused=refused)
        if at < min(channel.until, HORIZON_S):
            self._at(at, lambda: self._try(channel.call()))


def beyond(calls: list[Call], caps: Spending) -> dict[Window, int]:
    """By window, the most that was spent in one, less its cap; to the second.

    An increment is spent when it begins.
    """
    found: dict[Window, int] = {}
    if caps.call_micro is not None:
        most = max((call.cost_micro(call.ended_at or 0.0) for call in calls), default=0)
        found[Window.CALL] = most - caps.call_micro
    seconds = [0] * (int(max((call.ended_at or 0.0 for call in calls), default=0.0)) + 1)
    for call in calls:
        assert call.answered_at is not None
        assert call.ended_at is not None
        tariff, billed, before = call.tariff, 0, 0
        until = tariff.billed_s(call.ended_at - call.answered_at)
        while billed < until:
            at = int(call.answered_at + billed)
            billed += tariff.next_s if billed else tariff.first_s
            price = tariff.price_micro(billed)
            seconds[min(at, len(seconds) - 1)] += price - before
            before = price
    sums = [0, *itertools.accumulate(seconds)]
    for window, length in WINDOW_S.items():
        cap = caps.cap(window)
        if cap is not None:
            found[window] = max(spent - sums[max(0, at - length)] for at, spent in enumerate(sums)) - cap
    return found
