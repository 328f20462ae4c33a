"""The records database: migrations, shipping by record id, finding calls, forgetting them; on SQLite and PostgreSQL."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from trunkward.calls.outcome import Ending, Outcome
from trunkward.control.traceback import Question
from trunkward.records.filter import CallFilter
from trunkward.records.model import DecisionRecord, MessageRecord, OutcomeRecord, Record
from trunkward.store import database
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore
from trunkward.store.schema import metadata
from trunkward.store.sqlite_copy import copy_sqlite, is_sqlite


@pytest.fixture
def store(engine: sa.Engine) -> RecordStore:
    return RecordStore(engine)


def _decision(record_id: str, at: float = 1000.0, **more: object) -> DecisionRecord:
    facts = {"call_id": f"c-{record_id}", "verdict": "admit", "reason": "admitted", "trunk": "acme"} | more
    return DecisionRecord(record_id=record_id, at=at, attempt_id=record_id, **facts)  # type: ignore[arg-type]


def _outcome(record_id: str, **more: object) -> OutcomeRecord:
    facts = {
        "ending": Ending.BYE,
        "answered_at": 1001.0,
        "ended_at": 1003.5,
        "status": 200,
        "ended_by": "caller",
    }
    facts |= {"peer": "north"} | more
    outcome = Outcome(record_id=record_id, call_id=f"c-{record_id}", **facts)  # type: ignore[arg-type]
    return OutcomeRecord(record_id=record_id, at=1004.0, outcome=outcome)


def _message(record_id: str, at: float, what: str = "INVITE") -> MessageRecord:
    return MessageRecord(record_id=record_id, at=at, side="caller", way="in", what=what)


# ---- the form of the database --------------------------------------------------------------------


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
    found = sa.inspect(engine)
    for table in metadata.sorted_tables:  # what alembic compares on SQLite in part only
        indexes = {
            (i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in found.get_indexes(table.name)
        }
        assert indexes == {
            (index.name, tuple(column.name for column in index.columns), bool(index.unique))
            for index in table.indexes
        }


def _to(engine: sa.Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes |= {"connection": connection, "version_table": "alembic_version"}
        (command.downgrade if revision == "0001" else command.upgrade)(config, revision)
        connection.commit()


def test_the_second_step_keeps_every_record(engine: sa.Engine, store: RecordStore) -> None:
    more: dict[str, Any] = {
        "direction": "outbound",
        "calling_number": "+12025550101",
        "called_number": "+12125550142",
    }
    store.ship(
        [_decision("a", **more), _decision("b", 1001.0), _outcome("a"), _outcome("lone")], "gate-0/1", 10
    )
    inbound = _decision("c", 1002.0, direction="inbound", source_name="north")
    store.ship([inbound, _outcome("c", peer="acme", answered_at=None)], "gate-0/1", 20)
    before = [kept.view for kept in store.find()]
    _to(engine, "0001")
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM decisions")) == 3
        assert connection.scalar(sa.text("SELECT count(*) FROM outcomes")) == 3
    _to(engine, "head")
    after = {view["record_id"]: view for view in store.newest(10)}
    assert after == {view["record_id"]: view for view in before}
    assert store.offset("gate-0/1") == 20
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT record_id, carrier, duration_s, called_number FROM calls"))
        assert sorted(tuple(row) for row in rows) == [
            ("a", "north", 2.5, "+12125550142"), ("b", "", None, ""), ("c", "north", None, ""), ("lone", "north", 2.5, ""),
        ]  # fmt: skip
    store.ship([_decision("lone", 1003.0)], "gate-0/1", 30)
    assert store.newest(1)[0]["ending"] == "bye"


# ---- shipping ------------------------------------------------------------------------------------


def test_shipping_twice_doubles_nothing(store: RecordStore) -> None:
    messages = [_message("a", 1.0), _message("a", 2.0, "BYE"), _message("b", 1.0)]
    for _ in range(2):
        store.ship([_decision("a"), _outcome("a"), _decision("b"), *messages], "gate-0/1", 30)
    assert store.counts() == (2, 1)
    assert store.messages(["a", "b"], 0, 10) == [messages[0], messages[2], messages[1]]


def test_messages_that_are_read_again_in_other_parts_are_there_once(store: RecordStore) -> None:
    messages = [_message("a", float(at), f"M{at}") for at in range(6)]
    for first, last in ((0, 2), (2, 5), (0, 4), (3, 6), (0, 6)):
        store.ship(messages[first:last], "ladder/1", last)
    assert store.messages(["a"], 0, 10) == messages


def test_records_and_offset_go_together_or_not_at_all(store: RecordStore) -> None:
    nowhere: Any = None  # which no row about a segment may be
    with pytest.raises(sa.exc.IntegrityError):
        store.ship([_decision("a"), _message("a", 1.0)], "gate-0/1.jsonl", nowhere)
    assert store.counts() == (0, 0)
    assert store.messages(["a"], 0, 10) == []
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
    assert len(list(store.find(CallFilter(reason="later")))) == 1


def test_a_withdrawn_verdict_stands_for_itself_and_for_nobody_elses(store: RecordStore) -> None:
    written, withdrawn = _decision("a", 1000.0, reason="written"), _decision("a", 1000.0, reason="withdrawn")
    store.ship([written, withdrawn], "gate-0/1", 10)
    assert store.newest(10)[0]["reason"] == "withdrawn"
    store.ship([_decision("a", 1000.1, reason="of the gate asked next")], "gate-1/1", 10)
    store.ship([withdrawn], "gate-0/1", 20)
    assert store.newest(10)[0]["reason"] == "of the gate asked next"


def test_the_first_outcome_stands(store: RecordStore) -> None:
    store.ship([_decision("a"), _outcome("a"), _outcome("a", ending=Ending.ENDED_UNKNOWN)], "edge/1", 10)
    assert store.newest(1)[0]["ending"] == "bye"


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


@pytest.mark.parametrize(("direction", "carrier"), [("outbound", "acme-hq"), ("inbound", "north")])
def test_an_outcome_may_come_before_its_decision(store: RecordStore, direction: str, carrier: str) -> None:
    made = _decision("a", direction=direction, source_name="north")
    for records in ([_outcome("a", peer="acme-hq")], [made]):
        store.ship(records, "edge/1", 10)
    view = store.newest(1)[0]
    assert (view["ending"], view["started_at"], view["carrier"]) == ("bye", 1000.0, carrier)
    assert len(list(store.find(CallFilter(carrier=carrier, ending="bye", min_duration_s=2)))) == 1


@pytest.mark.parametrize("outcome_first", [True, False])
def test_what_was_refused_after_it_was_let_through_is_found_by_that(
    store: RecordStore, *, outcome_first: bool
) -> None:
    lost = _outcome("a", ending=Ending.FAILED, answered_at=None, status=480, reason="not-registered")
    records: list[Record] = [_decision("a"), lost]
    for number, record in enumerate(reversed(records) if outcome_first else records):
        store.ship([record], f"gate-{number}/1", 10)
    store.ship([_decision("b"), _outcome("b")], "gate-2/1", 10)
    (found,) = store.find(CallFilter(reason="not-registered"))
    assert (found.view["reason"], found.view["end_reason"]) == ("admitted", "not-registered")
    assert [kept.view["record_id"] for kept in store.find(CallFilter(reason="admitted"))] == ["b"]


def test_what_a_peer_chose_can_be_as_long_and_odd_as_it_likes(store: RecordStore) -> None:
    call_id = "ü\x00'\"" * 20_000
    store.ship([_decision("a", call_id=call_id)], "gate-0/1", 10)
    found = store.call(call_id)
    assert found is not None
    assert found["call_id"] == call_id


def test_a_forgotten_segment_begins_anew(store: RecordStore) -> None:
    store.ship([_decision("a")], "gate-0/1", 10)
    store.forget_segment("gate-0/1")
    assert store.offset("gate-0/1") == 0


# ---- finding -------------------------------------------------------------------------------------


def _ids(store: RecordStore, limit: int | None = None, **wanted: Any) -> list[str]:
    return [kept.view["record_id"] for kept in store.find(CallFilter(**wanted), limit)]


@pytest.fixture
def some(store: RecordStore) -> RecordStore:
    outbound = {"direction": "outbound", "tenant": "acme", "calling_number": "+12025550101"}
    store.ship(
        [
            _decision("a", 1.0, **outbound, called_number="+12125550142", claimed_number="+18005551234"),
            _decision("b", 2.0, **outbound, called_number="911", reason="admitted-emergency"),
            _decision("c", 3.0, direction="inbound", source_name="south", tenant="beta", trunk="beta-hq",
                      calling_number="+13035550199", called_number="+12025550101"),
            _decision("d", 4.0, verdict="reject", reason="no-route", status=404, tenant="acme",
                      shown_number="+14045550177"),
            _outcome("a"), _outcome("b", peer="east", ending=Ending.FAILED, answered_at=None),
            _outcome("c", peer="beta-hq", ended_at=1001.0),
        ],
        "gate-0/1", 10,
    )  # fmt: skip
    return store


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "dcba"),
        ({"claimed_number": "+18005551234"}, "a"), ({"number": "+1800*"}, "a"), ({"claimed_number": "+1202*"}, ""),
        ({"tenant": "acme"}, "dba"), ({"trunk": "beta-hq"}, "c"), ({"verdict": "reject"}, "d"),
        ({"reason": "admitted-emergency"}, "b"), ({"ending": "failed"}, "b"),
        ({"carrier": "north"}, "a"), ({"carrier": "east"}, "b"), ({"carrier": "south"}, "c"), ({"carrier": "beta-hq"}, ""),
        ({"calling_number": "+12025550101"}, "ba"), ({"calling_number": "+1202555010"}, ""),
        ({"calling_number": "+1*"}, "cba"), ({"calling_number": "+13*"}, "c"), ({"called_number": "911"}, "b"),
        ({"number": "+12025550101"}, "cba"), ({"number": "+1303*"}, "c"), ({"number": "9*"}, "b"),
        ({"shown_number": "+14045550177"}, "d"), ({"number": "+14045550177"}, "d"), ({"shown_number": "+1202*"}, ""),
        ({"since": 2.0}, "dcb"), ({"until": 2.0}, "a"), ({"since": 2.0, "until": 4.0}, "cb"),
        ({"min_duration_s": 0.0}, "ca"), ({"min_duration_s": 2.5}, "a"), ({"min_duration_s": 2.6}, ""),
        ({"tenant": "acme", "ending": "bye", "carrier": "north", "verdict": "admit"}, "a"),
        ({"tenant": "acme", "ending": "bye", "carrier": "south"}, ""),
    ],
)  # fmt: skip
def test_each_condition(some: RecordStore, wanted: dict[str, Any], expected: str) -> None:
    assert "".join(_ids(some, **wanted)) == expected


def test_pages_leave_out_none_and_double_none(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkward.store.records._PAGE", 7)
    # many of one moment: what is the page's last and the next one's first is told by the row
    names = [f"r{number:03d}" for number in range(50)]
    store.ship([_decision(name, 1000.0 + number // 20) for number, name in enumerate(names)], "gate-0/1", 10)
    assert sorted(_ids(store)) == names
    assert _ids(store, 20) == _ids(store)[:20]
    assert _ids(store, 7) == _ids(store)[:7]
    assert _ids(store, 0) == []
    times = [kept.view["started_at"] for kept in store.find()]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "wanted",
    [
        {}, {"since": 1.0}, {"tenant": "acme"}, {"trunk": "acme"}, {"carrier": "north"}, {"calling_number": "+1"},
        {"shown_number": "+1"}, {"claimed_number": "+1"}, {"verdict": "reject"}, {"reason": "no-route"}, {"ending": "failed"}, {"min_duration_s": 3.0},
        {"tenant": "acme", "ending": "failed", "min_duration_s": 3.0},
    ],
)  # fmt: skip
def test_newest_first_is_read_off_an_index(
    engine: sa.Engine, store: RecordStore, wanted: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("the plan is SQLite's")
    asked: list[tuple[str, object]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    _ids(store, 20, **wanted)
    (query, values) = asked[0]
    with engine.connect() as connection:
        plan = [str(step[-1]) for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]  # type: ignore[arg-type]
    assert "USING" in plan[0], plan
    assert "INDEX ix_calls_" in plan[0], plan
    assert not [step for step in plan if "TEMP B-TREE" in step], plan


@pytest.mark.parametrize("other", [None, "+12125550142"])
def test_property_31_a_number_at_a_time_is_found_in_its_index(
    engine: sa.Engine, store: RecordStore, other: str | None
) -> None:
    """Property 31: however many calls there are, those of a number within minutes are all that is looked at."""
    if engine.dialect.name != "sqlite":
        pytest.skip("the plan is SQLite's")
    question = Question(
        number="+12025550101", other=other, at=1000.0, within_s=300.0, asked_by="", received_at=0.0
    )
    asked: list[tuple[str, object]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    callers = ("calling_number", "shown_number", "claimed_number")
    columns = (*callers, *(["called_number"] if other is None else callers))
    for wanted, column in zip(question.filters(), columns, strict=True):
        asked.clear()
        assert list(store.find(wanted, 101)) == []
        (query, values) = asked[0]
        with engine.connect() as connection:
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)  # type: ignore[arg-type]
            plan = [str(step[-1]) for step in steps]
        assert re.search(
            r"INDEX ix_calls_(calling|called|shown|claimed)_number \(\w+=\? AND at>\? AND at<\?\)", plan[0]
        ), plan
        assert other is not None or column in plan[0], plan


def test_how_many_there_are_of_a_time_and_the_oldest(store: RecordStore) -> None:
    assert (store.oldest_at(), store.count(0.0, 1e12)) == (None, 0)
    store.ship([_decision(name, at) for name, at in (("a", 5.0), ("b", 7.0), ("c", 9.0))], "gate-0/1", 10)
    assert (store.oldest_at(), store.count(5.0, 9.0), store.count(6.0, 6.5)) == (5.0, 2, 0)


def test_looking_up_by_what_a_person_has(store: RecordStore) -> None:
    store.ship(
        [_decision("abcd"), _decision("abce"), _decision("ff", call_id="abcd@example.com")], "gate-0/1", 10
    )
    store.ship([_decision("01", 1.0, call_id="twice"), _decision("02", 2.0, call_id="twice")], "gate-0/1", 20)

    def found(name: str) -> list[str]:
        return [view["record_id"] for view in store.look_up(name)]

    assert found("abcd") == ["abcd"]
    assert sorted(found("abc")) == ["abcd", "abce"]
    assert found("f") == ["ff"]
    assert found("abcd@example.com") == ["ff"]
    assert found("twice") == ["02", "01"]
    assert found("") == found("zz") == found("%") == found("_") == []


def test_news_of_calls(store: RecordStore) -> None:
    store.ship([_decision("a"), _outcome("b")], "gate-0/1", 10)
    last = 0
    came = store.since(last)
    assert [(kept.view["record_id"], kept.decided, kept.ended) for kept in came] == [
        ("a", True, False),
        ("b", False, True),
    ]
    ids = [kept.id for kept in came]
    assert store.complete(ids) == []
    assert store.running(0.0, 10) == [ids[0]]
    store.ship(
        [_decision("b"), _outcome("a"), _decision("c", verdict="reject", reason="no-route")], "gate-0/1", 20
    )
    assert [kept.view["record_id"] for kept in store.complete(ids)] == ["a", "b"]
    assert store.running(0.0, 10) == []
    assert [kept.view["record_id"] for kept in store.since(store.last_id() - 1)] == ["c"]
    assert store.matching([*ids, store.last_id()], CallFilter(reason="no-route")) == {store.last_id()}


# ---- forgetting ----------------------------------------------------------------------------------


def test_calls_are_forgotten_by_tenant_and_time_with_their_messages(some: RecordStore) -> None:
    some.ship([_message("a", 1.0), _message("a", 5.0), _message("c", 3.0)], "ladder/1", 10)
    assert some.tenants() == ["acme", "beta"]
    assert some.delete_calls("acme", 4.0, 1) == (1, 1)
    assert _ids(some) == ["d", "c", "b"]
    assert some.messages(["a", "c"], 0, 10) == [_message("c", 3.0)]
    assert some.delete_calls("acme", 4.0, 10) == (1, 0)
    assert some.delete_calls("acme", 4.0, 10) == (0, 0)
    assert _ids(some) == ["d", "c"]
    assert some.delete_calls("", 1e12, 10) == (0, 0)


def test_messages_are_forgotten_by_time(some: RecordStore) -> None:
    some.ship([_message("a", 1.0), _message("b", 2.0), _message("x", 3.0)], "ladder/1", 10)
    assert some.delete_ladders(3.0, 1) == 1
    assert some.delete_ladders(3.0, 10) == 1
    assert [message.record_id for message in some.messages(["a", "b", "x"], 0, 10)] == ["x"]


def test_what_is_kept_is_what_was_written(some: RecordStore, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        text = connection.scalar(sa.text("SELECT outcome FROM calls WHERE record_id = 'b'"))
    assert "answered_at" not in json.loads(text)


# ---- what was left open, and other versions ------------------------------------------------------


def test_admitted_calls_without_outcome_are_found_by_their_time(store: RecordStore) -> None:
    refused = _decision("refused", verdict="reject")
    store.ship(
        [_decision("a"), _decision("b"), _outcome("b"), refused, _decision("c", 2000.0)], "gate-0/1", 1
    )
    found = store.without_outcome(after=1000.0, before=2000.0)
    assert [decision.record_id for decision in found] == ["a"]
    assert found[0] == _decision("a")
    assert [d.record_id for d in store.without_outcome(after=0.0, before=9999.0)] == ["a", "c"]


def test_calls_are_counted_down_by_their_time(store: RecordStore) -> None:
    store.ship([_decision(f"{n}", 1000.0 + n) for n in range(5)], "gate-0/1", 1)
    assert store.some_older(math.inf, 2) == 1002.0
    assert store.some_older(1002.0, 1) == 1000.0
    assert store.some_older(1000.0, 1) == -math.inf
    assert [d.record_id for d in store.without_outcome(after=-math.inf, before=1002.0)] == ["0", "1"]


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
        connection.execute(sa.text("ALTER TABLE calls ADD COLUMN of_a_later_version TEXT"))
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
        connection.execute(sa.text("DELETE FROM calls"))
        copy_sqlite(tmp_path / "records.db", copy)
    with copy.open("rb") as file:
        assert is_sqlite(file)
    copied = open_database(f"sqlite:///{copy}")
    assert RecordStore(copied).counts() == (20, 0)
    assert RecordStore(copied).offset("gate-0/1.jsonl") == 19
    copied.dispose()
    assert store.counts() == (0, 0)
    engine.dispose()


def test_two_nodes_with_one_database_have_segments_of_one_name(engine: sa.Engine) -> None:
    """As those of the edges are, which begin with the hour: none is taken for shipped that another one has."""
    first, second = RecordStore(engine, "sbc-1"), RecordStore(engine, "sbc-2")
    first.ship([_decision("a")], "edge/1.jsonl", 100)
    assert second.offset("edge/1.jsonl") == 0
    second.ship([_decision("b")], "edge/1.jsonl", 50)
    assert [RecordStore(engine, name).offset("edge/1.jsonl") for name in ("sbc-1", "sbc-2")] == [100, 50]
    first.forget_segment("edge/1.jsonl")
    assert [RecordStore(engine, name).offset("edge/1.jsonl") for name in ("sbc-1", "sbc-2")] == [0, 50]
