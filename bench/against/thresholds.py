"""OpenSIPS' `fraud_detection`, as its source has it (8f4f1e1, `modules/fraud_detection/`).

- `check_fraud`, with each INVITE, for its user and the prefix its rule matches: all counters are 0 again when
  the calendar day is another than at `last_matched_time`. Then `total_calls`, `cpm` (60 slots of a second),
  `concurrent_calls` and `seq_calls` (as often as the number before was the same) grow by one. `value >=
  critical` of any is -2, `value >= warning` -1. Attempts that are refused have counted.
- `last_matched_time` moves on only with the window of `cpm`.
- `dialog_terminate_CB`, when a call is over: `concurrent_calls` falls by one unless the counters were set to
  0 since; one that has lasted `call_duration` raises an event. Nothing ends a running call.

What a script makes of it is its own. Here -2 refuses the call, and the duration's critical event blocks the
prefix to the end of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.against.hang_up import Nothing
from bench.against.traffic import DAY_S, Call

_WINDOW = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Critical ones of a rule; 0: none."""

    cpm: int = 0
    total_calls: int = 0
    concurrent_calls: int = 0
    seq_calls: int = 0
    call_duration_s: int = 0


#: The pilot's one tier; and a quarter of it.
USUAL = Thresholds(cpm=20, total_calls=150, concurrent_calls=20, seq_calls=15, call_duration_s=7200)
TIGHT = Thresholds(cpm=5, total_calls=38, concurrent_calls=5, seq_calls=4, call_duration_s=1800)


@dataclass(slots=True)
class Stats:
    """`frd_stats_entry_t`: of one user and one prefix."""

    cpm: int = 0
    total_calls: int = 0
    concurrent_calls: int = 0
    seq_calls: int = 0
    last_dial: str = ""
    #: `last_matched_time`; 0: none.
    last: int = 0
    interval: int = 0
    slots: list[int] = field(default_factory=lambda: [0] * _WINDOW)

    def count(self, number: str, now: int) -> None:
        """A call to this number, in whole seconds."""
        reset = not self.last or self.last // int(DAY_S) != now // int(DAY_S)
        if reset:
            self.cpm = self.total_calls = self.concurrent_calls = self.seq_calls = 0
            self.interval += 1
        self.seq_calls = self.seq_calls + 1 if number == self.last_dial else 1
        self.last_dial = number
        self.total_calls += 1
        if reset or now - self.last >= 2 * _WINDOW:
            self.cpm, self.slots, self.last = 0, [0] * _WINDOW, now
        elif now - self.last >= _WINDOW:
            before, self.last = self.last, now - _WINDOW + 1
            slot = (self.last - 1) % _WINDOW
            while slot != (before - 1) % _WINDOW:
                self.cpm -= self.slots[slot]
                self.slots[slot] = 0
                slot = (slot - 1) % _WINDOW
        self.cpm += 1
        self.slots[now % _WINDOW] += 1
        self.concurrent_calls += 1

    def critical(self, rule: Thresholds) -> str:
        """The first threshold that is reached; ""."""
        for name in ("cpm", "total_calls", "concurrent_calls", "seq_calls"):
            threshold = getattr(rule, name)
            if threshold and getattr(self, name) >= threshold:
                return name
        return ""


class FraudDetection(Nothing):
    """One user. `rules` by prefix; the longest one counts."""

    #: Of times, which begin at 0 here: 0 says "never" there.
    _EPOCH = 20_000 * int(DAY_S)

    def __init__(self, rules: Mapping[str, Thresholds]) -> None:
        self._rules = dict(sorted(rules.items(), key=lambda rule: -len(rule[0])))

    def begin(self, end: Callable[[Call], None]) -> None:
        self._stats: dict[str, Stats] = {}
        self._calls: dict[Call, tuple[str, int]] = {}
        #: Prefix -> the day on which it is blocked.
        self._blocked: dict[str, int] = {}

    def admits(self, call: Call, now: float) -> bool:
        prefix = next((one for one in self._rules if call.number.startswith(one)), None)
        if prefix is None:
            return True
        stats = self._stats.setdefault(prefix, Stats())
        stats.count(call.number, self._EPOCH + int(now))
        if stats.critical(self._rules[prefix]) or self._blocked.get(prefix) == int(now // DAY_S):
            stats.concurrent_calls -= 1  # its dialog has failed
            return False
        self._calls[call] = prefix, stats.interval
        return True

    def over(self, call: Call, now: float) -> None:
        if call not in self._calls:
            return
        prefix, interval = self._calls.pop(call)
        stats = self._stats[prefix]
        if interval == stats.interval:
            stats.concurrent_calls -= 1
        duration = int(call.lasted_s(now))
        threshold = self._rules[prefix].call_duration_s
        if threshold and duration >= threshold:
            self._blocked[prefix] = int(now // DAY_S)
