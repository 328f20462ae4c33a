"""`trunkward journal verify`, by the node itself (`python -m trunkward.cli.verify_journals`).

Each day it goes on where the last good look has ended, and holds the calls since against their lines; once a
week it follows each journal from the first line on, as the command does: what was changed in a line that was
good before, only that can tell. Calls of before, and records that came later than the look after their call,
the command alone compares, which holds all of them in memory. The heads have to be there up to where the last
good look has ended in any case. Only a good look moves on; what is wrong is so found again by the next one.
`engines.verify_look` starts it.
"""

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from io import StringIO
from pathlib import Path

import sqlalchemy as sa
import typer

from trunkward.cli.calls import with_records_database
from trunkward.cli.journals_examined import Examined, Since, examined
from trunkward.cli.said import complain, in_words
from trunkward.engines.journals import KeyUnusable, read_public_key
from trunkward.engines.pause import Pause
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.verified_state import (
    Outcome,
    Told,
    Verified,
    not_good,
    read_verified,
    write_verified,
)
from trunkward.journal.chain import ChainBroken
from trunkward.journal.examine import told as told_at
from trunkward.records.model import Event, EventRecord
from trunkward.settings import Paths
from trunkward.store.records import RecordStore

#: Seconds between two looks at everything.
_WHOLE_EVERY_S = 7 * 86_400.0
#: Seconds before the first look of all whose calls are held against their lines.
_FIRST_CALLS_S = 86_400.0
#: Sentences that are told; the command tells all.
_MOST_SAID = 5
#: Calls come first. Of each tenth of a second of a core's time so much is used, and the rest left to others.
_NICE, _WORKS_S, _RESTS_S = 19, 0.02, 0.08


def run(paths: Paths) -> int:
    """Looks, and writes down what came of it.

    0: all is as it was written. 1: it is not, or heads of it are not signed. 2: it was not looked at.
    """
    before, began = read_verified(paths), time.time()
    # calls up to a time of the future were compared by a clock that was wrong: nobody knows to where
    is_whole = (
        before is None
        or before.place is None
        or before.calls > began
        or Pause(before.whole_at, _WHOLE_EVERY_S).is_over(began)
    )
    since = Since(
        place=before.place if before is not None else None,
        whole=is_whole,
        calls=before.calls if before is not None and 0 < before.calls <= began else began - _FIRST_CALLS_S,
    )
    found, outcome, problem = _looked(paths, since)
    now = time.time()
    after = not_good(before, outcome, problem, now)
    if outcome is Outcome.HOLDS and found is not None:
        reached = found.reached or since
        after = Verified(
            told=Told(
                at=now,
                outcome=outcome,
                good_at=now,
                looked_at=_how_much(found, since),
                unrecorded=_unrecorded(found, now) or (before.told.unrecorded if before is not None else ""),
            ),
            place=reached.place,
            calls=reached.calls,
            whole_at=began if before is None or is_whole else before.whole_at,
        )
    # first: the records' database may be what does not answer
    write_verified(paths, after)
    if outcome in (Outcome.HOLDS, Outcome.CHANGED):
        _put_on_record(paths, began, after.told, "; ".join(found.unrecorded) if found is not None else "")
    for sentence in [problem, *(found.unrecorded if found is not None else ())]:
        if sentence:
            complain(sentence)
    return {Outcome.HOLDS: 0, Outcome.CHANGED: 1, Outcome.SILENT: 1, Outcome.NOT_DONE: 2}[outcome]


def _looked(paths: Paths, since: Since) -> tuple[Examined | None, Outcome, str]:
    said = StringIO()
    try:
        with redirect_stderr(said):
            key = read_public_key(PkiFiles(paths.pki).heads_public_key)
            found = examined(paths, paths.heads, key, since=since)
    except ChainBroken as broken:
        return None, Outcome.CHANGED, str(broken)
    except (KeyUnusable, OSError) as problem:
        return None, Outcome.NOT_DONE, in_words(problem) if isinstance(problem, OSError) else str(problem)
    except typer.Exit:
        return None, Outcome.NOT_DONE, " ".join(said.getvalue().split())
    except Exception as problem:  # whatever it is: a look that ends in it is told, too
        return None, Outcome.NOT_DONE, f"{type(problem).__name__}: {problem}"
    if found.is_changed:
        return found, Outcome.CHANGED, _in_short([*_faults(found), *found.silent])
    if found.silent:  # who signs them is not there: nobody has changed anything
        return found, Outcome.SILENT, _in_short([*found.silent, *said.getvalue().splitlines()])
    if found.is_unread:
        return found, Outcome.NOT_DONE, " ".join(said.getvalue().split())
    return found, Outcome.HOLDS, ""


def _faults(found: Examined) -> Iterator[str]:
    for report in found.reports:
        for finding in report.findings:
            where = f"{finding.segment}, line" if finding.segment else "line"
            yield f"{report.journal}: {where} {finding.line}: {finding.what}"
    yield from found.lost


def _in_short(faults: list[str]) -> str:
    more = [f"and {len(faults) - _MOST_SAID} more"] if len(faults) > _MOST_SAID else []
    return "; ".join([*faults[:_MOST_SAID], *more])


def _how_much(found: Examined, since: Since) -> str:
    lines = ", ".join(f"{report.journal} to line {report.lines}" for report in found.reports)
    calls = "" if found.calls_since is None else f"; calls since {told_at(found.calls_since)}"
    begun = "from the first line on" if since.whole else "from where the last look had come to"
    return f"{lines}; {begun}{calls}"


def _unrecorded(found: Examined, now: float) -> str:
    """On lines whose call is not on record, and when that was seen; "": there are none."""
    return f"{told_at(now)}: {'; '.join(found.unrecorded)}" if found.unrecorded else ""


def _put_on_record(paths: Paths, began: float, told: Told, unrecorded: str) -> None:
    """As an event; where there are no records, and of other outcomes, `status` alone tells."""
    if not (paths.database or paths.records_db.exists()):
        return
    event = EventRecord(
        event_id=f"journals-{int(told.at)}-{secrets.token_hex(4)}",
        at=told.at,
        since=began,
        event=Event.JOURNALS_HOLD if told.outcome is Outcome.HOLDS else Event.JOURNALS_CHANGED,
        detail=told.problem or "; ".join(filter(None, (told.looked_at, unrecorded))),
    )

    def put(engine: sa.Engine) -> int:
        with engine.begin() as connection:
            RecordStore(engine).events.add(connection, [event])
        return 0

    with_records_database(paths, put)


@contextmanager
def leaving_room() -> Iterator[None]:
    """What is done within uses a fifth of a core at most, and only what nobody else needs."""
    os.nice(_NICE)
    with suppress(OSError):  # memory too: of all processes this one is ended first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    signal.signal(signal.SIGPROF, lambda *_: time.sleep(_RESTS_S))
    signal.setitimer(signal.ITIMER_PROF, _WORKS_S, _WORKS_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)  # a process that ends has no handler any more


def main() -> None:
    """By itself: exits with the code of `run`."""
    with leaving_room():
        code = run(Paths.from_environment())
    sys.exit(code)


if __name__ == "__main__":
    main()
