"""At which levels each trunk's calls were signed over a time, and why; beside the time before it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

#: Of a call that went unsigned.
NONE = "none"
LEVELS = ("A", "B", "C", NONE)
#: Percentage points by which the share of a level moves before its trunk's mix has changed, and calls there
#: are at least, in either time, before a share says anything (ours).
MOVED, FEWEST = 10.0, 20


class Mix(msgspec.Struct, kw_only=True):
    """Calls that were let out in one time; what they are divided into sums up to them."""

    calls: int = 0
    levels: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(LEVELS, 0))
    #: By level, why it was that one: the rule and what the call lacked for more, or why it went unsigned.
    why: dict[str, dict[str, int]] = {}

    def share(self, level: str) -> float:
        """Percent of the calls; 0 where there are none."""
        return self.levels[level] * 100 / self.calls if self.calls else 0.0


class Attested(msgspec.Struct, kw_only=True):
    """One trunk, for the tenant whose it was then."""

    trunk: str
    tenant: str
    now: Mix
    #: The time before, which was as long.
    before: Mix
    #: By how many points the share of each level has moved that has moved far; {} also where too few called.
    moved: dict[str, float] = {}
    #: Whether enough called, and too few before to compare them with: a trunk that has just begun to call.
    new: bool = False

    @property
    def changed(self) -> bool:
        """Whether somebody should look at it."""
        return self.new or bool(self.moved)


def attested(calls: Iterable[Mapping[str, Any]], since: float, moved: float = MOVED) -> list[Attested]:
    """Of calls as `records.view` gives them, the trunk with the most calls first.

    Those that started before `since` (seconds since the epoch) are what the others are compared with.
    """
    mixes: dict[tuple[str, str], tuple[Mix, Mix]] = {}
    whys: dict[tuple[str, str], tuple[dict[str, Counter[str]], dict[str, Counter[str]]]] = {}
    for call in calls:
        if call["direction"] != "outbound" or call["verdict"] != "admit":
            continue
        whose, time = (call["source_name"], call["tenant"]), int(call["started_at"] < since)
        mix = mixes.setdefault(whose, (Mix(), Mix()))[time]
        level = call["attest"] or NONE
        mix.calls += 1
        mix.levels[level] += 1
        counts = whys.setdefault(whose, ({}, {}))[time]
        counts.setdefault(level, Counter())[_why(call)] += 1
    for whose, both in mixes.items():
        for mix, counts in zip(both, whys[whose], strict=True):
            mix.why = {level: dict(counts[level].most_common()) for level in LEVELS if level in counts}
    found = [
        Attested(
            trunk=trunk,
            tenant=tenant,
            now=now,
            before=before,
            moved=_moved(now, before, moved),
            new=before.calls < FEWEST <= now.calls,
        )
        for (trunk, tenant), (now, before) in mixes.items()
    ]
    return sorted(found, key=lambda one: (-one.now.calls, one.trunk, one.tenant))


def _moved(now: Mix, before: Mix, points: float) -> dict[str, float]:
    if min(now.calls, before.calls) < FEWEST:
        return {}
    by = {level: now.share(level) - before.share(level) for level in LEVELS}
    return {level: round(moved, 1) for level, moved in by.items() if abs(moved) >= points}


def _why(call: Mapping[str, Any]) -> str:
    """The rule and what was lacking; of an unsigned call what was in the way, which may be another thing."""
    told: Mapping[str, Any] = call.get("attestation") or {}
    if not call["attest"]:
        return call["attest_reason"] or told.get("rule") or "not-known"
    # not in records of an earlier version
    rule, lack = told.get("rule") or call["attest_reason"] or "not-known", told.get("lack")
    return f"{rule}: {lack}" if lack else rule
