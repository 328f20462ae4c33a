"""Retention: each tenant's calls for as long as its policy says, a few at a time, told and counted."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkward.records.model import DecisionRecord, Event, EventRecord, MessageRecord
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore
from trunkward.trunks.retention import DAY_S, RetentionPolicy
from trunkward.worker import retention as module
from trunkward.worker.retention import BATCH, LOOK_S, Retention

NOW = 1000 * DAY_S
POLICY = RetentionPolicy(calls_days=100, ladder_days=10, tenants={"short": 5, "long": 500})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    yield RecordStore(engine)
    engine.dispose()


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, event: str, **facts: object) -> None:
        self.lines.append({"event": event} | facts)


def _call(name: str, days: float, tenant: str = "") -> DecisionRecord:
    at = NOW - days * DAY_S
    return DecisionRecord(
        record_id=name,
        at=at,
        attempt_id=name,
        call_id=name,
        verdict="admit",
        reason="admitted",
        tenant=tenant,
    )


def _message(name: str, days: float) -> MessageRecord:
    return MessageRecord(record_id=name, at=NOW - days * DAY_S, side="caller", way="in", what="INVITE")


def _left(store: RecordStore) -> set[str]:
    return {kept.view["record_id"] for kept in store.find()}


def test_each_tenants_calls_for_their_time(store: RecordStore) -> None:
    names = {"short": (4, 6), "long": (499, 501), "usual": (99, 101), "": (99, 101)}
    calls = [_call(f"{tenant}{days}", days, tenant) for tenant, both in names.items() for days in both]
    store.ship([*calls, _message("usual101", 101), _message("long499", 9)], "gate-0/1", 10)
    log = Log()
    retention = Retention(store, log)
    retention.round(POLICY, NOW)
    assert _left(store) == {"short4", "long499", "usual99", "99"}
    assert store.messages(["usual101"], 0, NOW) == []
    assert len(store.messages(["long499"], 0, NOW)) == 1
    assert retention.calls_deleted == 4
    told = {line["tenant"]: (line["calls"], line["ladder_parts"], line["days"]) for line in log.lines}
    assert told == {"short": (1, 0, 5), "long": (1, 0, 500), "usual": (1, 1, 100), "": (1, 0, 100)}


def test_events_have_the_time_of_their_tenant(store: RecordStore) -> None:
    """Also where a tenant has no call any more."""
    events = [
        EventRecord(
            event_id=f"{tenant}{days}",
            at=NOW - days * DAY_S,
            since=NOW - days * DAY_S,
            event=Event.REGISTERED_ELSEWHERE,
            tenant=tenant,
        )
        for tenant, days in (("short", 4), ("short", 6), ("", 99), ("", 101))
    ]
    store.ship(events, "gate-0/1", 10)
    log = Log()
    Retention(store, log).round(POLICY, NOW)
    assert {one.event_id for one in store.events.find()} == {"short4", "99"}
    assert [(line["tenant"], line["events"]) for line in log.lines] == [("", 1), ("short", 1)]


def test_ladders_have_a_shorter_time(store: RecordStore) -> None:
    store.ship([_call("a", 11), _message("a", 11), _message("nobodys", 11)], "gate-0/1", 10)
    store.ship([_message("a", 9)], "gate-0/1", 20)
    log = Log()
    retention = Retention(store, log)
    retention.round(POLICY, NOW)
    assert _left(store) == {"a"}
    assert len(store.messages(["a", "nobodys"], 0, NOW)) == 1
    assert [line["parts"] for line in log.lines] == [2]
    assert retention.ladders_deleted == 2


def test_nothing_is_looked_for_until_something_may_be_due(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def tenants() -> list[str]:
        looks.append("look")
        return []

    monkeypatch.setattr(store, "tenants", tenants)
    retention = Retention(store, Log())
    for now in (NOW, NOW + LOOK_S - 1, NOW + LOOK_S, NOW + LOOK_S + 1):
        retention.round(POLICY, now)
    assert len(looks) == 2
    retention.round(RetentionPolicy(calls_days=1), NOW + LOOK_S + 2)  # a shorter one is not waited for
    assert len(looks) == 3


def test_a_round_is_short_and_goes_on_where_it_was(store: RecordStore) -> None:
    store.ship([_call(f"r{number:04d}", 200) for number in range(3 * BATCH)], "gate-0/1", 10)
    ticks = iter(range(1000))
    beats: list[None] = []
    log = Log()
    retention = Retention(store, log)

    def round_of_one_batch() -> None:
        retention.round(POLICY, NOW, lambda: beats.append(None), clock=lambda: float(next(ticks)))

    for rounds, left in ((1, 2 * BATCH), (2, BATCH), (3, 0)):
        round_of_one_batch()
        assert len(_left(store)) == left, rounds
        assert len(beats) == rounds
    assert log.lines == []
    round_of_one_batch()
    assert [line["calls"] for line in log.lines] == [3 * BATCH]


def test_calls_are_written_and_read_meanwhile(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader goes on in another thread while batches are deleted and records shipped, as the worker does in turns."""
    monkeypatch.setattr(module, "_SHARE_S", 0.005)
    store.ship([_call(f"old{number:05d}", 200) for number in range(5000)], "gate-0/1", 10)
    retention = Retention(store, Log())
    problems: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                list(store.find(limit=1000))
            except Exception as problem:
                problems.append(problem)
                return

    reader = threading.Thread(target=read)
    reader.start()
    rounds = 0
    try:
        while retention.calls_deleted < 5000:
            retention.round(POLICY, NOW + rounds * LOOK_S)
            store.ship([_call(f"new{rounds:05d}", 0)], "gate-0/1", 20 + rounds)
            rounds += 1
            assert rounds < 1000
    finally:
        done.set()
        reader.join()
    assert problems == []
    assert _left(store) == {f"new{number:05d}" for number in range(rounds)}
    assert rounds > 1


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_look(store: RecordStore) -> None:
    retention = Retention(store, Log())
    retention.round(POLICY, NOW + 300 * DAY_S)
    store.ship([_call("old", 101)], "gate-0/1", 10)
    retention.round(POLICY, NOW)
    assert _left(store) == set()
