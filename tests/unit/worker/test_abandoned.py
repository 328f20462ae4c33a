"""What a dead Kamailio left open is closed once, and nothing else; its media first."""

import json
from collections.abc import Iterator
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
    """Writes down what it is told to delete; or says nothing."""

    deleted: list[str]
    silent: bool

    def __init__(self) -> None:
        self.deleted, self.silent = [], False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def delete(self, name: str) -> None:
        if self.silent:
            raise MediaEngineSilent("timed out")
        self.deleted.append(name)


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
    path = directory / f"{at * 1000:015.0f}-{edge}.started"
    path.write_text(json.dumps({"edge": edge, "at": at, "running": list(running)}))
    return path


def endings(store: RecordStore) -> dict[str, str]:
    return {call["record_id"]: call["ending"] for call in store.newest(100) if call["ending"]}


class Worker:
    """A worker that does one round after the other."""

    def __init__(self, store: RecordStore, directory: Path) -> None:
        self.engine, self.told = Engine(), list[str]()
        self.directory = directory
        self.abandoned = Abandoned(store, self.told.append, lambda: self.engine)

    def rounds(self, count: int, now: float = NOW + 1) -> int:
        return sum(self.abandoned.round(self.abandoned.notes([self.directory]), now) for _ in range(count))


def test_only_what_an_earlier_start_left_open_is_closed(store: RecordStore, tmp_path: Path) -> None:
    records = [
        decision("open"),
        decision("runs"),
        decision("ended"),
        decision("refused", verdict="reject"),
        decision("new", edge=NEW),
        decision("later", edge="2" * 16),
        decision("hours-ago", at=NOW - 20_000),
        decision("of-a-clock-set-back", at=NOW + 300),
    ]
    store.ship([*records, outcome("ended")], "s", 1)
    note(tmp_path, running=("runs",))
    note(tmp_path, edge="2" * 16, running=("runs", "new"), at=NOW + 0.5)
    worker = Worker(store, tmp_path)
    assert worker.rounds(100) == 3
    assert endings(store) == {
        "ended": "bye",
        "open": "ended-unknown",
        "hours-ago": "ended-unknown",
        "of-a-clock-set-back": "ended-unknown",
    }
    names = media_names(decision("of-a-clock-set-back"))
    assert worker.engine.deleted[: len(names)] == names
    (closed,) = [call for call in store.newest(100) if call["record_id"] == "open"]
    assert (closed["ended_at"], closed["ended_by"], closed["end_code"]) == (NOW, "us", None)


def test_what_was_being_set_up_is_closed_in_the_second_round(store: RecordStore, tmp_path: Path) -> None:
    store.ship([decision("open")], "s", 1)
    note(tmp_path)
    assert Worker(store, tmp_path).rounds(2) == 1


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


def test_a_worker_that_dies_in_between_leaves_nothing_out_and_doubles_nothing(
    store: RecordStore, tmp_path: Path
) -> None:
    store.ship([decision("open"), decision("older", at=NOW - 40_000)], "s", 1)
    path = note(tmp_path)
    for _ in range(3):  # each begins anew
        Worker(store, tmp_path).rounds(10)
    assert endings(store) == {"open": "ended-unknown"}
    assert path.exists()
    Worker(store, tmp_path).rounds(100)
    assert store.counts() == (2, 2)


def test_a_true_outcome_that_was_there_stays(store: RecordStore, tmp_path: Path) -> None:
    store.ship([decision("open")], "s", 1)
    store.close([outcome("open")])
    note(tmp_path)
    assert Worker(store, tmp_path).rounds(100) == 0
    assert endings(store) == {"open": "bye"}


def test_what_a_frozen_gate_wrote_late_is_closed_too_and_then_the_note_goes(
    store: RecordStore, tmp_path: Path
) -> None:
    path = note(tmp_path)
    worker = Worker(store, tmp_path)
    assert worker.rounds(200) == 0
    store.ship([decision("late", at=NOW - 1)], "s", 1)
    assert worker.rounds(10, now=NOW + 59) == 0
    assert path.exists()
    assert worker.rounds(2, now=NOW + 61) == 1
    assert not path.exists()


def test_a_note_nobody_can_read_is_told_and_goes(store: RecordStore, tmp_path: Path) -> None:
    path = tmp_path / "1-x.started"
    path.write_text('{"edge": ')
    worker = Worker(store, tmp_path)
    worker.rounds(1)
    assert len(worker.told) == 1
    assert not path.exists()
