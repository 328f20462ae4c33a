"""Events in the records database: shipped once, found by what they are of, forgotten in their time."""

import pytest
import sqlalchemy as sa

from trunkward.records.model import Event, EventRecord
from trunkward.store import events as module
from trunkward.store.records import RecordStore


@pytest.fixture
def store(engine: sa.Engine) -> RecordStore:
    return RecordStore(engine)


def refused(event_id: str, at: float, **claimed: int) -> EventRecord:
    return EventRecord(
        event_id=event_id,
        at=at,
        since=at - 30,
        event=Event.STRANGERS_REFUSED,
        count=5000,
        recorded=20,
        reason="credentials-refused",
        source="192.0.2.9",
        network="192.0.2.0/24",
        claimed=claimed,
    )


def registered(event_id: str, at: float, trunk: str = "acme-hq") -> EventRecord:
    return EventRecord(
        event_id=event_id,
        at=at,
        since=at,
        event=Event.REGISTERED_ELSEWHERE,
        tenant="acme",
        trunk=trunk,
        source="198.51.100.7",
        network="198.51.100.0/24",
        user_agent="PBX/1",
    )


def test_what_is_kept_is_what_was_written_and_shipping_twice_doubles_nothing(store: RecordStore) -> None:
    told = [refused("a", 100.0, **{"acme-hq": 3}), registered("b", 200.0)]
    store.ship(told, "gate-0/1", 10)
    store.ship(told, "gate-0/1", 10)
    assert list(store.events.find()) == told[::-1]


def test_each_condition(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    store.ship(
        [
            refused("a", 100.0, **{"acme-hq": 3}),
            refused("b", 100.0),
            registered("c", 200.0),
            registered("d", 300.0, trunk="acme-branch"),
            registered("e", 400.0),
        ],
        "gate-0/1",
        10,
    )

    def found(**wanted: object) -> str:
        return "".join(one.event_id for one in store.events.find(**wanted))  # type: ignore[arg-type]

    assert found() == "edcba"
    assert found(limit=3) == "edc"
    assert found(limit=0) == ""
    assert found(event="strangers-refused") == "ba"
    # its own, and strangers that said they are it
    assert found(trunk="acme-hq") == "eca"
    assert found(since=200.0) == "edc"


def test_they_are_forgotten_by_tenant_and_time(store: RecordStore) -> None:
    store.ship([refused("a", 100.0), registered("b", 100.0), registered("c", 200.0)], "gate-0/1", 10)
    assert sorted(store.events.tenants()) == ["", "acme"]
    assert store.events.delete("acme", 200.0, 10) == 1
    assert [one.event_id for one in store.events.find()] == ["c", "a"]
    assert store.events.delete("", 200.0, 10) == 1
    assert store.events.delete("", 200.0, 10) == 0
