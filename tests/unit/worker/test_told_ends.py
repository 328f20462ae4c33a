"""A node that is back finds how its calls have ended meanwhile, and takes it down before it says that nobody knows."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sipkit.valkey import OwnValkey
from trunkward.live import nodes
from trunkward.records.model import OutcomeRecord
from trunkward.store.database import migrate, open_database
from trunkward.store.rated import RatedStore
from trunkward.store.records import RecordStore
from trunkward.worker.told_ends import take_ends
from unit.records.test_rated import decision, outcome


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    running = OwnValkey()
    yield running
    running.close()


def test_what_a_survivor_has_told_is_taken_down_once(own: OwnValkey, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    store, rated = RecordStore(engine), RatedStore(engine)
    store.ship([decision(record_id=name) for name in ("a", "b")], "gate-0/1", 1)
    # one was found open before, the other is not looked through yet
    store.close(
        [
            OutcomeRecord(
                record_id="a",
                at=1.0,
                outcome=outcome(record_id="a", ending="ended-unknown", answered_at=None),
            )
        ]
    )
    ends = [
        OutcomeRecord(
            record_id=name, at=1.0, outcome=outcome(record_id=name, survivor="n2", answered_ms=61_000)
        )
        for name in ("a", "b")
    ]
    with own.asks("gate") as gate:
        gate.ask(*nodes.tell([("n1", one.record_id, msgspec.json.encode(one).decode()) for one in ends]))
        gate.ask(*nodes.tell([("n1", "damaged", "{"), ("n3", "other", "{")]))
    said: list[str] = []
    with own.asks("worker") as worker:
        for _ in range(2):
            take_ends(worker, "n1", store, lambda text, **_: said.append(text))
        assert worker.ask(*nodes.ends("n1")) == []
        assert worker.ask(*nodes.ends("n3")) != []
    assert said == [
        "the end of a call cannot be read",
        "calls of this node were ended by another one while it was away",
    ]
    assert not store.without_outcome(after=0, before=9e9)
    for name, revision in (("a", 2), ("b", 1)):
        last = rated.revisions(name)[-1]
        assert (last.revision, last.lasted_ms, last.sale.micro) == (revision, 61_000, 22_000)
    engine.dispose()
