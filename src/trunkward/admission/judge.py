"""Findings to one verdict. Nothing passes by default."""

import msgspec

from trunkward.admission.attesting import Attested
from trunkward.admission.caller import Right, names_another
from trunkward.admission.checks import checked, screened
from trunkward.admission.checks_of_signatures import usable_signature
from trunkward.admission.findings import Finding, Refusal
from trunkward.admission.grants import grant
from trunkward.admission.money import Terms
from trunkward.admission.ports import Facts, Held, PeerIdentity, Signature
from trunkward.admission.routes import from_uri_of, routes_of, taken_off, to_uri_of
from trunkward.admission.screen import Case, Direction, screen, with_verification
from trunkward.admission.snapshot import Snapshot
from trunkward.admission.verified import answer_headers, is_announced, refuses, replayed_of, worth_of
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.calls.reasons import REASONS
from trunkward.calls.reasons import headers as reason_headers
from trunkward.calls.verdict import (
    Admit,
    Announcement,
    Blame,
    Challenge,
    Discard,
    Reason,
    Reject,
    Verdict,
)
from trunkward.media.offer import Keying, Offer
from trunkward.media.plan import plan_announcement
from trunkward.sip.status import phrase
from trunkward.sip.text import quoted, shown
from trunkward.trunks.model import NodeSettings, Trunk

#: Seconds for which a node that is being emptied says to be left alone.
DRAINED_FOR_S = 30

#: Checks that look at nothing but what was sent: their findings hold nothing the sender does not know.
_OF_THE_MESSAGE = frozenset({"request", "calling", "called", "media", "identity", "replay"})

#: Refusals that ask for the same request again, with credentials for a new nonce.
CHALLENGES = (Reason.CREDENTIALS_REQUIRED, Reason.CREDENTIALS_STALE, Reason.CREDENTIALS_REPLAYED)

_NO_FINDING = Finding(
    check="judge",
    refusal=Refusal(reason=Reason.NO_FINDING, blame=Blame.US, status=500),
    detail="no check looked at this call",
    remedy="nothing you can configure: report it with the call's record",
)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and everything it rests on, for the record."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    #: Level of the signature sent; "" for none.
    attest: str = ""
    #: Why an outbound call goes unsigned, kebab-case; "" when it is signed.
    unsigned: str = ""
    #: By which rule; None where none was asked.
    attested: Attested | None = None
    #: What was sent; None: no signature.
    signature: Signature | None = None


def judge(case: Case, findings: tuple[Finding, ...], facts: Facts, record_id: str, now: float) -> Judgement:
    """The verdict on a case. `now` in seconds since the epoch.

    1. No finding, no admission.
    2. The first refusal refuses.
    3. Otherwise it goes, signed if it can be.
    """
    # 1.
    if not findings:
        return _refused(case, (_NO_FINDING,), _NO_FINDING, facts, record_id)
    # 2.
    for finding in findings:
        if finding.refusal is not None:
            return _refused(case, findings, finding, facts, record_id)
    # 3.
    signature = usable_signature(case, facts, now)
    signed = signature if isinstance(signature, Signature) else None
    outbound = case.direction is Direction.OUTBOUND
    trunk = case.source if outbound else case.destination
    assert case.source is not None
    assert isinstance(trunk, Trunk)
    held = held_of(facts)
    cut = held.cut_routes if held is not None else ()
    verdict = Admit(
        id=case.attempt.id,
        record_id=record_id,
        reason=Reason.ADMITTED_EMERGENCY if case.emergency else Reason.ADMITTED,
        trunk=trunk.name,
        source=case.source.name,
        direction=case.direction,
        routes=routes_of(case, signed, cut, facts),
        from_uri=from_uri_of(case, facts),
        to_uri=to_uri_of(case),
        hide_name=_hides_name(case),
        remove_headers=taken_off(case),
        answer_headers=answer_headers(case, facts),
        reach=case.reach,
        # an emergency call is never cut
        grant=None
        if case.emergency
        else grant(lasted_s=0, max_call_s=trunk.max_call_s, slice_s=case.node.grant_s),
        counters=list(held.counters) if held is not None else [],
        money=Terms.of(case.charge, cut).text() if case.charge is not None else "",
    )
    if not verdict.routes:
        return _refused(case, (*findings, _NO_FINDING), _NO_FINDING, facts, record_id)
    level = signed.attest if signed is not None else None
    unsigned = signature if isinstance(signature, str) else case.signing.unsigned
    return Judgement(
        verdict=verdict,
        findings=findings,
        attest=level or "",
        unsigned=unsigned if outbound else "",
        attested=case.attested,
        signature=signed,
    )


def _hides_name(case: Case) -> bool:
    """Whether the display name is of somebody who is not to be named, or of another number than is shown."""
    caller = case.caller
    if caller.anonymous or caller.right is Right.REPLACED:
        return True
    customers = case.direction is Direction.OUTBOUND and not (case.emergency or case.in_transit)
    return customers and names_another(case.attempt.from_name, caller.shown)


def held_of(facts: Facts) -> Held | None:
    """The places a call has by these facts, in what all nodes count or, without that, what this gate does."""
    for fact in (facts.live, facts.local):
        if isinstance(fact, Held):
            return fact
    return None


def judge_call(case: Case, facts: Facts, record_id: str, now: float) -> Judgement:
    """All the checks and the verdict."""
    findings = screened(case, draining=facts.draining)
    if findings and findings[-1].refusal is None:
        findings += checked(case, facts, now)
    return judge(case, findings, facts, record_id, now)


def decide(
    attempt: CallAttempt,
    peer: PeerIdentity | None,
    facts: Facts,
    policy: Snapshot,
    now: float,
    record_id: str,
) -> Verdict:
    """The whole line as one pure function: the same arguments give the same verdict, today or in a replay."""
    case = screen(attempt, peer, policy)
    case = with_verification(case, facts.verification, policy, replayed=replayed_of(facts))
    return judge_call(case, facts, record_id, now).verdict


def refuse_unjudged(attempt_id: str, record_id: str, reason: Reason) -> Reject:
    """The refusal of a gate that could not judge: no policy, no time, no record, or a fault of its own."""
    return Reject(
        id=attempt_id,
        record_id=record_id,
        reason=reason,
        blame=Blame.US,
        status=503,
        phrase=phrase(503),
        headers=reason_headers(reason, 503),
    )


def _refused(
    case: Case, findings: tuple[Finding, ...], finding: Finding, facts: Facts, record_id: str
) -> Judgement:
    refusal = finding.refusal
    assert refusal is not None
    stranger = case.source is None
    verdict: Verdict
    if stranger and case.attempt.transport is not Transport.TLS:
        verdict = Discard(id=case.attempt.id, record_id=record_id, reason=refusal.reason)
        return Judgement(verdict=verdict, findings=findings)
    if refusal.reason in CHALLENGES:
        verdict = Challenge(
            id=case.attempt.id,
            record_id=record_id,
            reason=refusal.reason,
            status=refusal.status,
            phrase=phrase(refusal.status),
        )
        return Judgement(verdict=verdict, findings=findings)
    # a stranger hears the same 403 whatever it did, and not why
    status = 403 if stranger else refusal.status
    verdict = Reject(
        id=case.attempt.id,
        record_id=record_id,
        reason=refusal.reason,
        blame=refusal.blame,
        status=status,
        phrase=phrase(status),
        headers=[]
        if stranger
        else [
            *explanation(case.node, refusal, finding),
            *answer_headers(case, facts, refuses(case, worth_of(facts))),
        ],
        announcement=_announcement(case, finding.check, refusal.reason),
    )
    return Judgement(verdict=verdict, findings=findings)


def _announcement(case: Case, check: str, reason: Reason) -> Announcement | None:
    """For whom is identified, and whose media was understood; reasons of a fixed list alone."""
    directory, offer = case.node.announcements, case.offer
    # a stranger's is not read
    if not directory or not isinstance(offer, Offer) or not REASONS[reason].announced:
        return None
    if check in ("identity", "replay") and not is_announced(case):
        return None
    # RFC 3262 section 3: whoever requires it gets no 183 but a reliable one
    if any("100rel" in value.lower() for value in case.attempt.headers.get("require", ())):
        return None
    # rtpengine 12.5 plays in clear until the handshake is over
    if offer.keying is Keying.DTLS:
        return None
    hop = plan_announcement(offer, inbound=case.direction is Direction.INBOUND)
    return Announcement(file=f"{directory}/{reason.value}.wav", offer=offer.sdp, hop=hop)


def explanation(node: NodeSettings, refusal: Refusal, finding: Finding) -> list[tuple[str, str]]:
    """The headers that say why; not for strangers.

    A finding names trunks, tenants, prices and limits, and the caller may be a customer's customer: it stays
    in the record. Told are words that are the same for everybody, and what is wrong with what was sent.
    """
    words = finding.detail if finding.check in _OF_THE_MESSAGE else REASONS[refusal.reason].heard
    # RFC 3261 section 20.43: 399 is for words to be shown to a person
    said = quoted(shown(": ".join(filter(None, (refusal.reason.value, words))), 200))
    headers = [
        *reason_headers(refusal.reason, refusal.status),
        ("Warning", f"399 {node.name} {said}"),
    ]
    if refusal.status == 405:
        headers.append(("Allow", "INVITE"))
    after_s = DRAINED_FOR_S if refusal.reason is Reason.NODE_DRAINING else refusal.retry_after_s
    if after_s is not None:
        # RFC 3261 section 20.33: whom this tells to wait goes elsewhere meanwhile
        headers.append(("Retry-After", str(after_s)))
    return headers
