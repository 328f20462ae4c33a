"""Whether anything may be deleted by this clock: by one that is wrong, everything's time is over.

A host may wake in 2038. So a clock is believed only while the kernel calls it synchronised, and when it has
been running in this very day for an hour: signed heads of journals say so.
"""

from collections.abc import Callable
from pathlib import Path

from trunkward.engines.journals import signed_between
from trunkward.engines.kernel_clock import ClockReading, read_clock
from trunkward.trunks.retention import DAY_S

#: Seconds before now within which heads must have been signed, and how long ago at the latest the first of
#: them: a clock that jumped has none such for an hour, in which somebody may see that it did.
SEEN_S, AGO_S = DAY_S, 3600.0


def doubted(
    heads: Path, now_s: float, *, trusted: bool, read: Callable[[], ClockReading | None] = read_clock
) -> str:
    """Why the clock is not believed enough to delete by; "": it is. Raises `OSError`.

    `heads`: the file of signed heads. `now_s` in seconds since the epoch. `trusted`: a person has said that
    the clock is right whatever the kernel says.
    """
    reading = read()
    if not trusted and (reading is None or not reading.synchronised):
        return "the clock is not synchronised"
    if not signed_between(heads, now_s - SEEN_S, now_s - AGO_S):
        return "no heads of journals were signed within the last day and more than an hour ago"
    return ""
