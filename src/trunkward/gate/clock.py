"""Whether this machine's clock is synchronised, as the kernel knows it."""

import time

from trunkward.admission.ports import Unavailable
from trunkward.engines.kernel_clock import read_clock

#: Seconds an answer is good for.
_FRESH_S = 5.0


class KernelClock:
    """Asks the kernel at most once in a few seconds; a call never waits for it."""

    def __init__(self, *, trusted: bool) -> None:
        """`trusted`: taken as synchronised whatever the kernel says (a machine whose host keeps the time)."""
        self._trusted = trusted
        self._asked = -_FRESH_S
        self._answer: bool | Unavailable = Unavailable(what="clock", why="clock-not-asked")

    def synchronised(self) -> bool | Unavailable:
        """The kernel's word, at most a few seconds old."""
        if self._trusted:
            return True
        now = time.monotonic()
        if now - self._asked >= _FRESH_S:
            self._asked = now
            reading = read_clock()
            self._answer = (
                Unavailable(what="clock", why="clock-state-unknown")
                if reading is None
                else reading.synchronised
            )
        return self._answer
