"""What the calls' own records say of a journal: a call that was signed has a line, or a gap that declares it.

A signature may leave before its line is on a slow disk, and a power cut then takes line and count with it.
But the call's record is written by another process, and was on the disk before the call left. So who looks
compares them: what has no line is lost, or was taken away before a head was signed.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b

#: Seconds between the times that a signer and a gate give to one call, at most.
APART_S = 5.0
#: Minutes told one by one; of more their number.
_MOST = 20


class Told:
    """What one journal says of the calls that were signed."""

    def __init__(self, since: float = float("-inf")) -> None:
        """Nothing yet. `since`, in seconds since the epoch: what was signed before is not asked about."""
        # eight bytes a call: a journal of years has hundreds of millions
        self._calls, self._sorted = array("Q"), True
        self._gaps: list[tuple[float, float, int]] = []
        #: Lines before this time were deleted, and nobody knows what they said.
        self._since = since

    def signed(self, record_id: str, at: float) -> None:
        """A line of a time in seconds since the epoch says so of this call."""
        if at < self._since:
            return
        self._calls.append(_short(record_id))
        self._sorted = False

    def gap(self, first: float, last: float, count: int) -> None:
        """So many lines of this time, in seconds since the epoch, are declared to be missing."""
        self._gaps.append((first, last, count))

    def begins(self, at: float) -> None:
        """What was written before was deleted; seconds since the epoch."""
        self._since = max(self._since, at)

    def lacks(self, record_id: str, at: float) -> bool:
        """Whether no line says that this call was signed, decided at a time in seconds since the epoch.

        Of one before the first line that is left, nobody can say.
        """
        if not self._sorted:
            self._calls, self._sorted = array("Q", sorted(self._calls)), True
        short = _short(record_id)
        found = bisect_left(self._calls, short)
        there = found < len(self._calls) and self._calls[found] == short
        return not there and at >= self._since + APART_S

    def undeclared(self, moments: Iterable[float]) -> list[float]:
        """Of calls without a line, by their times, those that no gap can be about: the oldest first.

        A gap declares no more calls than it counts lines, and none beyond its time.
        """
        missing = sorted(moments)
        for first, last, count in sorted(self._gaps):
            begin, end = bisect_left(missing, first - APART_S), bisect_left(missing, last + APART_S)
            del missing[begin : min(begin + count, end)]
        return missing


def restored(moments: Iterable[float], between: Iterable[tuple[float, float]]) -> list[float]:
    """Of calls without a line those of the time between a backup and its restore, which took their lines.

    All in seconds since the epoch; records may be in a database that no backup has, and no restore touches.
    """
    spans = [(made - APART_S, restored_at) for made, restored_at in between]
    return [at for at in moments if any(first <= at <= last for first, last in spans)]


def in_minutes(moments: Iterable[float]) -> str:
    """How many of them in which minutes: `2026-11-26T14:03Z 7, 2026-11-26T14:04Z 5`."""
    minutes = sorted(Counter(int(at // 60) for at in moments).items())
    told = [f"{datetime.fromtimestamp(at * 60, UTC):%Y-%m-%dT%H:%MZ} {n}" for at, n in minutes[:_MOST]]
    more = [f"and {len(minutes) - _MOST} more minutes"] if len(minutes) > _MOST else []
    return ", ".join([*told, *more])


def _short(record_id: str) -> int:
    return int.from_bytes(blake2b(record_id.encode(), digest_size=8).digest())
