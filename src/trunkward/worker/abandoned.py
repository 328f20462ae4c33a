"""Closing what a dead Kamailio left open: admitted calls without an outcome that no process knows any more.

Each start of Kamailio leaves a note for the worker: which start it is, and which calls it still has, from the
files of running calls. Every decision names the start that asked. So a call is abandoned when it was admitted
for an earlier start, is not among those it has, and has no outcome. That also holds for a call whose verdict
never reached the edge, and after a reboot. No clock is compared: one that is set back closes nobody's call.

1. What was written before the note is in the database: the worker ships first.
2. The media of an abandoned call is deleted, under each name it can have had.
3. Its outcome, `ended-unknown`, is written; nothing is doubled, whatever dies in between and is done again.
4. The note goes.

A day of decisions is looked through, the newest first and some minutes in each round, because records must
not wait for it: what was being set up is closed at once, the rest later.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trunkward.calls.outcome import Ending, Outcome
from trunkward.engines.ng import MediaEngine, MediaEngineSilent
from trunkward.media.plan import SUFFIXES
from trunkward.records.model import DecisionRecord, OutcomeRecord
from trunkward.store.records import RecordStore

#: Seconds of decisions looked through in one round, and in all: no call is longer (`LONGEST_CALL_S`).
_STEP_S = 900.0
_ALL_S = 86_400.0
#: Seconds after the note, when the newest are looked through once more: a frozen gate may have written late.
_LATE_S = 60.0
#: Addresses a call is tried at, at most (`trunkward.edge.calls`).
_MOST_TRIES = 9


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a start of Kamailio says (`trunkward.edge.outcome`)."""

    edge: str
    at: float
    #: Record ids of the calls it still has.
    running: list[str]


@dataclass(slots=True, kw_only=True)
class _Search:
    note: Note
    #: Down to where decisions have been looked through.
    reached: float
    #: Whether the newest have been looked through again, after `_LATE_S`.
    late_done: bool = False


class Abandoned:
    """The notes that are being worked off."""

    def __init__(
        self,
        store: RecordStore,
        warn: Callable[[str], None],
        media: Callable[[], MediaEngine] = MediaEngine,
    ) -> None:
        """Keeps its parts; what it has done is in the database, so it may begin anew at any time."""
        self._store = store
        self._warn = warn
        self._media = media
        self._searches: dict[Path, _Search] = {}

    def notes(self, directories: Iterable[Path]) -> list[Path]:
        """The notes there are; to be asked before a round of shipping, and given to `round` after it."""
        return sorted(path for directory in directories for path in directory.glob("*.started"))

    def round(self, notes: list[Path], now: float) -> int:
        """One step of each note; how many calls were closed."""
        for path in notes:
            if path not in self._searches and (note := self._read(path)):
                self._searches[path] = _Search(note=note, reached=now + _STEP_S)
        searches = [(path, self._searches[path]) for path in notes if path in self._searches]
        closed = 0
        for position, (path, search) in enumerate(searches):
            # the calls of this start, and of those after it, are not its to close
            later = {other.note.edge for _, other in searches[position:]}
            closed += self._step(path, search, later, now)
        return closed

    def _step(self, path: Path, search: _Search, later: set[str], now: float) -> int:
        if search.reached > now - _ALL_S:
            before, after = search.reached, search.reached - _STEP_S
        elif not search.late_done and now - search.note.at >= _LATE_S:
            before, after = now + _STEP_S, search.note.at - _STEP_S
        elif search.late_done:
            path.unlink(missing_ok=True)
            del self._searches[path]
            return 0
        else:
            return 0
        try:
            closed = self._close(search.note, later, after=after, before=before, now=now)
        except MediaEngineSilent:
            return 0  # the same again in the next round
        if search.reached > now - _ALL_S:
            search.reached = after
        else:
            search.late_done = True
        return closed

    def _close(self, note: Note, later: set[str], *, after: float, before: float, now: float) -> int:
        running = set(note.running)
        abandoned = [
            decision
            for decision in self._store.without_outcome(after=after, before=before)
            if decision.edge not in later and decision.record_id not in running
        ]
        if not abandoned:
            return 0
        with self._media() as engine:
            for decision in abandoned:
                for name in media_names(decision):
                    engine.delete(name)
        self._store.close([_outcome(decision, note, now) for decision in abandoned])
        self._warn(f"{len(abandoned)} call(s) were open when Kamailio died: ended-unknown")
        return len(abandoned)

    def _read(self, path: Path) -> Note | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Note)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as problem:
            self._warn(f"{path.name}: not a note of Kamailio's start: {problem}")
            path.unlink(missing_ok=True)
            return None


def media_names(decision: DecisionRecord) -> list[str]:
    """All names a call can have in rtpengine: one for each address it was tried at, and hop."""
    return [f"{decision.record_id}x{tried}{suffix}" for tried in range(_MOST_TRIES) for suffix in SUFFIXES]


def _outcome(decision: DecisionRecord, note: Note, now: float) -> OutcomeRecord:
    return OutcomeRecord(
        record_id=decision.record_id,
        at=now,
        outcome=Outcome(
            record_id=decision.record_id,
            call_id=decision.call_id,
            ending=Ending.ENDED_UNKNOWN,
            # not later than that; when, nobody knows
            ended_at=note.at,
            ended_by="us",
        ),
    )
