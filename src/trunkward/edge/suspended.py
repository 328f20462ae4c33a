"""Transactions that wait, and hold nobody meanwhile: no worker, and not tm's reply lock.

tm resumes a transaction under the lock that a CANCEL and a timer need too. So what takes time (a gate,
rtpengine, a handshake) is done by a worker while the transaction stays suspended, and it is resumed only to
be sent on or answered, which waits for nobody. A CANCEL that comes meanwhile is answered by tm itself, which
then lets nobody resume.
"""

import time
from collections.abc import Callable

from trunkward.edge import ksr, refusal

#: Milliseconds a transaction may be suspended at a time, the worker group's queue included.
HELD_MS = 2000
#: The same of a call for help: its caller does not call another provider, and no lack of workers refuses it.
EMERGENCY_HELD_MS = 30_000


class Suspended:
    """Suspends transactions and goes on with them."""

    def __init__(self) -> None:
        """One for each process."""
        self._then: Callable[[], object] | None = None

    def hold(self, for_ms: int = HELD_MS, then: str = "ksr_suspended_failure") -> str:
        """Suspends the transaction in hand. What to call it in `resume`, "" when it could not be.

        `then` is the failure callback for when nobody has come to go on with it in that time.
        """
        ksr.set_final_response_timeout(for_ms, for_ms)
        ksr.on_failure(then)
        transaction = ksr.suspend()
        return f"{transaction}@{time.monotonic() + for_ms / 1000:.3f}" if transaction else ""

    def resume(self, held: str, then: Callable[[], object]) -> bool:
        """Does `then` with the transaction in hand; False when it was cancelled, or refused as late."""
        if self.is_late(held):
            return False  # tm would count a reference to it too many, and keep it for long
        self._then = then
        ksr.resume(held.partition("@")[0], "ksr_resumed")
        done, self._then = self._then is None, None
        return done

    def resumed(self) -> None:
        """What tm runs on it."""
        then, self._then = self._then, None
        if then is not None:
            then()

    @staticmethod
    def is_late(held: str) -> bool:
        """Whether it was suspended for so long that it has been refused."""
        return time.monotonic() >= float(held.partition("@")[2])

    @staticmethod
    def given_up() -> None:
        """The failure callback: nobody came to go on with it in time."""
        if ksr.is_cancelled():
            ksr.reply(487, "Request Terminated")
        else:
            refusal.refuse(503, "Service Unavailable", "no-worker-free")
