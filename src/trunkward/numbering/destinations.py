"""Where a number leads: country, class, risk and an indicative price, by its longest known prefix.

Prefixes here are digits without `+`. The table itself is built by `tools/numbering/build.py`; this reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Self

from trunkward.numbering.e164 import MAX_DIGITS

#: A rate is kept as micro-units of money per minute: whole numbers, exact.
MICRO = 1_000_000


class Kind(StrEnum):
    """The class of a number."""

    GEOGRAPHIC = "geographic"
    MOBILE = "mobile"
    #: a plan that does not tell them apart, as the North American one
    FIXED_OR_MOBILE = "fixed-or-mobile"
    TOLL_FREE = "toll-free"
    VOIP = "voip"
    PERSONAL = "personal"
    SHARED_COST = "shared-cost"
    PREMIUM = "premium"
    SATELLITE = "satellite"
    #: company-wide numbers, pagers, voice mail, networks of no country
    SPECIAL = "special"
    #: no number is known to begin like this
    UNKNOWN = "unknown"


#: Classes a country's ordinary subscribers have.
ORDINARY = frozenset({Kind.GEOGRAPHIC, Kind.MOBILE, Kind.FIXED_OR_MOBILE, Kind.TOLL_FREE, Kind.VOIP})


class Risk(StrEnum):
    """How likely calls there are fraud, in our judgement: see docs/destinations.md."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


type Compact = tuple[str, str, str, int | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What numbers of one prefix have in common."""

    #: ISO 3166 alpha-2 (and XK, AC, TA as usual there); empty: no country's
    country: str
    kind: Kind
    risk: Risk
    #: micro-units of money per minute; None: no price is known, which is dearer than any limit
    rate_micro: int | None
    #: digits of the longest numbers there, country code included
    longest: int = MAX_DIGITS

    def compact(self) -> Compact:
        """The same as a plain tuple."""
        return self.country, self.kind.value, self.risk.value, self.rate_micro, self.longest

    @classmethod
    def from_compact(cls, compact: Compact) -> Self:
        """The way back. Raises `ValueError` for words that are no class or risk."""
        country, kind, risk, rate_micro, longest = compact
        return cls(country=country, kind=Kind(kind), risk=Risk(risk), rate_micro=rate_micro, longest=longest)

    def of_digits(self, count: int) -> "Destination":
        """What a number of so many digits is that begins like these: with too many, one nobody knows."""
        return self if count <= self.longest else replace(UNKNOWN, longest=self.longest)


#: What a number is that no prefix fits: expensive and dangerous until somebody says otherwise.
UNKNOWN = Destination(country="", kind=Kind.UNKNOWN, risk=Risk.HIGH, rate_micro=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """The shipped table."""

    #: day its facts were gathered, YYYY-MM-DD
    date: str
    sources: tuple[str, ...]
    prefixes: dict[str, Destination]


class TableDamaged(ValueError):
    """The shipped table does not read as one; the message says in which line."""


def read_destinations(text: str) -> Destinations:
    """The table in its file's form: remarks (`# date:`, `# source:`), then one destination a line.

    A destination is country, class, risk, rate per minute (`-` for none), the digits of its longest numbers,
    and all its prefixes.
    Raises `TableDamaged`.
    """
    date = ""
    sources: list[str] = []
    prefixes: dict[str, Destination] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            word, _, rest = line.removeprefix("#").strip().partition(": ")
            if word == "date":
                date = rest
            elif word == "source":
                sources.append(rest)
            continue
        try:
            country, kind, risk, rate, longest, *found = line.split()
            destination = Destination(
                country="" if country == "-" else country,
                kind=Kind(kind),
                risk=Risk(risk),
                rate_micro=None if rate == "-" else micro(rate),
                longest=int(longest),
            )
        except ValueError as why:
            raise TableDamaged(f"line {number} of the destinations: {why}") from None
        prefixes |= dict.fromkeys(found, destination)
    return Destinations(date=date, sources=tuple(sources), prefixes=prefixes)


def longest_match(prefixes: Mapping[str, Destination], digits: str) -> tuple[str, Destination]:
    """The longest prefix that digits (without `+`) begin with, and what it says; ("", UNKNOWN).

    Of more digits than any number there has nobody knows anything either.
    """
    for end in range(len(digits), 0, -1):
        if found := prefixes.get(digits[:end]):
            return digits[:end], found.of_digits(len(digits))
    return "", UNKNOWN


def micro(rate: str) -> int:
    """Money per minute as micro-units. Raises `ValueError` unless 0 to 999, six decimals at most."""
    try:
        exact = Decimal(rate) * MICRO
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or not 0 <= exact < 1000 * MICRO or exact != exact.to_integral_value():
        raise ValueError(f"{rate!r} is no price per minute: 0 to 999, at most six decimals, as 0.25")
    return int(exact)


def money(rate_micro: int) -> str:
    """Micro-units as a person writes the price: at least two decimals."""
    whole, part = divmod(rate_micro, MICRO)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"
