"""What is journaled sparingly: whoever brings it about could fill the disk with it.

1. Who may not ask, and who sends what nobody can follow: a line a minute for each user, with how many there
   were before.
2. Refusals: so many lines a second for each user, and one more that says how many others there were, by
   reason (`refused-more`).

No signature is among them: each has a line of its own, or is counted where the disk is lost
(`signer.committing`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from trunkward.signer.metrics import SignerMetrics

log = structlog.get_logger("signer")

#: Seconds that pass between two lines of one kind for one user.
ONE_IN_S = 60.0
#: Users remembered for that; beyond it they share one entry.
_REMEMBERED = 256
#: Refusals of one user that have a line of their own, in `SECOND_S` seconds. With what it commits to, a line
#: has a kilobyte: 1.7 GB a day at most.
REFUSALS, SECOND_S = 20, 1.0


class _OneIn:
    """Of each user one in `ONE_IN_S`, and how many since."""

    def __init__(self, passing: Callable[[], float]) -> None:
        self._passing = passing
        #: uid -> (when the last one was, in seconds that pass; how many since).
        self._of: dict[int, tuple[float, int]] = {}

    def before(self, uid: int) -> int | None:
        """How many there were since the last one that counted; None: this one is none."""
        now_s = self._passing()
        key = uid if uid in self._of or len(self._of) < _REMEMBERED else -1
        last_s, since = self._of.get(key, (-ONE_IN_S, 0))
        if now_s - last_s < ONE_IN_S:
            self._of[key] = (last_s, since + 1)
            return None
        self._of[key] = (now_s, 0)
        return since


@dataclass(slots=True)
class _Second:
    """What one user was refused in it."""

    lines: int = 0
    #: Of those without a line, when the first and the last were, in seconds since the epoch.
    first: float = 0.0
    last: float = 0.0
    #: How many of them had which reason.
    more: Counter[str] = field(default_factory=Counter)


class Sparing:
    """Of one signer. Belongs to the event loop it is made in."""

    def __init__(
        self,
        note: Callable[..., None],
        metrics: SignerMetrics,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """`note` writes a line of a kind with facts. `passing`: seconds, whatever the clock does."""
        self._note, self._metrics = note, metrics
        self._strangers, self._broken = _OneIn(passing), _OneIn(passing)
        self._seconds: dict[int, _Second] = {}

    def stranger(self, uid: int, pid: int) -> None:
        """Somebody who may not ask."""
        self._metrics.refused_peers.inc()
        if (before := self._strangers.before(uid)) is not None:
            log.warning("peer-refused", uid=uid, pid=pid, before=before)
            self._note("peer-refused", uid=uid, pid=pid, before=before)

    def broken(self, uid: int, pid: int, error: str, size: int) -> None:
        """A stream that ends because of a frame of `size` bytes."""
        self._metrics.broken_streams.inc()
        if (before := self._broken.before(uid)) is not None:
            log.warning("stream-broken", uid=uid, pid=pid, error=error, size=size, before=before)
            self._note("stream-broken", uid=uid, pid=pid, error=error, size=size, before=before)

    def has_line(self, uid: int) -> bool:
        """Whether a refusal of this user has a line of its own; where not, have it `counted`."""
        second = self._second(uid)
        second.lines += 1
        return second.lines <= REFUSALS

    def counted(self, uid: int, reason: str, now_s: float) -> None:
        """A refusal without a line of its own."""
        second = self._second(uid)
        second.first = second.first or now_s
        second.last = now_s
        second.more[reason] += 1

    def tell(self) -> None:
        """Before the end: what is counted and not written yet."""
        for uid in list(self._seconds):
            self._over(uid)

    def _second(self, uid: int) -> _Second:
        found = self._seconds.get(uid)
        if found is None:
            found = self._seconds[uid] = _Second()
            asyncio.get_running_loop().call_later(SECOND_S, self._over, uid)
        return found

    def _over(self, uid: int) -> None:
        second = self._seconds.pop(uid, None)
        if second is not None and second.more:
            self._note(
                "refused-more",
                uid=uid,
                count=second.more.total(),
                first=round(second.first, 3),
                last=round(second.last, 3),
                reasons=dict(second.more),
            )
