"""Calls whose records say that they were signed: all before a time, of one node, read page by page."""

import pytest
import sqlalchemy as sa

from trunkward.records.model import AttestationRecord, DecisionRecord
from trunkward.store.records import RecordStore
from trunkward.store.schema import calls
from trunkward.store.signed import SignedCall, UnreadableCall, signed_calls

SIGNED = AttestationRecord(rule="A-own-inventory", identity="node", serial="1f", journal=3)


def _decision(
    record_id: str,
    at: float,
    attestation: AttestationRecord | None = SIGNED,
    call_id: str = "c",
    node: str = "",
) -> DecisionRecord:
    return DecisionRecord(
        record_id=record_id,
        at=at,
        attempt_id="a",
        call_id=call_id,
        verdict="admit",
        reason="admitted",
        attestation=attestation,
        node=node,
    )


def _readable(engine: sa.Engine, node: str = "") -> list[SignedCall]:
    return [call for call in signed_calls(engine, 1002.0, node) if isinstance(call, SignedCall)]


def test_calls_that_were_signed(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkward.store.signed._PAGE", 2)
    # several of one moment, over the end of a page
    records = [_decision(str(number), 1000.0 + number // 3) for number in range(9)]
    records += [
        _decision("x", 1001.0, AttestationRecord(rule="none-caller-private")),
        _decision("y", 1001.0, None, call_id='"serial":"1f"'),
        _decision("z", 1001.5, node="far"),
    ]
    RecordStore(engine).ship(records, "gate-0/1", 10)
    found = _readable(engine)
    assert sorted(call.record_id for call in found) == ["0", "1", "2", "3", "4", "5", "z"]
    assert [call.at for call in found] == sorted(call.at for call in found)
    assert {call.identity for call in found} == {"node"}
    assert [call.record_id for call in _readable(engine, "far")] == ["z"]


@pytest.mark.parametrize(
    "decision",
    [
        '{"serial":"x", oops',
        '{"record_id":7,"serial":"x"}',
        '{"serial":"x","a":' + "[" * 5000,
        '{"record_id":"b","at":1e300,"attestation":{"rule":"A-own-inventory","serial":"x"}}',
    ],
)
def test_a_record_that_cannot_be_read_is_told_and_hides_no_other(engine: sa.Engine, decision: str) -> None:
    RecordStore(engine).ship([_decision(name, 1000.0 + ord(name)) for name in "abc"], "gate-0/1", 10)
    with engine.begin() as connection:
        connection.execute(calls.update().where(calls.c.record_id == "b").values(decision=decision))
    first, second, third = signed_calls(engine, 2000.0, "")
    assert (first, third) == tuple(
        SignedCall(record_id=name, at=1000.0 + ord(name), identity="node") for name in "ac"
    )
    assert second == UnreadableCall(record_id="b")
