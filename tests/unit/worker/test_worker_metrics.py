"""What the worker counts: calls by their outcomes once they are in the database, and what waits."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry, generate_latest

from trunkward.calls.outcome import Ending, Outcome
from trunkward.engines.waiting import Waiting, waiting
from trunkward.records.model import DecisionRecord, MessageRecord, OutcomeRecord
from trunkward.records.segment import encode
from trunkward.store.database import migrate, open_database
from trunkward.worker.carriers import Carriers, State
from trunkward.worker.metrics import CountedStore, WorkerMetrics
from trunkward.worker.ship import ship


def _decision(name: str) -> DecisionRecord:
    return DecisionRecord(
        record_id=name, at=90.0, attempt_id=name, call_id=name, verdict="admit", reason="admitted"
    )


def _outcome(name: str, ending: Ending, answered_at: float, ended_at: float) -> OutcomeRecord:
    outcome = Outcome(record_id=name, call_id=name, ending=ending, answered_at=answered_at, ended_at=ended_at)
    return OutcomeRecord(record_id=name, at=ended_at, outcome=outcome)


@pytest.fixture
def counted() -> WorkerMetrics:
    return WorkerMetrics(lambda: None)


@pytest.fixture
def store(tmp_path: Path, counted: WorkerMetrics) -> Iterator[CountedStore]:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    yield CountedStore(engine, counted.shipped)
    engine.dispose()


def _text(counted: WorkerMetrics) -> str:
    registry = CollectorRegistry()
    registry.register(counted)
    return generate_latest(registry).decode()


def test_calls_are_counted_by_ending_and_answer(counted: WorkerMetrics) -> None:
    counted.shipped([_decision("a"), _decision("b"), _outcome("a", Ending.BYE, 100.0, 160.0)])
    counted.shipped([MessageRecord("a", 90.0, "caller", "in", "INVITE")])
    counted.shipped([_outcome("b", Ending.FAILED, 0.0, 101.0), _outcome("c", Ending.BYE, 100.0, 99.0)])
    text = _text(counted)
    for line in (
        'trunkward_records_shipped_total{kind="decision"} 2.0',
        'trunkward_records_shipped_total{kind="outcome"} 3.0',
        'trunkward_records_shipped_total{kind="message"} 1.0',
        'trunkward_calls_ended_total{answered="yes",ending="bye"} 2.0',
        'trunkward_calls_ended_total{answered="no",ending="failed"} 1.0',
        "trunkward_calls_talk_seconds_total 60.0",  # a clock set back takes nothing away
    ):
        assert line in text, text
    assert "waiting" not in text  # not known yet


def test_what_the_edge_decides_itself_is_counted_by_reason(counted: WorkerMetrics) -> None:
    refused, name = (
        'trunkward_edge_verdicts_total{blame="us",reason="%s",verdict="reject"}',
        "gate-unavailable",
    )
    assert f"{refused % name} 0.0" in _text(counted)
    assert f"{refused % 'no-worker-free'} 0.0" in _text(counted)
    helped = 'trunkward_edge_verdicts_total{blame="nobody",reason="admitted-emergency",verdict="admit"}'
    assert f"{helped} 0.0" in _text(counted)
    by_edge = structs.replace(_decision("a"), gate=-1)
    counted.shipped([structs.replace(by_edge, verdict="reject", reason=name, blame="us"), _decision("b")])
    counted.shipped([structs.replace(by_edge, reason="admitted-emergency")])
    text = _text(counted)
    assert f"{refused % name} 1.0" in text
    assert f"{helped} 1.0" in text
    # what a gate decided, the gate counts
    assert 'reason="admitted"' not in text


def test_what_retention_deleted_and_how_carriers_are_is_told() -> None:
    carriers = Carriers(carriers=Counter([State.DOWN]), hosts=Counter([State.DOWN, State.DOWN]))
    counted = WorkerMetrics(lambda: None, lambda: carriers)
    counted.calls_deleted, counted.ladders_deleted = 7, 3
    text = _text(counted)
    for line in (
        'trunkward_records_deleted_total{kind="call"} 7.0',
        'trunkward_records_deleted_total{kind="ladder"} 3.0',
        'trunkward_carriers{state="down"} 1.0',
        'trunkward_carriers{state="up"} 0.0',
        'trunkward_carrier_hosts{state="down"} 2.0',
    ):
        assert line in text, text


def test_what_a_killed_kamailio_left_open_is_counted_too(counted: WorkerMetrics, store: CountedStore) -> None:
    store.close([_outcome("a", Ending.ENDED_UNKNOWN, 0.0, 99.0)])
    assert 'trunkward_calls_ended_total{answered="no",ending="ended-unknown"} 1.0' in _text(counted)


def test_messages_wait_since_they_were_seen(tmp_path: Path, store: CountedStore) -> None:
    ladder = tmp_path / "ladder"
    ladder.mkdir()
    (ladder / "1.jsonl").write_bytes(encode(MessageRecord("a", 90.0, "caller", "in", "INVITE")))
    assert waiting([ladder], store.known_offset).since == 90.0


def test_what_waits_is_told(counted: WorkerMetrics) -> None:
    told = _text(WorkerMetrics(lambda: Waiting(size_bytes=5, since=90.0), now=lambda: 100.0))
    assert "trunkward_records_waiting_bytes 5.0" in told
    assert "trunkward_records_waiting_seconds 10.0" in told


def test_what_is_shipped_waits_no_more_and_is_counted_once(
    tmp_path: Path, counted: WorkerMetrics, store: CountedStore
) -> None:
    gate = tmp_path / "gate-0"
    gate.mkdir()
    segment = gate / "1.jsonl"
    segment.write_bytes(encode(_decision("a")))
    assert waiting([gate], store.known_offset).since == 90.0
    for _ in range(2):
        ship([gate], store, 100.0, pytest.fail)
    assert waiting([gate], store.known_offset) == Waiting(size_bytes=0, since=None)
    assert 'trunkward_records_shipped_total{kind="decision"} 1.0' in _text(counted)
    store.forget_segment("gate-0/1.jsonl")
    assert store.known_offset("gate-0/1.jsonl") == 0


def test_property_35_when_evidence_ends(counted: WorkerMetrics) -> None:
    """Property 35: by kind, the first that ends; and what rests on a delegate that is not good any more."""
    registry = CollectorRegistry()
    registry.register(counted)
    told = generate_latest(registry).decode()
    assert "trunkward_evidence_bad_delegates 0.0" in told
    assert "trunkward_evidence_expiry_timestamp_seconds{" not in told
    counted.records_until, counted.bad_delegates = {"loa": 1_900_000_000.0, "port": 5.0}, 2
    told = generate_latest(registry).decode()
    assert 'trunkward_evidence_expiry_timestamp_seconds{evidence="loa"} 1.9e+09' in told
    assert 'trunkward_evidence_expiry_timestamp_seconds{evidence="port"} 5.0' in told
    assert "trunkward_evidence_bad_delegates 2.0" in told


def test_property_31_when_the_first_traceback_request_is_due(counted: WorkerMetrics) -> None:
    """Property 31: and how many wait; nothing is due where none does."""
    told = _text(counted)
    assert "trunkward_traceback_requests_open 0.0" in told
    assert "\ntrunkward_traceback_due_timestamp_seconds" not in told  # its name alone is told of
    assert "trunkward_traceback_requests_overdue 0.0" in told
    now = time.time()
    counted.traceback_dues = [now + 7200, now + 3600, now - 60, now - 120]
    told = _text(counted)
    assert "trunkward_traceback_requests_open 4.0" in told
    # what is overdue hides none that can still be answered in time
    assert "trunkward_traceback_requests_overdue 2.0" in told
    (due,) = (
        line for line in told.splitlines() if line.startswith("trunkward_traceback_due_timestamp_seconds ")
    )
    assert float(due.split()[1]) == pytest.approx(now + 3600, abs=0.01)
