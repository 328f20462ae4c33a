"""The records database: migrations, shipping by record id, the view of a call; on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trunkward.calls.outcome import Ending, Outcome
from trunkward.records.model import DecisionRecord, OutcomeRecord
from trunkward.store.database import copy_sqlite, is_sqlite, migrate, open_database
from trunkward.store.records import RecordStore
from trunkward.store.schema import metadata


@pytest.fixture
def store(engine: sa.Engine) -> RecordStore:
    return RecordStore(engine)


def _decision(record_id: str, at: float = 1000.0, **more: object) -> DecisionRecord:
    facts = {"call_id": f"c-{record_id}", "verdict": "admit", "reason": "admitted", "trunk": "acme"} | more
    return DecisionRecord(record_id=record_id, at=at, attempt_id=record_id, **facts)  # type: ignore[arg-type]


def _outcome(record_id: str) -> OutcomeRecord:
    outcome = Outcome(
        record_id=record_id, call_id=f"c-{record_id}", ending=Ending.BYE, answered_at=1001.0, ended_at=1003.5,
        status=200, ended_by="caller", peer="north",
    )  # fmt: skip
    return OutcomeRecord(record_id=record_id, at=1004.0, outcome=outcome)


def test_migrating_again_changes_nothing_and_keeps_everything(engine: sa.Engine, store: RecordStore) -> None:
    store.ship([_decision("a")], "gate-0/1", 10)
    migrate(engine)
    assert store.counts() == (1, 0)
    assert store.offset("gate-0/1") == 10


def test_the_migrations_make_the_tables_the_code_names(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        compared = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(compared, metadata) == []
    assert set(sa.inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_shipping_twice_doubles_nothing(store: RecordStore) -> None:
    for _ in range(2):
        store.ship([_decision("a"), _outcome("a"), _decision("b")], "gate-0/1", 30)
    assert store.counts() == (2, 1)


def test_records_and_offset_go_together_or_not_at_all(engine: sa.Engine, store: RecordStore) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE shipped RENAME TO gone"))
    with pytest.raises(sa.exc.DBAPIError):
        store.ship([_decision("a")], "gate-0/1", 10)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE gone RENAME TO shipped"))
    assert store.counts() == (0, 0)
    assert store.offset("gate-0/1") == 0


@pytest.mark.parametrize("order", [(1000.0, 1000.4), (1000.4, 1000.0)])
def test_of_one_attempt_judged_twice_the_later_verdict_stands(
    store: RecordStore, order: tuple[float, float]
) -> None:
    for index, at in enumerate(order):
        reason = "later" if at == max(order) else "earlier"
        store.ship([_decision("a", at, reason=reason)], f"gate-{index}/1", 10)
    assert store.counts() == (1, 0)
    assert store.newest(10)[0]["reason"] == "later"


def test_a_withdrawn_verdict_stands_for_itself_and_for_nobody_elses(store: RecordStore) -> None:
    written, withdrawn = _decision("a", 1000.0, reason="written"), _decision("a", 1000.0, reason="withdrawn")
    store.ship([written, withdrawn], "gate-0/1", 10)
    assert store.newest(10)[0]["reason"] == "withdrawn"
    store.ship([_decision("a", 1000.1, reason="of the gate asked next")], "gate-1/1", 10)
    store.ship([withdrawn], "gate-0/1", 20)
    assert store.newest(10)[0]["reason"] == "of the gate asked next"


def test_a_call_is_decision_and_outcome_in_one(store: RecordStore) -> None:
    store.ship([_decision("a", direction="outbound")], "gate-0/1", 10)
    running = store.call("c-a")
    assert running is not None
    assert (running["ended_at"], running["duration_s"], running["ending"]) == (None, None, None)
    store.ship([_outcome("a")], "edge/1", 10)
    ended = store.call("c-a")
    assert ended is not None
    assert (ended["duration_s"], ended["ending"], ended["end_code"]) == (2.5, "bye", 200)
    assert (ended["carrier"], ended["started_at"]) == ("north", 1000.0)
    assert store.call("c-none") is None


def test_an_outcome_may_come_before_its_decision(store: RecordStore) -> None:
    store.ship([_outcome("a")], "edge/1", 10)
    store.ship([_decision("a")], "gate-0/1", 10)
    assert store.newest(1)[0]["ending"] == "bye"


def test_the_newest_come_first(store: RecordStore) -> None:
    store.ship([_decision("a", 1.0), _decision("c", 3.0), _decision("b", 2.0)], "gate-0/1", 10)
    assert [call["record_id"] for call in store.newest(2)] == ["c", "b"]


def test_a_forgotten_segment_begins_anew(store: RecordStore) -> None:
    store.ship([_decision("a")], "gate-0/1", 10)
    store.forget_segment("gate-0/1")
    assert store.offset("gate-0/1") == 0


def test_admitted_calls_without_outcome_are_found_by_their_time(store: RecordStore) -> None:
    refused = _decision("refused", verdict="reject")
    store.ship(
        [_decision("a"), _decision("b"), _outcome("b"), refused, _decision("c", 2000.0)], "gate-0/1", 1
    )
    found = store.without_outcome(after=1000.0, before=2000.0)
    assert [decision.record_id for decision in found] == ["a"]
    assert found[0] == _decision("a")
    assert [d.record_id for d in store.without_outcome(after=0.0, before=9999.0)] == ["a", "c"]


def test_closing_a_call_again_changes_nothing(store: RecordStore) -> None:
    store.ship([_decision("a"), _decision("b"), _outcome("b")], "gate-0/1", 1)
    unknown = [
        OutcomeRecord(
            record_id=name,
            at=1.0,
            outcome=Outcome(record_id=name, call_id="c", ending=Ending.ENDED_UNKNOWN, ended_by="us"),
        )
        for name in ("a", "b")
    ]
    for _ in range(2):
        store.close(unknown)
    assert {call["record_id"]: call["ending"] for call in store.newest(9)} == {
        "a": "ended-unknown",
        "b": "bye",
    }


def test_a_database_further_than_this_version_is_used_as_it_is(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(sa.text("ALTER TABLE decisions ADD COLUMN of_a_later_version TEXT"))
    migrate(engine)
    store = RecordStore(engine)
    store.ship([_decision("a"), _outcome("a")], "gate-0/1.jsonl", 10)
    assert store.counts() == (1, 1)


def test_a_copy_taken_while_rows_are_written_is_one_moment(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    store, copy = RecordStore(engine), tmp_path / "copy.db"
    for number in range(20):
        store.ship([_decision(f"a{number}")], "gate-0/1.jsonl", number)
    with engine.begin() as connection:  # a writer in the middle of its work holds nobody up, and is not seen
        connection.execute(sa.text("DELETE FROM decisions"))
        copy_sqlite(tmp_path / "records.db", copy)
    with copy.open("rb") as file:
        assert is_sqlite(file)
    copied = open_database(f"sqlite:///{copy}")
    assert RecordStore(copied).counts() == (20, 0)
    assert RecordStore(copied).offset("gate-0/1.jsonl") == 19
    copied.dispose()
    assert store.counts() == (0, 0)
    engine.dispose()
