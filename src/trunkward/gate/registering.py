"""One REGISTER through the gate: read, checked, kept, answered. Beside the line of calls, by the same rules.

1. `read_registration` and the checks, against the policy; a refusal asks nobody.
2. Credentials that were used before are none.
3. The change is made where all nodes' bindings are kept, in one step, or not at all.
4. The verdict leaves.

A registration makes no decision record: PBXs repeat it every few minutes. It is counted, and one that comes
from a place the trunk had no binding at before is an event on record: beside other bindings it may be a
thief's, and is warned of. Nobody is refused for want of room for that. Refused ones are counted, and an event
a minute says how many and why.
"""

import time
import uuid
from collections.abc import Callable

import msgspec
import structlog

from trunkward.admission.findings import Finding
from trunkward.admission.judge import refuse_unjudged
from trunkward.admission.ports import Asked, Forgotten, Registrar, Replayed, Unavailable
from trunkward.admission.registration import (
    Refused,
    Registration,
    changed,
    forgotten,
    not_kept,
    read_registration,
    refused,
    registered,
    replayed,
    screened,
    without_flow,
)
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.registration import (
    Binding,
    Bindings,
    FlowEnded,
    RegisterAttempt,
    RegisterVerdict,
)
from trunkward.calls.verdict import Blame, Challenge, Reason, Reject
from trunkward.gate.chain import Chains
from trunkward.gate.credentials import Verifier
from trunkward.gate.metrics import counted
from trunkward.gate.peer import peer_identity
from trunkward.gate.recorder import RecordNotWritten
from trunkward.gate.strangers import Strangers
from trunkward.records.model import Event, EventRecord, Record
from trunkward.records.network import network_of
from trunkward.sip.text import shown
from trunkward.trunks.model import Trunk

_log = structlog.get_logger("gate")


class Registering:
    """Registrations through one gate."""

    def __init__(
        self,
        *,
        policy: Callable[[], Snapshot | None],
        verifier: Verifier,
        chains: Chains,
        live: Registrar,
        gate: int,
        strangers: Strangers,
        write: Callable[[list[Record]], None],
    ) -> None:
        """Keeps its parts; `write` puts records on the disk, and may raise `RecordNotWritten`."""
        self._gate = gate
        self._strangers = strangers
        self._write = write
        self._policy = policy
        self._verifier = verifier
        self._chains = chains
        self._live = live

    async def judge(self, attempt: RegisterAttempt) -> RegisterVerdict:
        """The verdict. Never raises: a fault of ours is a refusal that says so."""
        try:
            verdict = await self._judge(attempt)
        except Exception:  # as in `Line.judge`
            _log.exception("fault while judging a registration: refused", attempt=attempt.id)
            verdict = refuse_unjudged(attempt.id, attempt.id, Reason.INTERNAL_ERROR)
        blame = verdict.blame if isinstance(verdict, Reject) else Blame.NOBODY
        counted.registration(type(verdict).__name__.lower(), verdict.reason, blame)
        return verdict

    async def ended(self, flow: FlowEnded) -> None:
        """Takes out what was bound to a connection that is gone."""
        await self._live.change(flow.trunk, lambda before, now: without_flow(before, flow.flow, now))

    async def _judge(self, attempt: RegisterAttempt) -> RegisterVerdict:
        policy = self._policy()
        if policy is None:
            return refuse_unjudged(attempt.id, attempt.id, Reason.POLICY_NOT_LOADED)
        # 1.
        now = time.time()
        peer = peer_identity(attempt.tls, policy, self._chains, now)
        case = read_registration(attempt, peer, policy, self._verifier.credentials(attempt, policy, now))
        found = screened(case)[-1]
        if found.refusal is not None:
            return self._refused(case, found)
        # 2.
        if case.nonce is not None:
            used = await self._live.admit(Asked(record_id=attempt.id, hold_s=0, nonce=case.nonce.use))
            if isinstance(used, Replayed):
                return self._challenged(case, replayed(case))
            if isinstance(used, Forgotten):
                return self._challenged(case, forgotten(case))
            if isinstance(used, Unavailable):
                return not_kept(case, used)
        # 3.
        before = Bindings()

        def how(there: Bindings, now: float) -> Bindings:
            nonlocal before
            before = there
            return changed(case, there, now)

        try:
            kept = await self._live.change(_name(case), how)
        except Refused as problem:
            return self._refused(case, problem.finding)
        # 4.
        if isinstance(kept, Unavailable):
            return not_kept(case, kept)
        after, at = kept
        self._tell(case, before, after, at)
        return registered(case, after, at)

    def _refused(self, case: Registration, found: Finding) -> Challenge | Reject:
        """Counted for an event, unless it is how every registration begins, or it is how it goes on."""
        verdict, stranger = refused(case, found), case.stranger
        begins = isinstance(verdict, Challenge) and not (stranger is not None and stranger.certified)
        if not begins and verdict.reason is not Reason.REGISTRATION_TOO_BRIEF:
            self._strangers.refused(
                *(case.attempt.source_ip, verdict.reason, stranger.claims if stranger else "", time.time()),
                call=False,
                trunk=case.source if isinstance(case.source, Trunk) else None,
                detail=found.detail,
                remedy=found.remedy,
            )
        elif begins and counted.is_new_challenge(case.attempt.source_ip, time.monotonic()):
            _log.info(
                "challenged",
                reason=verdict.reason,
                source=case.attempt.source_ip,
                registers=shown(case.attempt.to_uri, 100),
                call_id=shown(case.attempt.call_id, 100),
            )
        return self._challenged(case, verdict)

    def _challenged(self, case: Registration, verdict: Challenge | Reject) -> Challenge | Reject:
        """A challenge with its nonce; a refusal as it is."""
        if isinstance(verdict, Challenge):
            asked = self._verifier.asked(verdict, case, time.time())
            return msgspec.structs.replace(verdict, headers=asked)
        return verdict

    def _tell(self, case: Registration, before: Bindings, after: Bindings, at: float) -> None:
        """An event for each place there was none at before: another address, certificate or program."""
        known = {_place(one) for one in before.bindings}
        new = {place: one for one in after.bindings if (place := _place(one)) not in known}
        if not new:
            return
        assert isinstance(case.source, Trunk)
        kind = Event.REGISTERED_ELSEWHERE if known else Event.REGISTERED
        events = [_event(kind, case.source, one, at, self._gate) for _, one in sorted(new.items())]
        for event in events if known else ():
            _log.warning(
                "registered from another place",
                trunk=event.trunk,
                source=event.source,
                certificate_sha256=event.certificate_sha256,
                user_agent=event.user_agent,
            )
        try:
            self._write([*events])
        except RecordNotWritten as problem:
            _log.error("registration not written", problem=str(problem))


def _place(one: Binding) -> tuple[str, str, str]:
    return one.source.rpartition(":")[0], one.fingerprint, one.user_agent


def _event(kind: Event, trunk: Trunk, one: Binding, at: float, gate: int) -> EventRecord:
    source = one.source.rpartition(":")[0].strip("[]")
    return EventRecord(
        event_id=uuid.uuid4().hex,
        at=at,
        since=at,
        event=kind,
        tenant=trunk.tenant,
        trunk=trunk.name,
        source=source,
        network=network_of(source),
        instance=one.instance,
        contact=one.contact,
        user_agent=one.user_agent,
        certificate_sha256=one.fingerprint,
        gate=gate,
    )


def _name(case: Registration) -> str:
    assert case.source is not None
    return case.source.name
