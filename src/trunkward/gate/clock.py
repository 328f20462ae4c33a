"""Whether this machine's clock is synchronised, as the kernel knows it (adjtimex)."""

import ctypes
import time

from trunkward.admission.ports import Unavailable

#: adjtimex(2): the return value of an unsynchronised clock, and the status bit for it.
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
#: Seconds an answer is good for.
_FRESH_S = 5.0


class _Timex(ctypes.Structure):
    # struct timex begins so on Linux; the rest is read past
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class KernelClock:
    """Asks the kernel at most once in a few seconds; a call never waits for it."""

    def __init__(self, *, trusted: bool) -> None:
        """`trusted`: taken as synchronised whatever the kernel says (a machine whose host keeps the time)."""
        self._trusted = trusted
        self._asked = -_FRESH_S
        self._answer: bool | Unavailable = Unavailable(what="clock", why="clock-not-asked")
        self._libc = ctypes.CDLL(None, use_errno=True)

    def synchronised(self) -> bool | Unavailable:
        """The kernel's word, at most a few seconds old."""
        if self._trusted:
            return True
        now = time.monotonic()
        if now - self._asked >= _FRESH_S:
            self._asked = now
            self._answer = self._ask()
        return self._answer

    def _ask(self) -> bool | Unavailable:
        state = _Timex()
        answered = self._libc.adjtimex(ctypes.byref(state))
        if answered < 0:
            return Unavailable(what="clock", why="clock-state-unknown")
        return answered != _TIME_ERROR and not state.status & _STA_UNSYNC
