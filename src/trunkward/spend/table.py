"""A deck as gates look prices up in it: one immutable file, mapped, and one bisection for a call.

Layout, little-endian: magic, format, length of the file, BLAKE2b-256 over everything after this header, the
currency, from when on it holds, how many rates and bounds there are; the rates, those of a prefix by time,
one after the other; the bounds, and the number of the first rate from each on. Bounds are the numbers, filled
up with zeros to fifteen digits, at which another prefix becomes the longest one that fits, whether it has a
rate at the moment or not: so there is one row for each rate, however many dates a deck names.
"""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b

from trunkward.spend.deck import MOST_DIGITS, Deck, Rate
from trunkward.spend.tariff import Tariff

MAGIC = b"TWDECK\0\0"
#: Goes up with every change of the layout; a gate reads its own only.
FORMAT = 2
_HEAD = struct.Struct("<8sIQ32s")
_COUNTS = struct.Struct("<3sxqII")
#: Prefix as a number, its digits, 1 if the next rate is of this prefix, too, the number of the next shorter
#: prefix's first rate or `_NONE`; first second, first second no more; then its tariff.
_RATE = struct.Struct("<QBBxxIqqQQII")
_NONE = 0xFFFFFFFF
#: The end of a rate that has none.
_EVER = 2**63 - 1


class DeckRefused(ValueError):
    """Not a deck this gate can use; the message says why."""


def deck_name(sha256: str) -> str:
    """The file name of a compiled deck, by the SHA-256 of its text: of another layout it is another file."""
    return f"{sha256}.{FORMAT}.deck"


def compile_deck(source: Deck, now: int) -> bytes:
    """The file of what is in force from `now` on (0: ever). Equal arguments give equal bytes."""
    rates = [rate for rate in source.rates if rate.until is None or rate.until > now]
    bounds, numbers, shorter = _flattened(rates)
    body = b"".join(
        [
            _COUNTS.pack(source.currency.encode("ascii"), now, len(rates), len(bounds)),
            *(
                _packed(rate, number + 1 < len(rates) and rates[number + 1].prefix == rate.prefix, around)
                for number, (rate, around) in enumerate(zip(rates, shorter, strict=True))
            ),
            struct.pack(f"<{len(bounds)}Q", *bounds),
            struct.pack(f"<{len(numbers)}I", *numbers),
        ]
    )
    return _HEAD.pack(MAGIC, FORMAT, _HEAD.size + len(body), blake2b(body, digest_size=32).digest()) + body


def _packed(rate: Rate, more: bool, shorter: int) -> bytes:
    tariff = rate.tariff
    return _RATE.pack(
        int(rate.prefix),
        len(rate.prefix),
        more,
        shorter,
        rate.since,
        _EVER if rate.until is None else rate.until,
        tariff.rate_nano,
        tariff.connect_nano,
        tariff.first_s,
        tariff.next_s,
    )


def _flattened(rates: Sequence[Rate]) -> tuple[list[int], list[int], list[int]]:
    """Bounds, and the number of the first rate from each on; of each rate that of the next shorter prefix.

    `rates` by prefix, so that a shorter one stands before those in it.
    """
    bounds: list[int] = []
    numbers: list[int] = []
    shorter: list[int] = []
    #: The prefixes round the one that is looked at: where each ends, and its first rate.
    around: list[tuple[int, int]] = []

    def begin(bound: int, number: int) -> None:
        if bounds and bounds[-1] == bound:
            numbers[-1] = number
        elif not numbers or numbers[-1] != number:
            bounds.append(bound)
            numbers.append(number)

    def leave(until: int) -> None:
        while around and around[-1][0] <= until:
            end, _ = around.pop()
            begin(end, around[-1][1] if around else _NONE)

    last = ""
    for number, rate in enumerate(rates):
        if rate.prefix == last:
            shorter.append(shorter[-1])
            continue
        last = rate.prefix
        low = int(last.ljust(MOST_DIGITS, "0"))
        leave(low)
        shorter.append(around[-1][1] if around else _NONE)
        begin(low, number)
        around.append((low + 10 ** (MOST_DIGITS - len(last)), number))
    leave(10**MOST_DIGITS)
    return bounds, numbers, shorter


class DeckTable:
    """A compiled deck, ready to be asked."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Checks all of it, and keeps `data`. Raises `DeckRefused`."""
        data = memoryview(data).toreadonly()
        try:
            magic, form, length, digest = _HEAD.unpack_from(data)
        except struct.error:
            raise DeckRefused("it is cut short") from None
        if magic != MAGIC or form != FORMAT:
            raise DeckRefused("it is no deck of this version")
        if length != len(data) or blake2b(data[_HEAD.size :], digest_size=32).digest() != digest:
            raise DeckRefused("it is damaged")
        currency, self._since, rates, bounds = _COUNTS.unpack_from(data, _HEAD.size)
        self.currency = currency.decode("ascii")
        at = _HEAD.size + _COUNTS.size
        self._rates, at = data[at:], at + rates * _RATE.size
        self._bounds, at = data[at : at + 8 * bounds].cast("Q"), at + 8 * bounds
        self._numbers = data[at : at + 4 * bounds].cast("I")

    def find(self, number: str, at: float) -> tuple[str, Tariff] | None:
        """The longest prefix of an E.164 number (digits alone) with a rate at this time, and what it costs.

        Before the table's own time what holds at that counts: a clock that is a little behind frees no call.
        """
        if at < self._since:
            at = self._since
        place = bisect_right(self._bounds, int(number.ljust(MOST_DIGITS, "0"))) - 1
        found = self._numbers[place] if place >= 0 else _NONE
        while found != _NONE:
            prefix, digits, more, shorter, since, until, rate, connect, first, following = _RATE.unpack_from(
                self._rates, found * _RATE.size
            )
            if digits > len(number):  # the number ends before this prefix does
                found = shorter
            elif since <= at < until:
                tariff = Tariff(rate_nano=rate, connect_nano=connect, first_s=first, next_s=following)
                return str(prefix).rjust(digits, "0"), tariff
            else:
                found = found + 1 if more else shorter
        return None
