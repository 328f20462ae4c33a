"""Reading a do-not-originate list: good as a whole, or refused as a whole with everything that is wrong."""

import csv
import re
from datetime import date

from trunkward.numbering.e164 import E164, NotANumber, is_prefix
from trunkward.trunks.callers import NeverCalls

#: Characters of a reason that are shown to callers and stand in records.
_MOST_REASON = 80
#: Lines; the industry's list has some ten thousand.
_MOST_LINES = 1_000_000
_HEADER = ["number", "reason", "date"]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class ListRefused(ValueError):
    """The list was not accepted."""

    def __init__(self, wrong: list[str]) -> None:
        """`wrong`: everything that is, each with its line."""
        super().__init__("; ".join(wrong))
        self.wrong = wrong


def read_never_calls(text: str) -> tuple[NeverCalls, ...]:
    """The lines of a CSV file (RFC 4180): number or prefix, and if known reason and date.

    `+12025550100` is one number, `+1202555*` all that begin so. The header `number,reason,date` may stand
    first; empty lines and lines with `#` before them say nothing. Raises `ListRefused`.
    """
    found: dict[str, NeverCalls] = {}
    problems: list[str] = []
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped) or stripped[0].startswith("#") or stripped == _HEADER[: len(stripped)]:
                continue
            if len(found) >= _MOST_LINES:
                problems.append(f"line {reader.line_num}: more than {_MOST_LINES} numbers")
                break
            why = _wrong(stripped) or ("stands here already" if stripped[0] in found else "")
            if why:
                problems.append(f"line {reader.line_num}: {why}")
                continue
            number, reason, day = (*stripped, "", "")[:3]
            found[number] = NeverCalls(number=number, reason=reason, date=day)
    except csv.Error as problem:
        problems.append(f"line {reader.line_num}: {problem}")
    if problems:
        raise ListRefused(problems)
    return tuple(found.values())


def _wrong(cells: list[str]) -> str:
    number, reason, day = (*cells, "", "")[:3]
    if len(cells) > len(_HEADER):
        return "more than number, reason and date"
    if number.endswith("*"):
        if not is_prefix(number[:-1]):
            return "a prefix is '+', the first digits of E.164 numbers and '*', such as +1202555*"
    else:
        try:
            E164(number)
        except NotANumber as problem:
            return f"{problem}; write it as +12025550100, or a prefix as +1202555*"
    if len(reason) > _MOST_REASON or not reason.isprintable():
        return f"a reason is one line of at most {_MOST_REASON} characters"
    if day and not _is_day(day):
        return "a date is written as 2026-11-26"
    return ""


def _is_day(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False
