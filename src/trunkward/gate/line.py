"""One call, one straight line: screen, gather, judge, record, answer.

1. `screen` reads the attempt against the policy; a refusal that needs nothing alive is one here.
2. `gather` asks what is alive.
3. `judge_call` decides.
4. The record is on the disk.
5. The verdict leaves.
"""

import time
import uuid
from collections.abc import Callable

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
from trunkward.gate.signing import SignerForCall
from trunkward.numbering.e164 import E164
from trunkward.numbering.plan import Emergency
from trunkward.records.model import DecisionRecord, OutcomeRecord

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

    async def judge(self, attempt: CallAttempt) -> Verdict:
        """The verdict on an attempt, recorded. Never raises: a fault of ours is a refusal that says so."""
        began = time.monotonic()
        record_id = uuid.uuid4().hex
        try:
            verdict = await self._judge(attempt, record_id, began)
        except RecordNotWritten as problem:
            _log.error("record not written: refused", record_id=record_id, problem=str(problem))
            verdict = refuse_unjudged(attempt.id, record_id, Reason.RECORD_NOT_WRITTEN)
        except Exception:  # the gate's one place where an exception becomes a verdict
            _log.exception("fault while judging: refused", record_id=record_id)
            verdict = refuse_unjudged(attempt.id, record_id, Reason.INTERNAL_ERROR)
        metrics.seconds.observe(time.monotonic() - began)
        metrics.verdicts.labels(type(verdict).__name__.lower(), verdict.reason).inc()
        return verdict

    async def _judge(self, attempt: CallAttempt, record_id: str, began: float) -> Verdict:
        policy = self._policy()
        if policy is None:
            return refuse_unjudged(attempt.id, record_id, Reason.POLICY_NOT_LOADED)
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
        """Records what came of a call."""
        metrics.outcomes.labels(outcome.ending).inc()
        try:
            self._recorder.write(
                [OutcomeRecord(record_id=outcome.record_id, at=time.time(), outcome=outcome)]
            )
        except RecordNotWritten as problem:
            _log.error("outcome not written", record_id=outcome.record_id, problem=str(problem))

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
