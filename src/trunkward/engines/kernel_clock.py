"""What the kernel knows about this machine's clock (adjtimex(2)). Asking takes no privilege.

The kernel knows nothing by itself. Whoever disciplines the clock (chrony, ntpd, systemd-timesyncd) tells it
with each correction how far off the clock may be, and takes away `STA_UNSYNC`. Left alone, the kernel lets
the bound grow by 500 microseconds a second and calls the clock unsynchronised when it passes 16 s: some nine
hours after the last word. What nobody ever disciplined is unsynchronised from boot.
"""

import ctypes
from dataclasses import dataclass

#: adjtimex(2): the return value of an unsynchronised clock, and the status bits.
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """The kernel's answer. Errors are what the discipline claims, not what anybody measured here."""

    synchronised: bool
    #: Seconds still to be slewed away: positive when the clock is behind.
    offset_s: float
    #: Seconds: the estimate of the discipline, and the bound the kernel lets grow.
    estimated_error_s: float
    maximum_error_s: float


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


_libc = ctypes.CDLL(None, use_errno=True)


def read_clock() -> ClockReading | None:
    """The kernel's word on the clock; None where it gives none (a sandbox without adjtimex)."""
    state = _Timex()
    answered = _libc.adjtimex(ctypes.byref(state))
    if answered < 0:
        return None
    return ClockReading(
        synchronised=answered != _TIME_ERROR and not state.status & _STA_UNSYNC,
        offset_s=state.offset / (1e9 if state.status & _STA_NANO else 1e6),
        estimated_error_s=state.esterror / 1e6,
        maximum_error_s=state.maxerror / 1e6,
    )
