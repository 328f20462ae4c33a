"""Deleting what is no longer kept: never by a clock that may be wrong, and never much at once.

Nothing is deleted by a clock in doubt (`engines.sure_clock`), and by one that is believed a day's files an
hour, first the line that says so. What went last, and when, is in a file: a process that is started again and
again deletes no more than one that runs on.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from trunkward.engines.kernel_clock import ClockReading, read_clock
from trunkward.engines.sure_clock import doubted
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.journal.chain import UNREADABLE
from trunkward.journal.segments import DELETED
from trunkward.signer.committing import Committing
from trunkward.signer.journal import Journal, Line

log = structlog.get_logger("signer")

#: Seconds between the deletion of one day's files and that of another's.
EACH_S = 3600.0
_MOST_BYTES = 4096

#: By kind of line, the day whose files went last, and when, in seconds since the machine's start.
type _Last = dict[str, tuple[str | int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept."""

    #: Days of the values that the journal's lines commit to.
    keep_days: int
    #: Days of the journal's segments; None: for ever.
    journal_days: int | None
    #: Signed heads of all journals, by which the clock is judged.
    heads: Path
    #: A person has said that the clock is right whatever the kernel says.
    clock_trusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A file whose time is over."""

    file: Path
    #: Of the line that says so.
    kind: str
    facts: dict[str, object]
    #: The day it is of.
    day: str | int


class Forgetting:
    """What one signer deletes of its own."""

    def __init__(
        self,
        journal: Journal,
        committing: Committing,
        retention: Retention,
        *,
        passing: Callable[[], float] = time.monotonic,
        read: Callable[[], ClockReading | None] = read_clock,
    ) -> None:
        """`passing`: seconds since the machine's start, by no clock; `read`: the kernel's word on that."""
        self._journal, self._committing, self._retention = journal, committing, retention
        self._passing, self._read = passing, read
        #: By kind, the day whose files went last, and when (`passing`); None: not read yet.
        self._last: _Last | None = None
        self._file = journal.path.with_name("deletions.json")
        self._deleting: asyncio.Future[None] | None = None
        self._told = ""

    def round(self, now_s: float) -> None:
        """Deletes the next file, if one is due. `now_s` in seconds since the epoch.

        Raises `OSError`, and `ValueError` where nobody can say what was deleted last.
        """
        if self._last is None:
            self._last = self._told_before()
        last, passed_s = self._last, self._passing()
        due = next((one for one in self._due(now_s) if _is_its_turn(one, last, passed_s)), None)
        if due is None:
            return
        kept = self._retention
        why = doubted(kept.heads, now_s, trusted=kept.clock_trusted, read=self._read)
        if why != self._told:
            self._told = why
            if why:
                log.warning("nothing-deleted", file=due.file.name, why=why)
        if not why:
            # first: should that be all that is done, the same day goes on in the same hour
            last[due.kind] = (due.day, passed_s)
            write_whole(self._file, msgspec.json.encode(last), 0o600)
            self._delete(due, now_s)

    def _due(self, now_s: float) -> Iterator[_Due]:
        """The oldest of each kind."""
        retention = self._retention
        if over := self._journal.details_over(now_s, retention.keep_days):
            day = over[0].stem
            facts = {"day": day, "size": over[0].stat().st_size, "kept_days": retention.keep_days}
            yield _Due(file=over[0], kind="details-deleted", facts=facts, day=day)
        if (days := retention.journal_days) is None:
            return
        if (oldest := self._journal.segment_over(now_s, days)) is not None:
            facts = {"segment": oldest.path.name, "first": oldest.first, "last": oldest.last}
            facts |= {"hash": oldest.hash, "size": oldest.size, "kept_days": days}
            yield _Due(file=oldest.path, kind=DELETED, facts=facts, day=oldest.day)

    def _told_before(self) -> _Last:
        """What a process before this one has deleted."""
        try:
            told = msgspec.json.decode(read_plain(self._file, _MOST_BYTES), type=_Last)
        except FileNotFoundError:
            return {}
        except UNREADABLE as problem:
            raise ValueError(f"{self._file}: cannot be read: {problem}; look at it, and remove it") from None
        # of a time beyond now, the machine was started since: it may have been a moment ago. Once: else each
        # start of the process would begin that hour anew
        passed_s = self._passing()
        last = {kind: (day, min(at, passed_s)) for kind, (day, at) in told.items()}
        if last != told:
            write_whole(self._file, msgspec.json.encode(last), 0o600)
        return last

    def _delete(self, due: _Due, now_s: float) -> None:
        def deleted(numbers: Sequence[int | None]) -> None:
            if numbers[0] is not None:
                # a large file takes its time; should it fail, it is still over the next time
                self._deleting = asyncio.get_running_loop().run_in_executor(None, due.file.unlink)

        facts = {"kind": due.kind, "at": round(now_s, 3), **due.facts}
        self._committing.take([Line(facts=facts)], deleted)


def _is_its_turn(due: _Due, last: _Last, passed_s: float) -> bool:
    day, at = last.get(due.kind, (None, -EACH_S))
    return day == due.day or passed_s - at >= EACH_S
