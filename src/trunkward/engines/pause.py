"""Times in which something is left alone, by a clock that may be put right meanwhile.

A clock can be ahead for a moment: a host that wakes, a step of NTP. What was then put off by a minute would
else be put off until that time comes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """From a moment on, in seconds since the epoch, for so many seconds."""

    since_s: float
    for_s: float

    def is_over(self, now_s: float) -> bool:
        """Whether it is time again; one that begins after `now_s` was begun by a clock that was wrong."""
        return not self.since_s <= now_s < self.since_s + self.for_s


#: None: it is time.
NO_PAUSE = Pause(0.0, 0.0)
