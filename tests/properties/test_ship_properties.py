"""Whatever the worker dies in, and however often: each record is in the database once, and none is missing."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkward.calls.outcome import Ending, Outcome
from trunkward.records.model import DecisionRecord, MessageRecord, OutcomeRecord, Record
from trunkward.records.segment import encode
from trunkward.store.database import open_database
from trunkward.store.records import RecordStore
from trunkward.store.schema import metadata
from trunkward.worker import ship as shipping

_KINDS = ("gate-0", "gate-1", "edge", "ladder")


class Killed(Exception):
    """The worker is gone."""


def _record(kind: str, number: int) -> Record:
    name = f"r{number % 20:02d}"
    if kind == "ladder":
        return MessageRecord(record_id=name, at=1000.0 + number, side="caller", way="in", what="INVITE")
    if kind == "edge":
        outcome = Outcome(record_id=name, call_id=name, ending=Ending.BYE, ended_at=1000.0)
        return OutcomeRecord(record_id=name, at=1000.0, outcome=outcome)
    return DecisionRecord(
        record_id=name,
        at=1000.0 + number,
        attempt_id=name,
        call_id=name,
        verdict="admit",
        reason=f"n{number}",
    )


#: What happens next: a record is written (whole, or its writer is slow and half of it comes later), or the worker makes a
#: round in which it dies at its n-th statement or sync of a file, or at none.
_events = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(_KINDS), st.booleans()),
        st.tuples(st.just("round"), st.integers(0, 12), st.booleans()),
    ),
    max_size=40,
)


class Worker:
    """A worker that can be killed: everything it knew is gone with it, what the database has committed is not."""

    def __init__(self, database: Path, directories: list[Path]) -> None:
        self._url = f"sqlite:///{database}"
        self._directories = directories
        self._engine: sa.Engine | None = open_database(self._url)
        metadata.create_all(self._engine)
        self._store = RecordStore(self._engine)

    def round(self, dies_at: int) -> None:
        """One round; `dies_at` counts statements, commits included, and syncs; 0: it lives."""
        if self._engine is None:
            self._engine = open_database(self._url)
            self._store = RecordStore(self._engine)
        left = [dies_at]

        def step(*_: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        engine = self._engine
        heard = ("before_cursor_execute", "commit")
        for event in heard:
            sa.event.listen(engine, event, step)
        synced, shipping.os.fdatasync = shipping.os.fdatasync, step  # type: ignore[attr-defined]
        try:
            shipping.ship(self._directories, self._store, 2000.0, _no_warning)
        except Killed:
            engine.dispose()
            self._engine = None
        finally:
            shipping.os.fdatasync = synced  # type: ignore[attr-defined]
            for event in heard:
                sa.event.remove(engine, event, step)

    def close(self) -> RecordStore:
        """The last, whole round, and its store."""
        self.round(0)
        return self._store


def _no_warning(text: str) -> NoReturn:
    raise AssertionError(text)


@settings(max_examples=50, deadline=None)
@given(_events)
def test_each_record_once_whenever_the_worker_dies(events: list[tuple[str, Any, bool]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        directories = [home / kind for kind in _KINDS]
        for directory in directories:
            directory.mkdir()
        worker = Worker(home / "records.db", directories)
        written: dict[str, list[Record]] = {kind: [] for kind in _KINDS}
        late = dict.fromkeys(_KINDS, b"")
        for number, (what, detail, flag) in enumerate(events):
            if what == "round":
                worker.round(detail)
                continue
            record = _record(detail, number)
            written[detail].append(record)
            line = late[detail] + encode(record)
            cut = len(line) - 5 if flag else len(line)
            late[detail] = line[cut:]
            with (home / detail / "1.jsonl").open("ab") as file:
                file.write(line[:cut])
        for kind, rest in late.items():
            if rest:
                with (home / kind / "1.jsonl").open("ab") as file:
                    file.write(rest)
        store = worker.close()
        _check(store, written)
        store.disconnect()


def _check(store: RecordStore, written: dict[str, list[Record]]) -> None:
    decided: dict[str, DecisionRecord] = {}
    for record in [*written["gate-0"], *written["gate-1"]]:
        assert isinstance(record, DecisionRecord)
        if record.record_id not in decided or record.at >= decided[record.record_id].at:
            decided[record.record_id] = record
    ended = {record.record_id for record in written["edge"] if isinstance(record, OutcomeRecord)}
    found = list(store.find())
    assert Counter(kept.view["record_id"] for kept in found) == Counter({*decided, *ended})
    for kept in found:
        name = kept.view["record_id"]
        assert kept.ended == (name in ended)
        assert kept.view["reason"] == (decided[name].reason if name in decided else "")
    names = {record.record_id for record in written["ladder"] if isinstance(record, MessageRecord)}
    assert store.messages(sorted(names), 0.0, 1e9) == written["ladder"]


def test_the_worker_above_really_dies(tmp_path: Path) -> None:
    """So that the property means something: at each step a round can be ended, and what it had done is undone."""
    directory = tmp_path / "gate-0"
    directory.mkdir()
    (directory / "1.jsonl").write_bytes(encode(_record("gate-0", 1)))
    worker = Worker(tmp_path / "records.db", [directory])
    worker.round(0)
    (directory / "1.jsonl").write_bytes(
        os.linesep.encode().join([encode(_record("gate-0", 1)), encode(_record("gate-0", 2))])
    )
    counts = []
    for dies_at in range(1, 5):
        worker.round(dies_at)
        counts.append(worker._engine is None)
    assert any(counts)
    store = worker.close()
    assert store.counts()[0] == 2
    store.disconnect()
