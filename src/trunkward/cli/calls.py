"""`trunkward calls`: lists, filters, follows and exports the node's calls, and shows one as a ladder."""

import contextlib
import csv
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from trunkward.cli.call_ladder import ladder_lines
from trunkward.cli.said import complain, say
from trunkward.records import ladder
from trunkward.records.export import COLUMNS, row
from trunkward.records.filter import CallFilter
from trunkward.records.pseudonym import Pseudonyms
from trunkward.records.view import level_of, verstat_of
from trunkward.settings import Paths
from trunkward.store.database import open_database
from trunkward.store.records import RecordStore

console = Console(highlight=False)
#: Seconds between two looks for news; the worker ships once a second.
_LOOK_S = 0.5
#: Calls that are waited for while following; more than run on one node.
_MOST_RUNNING = 100_000
_HEADS = (
    "id",
    "when",
    "trunk",
    "from",
    "to",
    "verdict",
    "reason",
    "level",
    "rule",
    "verstat",
    "by",
    "outcome",
    "s",
)
#: Digits of a record id in a list; `show` takes them while no other call's begins with them.
_ID_DIGITS = 8
#: What a terminal that is too narrow is spared, first to last; numbers and the reason never are.
_SPARED = ("rule", "verstat", "level", "by", "today", "trunk", "s", "verdict")
#: Seconds the longest call lasts: older ones are not waited for.
_LONGEST_S = 86_400.0
_SECRET_BYTES = 32
#: Of a line while following, where nobody knows yet how wide the next one will be.
_WIDTHS = (_ID_DIGITS, 19, 16, 16, 16, 8, 20, 5, 18, 7, 12, 18, 7)


class UnusableSecret(Exception):
    """The secret of the pseudonyms cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How calls are told."""

    as_json: bool = False
    as_csv: bool = False
    #: None: numbers and addresses as they are.
    pseudonyms: Pseudonyms | None = None
    #: Only calls that are signed so (`records.view`); "": all.
    level: str = ""
    verstat: str = ""

    def shows(self, call: dict[str, Any]) -> bool:
        """Whether a call's signatures are those that are wanted."""
        return self.level in ("", level_of(call)) and self.verstat in ("", verstat_of(call))


def run(
    paths: Paths,
    wanted: CallFilter,
    *,
    limit: int | None,
    follow: bool,
    pseudonymise: int | None,
    how: Listing,
) -> int:
    """Prints calls, newest first, or as they come; 2 when there is no records database.

    `limit` None: all of them. `pseudonymise`: digits of each number that are kept, None: no pseudonyms.
    """

    def told(store: RecordStore) -> int:
        made = how
        if pseudonymise is not None:
            made = replace(how, pseudonyms=Pseudonyms(_secret(paths.pseudonym_secret), pseudonymise))
        try:
            if follow:
                _tell_each(made, filter(made.shows, _followed(store, wanted, limit or 0)))
                return 0
            every = (
                limit if not (how.level or how.verstat) else None
            )  # what they are stands in the view alone
            shown = islice(filter(made.shows, (kept.view for kept in store.find(wanted, every))), limit)
            if made.as_json or made.as_csv or limit is None:
                _tell_each(made, shown)
            else:
                _print_table(list(shown), partial(_none, paths, store, wanted))
        except BrokenPipeError:  # as with `| head`: whoever reads has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0

    return with_records(paths, told)


def show(paths: Paths, name: str, *, as_json: bool) -> int:
    """Prints one call and its ladder; 1 when there is none, or more than one."""

    def told(store: RecordStore) -> int:
        call = find_one(store, name)
        if call is None:
            return 1
        messages = store.messages(ladder.keys(call), *ladder.period(call, time.time()))
        if as_json:
            noted = [msgspec.structs.asdict(message) for message in messages]
            print(json.dumps(call | {"messages": noted}))
            return 0
        for line in ladder_lines(call, messages):
            console.print(Text(line), soft_wrap=True)
        return 0

    return with_records(paths, told)


def find_one(store: RecordStore, name: str) -> dict[str, Any] | None:
    """The one call a person means; None when there is none, or more than one, which has been said."""
    found = store.look_up(name)
    if len(found) == 1:
        return found[0]
    if not found:
        complain(f"no call {name}: write a record id, its beginning, or a Call-ID")
        return None
    complain(f"{name} is more than one call; write the record id of one:")
    for call in found:
        complain(f"  {call['record_id']}  {' '.join(_row(call)[1:7])}")
    return None


def record_store(paths: Paths) -> RecordStore:
    """The node's records, for reading."""
    return RecordStore(open_database(paths.records_url))


def with_records(paths: Paths, do: Callable[[RecordStore], int]) -> int:
    """Does something with the node's records; 2, and why, when they cannot be read."""
    return with_records_database(paths, lambda engine: do(RecordStore(engine)))


def with_records_database(paths: Paths, do: Callable[[sa.Engine], int]) -> int:
    """The same with the database they are in."""
    try:
        if not paths.database and not paths.records_db.exists():
            complain(f"no records yet: {paths.records_db} is made by the first ./trunkward up")
            return 2
        engine = open_database(paths.records_url)
        try:
            return do(engine)
        finally:
            engine.dispose()
    except UnusableSecret as problem:
        complain(str(problem))
    except PermissionError:
        complain("the node's records are for root to read: use sudo")
    except OSError as problem:
        complain(str(problem))
    except DBAPIError as problem:
        complain(f"{paths.records_url}: cannot be read: {problem.orig}")
    return 2


# ---- telling ---------------------------------------------------------------------------------


def _tell_each(how: Listing, calls: Iterable[dict[str, Any]]) -> None:
    """One call a line, as soon as it is known."""
    if how.as_csv:
        writer = csv.writer(sys.stdout)  # RFC 4180: CR LF, and quotes where they are needed
        writer.writerow(COLUMNS)
        for call in calls:
            writer.writerow(row(call, how.pseudonyms))
            sys.stdout.flush()
        return
    if not how.as_json:
        print(_line(_HEADS))
    for call in calls:
        print(json.dumps(call) if how.as_json else _line(_row(call)), flush=True)


def _none(paths: Paths, store: RecordStore, wanted: CallFilter) -> str:
    """Why there is no such call, as far as that can be told."""
    if not store.last_id():
        return "no calls yet"
    from trunkward.engines.in_force import read_in_force  # for whom there is nothing to show: it loads much

    in_force = read_in_force(paths.declared)
    known = [trunk.name for trunk in in_force.declared().trunks] if in_force else []
    if wanted.trunk is None or not known or wanted.trunk in known:
        return "no such call"
    close = get_close_matches(wanted.trunk, known, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"no such call, and no trunk is called {wanted.trunk} now{meant}"


def _print_table(calls: list[dict[str, Any]], none: Callable[[], str]) -> None:
    """The calls, or why there are none."""
    if not calls:
        say(none(), err=True)
        return
    today = time.strftime("%Y-%m-%d ")
    width = console.width if console.is_terminal else None
    for line in table_lines([_row(call) for call in calls], width, today):
        # what a peer sent is text, not markup
        console.print(Text(line), soft_wrap=True)


def table_lines(rows: list[list[str]], width: int | None, today: str) -> list[str]:
    """A heading and a line for each call, nothing in it cut; `width` None: for a program, with all columns.

    Where `width` characters are too few, columns are left out; lines that are too long then stay so.
    `today` is what a time of this day begins with.
    """
    heads = list(_HEADS)
    rows = [list(row) for row in rows]
    for spared in _SPARED:
        widths = _widths([heads, *rows])
        if width is None or sum(widths) + len(widths) - 1 <= width:
            break
        if spared == "today":
            at = heads.index("when")
            for row in rows:
                row[at] = row[at].removeprefix(today)
            continue
        at = heads.index(spared)
        for cells in (heads, *rows):
            del cells[at]
    return [_line(cells, _widths([heads, *rows])) for cells in (heads, *rows)]


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]


def _line(cells: Iterable[str], widths: Sequence[int] = _WIDTHS) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _row(call: dict[str, Any]) -> list[str]:
    started = call["started_at"]
    return [
        call["record_id"][:_ID_DIGITS],
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started)) if started else "",
        call.get("trunk") or (f"{call['claimed']}?" if call.get("claimed") else ""),
        call.get("calling_number", ""),
        call.get("called_number", ""),
        call["verdict"],
        call.get("end_reason") or call["reason"],
        level_of(call),
        (call.get("attestation") or {}).get("rule", ""),
        verstat_of(call),
        call["peer"] or "",
        f"{call['ending'] or ''} {call['end_code'] or ''}".strip(),
        f"{call['duration_s']:.1f}" if call["duration_s"] is not None else "",
    ]


# ---- following -------------------------------------------------------------------------------


def _followed(store: RecordStore, wanted: CallFilter, limit: int) -> Iterator[dict[str, Any]]:
    """The newest calls, then each one when it is judged, and again when it has ended."""
    last = store.last_id()
    yield from [kept.view for kept in store.find(wanted, limit) if kept.id <= last][::-1]
    waited = dict.fromkeys(store.running(time.time() - _LONGEST_S, _MOST_RUNNING))
    while True:
        came = store.since(last)
        ended = store.complete(list(waited))
        wanted_ids = store.matching([kept.id for kept in (*came, *ended)], wanted)
        for kept in ended:
            del waited[kept.id]
            if kept.id in wanted_ids:
                yield kept.view
        for kept in came:
            last = kept.id
            if kept.decided and kept.id in wanted_ids:
                yield kept.view
            if not kept.decided or (kept.view["verdict"] == "admit" and not kept.ended):
                waited[kept.id] = None
        while len(waited) > _MOST_RUNNING:
            del waited[next(iter(waited))]
        if not came:
            time.sleep(_LOOK_S)


# ---- the secret of the pseudonyms ------------------------------------------------------------


def _secret(path: Path) -> bytes:
    """Made at first use, whole or not at all, and for root alone. Raises `OSError`."""
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)  # of one that died here, under the same number
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))
                file.flush()
                os.fsync(descriptor)
            # not over one that somebody else has made meanwhile: exports of both must agree
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        held = file.read(_SECRET_BYTES + 1)
    if state.st_uid != os.geteuid() or state.st_mode & 0o077 or len(held) != _SECRET_BYTES:
        raise UnusableSecret(
            f"{path}: must be {_SECRET_BYTES} bytes that only its owner, {os.geteuid()}, can read; mend it,"
            " or take it away for a new one (then numbers have other pseudonyms than in the exports before)"
        )
    return held
