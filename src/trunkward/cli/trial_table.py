"""A table of calls to try, comma-separated: read whole, or refused with every line that is wrong."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from trunkward.admission.trial import BAD
from trunkward.calls.verdict import Reason
from trunkward.numbering.written import without_spaces

#: The first two must be there.
COLUMNS = ("from", "to", "trunk", "carrier", "at", "expect")
#: What a case may expect beside a reason code.
ADMIT = "admit"
#: What stands before the host in a SIP URI, as far as anybody dials it.
_USER = re.compile(r"[0-9A-Za-z+*._()-]{1,64}", re.ASCII)

#: Times as seconds since the epoch are from 1970 to here (the year 9999): every zone has a date for them.
_END_S = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class CasesRefused(ValueError):
    """Cases that cannot be tried."""

    def __init__(self, problems: list[str]) -> None:
        """Each of `problems` says where, what, and what to write."""
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One case as a person wrote it; "" for what was not said."""

    calling: str
    called: str
    trunk: str = ""
    carrier: str = ""
    at: str = ""
    expect: str = ""
    #: As of `admission.trial.Trial`; no column of a table: of all its calls.
    level: str = ""


def problems_of(asked: Asked) -> Iterator[str]:
    """What is wrong with a case, whatever the policy."""
    for name, user in (("from", asked.calling), ("to", asked.called)):
        if not _USER.fullmatch(user):
            yield f"{name} {user!r}: write a number, such as +12025550101 or 911"
    if bool(asked.trunk) == bool(asked.carrier):
        yield "name one: the trunk it comes from, or the carrier"
    if asked.at:
        try:
            known = 0 <= datetime.fromisoformat(asked.at).timestamp() < _END_S
        except (ValueError, OverflowError, OSError):
            known = False
        if not known:
            yield f"at {asked.at!r}: write a time such as 2026-11-25T14:30 or 2026-11-25T14:30:00Z"
    if asked.level == BAD and asked.trunk:
        yield f"level {BAD}: of a call from a carrier alone; a trunk supplies A, B or C"
    if asked.expect not in ("", ADMIT, *(reason.value for reason in Reason)):
        yield f"expect {asked.expect!r}: write {ADMIT} or a reason code"


def read_table(
    lines: Iterable[str], common: Asked, wrong: Callable[[Asked], Iterable[str]] = problems_of
) -> list[tuple[int, Asked]]:
    """The cases of a table, with their line numbers; `common` has what a row leaves empty.

    `wrong` says all that is wrong with a case.

    Raises `CasesRefused`.
    """
    reader = csv.reader(lines, strict=True)
    problems: list[str] = []
    cases: list[tuple[int, Asked]] = []
    try:
        head = [name.strip() for name in next(reader, [])]
        problems += _problems_of_head(head)
        for row in reader if not problems else ():
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) != len(head):
                problems.append(f"line {reader.line_num}: {len(cells)} cells under {len(head)} columns")
                continue
            asked = _asked(dict(zip(head, cells, strict=True)), common)
            problems += [f"line {reader.line_num}: {why}" for why in wrong(asked)]
            cases.append((reader.line_num, asked))
    except csv.Error as problem:
        problems.append(f"line {reader.line_num}: {problem}")
    if not problems and not cases:
        problems.append("there is no case in it")
    if problems:
        raise CasesRefused(problems)
    return cases


def _problems_of_head(head: list[str]) -> Iterator[str]:
    for name in head:
        if name not in COLUMNS:
            yield f"line 1: no such column: {name!r}; there are {', '.join(COLUMNS)}"
    for name in COLUMNS:
        if head.count(name) > 1:
            yield f"line 1: column {name} stands there twice"
    for name in COLUMNS[:2]:
        if name not in head:
            yield f"line 1: there is no column {name}"


def _asked(cells: dict[str, str], common: Asked) -> Asked:
    # a row that names its side leaves nothing of it to the options
    own = bool(cells.get("trunk") or cells.get("carrier"))
    return Asked(
        calling=without_spaces(cells["from"]),
        called=without_spaces(cells["to"]),
        trunk=cells.get("trunk", "") if own else common.trunk,
        carrier=cells.get("carrier", "") if own else common.carrier,
        at=cells.get("at") or common.at,
        expect=cells.get("expect", ""),
        level=common.level,
    )
