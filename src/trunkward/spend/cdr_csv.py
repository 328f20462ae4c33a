"""A carrier's own call records as CSV, in many spellings: read whole or refused with every wrong line.

1. What separates the columns, as of a deck (`spend.deck_csv`).
2. The header: each column is known by one of its usual names, in any order; a unit in brackets is the one
   that is read, or the file is refused.
3. Each line: a number, a start, a duration, an amount; what is not one is named.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from trunkward.numbering.dialling import national_prefix_of
from trunkward.numbering.e164 import NANP
from trunkward.spend.csv_units import parted, unit_of
from trunkward.spend.deck_csv import MOST_PROBLEMS, Problem, separator
from trunkward.spend.money import CURRENCY, NoAmount, nano

#: Our limit: a month of a large carrier has some millions.
MOST_LINES = 5_000_000

_NAMES = {
    "called": "called callednumber callednum calledparty calledid destinationnumber dialednumber "
    "diallednumber bnumber bparty bpartynumber dst dnis cld callee calleenumber tonumber to number "
    "destination",
    "answered": "answertime answeredat answered answerdate connecttime connectedat connected connectdate",
    "start": "start starttime startdate startedat datetime calldate calltime callstart setuptime timestamp "
    "begin starttimestamp calldatetime",
    "date": "date day",
    "time": "time timeofday hour",
    "lasted": "duration durations durationsec durationsecs durationseconds seconds secs callduration "
    "talktime length sec billsec actualduration realduration",
    "billed": "billedduration billedseconds billedsec billedsecs chargedduration chargeableduration "
    "billableduration billabletime roundedduration",
    "charge": "amount cost charge charged price total totalcost totalcharge totalamount totalprice "
    "callcost fee",
    "rate": "rate rateperminute ratemin priceperminute perminute permin costperminute",
    "currency": "currency cur",
}
_COLUMN = {name: column for column, names in _NAMES.items() for name in names.split()}
#: The columns whose name may say a unit.
_UNITS = {
    "answered": "time",
    "start": "time",
    "date": "time",
    "time": "time",
    "lasted": "duration",
    "billed": "duration",
    "charge": "amount",
    "rate": "rate",
}
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_DOTS = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_SLASHES = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2}))?")
_EPOCH = re.compile(r"([0-9]{10})(?:\.([0-9]{1,6}))?|([0-9]{13})")
_TIME = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*([AaPp][Mm])?\s*"
    r"(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"
)
_PARTS = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-9]{2})(?:[.,]([0-9]{1,9}))?")
_SECONDS = re.compile(r"([0-9]{1,7})(?:[.,]([0-9]{1,9}))?(?:\s*s(?:ec)?)?")
_SAYS_UTC = re.compile(r"\(.*\b(?:UTC|GMT)\b", re.IGNORECASE)
_EMPTY = re.compile(r"[\s\-().']+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrLine:
    """One call as its carrier has it."""

    #: From 1, as an editor counts.
    line: int
    #: Digits without `+`.
    called: str
    #: Milliseconds since the epoch.
    at_ms: int
    lasted_ms: int
    #: Nano-units of the currency; below zero it is given back.
    charge_nano: int
    #: Seconds it says it has charged, and nano-units a minute; None: it does not say.
    billed_s: int | None = None
    rate_nano: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdrs:
    """A file of them."""

    lines: tuple[CdrLine, ...]
    #: Its times are those of the answer; else it does not say so.
    answered: bool
    #: Of its last decimal of an amount, in nano-units: what it is rounded to.
    quantum_nano: int
    #: ISO 4217; empty: it does not say.
    currency: str
    #: Names of columns that mean nothing here.
    ignored: tuple[str, ...]


class CdrCsvRefused(ValueError):
    """A file nothing was taken of."""

    def __init__(self, problems: list[Problem], more: int) -> None:
        """`more`: problems there are beside the ones listed."""
        super().__init__(f"{len(problems) + more} problems")
        self.problems = problems
        self.more = more


def read_cdrs(
    text: str,
    zone: tzinfo = UTC,
    dates: str = "",
    country: str = "",
    progress: Callable[[int], None] = lambda _lines: None,
) -> Cdrs:
    """The calls in a file. Raises `CdrCsvRefused`, with all that is wrong.

    `zone`: of times that name none; `dates`: `day` or `month`, whichever stands first in 03/04/2026, empty:
    such a date is refused; `country`: the code of the one whose national numbers may stand in it, empty: they
    are refused. `progress` hears how many lines have been read, now and then.
    """
    return _Reader(zone, dates, country).read(text.removeprefix("\ufeff"), progress)


class _Wrong(Exception):
    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column
        self.text = text


class _Reader:
    def __init__(self, zone: tzinfo, dates: str, country: str) -> None:
        self._zone = zone
        self._dates = dates
        self._country = country
        self._problems: list[Problem] = []
        self._more = 0
        self._places: dict[str, int] = {}
        self._called: dict[str, str] = {}
        self._decimal_comma = False
        self._decimals = 0
        self._currencies: dict[str, int] = {}

    def read(self, text: str, progress: Callable[[int], None]) -> Cdrs:
        # 1.
        lines = csv.reader(text.splitlines(), delimiter=separator(text), strict=True)
        self._decimal_comma = lines.dialect.delimiter != ","
        found: list[CdrLine] = []
        ignored: tuple[str, ...] | None = None
        while True:
            try:
                row: list[str] = next(lines)
            except StopIteration:
                break
            except csv.Error as problem:
                self._wrong(lines.line_num, "", f"it cannot be read as CSV: {problem}")
                continue
            if not any(field.strip() for field in row) or row[0].lstrip().startswith("#"):
                continue
            if ignored is None:
                # 2.
                ignored = self._read_header(row, lines.line_num)
                if self._problems:
                    break
                continue
            if lines.line_num % 5000 == 0:
                progress(lines.line_num)
            # 3.
            try:
                found.append(self._read_line(row, lines.line_num))
            except _Wrong as problem:
                self._wrong(lines.line_num, self._called.get(problem.column, problem.column), problem.text)
            if len(found) > MOST_LINES:
                self._wrong(lines.line_num, "", f"more than {MOST_LINES:,} calls: cut it by days")
                break
        if ignored is None:
            self._wrong(0, "", "there is no header: called,start,duration,amount in its first line")
        for currency, line in list(self._currencies.items())[1:]:
            first = next(iter(self._currencies))
            self._wrong(line, self._called["currency"], f"{first} and {currency}: a file has one currency")
        if self._problems:
            raise CdrCsvRefused(self._problems, self._more)
        return Cdrs(
            lines=tuple(found),
            answered="answered" in self._places,
            quantum_nano=10 ** (9 - self._decimals),
            currency=next(iter(self._currencies), ""),
            ignored=ignored or (),
        )

    def _wrong(self, line: int, column: str, text: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(line=line, column=column, text=text))
        else:
            self._more += 1

    def _read_header(self, header: list[str], line: int) -> tuple[str, ...]:
        ignored = []
        for place, field in enumerate(header):
            named = field.strip()
            column = _COLUMN.get(re.sub(r"[^a-z0-9]", "", parted(named)[0].lower()))
            if column == "called" and "called" in self._places:
                if named.lower() == "destination":
                    column = None  # the place's name, where the number has a column of its own
                elif self._called["called"].lower() == "destination":
                    ignored.append(self._called.pop("called"))
                    del self._places["called"]
            if column is None:
                if named:
                    ignored.append(named)
            elif column in self._places:
                self._wrong(line, named, f"{self._called[column]!r} is the same column")
            else:
                self._places[column], self._called[column] = place, named
                self._read_unit(column, named, line)
        for column, word in (("called", "called number"), ("lasted", "duration"), ("charge", "amount")):
            if column not in self._places and not (column == "lasted" and "billed" in self._places):
                usual = ", ".join(_NAMES[column].split()[:4])
                self._wrong(line, "", f"no column for the {word} ({usual}, ...) in {', '.join(header)!r}")
        if not self._places.keys() & {"answered", "start", "date"}:
            self._wrong(
                line, "", f"no column for the start (start time, answer time, date) in {', '.join(header)!r}"
            )
        return tuple(ignored)

    def _read_unit(self, column: str, named: str, line: int) -> None:
        if column not in _UNITS:
            return
        unit = unit_of(named, _UNITS[column])
        if unit.wrong:
            zone = "; say --zone, and take it out of the name" if _UNITS[column] == "time" else ""
            self._wrong(line, named, f"{unit.wrong}{zone}")
        if unit.currency:
            self._currencies.setdefault(unit.currency, line)
        if unit.dates and self._dates not in ("", unit.dates):
            self._wrong(line, named, f"that is --dates {unit.dates}")
        self._dates = unit.dates or self._dates
        if _UNITS[column] == "time" and _SAYS_UTC.search(named):
            self._zone = UTC

    def _field(self, row: list[str], column: str) -> str:
        place = self._places.get(column)
        return row[place].strip() if place is not None and place < len(row) else ""

    def _read_line(self, row: list[str], line: int) -> CdrLine:
        lasted = "lasted" if "lasted" in self._places else "billed"
        billed = self._duration_ms(row, "billed") if self._field(row, "billed") else None
        currency = self._field(row, "currency").upper()
        if currency:
            if not CURRENCY.fullmatch(currency):
                raise _Wrong("currency", f"{currency!r} is no currency, as EUR is one")
            self._currencies.setdefault(currency, line)
        return CdrLine(
            line=line,
            called=self._number(row),
            at_ms=self._moment_ms(row),
            lasted_ms=self._duration_ms(row, lasted),
            charge_nano=self._amount(row, "charge"),
            billed_s=None if billed is None else -(-billed // 1000),
            rate_nano=self._amount(row, "rate") if self._field(row, "rate") else None,
        )

    def _number(self, row: list[str]) -> str:
        text = self._field(row, "called")
        digits = _EMPTY.sub("", text)
        if digits.startswith(("+", "00")):
            digits = digits.removeprefix("+").removeprefix("00")
        elif self._country:
            digits = _international(digits, self._country)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
            raise _Wrong("called", f"{text!r} is no telephone number" if text else "it is empty")
        if digits.startswith("0"):
            raise _Wrong(
                "called", f"{text!r} is no number with its country code: of which one, --country 44?"
            )
        return digits

    def _duration_ms(self, row: list[str], column: str) -> int:
        text = self._field(row, column)
        if found := _SECONDS.fullmatch(text):
            return int(found[1]) * 1000 + _ms(found[2])
        if (
            (found := _PARTS.fullmatch(text))
            and int(found[3]) < 60
            and (found[1] is None or int(found[2]) < 60)
        ):
            return (int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])) * 1000 + _ms(found[4])
        raise _Wrong(
            column, f"{text!r} is no duration: seconds, or 1:15, or 00:01:15" if text else "it is empty"
        )

    def _amount(self, row: list[str], column: str) -> int:
        text = self._field(row, column)
        if not text:
            raise _Wrong(column, "it is empty")
        given_back = column == "charge" and text.startswith("-")
        text = text.removeprefix("-") if given_back else text
        plain = text.replace(",", ".") if self._decimal_comma and text.count(",") == 1 else text
        plain = f"0{plain}" if plain.startswith(".") else plain
        try:
            units = nano(plain)
        except NoAmount as problem:
            raise _Wrong(column, str(problem)) from None
        if column == "charge":
            self._decimals = max(self._decimals, len(plain.partition(".")[2].rstrip("0")))
        return -units if given_back else units

    def _moment_ms(self, row: list[str]) -> int:
        column = next(name for name in ("answered", "start", "date") if name in self._places)
        text = self._field(row, column)
        if column == "date" and (hour := self._field(row, "time")):
            text = f"{text} {hour}"
        if not text:
            raise _Wrong(column, "it is empty")
        if epoch := _EPOCH.fullmatch(text):
            return int(epoch[3]) if epoch[3] else int(epoch[1]) * 1000 + _ms(epoch[2])
        if compact := _COMPACT.fullmatch(text):
            parts = [int(part or 0) for part in compact.groups()]
            return self._ms_of(column, text, parts, None)
        day, _, hour = text.replace("T", " ", 1).partition(" ")
        clock = _TIME.fullmatch(hour.strip()) if hour.strip() else None
        if clock is None:
            raise _Wrong(column, f"{text!r} is no time, as 2026-11-25 14:30:00")
        hours = int(clock[1])
        if clock[5]:
            if not 1 <= hours <= 12:
                raise _Wrong(column, f"{text!r} is no time of day")
            hours = hours % 12 + (12 if clock[5].lower() == "pm" else 0)
        parts = [*self._day(day, column), hours, int(clock[2]), int(clock[3] or 0)]
        return self._ms_of(column, text, parts, clock[6]) + _ms(clock[4])

    def _ms_of(self, column: str, text: str, parts: list[int], zone: str | None) -> int:
        try:
            at = datetime(*parts, tzinfo=_zone(zone) or self._zone)  # type: ignore[arg-type,misc]
            return int(at.timestamp()) * 1000
        except (ValueError, OverflowError):
            raise _Wrong(column, f"{text!r} is no moment of the calendar") from None

    def _day(self, text: str, column: str) -> tuple[int, int, int]:
        if found := _ISO.fullmatch(text):
            return int(found[1]), int(found[2]), int(found[3])
        if found := _DOTS.fullmatch(text):
            return int(found[3]), int(found[2]), int(found[1])
        if found := _SLASHES.fullmatch(text):
            first, second, year = int(found[1]), int(found[2]), int(found[3])
            if not self._dates:
                raise _Wrong(column, f"{text}: day or month first? Say it: --dates day, or --dates month")
            return (year, second, first) if self._dates == "day" else (year, first, second)
        raise _Wrong(column, f"{text!r} is no date, as 2026-11-25")


def _international(digits: str, country: str) -> str:
    """A number as it is dialled in its country, or one that has its country code already."""
    before = national_prefix_of(country)
    if country == NANP:
        return f"{NANP}{digits}" if len(digits) == 10 else digits
    return f"{country}{digits.removeprefix(before)}" if digits.startswith(before) else digits


def _ms(fraction: str | None) -> int:
    """Digits after the point of a second."""
    return int((fraction or "").ljust(3, "0")[:3])


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in ("Z", "UTC", "GMT"):
        return UTC
    from_utc = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-from_utc if text[0] == "-" else from_utc)
