"""What a dead Kamailio left open is closed once, and nothing else; its media first."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

import pytest

from trunkward.calls.outcome import Ending, Outcome
from trunkward.engines.ng import MediaEngine, MediaEngineSilent
from trunkward.records.model import DecisionRecord, OutcomeRecord
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore
from trunkward.worker.abandoned import Abandoned, media_names

NOW = 1_800_000_000.0
OLD, NEW = "0" * 16, "1" * 16


class Engine(MediaEngine):
    """Writes down what it is told to delete; or says nothing. Each request takes a time."""

    def __init__(self, clock: "Clock") -> None:
        self.deleted: list[str] = []
        self.silent = False
        self.takes_s = 0.0
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def delete(self, names: Iterable[str]) -> None:
        self._clock.now += self.takes_s
        if self.silent:
            raise MediaEngineSilent("timed out")
        self.deleted += names


class Clock:
    """A monotonic clock that stands still."""

    now = 5_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    yield RecordStore(engine)
    engine.dispose()


def decision(name: str, edge: str = OLD, at: float = NOW - 5, verdict: str = "admit") -> DecisionRecord:
    return DecisionRecord(
        record_id=name,
        at=at,
        attempt_id=name,
        edge=edge,
        call_id=f"call-{name}",
        verdict=verdict,
        reason="admitted",
        routes=["north", "west"],
    )


def outcome(name: str) -> OutcomeRecord:
    ended = Outcome(record_id=name, call_id=f"call-{name}", ending=Ending.BYE, status=200)
    return OutcomeRecord(record_id=name, at=NOW, outcome=ended)


def note(directory: Path, edge: str = NEW, running: tuple[str, ...] = (), at: float = NOW) -> Path:
    path = directory / f"{edge}.started"
    path.write_text(json.dumps({"edge": edge, "at": at, "running": list(running)}))
    return path


def endings(store: RecordStore) -> dict[str, str]:
    return {call["record_id"]: call["ending"] for call in store.newest(100) if call["ending"]}


class Worker:
    """A worker that does one round after the other."""

    def __init__(
        self,
        store: RecordStore,
        *directories: Path,
        is_ours: Callable[[DecisionRecord], bool] = lambda _: True,
    ) -> None:
        self.clock, self.told, self.beats = Clock(), list[str](), 0
        self.engine = Engine(self.clock)
        self.abandoned = Abandoned(
            store, directories, self.told.append, lambda: self.engine, self.clock, is_ours
        )

    def rounds(self, count: int, notes: frozenset[Path] | None = None) -> int:
        def beat() -> None:
            self.beats += 1

        return sum(
            self.abandoned.round(self.abandoned.notes() if notes is None else notes, NOW + 1, beat)
            for _ in range(count)
        )

    def until_the_note_goes(self) -> int:
        closed = self.rounds(10)
        self.clock.now += 61
        return closed + self.rounds(10)


def test_only_what_an_earlier_start_left_open_is_closed(store: RecordStore, tmp_path: Path) -> None:
    records = [
        decision("open"),
        decision("runs"),
        decision("ended"),
        decision("refused", verdict="reject"),
        decision("new", edge=NEW),
        decision("hours-ago", at=NOW - 20_000),
        decision("of-a-clock-set-back", at=NOW + 4000),
        decision("before-a-long-weekend", at=NOW - 4 * 86_400),
    ]
    store.ship([*records, outcome("ended")], "s", 1)
    note(tmp_path, running=("runs",))
    worker = Worker(store, tmp_path)
    assert worker.until_the_note_goes() == 4
    assert endings(store) == {
        "ended": "bye",
        "open": "ended-unknown",
        "hours-ago": "ended-unknown",
        "of-a-clock-set-back": "ended-unknown",
        "before-a-long-weekend": "ended-unknown",
    }
    names = media_names(decision("of-a-clock-set-back"))
    assert worker.engine.deleted[: len(names)] == names
    (closed,) = [call for call in store.newest(100) if call["record_id"] == "open"]
    assert (closed["ended_at"], closed["ended_by"], closed["end_code"]) == (NOW, "us", None)


def test_what_another_node_of_the_database_has_is_left_alone(store: RecordStore, tmp_path: Path) -> None:
    store.ship([decision("ours"), decision("theirs", verdict="admit"), decision("before")], "s", 1)
    note(tmp_path)
    worker = Worker(store, tmp_path, is_ours=lambda call: call.record_id != "theirs")
    assert worker.until_the_note_goes() == 2
    assert endings(store) == {"ours": "ended-unknown", "before": "ended-unknown"}


def test_all_are_looked_through_a_part_in_each_round_the_newest_first(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkward.worker.abandoned._ROWS", 2)
    store.ship([decision(f"{n}", at=NOW - n) for n in range(10)], "s", 1)
    note(tmp_path)
    worker = Worker(store, tmp_path)
    assert worker.rounds(1) == 3
    assert set(endings(store)) == {"0", "1", "2"}
    assert worker.rounds(9) == 7


def test_a_call_of_a_start_that_comes_while_records_are_shipped_is_not_closed(
    store: RecordStore, tmp_path: Path
) -> None:
    first = note(tmp_path, edge=OLD)
    worker = Worker(store, tmp_path)
    worker.rounds(10)
    worker.clock.now += 61
    seen = worker.abandoned.notes()
    first.unlink()  # as the next start does before it takes a call
    note(tmp_path, edge=NEW)
    store.ship([decision("live", edge=NEW)], "s", 1)
    assert worker.rounds(1, seen) == 0
    assert worker.until_the_note_goes() == 0
    assert not endings(store)
    assert not worker.engine.deleted


@pytest.mark.parametrize(("where", "at"), [("overflow", NOW + 1), ("records", NOW - 3600)])
def test_of_two_notes_neither_start_loses_a_call(
    store: RecordStore, tmp_path: Path, where: str, at: float
) -> None:
    records, overflow = tmp_path / "records", tmp_path / "overflow"
    records.mkdir()
    overflow.mkdir()
    # one that could not be taken away; what came after it is in the other directory, or before it by the clock
    note(records, edge="1" * 16)
    note(tmp_path / where, edge="2" * 16, running=("runs",), at=at)
    of_them = [decision("live", edge="2" * 16), decision("perhaps", edge="1" * 16)]
    store.ship([*of_them, decision("runs"), decision("open")], "s", 1)
    worker = Worker(store, records, overflow)
    assert worker.until_the_note_goes() == 1
    assert endings(store) == {"open": "ended-unknown"}
    assert not worker.abandoned.notes()


def test_the_media_goes_first_and_again_until_the_engine_has_said_so(
    store: RecordStore, tmp_path: Path
) -> None:
    store.ship([decision("open")], "s", 1)
    note(tmp_path)
    worker = Worker(store, tmp_path)
    worker.engine.silent = True
    assert worker.rounds(20) == 0
    assert not endings(store)
    worker.engine.silent = False
    assert worker.rounds(2) == 1
    assert worker.engine.deleted == media_names(decision("open"))
    assert worker.engine.deleted[:4] == ["openx0", "openx0-a", "openx0-b", "openx1"]


def test_many_are_closed_a_part_in_each_round(store: RecordStore, tmp_path: Path) -> None:
    store.ship([decision(f"{n}") for n in range(100)], "s", 1)
    note(tmp_path)
    worker = Worker(store, tmp_path)
    worker.engine.takes_s = 0.0301
    assert worker.rounds(1) == 17  # half a second of them, and records are shipped again
    assert worker.beats == 17
    assert worker.until_the_note_goes() == 83
    assert len(worker.engine.deleted) == 100 * len(media_names(decision("0")))


def test_a_worker_that_dies_in_between_leaves_nothing_out_and_doubles_nothing(
    store: RecordStore, tmp_path: Path
) -> None:
    store.ship([decision("open"), decision("older", at=NOW - 40_000)], "s", 1)
    path = note(tmp_path)
    for _ in range(3):  # each begins anew
        Worker(store, tmp_path).rounds(10)
    assert path.exists()
    Worker(store, tmp_path).until_the_note_goes()
    assert not path.exists()
    assert store.counts() == (2, 2)


def test_a_true_outcome_that_was_there_stays(store: RecordStore, tmp_path: Path) -> None:
    store.ship([decision("open")], "s", 1)
    store.close([outcome("open")])
    note(tmp_path)
    assert Worker(store, tmp_path).until_the_note_goes() == 0
    assert endings(store) == {"open": "bye"}


def test_what_a_frozen_gate_wrote_late_is_closed_too_and_then_the_note_goes(
    store: RecordStore, tmp_path: Path
) -> None:
    path = note(tmp_path)
    worker = Worker(store, tmp_path)
    assert worker.rounds(200) == 0
    store.ship([decision("late", at=NOW - 1)], "s", 1)
    worker.clock.now += 59
    assert worker.rounds(10) == 0
    assert path.exists()
    worker.clock.now += 2
    assert worker.rounds(2) == 1
    assert not path.exists()


def test_a_note_nobody_can_read_is_told_and_goes(store: RecordStore, tmp_path: Path) -> None:
    path = tmp_path / "x.started"
    path.write_text('{"edge": ')
    # and any beside it: which calls the other start has nobody knows
    note(tmp_path)
    store.ship([decision("perhaps", edge=OLD)], "s", 1)
    worker = Worker(store, tmp_path)
    assert worker.rounds(10) == 0
    assert len(worker.told) == 1
    assert not worker.abandoned.notes()
