"""Closing what a dead Kamailio left open: admitted calls without an outcome that no process knows any more.

Each start of Kamailio leaves a note for the worker, in place of the one before: which start it is, and which
calls it still has, from the files of running calls. Every decision names the start that asked. So a call is
abandoned when it was admitted for another start, is not among those it has, and has no outcome. That also
holds for a call whose verdict never reached the edge, and after a reboot, however long the machine was off.

1. What was written before the note is in the database: the worker ships first.
2. The note is still there: Kamailio has not started again, so nothing in the database is of a later start.
3. The media of an abandoned call is deleted, under each name it can have had.
4. Its outcome, `ended-unknown`, is written; nothing is doubled, whatever dies in between and is done again.
5. The note goes.

All decisions are looked through, the newest first and a part in each round, because records must not wait for
it: what was being set up is closed at once. A minute later they are once more, for a frozen gate may have
written late. No clock of the machine is compared: one that is set closes nobody's call.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trunkward.calls.outcome import Ending, Outcome
from trunkward.engines.ng import MediaEngine, MediaEngineSilent
from trunkward.media.plan import SUFFIXES
from trunkward.records.model import DecisionRecord, OutcomeRecord
from trunkward.store.records import RecordStore

#: Calls looked through in one round: some 20 ms, off an index.
_ROWS = 100_000
#: Seconds of a round that closing may take, then what has come meanwhile is shipped.
_SHARE_S = 0.5
#: Seconds between the first look and the second.
_LATE_S = 60.0
#: Addresses a call is tried at, at most (`trunkward.edge.ways`).
_MOST_TRIES = 9


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a start of Kamailio says (`trunkward.edge.outcome`)."""

    edge: str
    at: float
    #: Record ids of the calls it still has.
    running: list[str]


@dataclass(slots=True, kw_only=True)
class _Search:
    #: One, but for a directory that would not let go of an older one. Which is which then nobody knows, so
    #: calls of any of them are left alone.
    paths: frozenset[Path]
    starts: frozenset[str]
    running: frozenset[str]
    #: Seconds since the epoch, of the note.
    noted_at: float
    #: Monotonic seconds, of this search.
    began_s: float
    #: Down to where decisions have been looked through.
    reached: float = math.inf
    again: bool = False


class Abandoned:
    """The note that is being worked off."""

    def __init__(
        self,
        store: RecordStore,
        directories: Iterable[Path],
        warn: Callable[[str], None],
        media: Callable[[], MediaEngine] = MediaEngine,
        clock: Callable[[], float] = time.monotonic,
        is_ours: Callable[[DecisionRecord], bool] = lambda _: True,
    ) -> None:
        """`directories`: where the edge may leave its note. `is_ours`: a call of this node, of all there are.

        What it has done is in the database, so it may begin anew at any time.
        """
        self._store = store
        self._directories = tuple(directories)
        self._warn = warn
        self._media = media
        self._clock = clock
        self._is_ours = is_ours
        self._search: _Search | None = None

    def notes(self) -> frozenset[Path]:
        """The notes there are; to be asked before a round of shipping, and given to `round` after it."""
        return frozenset(path for directory in self._directories for path in directory.glob("*.started"))

    def round(self, notes: frozenset[Path], now: float, went_on: Callable[[], None] = lambda: None) -> int:
        """Goes on for half a second at most; how many calls were closed. `went_on` is called after each."""
        if not notes or self.notes() != notes:
            return 0
        if self._search is None or self._search.paths != notes:
            self._search = self._begun(notes)
        search = self._search
        if search is None:
            return 0
        if search.reached == -math.inf:
            if search.again:
                _remove(notes)
                self._search = None
                return 0
            if self._clock() - search.began_s < _LATE_S:
                return 0
            search.again, search.reached = True, math.inf
        after = self._store.some_older(search.reached, _ROWS)
        abandoned = [
            decision
            for decision in self._store.without_outcome(after=after, before=search.reached)[::-1]
            if decision.edge not in search.starts
            and decision.record_id not in search.running
            and self._is_ours(decision)
        ]
        closed = self._close(abandoned, search, now, went_on)
        if closed == len(abandoned):  # else the others in the next round
            search.reached = after
        return closed

    def _close(
        self, abandoned: list[DecisionRecord], search: _Search, now: float, went_on: Callable[[], None]
    ) -> int:
        if not abandoned:
            return 0
        until, without_media = self._clock() + _SHARE_S, list[DecisionRecord]()
        with self._media() as engine:
            for decision in abandoned:
                try:
                    engine.delete(media_names(decision))
                except MediaEngineSilent:
                    break
                without_media.append(decision)
                went_on()
                if self._clock() >= until:
                    break
        if without_media:
            self._store.close([_outcome(decision, search.noted_at, now) for decision in without_media])
            self._warn(f"{len(without_media)} call(s) were open when Kamailio died: ended-unknown")
        return len(without_media)

    def _begun(self, paths: frozenset[Path]) -> _Search | None:
        notes: list[Note] = []
        for path in paths:
            try:
                notes.append(msgspec.json.decode(path.read_bytes(), type=Note))
            except FileNotFoundError:  # Kamailio starts at this moment
                return None
            except (OSError, msgspec.DecodeError, msgspec.ValidationError) as problem:
                self._warn(f"{path.name}: not a note of Kamailio's start, the next one is: {problem}")
                _remove(paths)
                return None
        return _Search(
            paths=paths,
            starts=frozenset(note.edge for note in notes),
            running=frozenset(record_id for note in notes for record_id in note.running),
            noted_at=max(note.at for note in notes),
            began_s=self._clock(),
        )


def _remove(notes: Iterable[Path]) -> None:
    for path in notes:
        path.unlink(missing_ok=True)


def media_names(decision: DecisionRecord) -> list[str]:
    """All names a call can have in rtpengine: one for each address it was tried at, and hop."""
    return [f"{decision.record_id}x{tried}{suffix}" for tried in range(_MOST_TRIES) for suffix in SUFFIXES]


def _outcome(decision: DecisionRecord, noted_at: float, now: float) -> OutcomeRecord:
    return OutcomeRecord(
        record_id=decision.record_id,
        at=now,
        outcome=Outcome(
            record_id=decision.record_id,
            call_id=decision.call_id,
            ending=Ending.ENDED_UNKNOWN,
            # not later than that; when, nobody knows
            ended_at=noted_at,
            ended_by="us",
        ),
    )
