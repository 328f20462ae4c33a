"""Counting at hang-up: a call is added to what was spent when it is over; without room, new ones are refused.

iVozProvider's daily limit is one: for postpaid customers it is updated at hang-up only, and ends all calls
when it is reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bench.against.traffic import Call
from trunkward.trunks.spending import WINDOW_S, Spending


class Nothing:
    """Nobody counts."""

    period_s = 0.0

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end = end

    def admits(self, call: Call, now: float) -> bool:
        return True

    def answered(self, call: Call, now: float) -> None:
        pass

    def over(self, call: Call, now: float) -> None:
        pass

    def tick(self, now: float) -> None:
        pass


class Bills:
    """What ended calls have cost, by rolling windows."""

    def __init__(self, caps: Spending) -> None:
        self._caps = caps
        self._bills: deque[tuple[float, int]] = deque()

    def add(self, at: float, cost_micro: int) -> None:
        """A call has ended."""
        self._bills.append((at, cost_micro))

    def room_micro(self, now: float) -> int:
        """The least that is left in any window; negative where a cap is passed."""
        longest = max(WINDOW_S.values())
        while self._bills and self._bills[0][0] <= now - longest:
            self._bills.popleft()
        rooms = []
        for window, length in WINDOW_S.items():
            cap = self._caps.cap(window)
            if cap is not None:
                rooms.append(cap - sum(cost for at, cost in self._bills if at > now - length))
        return min(rooms)


class HangUp(Nothing):
    """Counting at hang-up. `ends`: at a cap, running calls are ended, too."""

    def __init__(self, caps: Spending, *, ends: bool) -> None:
        self._caps, self._ends = caps, ends

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end, self._bills, self._running = end, Bills(self._caps), dict[Call, None]()

    def admits(self, call: Call, now: float) -> bool:
        return self._bills.room_micro(now) > 0

    def answered(self, call: Call, now: float) -> None:
        self._running[call] = None

    def over(self, call: Call, now: float) -> None:
        self._running.pop(call, None)
        if call.answered_at is None:
            return
        self._bills.add(now, call.cost_micro(now))
        if self._ends and self._bills.room_micro(now) <= 0:
            for one in list(self._running):
                self._end(one)
