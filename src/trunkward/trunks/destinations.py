"""What may be called, as a reseller, a tenant or a trunk says it: each level narrows, none widens.

`allow` opens a country with its ordinary kinds of numbers (`US`), one kind of a country (`FR/premium`), or
numbers by their first digits (`+88216`). The last two are opened by name: `max_rate` of the same level does
not hold for them. `hours` say when.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from trunkward.numbering.destinations import ORDINARY, Destination, Kind
from trunkward.numbering.regions import REGIONS

#: Millionths of a euro a minute; what is dearer has to be opened by name where no level says another limit.
MAX_RATE_MICRO = 300_000
#: Minutes of a week.
WEEK_MINUTES = 7 * 24 * 60
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Level(StrEnum):
    """Whose destinations they are, from the outside in."""

    RESELLER = "reseller"
    TENANT = "tenant"
    TRUNK = "trunk"


class Outside(StrEnum):
    """What may still be called outside the hours: the ordinary numbers at home, or nothing."""

    DOMESTIC = "domestic"
    NOTHING = "nothing"


class Opened(StrEnum):
    """How a list opens a number."""

    NOT = "not"
    #: By its country.
    BY_COUNTRY = "by-country"
    #: By its kind or its first digits.
    BY_NAME = "by-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """An `allow` list, ready to be asked; make it with `allowed`."""

    #: As written, in its order.
    entries: tuple[str, ...]
    #: `US/mobile` and the like that a country alone opens.
    by_country: frozenset[str]
    #: Kinds and prefixes opened by name.
    by_name: frozenset[str]
    #: Lengths of the prefixes, the longest first.
    lengths: tuple[int, ...]

    def opens(self, number: str, kind: str) -> Opened:
        """How it opens an E.164 number (or the beginning of some) of a kind as `kind_of` names it."""
        if kind in self.by_name:
            return Opened.BY_NAME
        for length in self.lengths:
            if number[:length] in self.by_name:
                return Opened.BY_NAME
        return Opened.BY_COUNTRY if kind in self.by_country else Opened.NOT

    def has_country(self, country: str) -> bool:
        """Whether anything of a country is opened by its code."""
        return any(entry.partition("/")[0] == country for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When calls may be placed, by the clock on a wall in `zone`; make it with `hours`."""

    zone: str
    #: As written.
    open: tuple[str, ...]
    outside: Outside
    #: Minutes of the week from Monday 00:00, the second of a pair not included.
    spans: tuple[tuple[int, int], ...]

    def is_open(self, at: float) -> bool:
        """Whether it is within the hours; `at` in seconds since the epoch."""
        there = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        minute = (there.weekday() * 24 + there.hour) * 60 + there.minute
        return any(first <= minute < last for first, last in self.spans)

    def lets(self, at: float, *, home: bool) -> bool:
        """Whether a call may be placed at that time; `home`: to an ordinary number at home."""
        return self.is_open(at) or (home and self.outside is Outside.DOMESTIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationPolicy:
    """`destinations` of one level; None where it says nothing."""

    allow: Allowed | None = None
    max_rate_micro: int | None = None
    hours: Hours | None = None


#: The levels of one trunk that say something, from the outside in.
type DestinationPolicies = tuple[tuple[Level, DestinationPolicy], ...]


@lru_cache(maxsize=1 << 14)  # 10,000 trunks say the same few things
def allowed(entries: tuple[str, ...]) -> Allowed:
    """The list of entries that have been checked."""
    countries = [entry for entry in entries if entry.isalpha()]
    named = frozenset(entry for entry in entries if not entry.isalpha())
    lengths = {len(entry) for entry in named if entry.startswith("+")}
    return Allowed(
        entries=entries,
        by_country=frozenset(kind for country in countries for kind in ordinary_of(country)),
        by_name=named,
        lengths=tuple(sorted(lengths, reverse=True)),
    )


@lru_cache(maxsize=1 << 9)
def ordinary_of(country: str) -> frozenset[str]:
    """What a country alone opens: `US/mobile` and the like.

    The toll-free numbers of a country code are those of all its countries; the table has them under the main
    one.
    """
    kinds = {f"{country}/{kind.value}" for kind in ORDINARY}
    mains = {regions[0] for regions in REGIONS.values() if country in regions}
    return frozenset(kinds | {f"{main}/{Kind.TOLL_FREE.value}" for main in mains})


def kind_of(place: Destination) -> str:
    """As an `allow` list names it: `FR/premium`; a place of no country has none."""
    return f"{place.country}/{place.kind}"


def is_home(place: Destination, region: str) -> bool:
    """Whether a call there stays in the country with this ISO 3166 code, at an ordinary kind of number."""
    return kind_of(place) in ordinary_of(region)


def hours(zone: str, written: Iterable[str], outside: Outside) -> Hours:
    """Hours as written: `mon-fri 07:00-20:00`. Raises `ValueError` with a sentence."""
    texts = tuple(written)
    return Hours(
        zone=zone, open=texts, outside=outside, spans=tuple(span for text in texts for span in spans(text))
    )


def spans(text: str) -> list[tuple[int, int]]:
    """Minutes of the week of one line; a range over midnight belongs to the day it begins on.

    Raises `ValueError` with a sentence.
    """
    days, _, times = text.partition(" ")
    first, dash, last = times.strip().partition("-")
    begin, end = _minute(first), _minute(last)
    if begin is None or end is None or not dash or begin == 24 * 60:
        raise ValueError(f"{text}: write days and times, such as mon-fri 07:00-20:00, or sat 22:00-06:00")
    if begin == end:
        raise ValueError(f"{text}: it begins and ends at the same minute; a whole day is 00:00-24:00")
    found = []
    for day in _days(days, text):
        start = day * 24 * 60 + begin
        stop = start + (end - begin) % (24 * 60) if end != 24 * 60 else (day + 1) * 24 * 60
        found.append((start, min(stop, WEEK_MINUTES)))
        if stop > WEEK_MINUTES:
            found.append((0, stop - WEEK_MINUTES))
    return found


def _minute(text: str) -> int | None:
    hour, _, minute = text.partition(":")
    if len(hour) != 2 or len(minute) != 2 or not (hour + minute).isascii() or not (hour + minute).isdigit():
        return None
    found = int(hour) * 60 + int(minute)
    return found if int(minute) < 60 and found <= 24 * 60 else None


def _days(written: str, text: str) -> list[int]:
    found: list[int] = []
    for part in written.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise ValueError(f"{text}: {part or 'no day'} is no day: mon, tue, wed, thu, fri, sat or sun")
        begin = DAYS.index(first)
        found += [(begin + step) % 7 for step in range((DAYS.index(last) - begin) % 7 + 1)]
    return found
