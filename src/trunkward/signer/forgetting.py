"""Deleting what is no longer kept: never by a clock that may be wrong, and never much at once.

A host that wakes in 2038 would find that everything's time is over. So nothing is deleted unless the clock is
known to be right and has been running in this very day for an hour, and then a day's files an hour, first the
line that says so.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from trunkward.engines.journals import signed_between
from trunkward.engines.kernel_clock import ClockReading, read_clock
from trunkward.journal.segments import DELETED
from trunkward.signer.committing import Committing
from trunkward.signer.journal import Journal, Line
from trunkward.trunks.retention import DAY_S

log = structlog.get_logger("signer")

#: Seconds before now within which heads must have been signed, and how long ago at the latest the first of
#: them: a clock that jumped has none such for an hour, in which somebody may see that it did.
SEEN_S, AGO_S = DAY_S, 3600.0
#: Seconds between the deletion of one day's files and that of another's.
EACH_S = 3600.0


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
    day: object


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
        """`passing`: seconds that pass, whatever the clock says; `read`: the kernel's word on that."""
        self._journal, self._committing, self._retention = journal, committing, retention
        self._passing, self._read = passing, read
        #: By kind, the day whose files went last, and when (`passing`).
        self._last: dict[str, tuple[object, float]] = {}
        self._deleting: asyncio.Future[None] | None = None
        self._told = ""

    def round(self, now_s: float) -> None:
        """Deletes the next file, if one is due. `now_s` in seconds since the epoch. Raises `OSError`."""
        due = next(filter(self._is_its_turn, self._due(now_s)), None)
        if due is None:
            return
        if (why := self._doubted(now_s)) != self._told:
            self._told = why
            if why:
                log.warning("nothing-deleted", file=due.file.name, why=why)
        if not why:
            self._last[due.kind] = (due.day, self._passing())
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

    def _is_its_turn(self, due: _Due) -> bool:
        day, at = self._last.get(due.kind, (due.day, 0.0))
        return day == due.day or self._passing() - at >= EACH_S

    def _doubted(self, now_s: float) -> str:
        """Why the clock is not believed enough to delete by; "": it is."""
        reading = self._read()
        if not self._retention.clock_trusted and (reading is None or not reading.synchronised):
            return "the clock is not synchronised"
        if not signed_between(self._retention.heads, now_s - SEEN_S, now_s - AGO_S):
            return "no heads of journals were signed within the last day and more than an hour ago"
        return ""

    def _delete(self, due: _Due, now_s: float) -> None:
        def deleted(numbers: Sequence[int | None]) -> None:
            if numbers[0] is not None:
                # a large file takes its time; should it fail, it is still over the next time
                self._deleting = asyncio.get_running_loop().run_in_executor(None, due.file.unlink)

        facts = {"kind": due.kind, "at": round(now_s, 3), **due.facts}
        self._committing.take([Line(facts=facts)], deleted)
