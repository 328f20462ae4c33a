"""What a call to one prefix costs by how long it lasts."""

from dataclasses import dataclass, replace
from typing import Self

from trunkward.spend.money import NANO

_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A rate with its billing increments: what a deck says of one prefix.

    `first_s` and `next_s` are the trade's increments: 60/6 charges the first minute whole, then every six
    seconds begun; 1/1 each second begun. Both are at least 1.
    """

    #: Nano-units of the deck's currency a minute, and once for an answered call.
    rate_nano: int
    connect_nano: int = 0
    #: Seconds.
    first_s: int = 1
    next_s: int = 1

    def billed_s(self, lasted_s: float) -> int:
        """Seconds that are charged for an answered call; of 0 seconds and less, none.

        A call is measured in whole milliseconds, the part of one counting as one: nobody's clock is better.
        """
        lasted_ms = _up(int(lasted_s * NANO), NANO // _MS)
        if lasted_ms <= 0:
            return 0
        if lasted_ms <= self.first_s * _MS:
            return self.first_s
        return self.first_s + _up(lasted_ms - self.first_s * _MS, self.next_s * _MS) * self.next_s

    def price_micro(self, lasted_s: float) -> int:
        """Micro-units an answered call costs after so many seconds, rounded up once, here.

        One that was answered and ended within the same millisecond costs nothing. It never falls as time
        passes, and is the same for all moments of one increment.
        """
        return _up(self.exact(lasted_s), 60 * 1000)

    def exact(self, lasted_s: float) -> int:
        """The same before it is rounded, in sixtieths of a nano-unit."""
        billed_s = self.billed_s(lasted_s)
        return self.connect_nano * 60 + self.rate_nano * billed_s if billed_s else 0

    def or_more(self, other: Self) -> Self:
        """Of two the greater rate, fee and increments, each."""
        return replace(
            self,
            rate_nano=max(self.rate_nano, other.rate_nano),
            connect_nano=max(self.connect_nano, other.connect_nano),
            first_s=max(self.first_s, other.first_s),
            next_s=max(self.next_s, other.next_s),
        )

    def compact(self) -> str:
        """The same as a short text, which a call carries with it: its price does not change while it runs."""
        return f"{self.rate_nano}:{self.connect_nano}:{self.first_s}:{self.next_s}"

    @classmethod
    def from_compact(cls, text: str) -> Self:
        """The way back. Raises `ValueError` for any other text."""
        parts = text.split(":")
        if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(f"{text!r} is no tariff")
        rate, connect, first, following = map(int, parts)
        if not first or not following:
            raise ValueError(f"{text!r} is no tariff: an increment of no seconds")
        return cls(rate_nano=rate, connect_nano=connect, first_s=first, next_s=following)


def _up(number: int, by: int) -> int:
    """A division rounded up."""
    return -(-number // by)
