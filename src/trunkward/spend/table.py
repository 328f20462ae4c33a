"""A deck as gates look prices up in it: one immutable file, mapped, and one bisection for a call.

Layout, little-endian: magic, format, length of the file, BLAKE2b-256 over everything after this header, the
currency, how many editions and rates, the rates, a directory of editions, then each edition's bounds and the
numbers of their rates. An edition holds from its moment until the next one's; its bounds are the numbers,
filled up with zeros to fifteen digits, at which another prefix becomes the longest one that fits.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b

from trunkward.spend.deck import MOST_DIGITS, Deck, Rate
from trunkward.spend.tariff import Tariff

MAGIC = b"TWDECK\0\0"
#: Goes up with every change of the layout; a gate reads its own only.
FORMAT = 1
_HEAD = struct.Struct("<8sIQ32s")
_COUNTS = struct.Struct("<3sxII")
#: Prefix as a number, its digits, the number of the next shorter prefix's rate or `_NONE`, then its tariff.
_RATE = struct.Struct("<QIIQQII")
#: Since (seconds since the epoch), how many bounds, where they are, where their rates' numbers are.
_EDITION = struct.Struct("<qQQQ")
_NONE = 0xFFFFFFFF


class DeckRefused(ValueError):
    """Not a deck this gate can use; the message says why."""


def compile_deck(source: Deck, now: int) -> bytes:
    """The file of what is in force from `now` on (0: ever). Equal arguments give equal bytes."""
    rates: list[bytes] = []
    editions = []
    for since in [now, *source.moments(now)]:
        bounds, numbers = _flattened(source.at(since).values(), rates)
        editions.append((since, bounds, numbers))
    at = _HEAD.size + _COUNTS.size + len(rates) * _RATE.size + len(editions) * _EDITION.size
    padding = -at % 8
    at += padding
    directory, parts = [], []
    for since, bounds, numbers in editions:
        first = struct.pack(f"<{len(bounds)}Q", *bounds)
        second = struct.pack(f"<{len(numbers)}I", *numbers)
        second += b"\0" * (-len(second) % 8)
        directory.append(_EDITION.pack(since, len(bounds), at, at + len(first)))
        at += len(first) + len(second)
        parts += [first, second]
    body = b"".join(
        [
            _COUNTS.pack(source.currency.encode("ascii"), len(editions), len(rates)),
            *rates,
            *directory,
            b"\0" * padding,
            *parts,
        ]
    )
    return _HEAD.pack(MAGIC, FORMAT, _HEAD.size + len(body), blake2b(body, digest_size=32).digest()) + body


def _flattened(rates: Iterable[Rate], packed: list[bytes]) -> tuple[list[int], list[int]]:
    """Bounds and the number of the rate from each on; the rates are added to those that are `packed`."""
    bounds: list[int] = []
    numbers: list[int] = []
    #: The prefixes round the one that is looked at: where each ends, and its number.
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

    for rate in sorted(rates, key=lambda rate: rate.prefix):  # a shorter prefix stands before those in it
        low = int(rate.prefix.ljust(MOST_DIGITS, "0"))
        leave(low)
        number = len(packed)
        shorter = around[-1][1] if around else _NONE
        tariff = rate.tariff
        packed.append(
            _RATE.pack(
                int(rate.prefix),
                len(rate.prefix),
                shorter,
                tariff.rate_nano,
                tariff.connect_nano,
                tariff.first_s,
                tariff.next_s,
            )
        )
        begin(low, number)
        around.append((low + 10 ** (MOST_DIGITS - len(rate.prefix)), number))
    leave(10**MOST_DIGITS)
    return bounds, numbers


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
        currency, editions, rates = _COUNTS.unpack_from(data, _HEAD.size)
        self.currency = currency.decode("ascii")
        self._rates = data[_HEAD.size + _COUNTS.size :]
        at = _HEAD.size + _COUNTS.size + rates * _RATE.size
        self._since: list[int] = []
        self._editions: list[tuple[memoryview, memoryview]] = []
        for number in range(editions):
            since, count, bounds, numbers = _EDITION.unpack_from(data, at + number * _EDITION.size)
            self._since.append(since)
            self._editions.append(
                (data[bounds : bounds + 8 * count].cast("Q"), data[numbers : numbers + 4 * count].cast("I"))
            )

    def find(self, number: str, at: float) -> tuple[str, Tariff] | None:
        """The longest prefix of an E.164 number (digits alone) with a rate at this time, and what it costs.

        Before its first moment the first edition counts: a clock that is a little behind is no free call.
        """
        edition = max(bisect_right(self._since, at) - 1, 0)
        bounds, numbers = self._editions[edition]
        place = bisect_right(bounds, int(number.ljust(MOST_DIGITS, "0"))) - 1
        found = numbers[place] if place >= 0 else _NONE
        while found != _NONE:
            prefix, digits, shorter, rate, connect, first, following = _RATE.unpack_from(
                self._rates, found * _RATE.size
            )
            if digits <= len(number):
                tariff = Tariff(rate_nano=rate, connect_nano=connect, first_s=first, next_s=following)
                return str(prefix).rjust(digits, "0"), tariff
            found = shorter  # the number ends before this prefix does
        return None
