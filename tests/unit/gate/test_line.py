"""The line: a record for every verdict, outcomes that outlast a full disk, one attempt one record id."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from trunkward.calls.attempt import CallAttempt
from trunkward.calls.outcome import Ending, Outcome
from trunkward.calls.verdict import Reject, Verdict
from trunkward.engines.signer_client import SignerClient
from trunkward.gate.line import Line
from trunkward.gate.recorder import Recorder, RecordNotWritten
from trunkward.gate.server import Unreadable
from trunkward.records.model import DecisionRecord, OutcomeRecord, Record

ATTEMPT = CallAttempt(
    id="0123456789abcdef" * 2, at=1.0, source_ip="192.0.2.1", source_port=5061, transport="tls",  # type: ignore[arg-type]
    local_ip="192.0.2.2", local_port=5061, ruri="sip:1@example.com", from_uri="sip:2@example.com",
    to_uri="sip:1@example.com", call_id="c", from_tag="t",
)  # fmt: skip


class _Disk(Recorder):
    """A recorder in memory, whose disk can be full."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.full = False

    def write(self, records: list[Record], *, synced: bool = True) -> None:
        if self.full:
            raise RecordNotWritten("No space left on device")
        self.written += records


class _Clock:
    def synchronised(self) -> bool:
        return True


def _line(disk: _Disk, policy: Any = lambda: None) -> Line:
    return Line(
        index=3,
        policy=policy,
        signer=SignerClient(Path("/nowhere")),
        origid_secret=b"s" * 32,
        clock=_Clock(),
        recorder=disk,
    )


def _judged(line: Line, attempt: CallAttempt | Unreadable) -> Verdict:
    return asyncio.run(line.judge(attempt))


def _broken() -> None:
    raise ZeroDivisionError


def test_a_refusal_nobody_judged_is_recorded_like_any_other() -> None:
    for policy, reason in ((lambda: None, "policy-not-loaded"), (_broken, "internal-error")):
        disk = _Disk()
        verdict = _judged(_line(disk, policy), ATTEMPT)
        assert isinstance(verdict, Reject)
        assert (verdict.status, verdict.reason.value) == (503, reason)
        [record] = disk.written
        assert isinstance(record, DecisionRecord)
        assert (record.reason, record.call_id, record.gate) == (reason, "c", 3)
        assert record.record_id == verdict.record_id


def test_an_attempt_asked_twice_has_one_record_id() -> None:
    assert {_judged(_line(_Disk()), ATTEMPT).record_id for _ in range(2)} == {ATTEMPT.id}
    # what is no id of the edge's is not taken over
    strange = msgspec.structs.replace(ATTEMPT, id="../../etc")
    assert _judged(_line(_Disk()), strange).record_id.isalnum()


def test_an_attempt_nobody_can_read_is_recorded() -> None:
    disk = _Disk()
    verdict = _judged(_line(disk), Unreadable(id="f" * 32, problem="rubbish"))
    assert verdict.id == "f" * 32
    assert [record.record_id for record in disk.written] == ["f" * 32]


def test_without_a_record_there_is_no_other_verdict() -> None:
    disk = _Disk()
    disk.full = True
    verdict = _judged(_line(disk), ATTEMPT)
    assert isinstance(verdict, Reject)
    assert verdict.status == 503


def test_outcomes_wait_until_the_disk_takes_them() -> None:
    disk = _Disk()
    line = _line(disk)
    disk.full = True
    for name in ("a", "b"):
        line.ended(Outcome(record_id=name, call_id="c", ending=Ending.BYE))
    assert disk.written == []
    disk.full = False
    line.write_outcomes()
    line.write_outcomes()
    assert [record.record_id for record in disk.written if isinstance(record, OutcomeRecord)] == ["a", "b"]
