"""One call, one straight line: screen, gather, judge, record, answer.

1. `screen` reads the attempt against the policy; a refusal that needs nothing alive is one here.
2. A carrier's call is verified, unless a limit it needs was full lately and is now; for a certificate that is
   on its way the edge is told to ask again.
3. `gather` asks what is alive.
4. `judge` decides.
5. The record is on the disk.
6. The verdict leaves.

The edge must still be there before each step that leaves a trace: an edge that has given up has asked another
gate, or refused the call by itself. What is on record is then what it applied:

- An attempt nobody waits for is dropped before it is judged, and before it is recorded.
- What it holds in what all nodes count is free again, unless another gate has asked for it since.
- A verdict the edge has not read is withdrawn: the same record again, as the refusal the call got from this
  gate's point of view.
- Of strangers' refusals the first are on record, the others are counted (`gate.strangers`): their verdict has
  no record id. Nor has that on a request which is no call.
- A record is stamped before the edge is looked for. So of two gates that recorded one attempt, the one the
  edge turned to later has the later stamp, and `store.records` keeps that one. Only a clock set back
  between the two, within the edge's deadline, could mistake one for the other.
"""

import re
import time
import uuid
from collections.abc import Callable

import msgspec
import structlog

from trunkward.admission.checks import checked, screened
from trunkward.admission.checks_of_signatures import identity
from trunkward.admission.gather import gather, with_signature
from trunkward.admission.grants import grants
from trunkward.admission.judge import Judgement, judge, refuse_unjudged
from trunkward.admission.limits import asked_of, hold_s, moved
from trunkward.admission.money import legs_of, paid, settlement_of
from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Clock,
    Facts,
    Granted,
    Held,
    LiveFact,
    Over,
    Registrar,
    Unavailable,
)
from trunkward.admission.screen import Case, screen, takes_calls, with_verification
from trunkward.admission.snapshot import Snapshot
from trunkward.admission.verified import policy_of, replayed_of
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.grant import CallsEnded, GrantsAsked, GrantsGiven, Reach
from trunkward.calls.orphan import CallLeft, OrphansAsked, OrphansGiven
from trunkward.calls.place import PlaceAsked, PlaceGiven
from trunkward.calls.registration import FlowEnded, RegisterAttempt, RegisterVerdict
from trunkward.calls.verdict import Admit, Blame, Challenge, Reason, Reject, Wait
from trunkward.gate.chain import Chains
from trunkward.gate.counts import Counts, PlacesOfCall
from trunkward.gate.credentials import Verifier
from trunkward.gate.metrics import counted
from trunkward.gate.orphans import Orphans
from trunkward.gate.peer import peer_identity
from trunkward.gate.record_parts import (
    attestation_of,
    authenticated_by,
    customer_of,
    hashes,
    money_of,
    verification_of,
)
from trunkward.gate.recorder import Recorder, RecordNotWritten
from trunkward.gate.registering import Registering
from trunkward.gate.server import Decision, Unreadable
from trunkward.gate.signing import SignerForCall, Signers
from trunkward.gate.strangers import Strangers
from trunkward.gate.verifying import Verifying
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import Emergency
from trunkward.records.model import (
    CheckRecord,
    DecisionRecord,
)
from trunkward.sip.text import shown
from trunkward.sip.uri import MalformedUri, parse_uri
from trunkward.trunks.model import Host, Trunk

#: What the edge chooses: a UUID in hex.
_ID = re.compile(r"[0-9a-f]{32}")

#: Characters of a caller's URI that a log line takes.
_SHOWN = 128

_log = structlog.get_logger("gate")


class Line:
    """The line of calls through one gate."""

    def __init__(
        self,
        *,
        index: int,
        policy: Callable[[], Snapshot | None],
        signers: Signers,
        origid_secret: bytes,
        clock: Clock,
        recorder: Recorder,
        counts: Counts,
        verifier: Verifier,
        verifying: Verifying,
        registrar: Registrar,
        draining: Callable[[], bool] = lambda: False,
    ) -> None:
        """Keeps its parts; `policy` gives the snapshot in force, or None when there is none yet.

        `draining` says whether new calls are to be refused.
        """
        self._index = index
        self._policy = policy
        self._draining = draining
        self._signers = signers
        self._secret = origid_secret
        self._clock = clock
        self._recorder = recorder
        self._counts = counts
        self._verifier = verifier
        self._verifying = verifying
        self._chains = Chains()
        self._orphans = Orphans(counts, policy, recorder.write)
        self._strangers = Strangers(index, recorder.write)
        self._registering = Registering(
            policy=policy,
            verifier=verifier,
            chains=self._chains,
            live=registrar,
            gate=index,
            strangers=self._strangers,
            write=recorder.write,
        )

    async def judge(
        self, attempt: CallAttempt | Unreadable, waits: Callable[[], bool]
    ) -> Decision | Wait | None:
        """The decision on an attempt, recorded; None when nobody `waits` for it any more.

        Never raises: a fault of ours is a refusal that says so. It waits for nothing but Valkey and the
        signer, for each no longer than its deadline (`live.wire.DEADLINE_S`, `gate.signing.DEADLINE_S`).
        """
        began = time.monotonic()
        # an attempt that is asked again, because a gate died before it could answer, is one attempt
        record_id = attempt.id if _ID.fullmatch(attempt.id) else uuid.uuid4().hex
        places = PlacesOfCall(self._counts)
        try:
            decision = await self._judge(attempt, record_id, began, waits, places)
        except RecordNotWritten as problem:
            _log.error("record not written: refused", record_id=record_id, problem=str(problem))
            decision = _not_written(attempt, record_id)
        except Exception:  # the gate's one place where an exception becomes a verdict
            _log.exception("fault while judging: refused", record_id=record_id)
            decision = self._unjudged(attempt, record_id, began, Reason.INTERNAL_ERROR)
        places.give_up()
        if decision is None:
            counted.given_up += 1
            _log.warning("the edge has given up on this gate", record_id=record_id)
            return None
        if isinstance(decision, Wait) or not _is_call(attempt):
            return decision
        verdict = decision.verdict
        blame = verdict.blame if isinstance(verdict, Reject) else Blame.NOBODY
        counted.verdict(type(verdict).__name__.lower(), verdict.reason, blame, time.monotonic() - began)
        return decision

    async def grants(self, asked: GrantsAsked) -> GrantsGiven:
        """More time for running calls, by the policy in force, and their places. Never raises.

        What costs money gets it once that is reserved: all of them in one question to Valkey.
        """
        policy = self._policy()
        if policy is None:
            return GrantsGiven(grants={})
        counted.granted += len(asked.calls)
        counting = [(call.record_id, call.counters) for call in asked.calls if call.counters]
        self._counts.renew(counting, hold_s(policy.node))
        given = grants(asked, policy)
        legs, unreadable = legs_of(asked, given, policy, time.time())
        if unreadable:  # each has what it has, and is over with it
            _log.error("terms of calls cannot be read: no grant", record_ids=unreadable)
        facts = await self._counts.renew_legs(legs, policy.node, hold_s(policy.node))
        heard = not any(isinstance(fact, Unavailable) for fact in facts.values())
        by_id = {leg.record_id: leg for leg in legs}
        for call in asked.calls:
            lost = isinstance(facts.get(call.record_id), Unavailable) and call.answered_at > 0
            if lost and call.reach is Reach.HOME and self._counts.renew_by_escrow(by_id[call.record_id]):
                facts[call.record_id] = Granted()
        if asked.recalled:
            await self._counts.recalled(policy.node, asked.recalled)
        given = paid(asked, given, facts, policy)
        return msgspec.structs.replace(given, frozen=await self._counts.frozen(policy.node) if heard else 0)

    async def place(self, asked: PlaceAsked) -> PlaceGiven:
        """Places of another trunk for a call in that is to be sent there. Never raises.

        It has them before those of the trunk it leaves are given up. While Valkey is lost this gate's own
        counts tell, as for a new call.
        """
        policy = self._policy()
        trunk = policy.trunk(asked.trunk) if policy is not None else None
        if policy is None or trunk is None or not takes_calls(trunk, policy):
            return PlaceGiven(id=asked.id, counters=None)
        wanted, kept = moved(asked, policy)
        fact: LiveFact = NOTHING_ASKED if wanted.empty else await self._counts.admit(wanted)
        if isinstance(fact, Unavailable):
            fact = self._counts.admit_alone(wanted)
        if not isinstance(fact, Held):
            return PlaceGiven(id=asked.id, counters=None)
        given = [*kept, *fact.counters]
        self._counts.moved(asked.id, [key for key in asked.counters if key not in given])
        return PlaceGiven(id=asked.id, counters=given)

    def left(self, told: CallLeft) -> None:
        """Keeps what an answered call leaves to other nodes. Never waits or raises."""
        self._orphans.left(told)

    async def orphans(self, asked: OrphansAsked) -> OrphansGiven:
        """Calls of a dead node that this one's edge is to end (`gate.orphans`). Never raises."""
        return await self._orphans.asked(asked)

    async def register(self, attempt: RegisterAttempt) -> RegisterVerdict:
        """The verdict on a REGISTER (`gate.registering`). Never raises."""
        return await self._registering.judge(attempt)

    async def flow_ended(self, flow: FlowEnded) -> None:
        """A connection is gone over which a trunk was registered. Never raises."""
        await self._registering.ended(flow)

    def ended(self, told: CallsEnded) -> None:
        """Frees the places of calls that are over, and charges what they cost. Never waits or raises."""
        self._counts.ended([(call.record_id, call.counters) for call in told.calls])
        settlements = []
        for call in told.calls:
            try:
                settlement = settlement_of(call)
            except ValueError as problem:  # it stays charged by what was granted
                _log.error("terms of a call cannot be read: not settled", problem=str(problem))
                continue
            if settlement is not None:
                settlements.append(settlement)
        self._counts.settle(settlements)

    def withdraw(self, decision: Decision) -> None:
        """Takes a decision back that did not reach the edge: what it held, and on record. Never raises."""
        if decision.held is not None:
            self._counts.withdraw(decision.held)
        record = decision.record
        assert record is not None
        counted.given_up += 1
        _log.warning("the edge has not read this verdict: withdrawn", record_id=record.record_id)
        withdrawn = msgspec.structs.replace(
            record,
            verdict="reject",
            reason=Reason.DEADLINE_EXCEEDED,
            blame=Blame.US,
            status=503,
            routes=[],
            findings=[
                *record.findings,
                CheckRecord(
                    check="withdrawn",
                    detail=f"{record.verdict} {record.reason}, not read by the edge",
                    refused=True,
                    remedy="place the call again; if it stays so, look at the machine's load and its disk",
                ),
            ],
        )
        try:
            self._recorder.write([withdrawn])
        except RecordNotWritten as problem:
            _log.error("verdict not withdrawn", record_id=record.record_id, problem=str(problem))

    async def _judge(
        self,
        attempt: CallAttempt | Unreadable,
        record_id: str,
        began: float,
        waits: Callable[[], bool],
        places: PlacesOfCall,
    ) -> Decision | Wait | None:
        if not waits():
            return None
        if isinstance(attempt, Unreadable):
            _log.error("attempt cannot be read: refused", record_id=record_id, problem=attempt.problem)
            return self._unjudged(attempt, record_id, began, Reason.INTERNAL_ERROR)
        policy = self._policy()
        if policy is None:
            return self._unjudged(attempt, record_id, began, Reason.POLICY_NOT_LOADED)
        # 1.
        now = time.time()
        peer = peer_identity(attempt.tls, policy, self._chains, now)
        case = screen(attempt, peer, policy, self._verifier.credentials(attempt, policy, now))
        findings, facts = screened(case, draining=self._draining()), NO_FACTS
        if findings and findings[-1].refusal is None:
            if (full := await self._full(case, policy, record_id)) is not None:
                facts = msgspec.structs.replace(NO_FACTS, live=full)
            else:
                found = await self._alive(case, policy, record_id, now, places)
                if isinstance(found, Wait):
                    return found
                case, facts = found
            findings += checked(case, facts, time.time())
        # 4.
        judgement = judge(case, findings, facts, record_id, time.time())
        if isinstance(judgement.verdict, Challenge):
            return self._challenged(case, judgement, judgement.verdict, policy, began)
        if self._is_counted(case, judgement):
            return Decision(verdict=msgspec.structs.replace(judgement.verdict, record_id=""), record=None)
        # 5.
        record = self._record(case, judgement, policy, began, facts)
        self._verifying.count(case, facts)
        if not waits():
            return None
        await self._recorder.write_together(record)
        if case.emergency:
            _alarm(case, judgement)
        # 6.
        if not isinstance(judgement.verdict, Admit):
            return Decision(verdict=judgement.verdict, record=record)
        counted.attested(judgement.attest or "none")
        if case.caller.claimed is not None:
            counted.replaced(judgement.verdict.trunk)
        return Decision(verdict=judgement.verdict, record=record, held=places.keep())

    def _challenged(
        self, case: Case, judgement: Judgement, verdict: Challenge, policy: Snapshot, began: float
    ) -> Decision:
        """A challenge leaves with a nonce, and without a record unless something is strange about it.

        The first request of every call by digest is one. On record it would double all of them, and tell
        nobody anything that the call's own record, or the refusal of wrong credentials, does not. Strange is
        who has a trunk's certificate and is not that trunk: its PBX may know of no credentials. Who else
        never comes back with some is found in this gate's log.
        """
        asked = self._verifier.asked(verdict, case, time.time())
        challenge = msgspec.structs.replace(verdict, headers=asked)
        record = None
        if verdict.reason is Reason.CREDENTIALS_REPLAYED or self._is_told(case, verdict.reason):
            record = self._record(case, judgement, policy, began)
            self._recorder.write([record])
        elif counted.is_new_challenge(case.attempt.source_ip, began):
            _log.info(
                "challenged",
                reason=verdict.reason,
                source=_source(case.attempt),
                sender=shown(case.attempt.from_uri, 100),
                call_id=shown(case.attempt.call_id, 100),
            )
        return Decision(verdict=challenge, record=record)

    def _is_told(self, case: Case, reason: Reason) -> bool:
        """Whether a challenge to who has a trunk's certificate is on record; bounded as refusals are."""
        stranger = case.stranger
        if stranger is None or not stranger.certified:
            return False
        return self._strangers.refused(
            *(case.attempt.source_ip, reason, stranger.claims, time.time()),
            call=_is_call(case.attempt),
            detail=stranger.why,
            remedy=stranger.remedy,
        )

    def tell_of_strangers(self, *, at_once: bool = False) -> None:
        """Writes down how many were refused in the minute that is over, or until now. Never raises."""
        self._strangers.tell(time.time(), at_once=at_once)

    async def _full(self, case: Case, policy: Snapshot, record_id: str) -> Over | None:
        """A limit that is full again, before a call that needs a place in it is verified (`gate.full`).

        One that waits for a certificate is asked about no more: it takes its place when that is there.
        """
        if case.attempt.waited_ms or policy_of(case) is None:
            return None
        return await self._counts.full(lambda: asked_of(case, policy, record_id))

    async def _alive(
        self, case: Case, policy: Snapshot, record_id: str, now: float, places: PlacesOfCall
    ) -> tuple[Case, Facts] | Wait:
        """Steps 2 and 3: what is found out of a call that nothing is against so far."""
        # 2.
        verification = await self._verifying.look(case, now)
        if isinstance(verification, Wait):
            return verification
        facts = msgspec.structs.replace(NO_FACTS, verification=verification)
        case = with_verification(case, verification, policy)
        if identity(case, facts).refusal is not None:
            return case, facts
        # 3.
        signer = SignerForCall(self._signers, self._secret, record_id, case.attempt.call_id)
        asked = asked_of(case, policy, record_id, verification)
        facts = await gather(case, asked, places, verification)
        if replayed_of(facts):
            case = with_verification(case, verification, policy, replayed=True)
        return case, await with_signature(case, facts, signer, self._clock)

    def _is_counted(self, case: Case, judgement: Judgement) -> bool:
        """Whether a refusal is on no record: it is of no call, or of one too many of a stranger's."""
        is_call = _is_call(case.attempt)
        if case.stranger is None or case.source is not None:
            return not is_call
        last = judgement.findings[-1]
        return not self._strangers.refused(
            *(case.attempt.source_ip, judgement.verdict.reason, case.stranger.claims, time.time()),
            call=is_call,
            detail=last.detail,
            remedy=last.remedy,
        )

    def _unjudged(
        self, attempt: CallAttempt | Unreadable, record_id: str, began: float, reason: Reason
    ) -> Decision:
        """The refusal of an attempt nobody could judge, on record like every other verdict."""
        verdict = refuse_unjudged(attempt.id, record_id, reason)
        if not _is_call(attempt):
            return Decision(verdict=verdict, record=None)
        record = DecisionRecord(
            record_id=record_id,
            at=time.time(),
            attempt_id=attempt.id,
            call_id="" if isinstance(attempt, Unreadable) else attempt.call_id,
            verdict="reject",
            reason=verdict.reason,
            blame=verdict.blame,
            status=verdict.status,
            source="" if isinstance(attempt, Unreadable) else _source(attempt),
            transport="" if isinstance(attempt, Unreadable) else attempt.transport,
            gate=self._index,
            took_ms=round((time.monotonic() - began) * 1000, 3),
        )
        try:
            self._recorder.write([record])
        except RecordNotWritten as problem:
            _log.error("refusal not recorded", record_id=record_id, reason=reason, problem=str(problem))
            return _not_written(attempt, record_id)
        return Decision(verdict=verdict, record=record)

    def _record(
        self,
        case: Case,
        judgement: Judgement,
        policy: Snapshot,
        began: float,
        facts: Facts = NO_FACTS,
    ) -> DecisionRecord:
        attempt, verdict = case.attempt, judgement.verdict
        ours = case.source if isinstance(case.source, Trunk) else case.destination
        tls = attempt.tls
        calling, called = _numbers(case, policy)
        return DecisionRecord(
            record_id=verdict.record_id,
            at=time.time(),
            attempt_id=attempt.id,
            edge=attempt.edge,
            node=policy.node.ledger_name,
            call_id=attempt.call_id,
            verdict=type(verdict).__name__.lower(),
            reason=verdict.reason,
            blame=verdict.blame if isinstance(verdict, Reject) else "nobody",
            status=verdict.status if isinstance(verdict, Reject | Challenge) else 0,
            tenant=ours.tenant if ours else "",
            trunk=ours.name if ours else "",
            source_name=case.source.name if case.source else "",
            authenticated_by=authenticated_by(case),
            customer=customer_of(case),
            claimed=case.stranger.claims if case.stranger and not case.source else "",
            direction=case.direction if case.source else "",
            calling_number=calling,
            shown_number=_shown(case),
            claimed_number=str(case.caller.claimed or ""),
            called_number=called,
            routes=[route.peer for route in verdict.routes] if isinstance(verdict, Admit) else [],
            source=_source(attempt),
            transport=attempt.transport,
            tls_version=tls.version if tls else "",
            tls_cipher=tls.cipher if tls else "",
            certificate_sha256=case.peer.certificate_sha256 if case.peer else "",
            money=money_of(case),
            attest=judgement.attest,
            verification=verification_of(facts),
            attest_reason=judgement.unsigned,
            attestation=attestation_of(case, judgement),
            identity_received=hashes(attempt.headers.get("identity", ())),
            identity_signed=hashes(judgement.signature.identities if judgement.signature else ()),
            findings=[
                CheckRecord(
                    check=finding.check,
                    detail=finding.detail,
                    refused=finding.refusal is not None,
                    remedy=finding.remedy,
                    cap=finding.cap,
                )
                for finding in judgement.findings
            ],
            policy_version=policy.version,
            gate=self._index,
            took_ms=round((time.monotonic() - began) * 1000, 3),
        )


def _is_call(attempt: CallAttempt | Unreadable) -> bool:
    return isinstance(attempt, Unreadable) or attempt.method == "INVITE"


def _alarm(case: Case, judgement: Judgement) -> None:
    """Says at once that somebody calls for help. Telling those on the site stays theirs (47 CFR 9.16)."""
    verdict = judgement.verdict
    kind = "admit" if isinstance(verdict, Admit) else "reject"
    counted.emergency(kind)
    _log.warning(
        "emergency call" if kind == "admit" else "emergency call REFUSED",
        trunk=case.source.name if case.source else "",
        callback=str(case.caller.number or case.attempt.from_uri[:_SHOWN]),
        shown=str(case.caller.shown or ""),
        called=_number(case.called),
        reason=verdict.reason,
        record_id=verdict.record_id,
    )


def _not_written(attempt: CallAttempt | Unreadable, record_id: str) -> Decision:
    """The one refusal that is on no record here: its reason tells the edge to write it down."""
    return Decision(verdict=refuse_unjudged(attempt.id, record_id, Reason.RECORD_NOT_WRITTEN), record=None)


def _source(attempt: CallAttempt) -> str:
    return str(Host(host=attempt.source_ip, port=attempt.source_port))


def _numbers(case: Case, policy: Snapshot) -> tuple[str, str]:
    """Who called whom. Of a stranger's call by the plan of whom it says it is, for whoever looks for it."""
    if case.source is not None or case.stranger is None:
        return _number(case.calling), _number(case.called)
    trunk = policy.trunk(case.stranger.claims) if case.stranger.claims else None
    plan = policy.node.plan_of(trunk) if trunk else policy.node.dial_plan
    found = []
    for uri in (case.attempt.from_uri, case.attempt.ruri):
        try:
            found.append(str(plan.normalise(parse_uri(uri).user)))
        except (MalformedUri, NotANumber):
            found.append("")
    return found[0], found[1]


def _shown(case: Case) -> str:
    """Where it is not the number that counts: a second one of a customer's own, or beside an asserted one."""
    shown = case.caller.shown
    return str(shown) if shown is not None and shown != case.calling else ""


def _number(read: object) -> str:
    match read:
        case E164():
            return str(read)
        case Emergency(number=number):
            return number
        case _:
            return ""
