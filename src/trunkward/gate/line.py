"""One call, one straight line: screen, gather, judge, record, answer.

1. `screen` reads the attempt against the policy; a refusal that needs nothing alive is one here.
2. `gather` asks what is alive.
3. `judge_call` decides.
4. The record is on the disk.
5. The verdict leaves.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Callable

import msgspec
import structlog

from trunkward.admission.gather import gather
from trunkward.admission.judge import Judgement, judge_call, judge_screened, refuse_unjudged
from trunkward.admission.ports import Clock
from trunkward.admission.screen import Case, screen
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.outcome import Outcome
from trunkward.calls.verdict import Admit, Reason, Reject, Verdict
from trunkward.engines.signer_client import SignerClient
from trunkward.gate import metrics
from trunkward.gate.peer import peer_identity
from trunkward.gate.recorder import Recorder, RecordNotWritten
from trunkward.gate.server import Unreadable
from trunkward.gate.signing import SignerForCall
from trunkward.numbering.e164 import E164
from trunkward.numbering.plan import Emergency
from trunkward.records.model import DecisionRecord, OutcomeRecord

#: Seconds a verdict may take; the edge waits a little longer (`engines.kamailio.GATE_DEADLINE_MS`).
DEADLINE_S = 0.4

#: Outcomes kept in memory while the disk takes none; a full disk for an hour at 25 calls/s.
MAX_UNWRITTEN = 90_000
#: What the edge chooses: a UUID in hex.
_ID = re.compile(r"[0-9a-f]{32}")

_log = structlog.get_logger("gate")


class Line:
    """The line of calls through one gate."""

    def __init__(
        self,
        *,
        index: int,
        policy: Callable[[], Snapshot | None],
        signer: SignerClient,
        origid_secret: bytes,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        """Keeps its parts; `policy` gives the snapshot in force, or None when there is none yet."""
        self._index = index
        self._policy = policy
        self._signer = signer
        self._secret = origid_secret
        self._clock = clock
        self._recorder = recorder
        self._unwritten: list[OutcomeRecord] = []

    async def judge(self, attempt: CallAttempt | Unreadable) -> Verdict:
        """The verdict on an attempt, recorded. Never raises: a fault of ours is a refusal that says so."""
        began = time.monotonic()
        # an attempt that is asked again, because a gate died before it could answer, is one attempt
        record_id = attempt.id if _ID.fullmatch(attempt.id) else uuid.uuid4().hex
        if isinstance(attempt, Unreadable):
            _log.error("attempt cannot be read: refused", record_id=record_id, problem=attempt.problem)
            return self._unjudged(attempt, record_id, began, Reason.INTERNAL_ERROR)
        try:
            async with asyncio.timeout(DEADLINE_S):
                verdict = await self._judge(attempt, record_id, began)
        except TimeoutError:
            _log.error("no verdict within the deadline: refused", record_id=record_id)
            verdict = self._unjudged(attempt, record_id, began, Reason.DEADLINE_EXCEEDED)
        except RecordNotWritten as problem:
            _log.error("record not written: refused", record_id=record_id, problem=str(problem))
            verdict = refuse_unjudged(attempt.id, record_id, Reason.RECORD_NOT_WRITTEN)
        except Exception:  # the gate's one place where an exception becomes a verdict
            _log.exception("fault while judging: refused", record_id=record_id)
            verdict = self._unjudged(attempt, record_id, began, Reason.INTERNAL_ERROR)
        metrics.seconds.observe(time.monotonic() - began)
        metrics.verdicts.labels(type(verdict).__name__.lower(), verdict.reason).inc()
        return verdict

    async def _judge(self, attempt: CallAttempt, record_id: str, began: float) -> Verdict:
        policy = self._policy()
        if policy is None:
            return self._unjudged(attempt, record_id, began, Reason.POLICY_NOT_LOADED)
        # 1.
        case = screen(attempt, peer_identity(attempt.tls), policy)
        judgement = judge_screened(case, record_id, time.time())
        if judgement is None:
            # 2.
            signer = SignerForCall(self._signer, self._secret, record_id)
            facts = await gather(case.signing_request, signer, self._clock)
            # 3.
            judgement = judge_call(case, facts, record_id, time.time())
            if isinstance(judgement.verdict, Admit):
                metrics.attested.labels(judgement.attest or "none").inc()
        # 4.
        self._recorder.write([self._record(case, judgement, policy, began)])
        # 5.
        return judgement.verdict

    def ended(self, outcome: Outcome) -> None:
        """Records what came of a call; keeps it while the disk does not take it."""
        metrics.outcomes.labels(outcome.ending).inc()
        self._unwritten.append(OutcomeRecord(record_id=outcome.record_id, at=time.time(), outcome=outcome))
        self.write_outcomes()

    def write_outcomes(self) -> None:
        """Tries to write the outcomes that could not be written so far."""
        if not self._unwritten:
            return
        try:
            self._recorder.write(list(self._unwritten), synced=False)
        except RecordNotWritten as problem:
            _log.error("outcomes not written, kept", waiting=len(self._unwritten), problem=str(problem))
            for lost in self._unwritten[MAX_UNWRITTEN:]:
                _log.error("outcome lost", outcome=msgspec.to_builtins(lost))
            del self._unwritten[MAX_UNWRITTEN:]
        else:
            self._unwritten.clear()

    def _unjudged(
        self, attempt: CallAttempt | Unreadable, record_id: str, began: float, reason: Reason
    ) -> Verdict:
        """The refusal of an attempt nobody could judge, recorded like every other verdict."""
        verdict = refuse_unjudged(attempt.id, record_id, reason)
        record = DecisionRecord(
            record_id=record_id,
            at=time.time(),
            attempt_id=attempt.id,
            call_id="" if isinstance(attempt, Unreadable) else attempt.call_id,
            verdict="reject",
            reason=verdict.reason,
            blame=verdict.blame,
            status=verdict.status,
            source="" if isinstance(attempt, Unreadable) else f"{attempt.source_ip}:{attempt.source_port}",
            transport="" if isinstance(attempt, Unreadable) else attempt.transport,
            gate=self._index,
            took_ms=round((time.monotonic() - began) * 1000, 3),
        )
        try:
            self._recorder.write([record])
        except RecordNotWritten as problem:
            _log.error("refusal not recorded", record_id=record_id, reason=reason, problem=str(problem))
        return verdict

    def _record(self, case: Case, judgement: Judgement, policy: Snapshot, began: float) -> DecisionRecord:
        attempt, verdict = case.attempt, judgement.verdict
        tls = attempt.tls
        return DecisionRecord(
            record_id=verdict.record_id,
            at=time.time(),
            attempt_id=attempt.id,
            call_id=attempt.call_id,
            verdict=type(verdict).__name__.lower(),
            reason=verdict.reason,
            blame=verdict.blame if isinstance(verdict, Reject) else "nobody",
            status=verdict.status if isinstance(verdict, Reject) else 0,
            trunk=verdict.trunk if isinstance(verdict, Admit) else case.source.name if case.source else "",
            source_name=case.source.name if case.source else "",
            direction=case.direction if case.source else "",
            calling_number=_number(case.calling),
            called_number=_number(case.called),
            routes=[route.peer for route in verdict.routes] if isinstance(verdict, Admit) else [],
            source=f"{attempt.source_ip}:{attempt.source_port}",
            transport=attempt.transport,
            tls_version=tls.version if tls else "",
            tls_cipher=tls.cipher if tls else "",
            certificate_sha256=case.peer.certificate_sha256 if case.peer else "",
            attest=judgement.attest,
            attest_reason=judgement.unsigned,
            findings=[f"{finding.check}: {finding.detail}".rstrip(": ") for finding in judgement.findings],
            policy_version=policy.version,
            gate=self._index,
            took_ms=round((time.monotonic() - began) * 1000, 3),
        )


def _number(read: object) -> str:
    match read:
        case E164():
            return str(read)
        case Emergency(number=number):
            return number
        case _:
            return ""
