"""Rate decks as the trade sends them: CSV in many spellings, read whole or refused with every wrong line.

1. What separates the columns: the one of `;`, tab and comma that the header has most of.
2. The header: each column is known by one of its usual names, in any order; others are told as not read. A
   unit in brackets is the one that is read, or the file is refused.
3. Each line: one prefix or several, a rate, and what else the file has columns for.
4. No two rates of one prefix from the same moment on.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from trunkward.spend.csv_units import parted, unit_of
from trunkward.spend.deck import MOST_DIGITS, Deck, Overlap, Rate, deck
from trunkward.spend.money import CURRENCY, NoAmount, nano
from trunkward.spend.tariff import Tariff

if TYPE_CHECKING:
    import _csv

#: Our limits: no deck of the trade comes near.
MOST_RATES = 2_000_000
MOST_NAME = 120
#: Problems that are listed one by one; of more their number is told.
MOST_PROBLEMS = 200
#: Of a range of codes (`7000-7009`) at most so many.
_MOST_RANGE = 10_000
_MOST_INCREMENT_S = 3600

#: The names a column goes by, compared in lower case without what is no letter or digit.
_NAMES = {
    "prefix": "prefix prefixes code codes dialcode dialcodes dialingcode diallingcode destinationcode "
    "areacode breakout",
    "country": "countrycode",
    "name": "name destination destinationname description country zone",
    "rate": "rate price rateperminute priceperminute ratemin pricemin perminute permin cost costperminute "
    "sellrate buyrate newrate newprice",
    "increments": "increment increments billingincrement billingincrements billing rounding interval",
    "first": "first firstincrement initial initialincrement minimum minimumduration min mindur firstinterval",
    "next": "next nextincrement additional additionalincrement subsequent subsequentincrement secondinterval "
    "step",
    "connect": "connect connectfee connectionfee connectcharge connectioncharge setupfee setup",
    "since": "effective effectivedate effectivefrom validfrom startdate from activationdate",
    "until": "end enddate validto validuntil expires expirydate expirationdate to",
    "currency": "currency cur",
}
_COLUMN = {name: column for column, names in _NAMES.items() for name in names.split()}
#: The columns whose name may say a unit.
_UNITS = {
    "rate": "rate",
    "connect": "amount",
    "increments": "increments",
    "first": "increments",
    "next": "increments",
    "since": "time",
    "until": "time",
}
_INCREMENTS = re.compile(r"([0-9]{1,4})\s*[/+:]\s*([0-9]{1,4})")
_DATE_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DATE_DOTS = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_DATE_SLASHES = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_CODE = re.compile(r"(?:\+|00)?([0-9]+)(?:\s*-\s*([0-9]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one line."""

    #: From 1, as an editor counts; 0: the file as a whole.
    line: int
    #: Name of the column as it stands in the file; empty: the line as a whole.
    column: str
    text: str

    def __str__(self) -> str:
        """For a person."""
        where = f"line {self.line}" if self.line else "the file"
        return f"{where}, {self.column}: {self.text}" if self.column else f"{where}: {self.text}"


class DeckCsvRefused(ValueError):
    """A file nothing was taken of."""

    def __init__(self, problems: list[Problem], more: int) -> None:
        """`more`: problems there are beside the ones listed."""
        super().__init__(f"{len(problems) + more} problems")
        self.problems = problems
        self.more = more


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds where the file says nothing, and how its dates are written."""

    #: ISO 4217; empty: the file has to say it.
    currency: str = ""
    first_s: int = 1
    next_s: int = 1
    #: Whether somebody has said these increments, and nobody need be asked about them.
    increments_said: bool = False
    #: `day` or `month`: which stands first in 03/04/2026; empty: such a date is refused.
    dates: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A deck, and what of its file was not read."""

    deck: Deck
    #: Names of columns that mean nothing here.
    ignored: tuple[str, ...]
    #: Prefixes of which neither the file nor anybody else says all of the increments.
    assumed: frozenset[str] = frozenset()


def read_deck(text: str, defaults: Defaults, progress: Callable[[int], None] = lambda _lines: None) -> Read:
    """The deck in a file. `progress` hears how many lines have been read, now and then.

    Raises `DeckCsvRefused`, with all that is wrong.
    """
    reader = _Reader(defaults)
    return reader.read(text.removeprefix("\ufeff"), progress)


class _Wrong(Exception):
    """What is wrong in one column."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column
        self.text = text


class _Reader:
    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._dates = defaults.dates
        self._problems: list[Problem] = []
        self._more = 0
        #: Place of each column, and what it is called in this file.
        self._places: dict[str, int] = {}
        self._called: dict[str, str] = {}
        self._decimal_comma = False
        self._currencies: dict[str, int] = {}
        self._assumed: set[str] = set()

    def read(self, text: str, progress: Callable[[int], None]) -> Read:
        lines = csv.reader(text.splitlines(), delimiter=separator(text), strict=True)
        ignored: tuple[str, ...] = ()
        rates: list[Rate] = []
        # 2.
        header = _next(lines, self._wrong)
        while header is not None and not any(field.strip() for field in header):
            header = _next(lines, self._wrong)
        if header is None:
            self._wrong(0, "", "there is no header: prefix,name,rate,... in its first line")
        else:
            self._decimal_comma = lines.dialect.delimiter != ","
            ignored = self._read_header(header, lines.line_num)
        # 3.
        where: dict[tuple[str, int], int] = {}
        while not self._problems_in_header() and (row := _next(lines, self._wrong)) is not None:
            line = lines.line_num
            if line % 5000 == 0:
                progress(line)
            if not any(field.strip() for field in row) or row[0].lstrip().startswith("#"):
                continue
            for rate in self._read_line(row, line):
                # 4.
                first = where.setdefault((rate.prefix, rate.since), line)
                if first != line:
                    self._wrong(
                        line,
                        self._called["prefix"],
                        f"{rate.prefix} stands in line {first} with the same date",
                    )
                rates.append(rate)
                if len(rates) > MOST_RATES:
                    self._wrong(line, "", f"more than {MOST_RATES:,} rates: that is no deck")
                    raise self._refused()
        currency = self._one_currency(any_read=bool(rates))
        if not rates and not self._problems:
            self._wrong(0, "", "it has a header and no rates")
        if self._problems:
            raise self._refused()
        try:
            return Read(deck=deck(currency, rates), ignored=ignored, assumed=frozenset(self._assumed))
        except Overlap as problem:
            self._wrong(0, "", f"{problem}, once in each of two spellings")
            raise self._refused() from None

    def _wrong(self, line: int, column: str, text: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(line=line, column=column, text=text))
        else:
            self._more += 1

    def _refused(self) -> DeckCsvRefused:
        return DeckCsvRefused(self._problems, self._more)

    def _problems_in_header(self) -> bool:
        return "prefix" not in self._places or "rate" not in self._places

    def _read_header(self, header: list[str], line: int) -> tuple[str, ...]:
        ignored = []
        for place, field in enumerate(header):
            named = field.strip()
            column = _COLUMN.get(re.sub(r"[^a-z0-9]", "", parted(named)[0].lower()))
            if column is None:
                if named:
                    ignored.append(named)
            elif column in self._places:
                self._wrong(line, named, f"{self._called[column]!r} is the same column")
            else:
                self._places[column], self._called[column] = place, named
                self._read_unit(column, named, line)
        for column in ("prefix", "rate"):
            if column not in self._places:
                usual = ", ".join(_NAMES[column].split()[:4])
                self._wrong(line, "", f"no column for the {column} ({usual}, ...) in {', '.join(header)!r}")
        return tuple(ignored)

    def _read_unit(self, column: str, named: str, line: int) -> None:
        if column not in _UNITS:
            return
        unit = unit_of(named, _UNITS[column])
        if unit.wrong:
            self._wrong(line, named, unit.wrong)
        if unit.currency:
            self._currencies.setdefault(unit.currency, line)
        if unit.dates and self._dates not in ("", unit.dates):
            self._wrong(line, named, f"that is --dates {unit.dates}")
        self._dates = unit.dates or self._dates

    def _read_line(self, row: list[str], line: int) -> list[Rate]:
        try:
            tariff = self._tariff(row)
            since, until = self._moment(row, "since") or 0, self._moment(row, "until")
            if until is not None and until <= since:
                raise _Wrong("until", "it ends before it begins")
            name = self._field(row, "name")[:MOST_NAME]
            currency = self._field(row, "currency").upper()
            if currency:
                self._currencies.setdefault(currency, line)
            prefixes = list(self._prefixes(row))
            if not self._says_increments(row):
                self._assumed.update(prefixes)
            return [
                Rate(prefix=prefix, tariff=tariff, name=name, since=since, until=until) for prefix in prefixes
            ]
        except _Wrong as problem:
            self._wrong(line, self._called.get(problem.column, problem.column), problem.text)
            return []

    def _field(self, row: list[str], column: str) -> str:
        place = self._places.get(column)
        return row[place].strip() if place is not None and place < len(row) else ""

    def _prefixes(self, row: list[str]) -> Iterator[str]:
        text = self._field(row, "prefix")
        country = self._field(row, "country").lstrip("+")
        if not text and country:
            text = country  # a country's own line: the code alone
            country = ""
        if not text:
            raise _Wrong("prefix", "it is empty")
        if country and not country.isdigit():
            raise _Wrong("country", f"{country!r} is no country code in digits")
        for part in re.split(r"[,;|]", text):
            found = _CODE.fullmatch(part.strip())
            if found is None:
                raise _Wrong("prefix", f"{part.strip()!r} is no prefix: digits, as 4420, or 4420-4429")
            yield from _range(country, found[1], found[2])

    def _tariff(self, row: list[str]) -> Tariff:
        first_s, next_s = self._increments(row)
        return Tariff(
            rate_nano=self._amount(row, "rate", needed=True),
            connect_nano=self._amount(row, "connect"),
            first_s=first_s,
            next_s=next_s,
        )

    def _says_increments(self, row: list[str]) -> bool:
        text = self._field(row, "increments")
        if self._defaults.increments_said or (text and not self._is_next(text)):
            return True
        return bool(self._field(row, "first") and (text or self._field(row, "next")))

    def _is_next(self, text: str) -> bool:
        """Whether what `increments` holds is the next one alone: beside a column for the first it may be."""
        return "first" in self._places and text.isascii() and text.isdigit() and len(text) <= 4

    def _increments(self, row: list[str]) -> tuple[int, int]:
        text = self._field(row, "increments")
        first, following = self._defaults.first_s, self._defaults.next_s
        if self._is_next(text):
            following = int(text)
        elif text:
            found = _INCREMENTS.fullmatch(text)
            if found is None:
                raise _Wrong("increments", f"{text!r} is no pair of seconds, as 60/6")
            first, following = int(found[1]), int(found[2])
        for column in ("first", "next"):
            if value := self._field(row, column):
                if not (value.isascii() and value.isdigit() and len(value) <= 4):
                    raise _Wrong(column, f"{value!r} is no number of seconds")
                first, following = (int(value), following) if column == "first" else (first, int(value))
        if not 1 <= first <= _MOST_INCREMENT_S or not 1 <= following <= _MOST_INCREMENT_S:
            at = "increments" if text else "first" if not 1 <= first <= _MOST_INCREMENT_S else "next"
            raise _Wrong(at, f"{first}/{following}: each is 1 to {_MOST_INCREMENT_S} seconds")
        return first, following

    def _amount(self, row: list[str], column: str, *, needed: bool = False) -> int:
        text = self._field(row, column)
        if not text:
            if needed:
                raise _Wrong(column, "it is empty")
            return 0
        plain = text.replace(",", ".") if self._decimal_comma and text.count(",") == 1 else text
        if plain.startswith("."):
            plain = f"0{plain}"
        try:
            return nano(plain)
        except NoAmount as problem:
            raise _Wrong(column, str(problem)) from None

    def _moment(self, row: list[str], column: str) -> int | None:
        text = self._field(row, column)
        if not text:
            return None
        day, _, hour = text.replace("T", " ").removesuffix("Z").removesuffix(" UTC").partition(" ")
        try:
            at = datetime.combine(self._day(day, column), _hour(hour.strip(), column), UTC)
        except ValueError:
            raise _Wrong(column, f"{text!r} is no day of the calendar") from None
        return int(at.timestamp())

    def _day(self, text: str, column: str) -> date:
        if found := _DATE_ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DATE_DOTS.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := _DATE_SLASHES.fullmatch(text):
            first, second, year = int(found[1]), int(found[2]), int(found[3])
            if not self._dates:
                raise _Wrong(column, f"{text}: day or month first? Say it: --dates day, or --dates month")
            return date(year, second, first) if self._dates == "day" else date(year, first, second)
        raise _Wrong(column, f"{text!r} is no date, as 2026-12-01")

    def _one_currency(self, *, any_read: bool) -> str:
        named = dict(self._currencies)
        if self._defaults.currency:
            named.setdefault(self._defaults.currency, 0)
        for currency, line in named.items():
            if not CURRENCY.fullmatch(currency):
                self._wrong(
                    line, self._called.get("currency", ""), f"{currency!r} is no currency, as EUR is one"
                )
        if len(named) > 1:
            first, second = list(named)[:2]
            line = max(named[first], named[second])
            self._wrong(
                line, self._called.get("currency", ""), f"{first} and {second}: a deck has one currency"
            )
        # a column for it is believed as long as no line could be read
        if not named and (any_read or "currency" not in self._places):
            self._wrong(0, "", "no column and no option says its currency: --currency EUR")
        return next(iter(named), "")


def separator(text: str) -> str:
    """Of `;`, tab and comma the one that the first line with something in it has most of."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _next(lines: "_csv.Reader", wrong: Callable[[int, str, str], None]) -> list[str] | None:
    while True:
        try:
            row: list[str] = next(lines)
            return row
        except StopIteration:
            return None
        except csv.Error as problem:
            wrong(lines.line_num, "", f"it cannot be read as CSV: {problem}")


def _hour(text: str, column: str) -> time:
    if not text:
        return time()
    found = _TIME.fullmatch(text)
    if found is None:
        raise _Wrong(column, f"{text!r} is no time of day, as 00:00")
    return time(int(found[1]), int(found[2]), int(found[3] or 0))


def _range(country: str, first: str, last: str | None) -> Iterator[str]:
    """One code, or all of a range: 7000-7009 are ten."""
    codes = [first]
    if last is not None:
        if len(last) < len(first):
            last = first[: len(first) - len(last)] + last  # 447000-9
        if len(last) != len(first) or int(last) < int(first):
            raise _Wrong("prefix", f"{first}-{last} is no range")
        if int(last) - int(first) >= _MOST_RANGE:
            raise _Wrong("prefix", f"{first}-{last} is more than {_MOST_RANGE:,} prefixes")
        codes = [str(code).zfill(len(first)) for code in range(int(first), int(last) + 1)]
    for code in codes:
        prefix = country + code
        if len(prefix) > MOST_DIGITS:
            raise _Wrong("prefix", f"{prefix} has more than {MOST_DIGITS} digits")
        if prefix.startswith("0"):
            raise _Wrong(
                "prefix", f"{prefix}: no country code begins with 0; prefixes are in international form"
            )
        yield prefix
