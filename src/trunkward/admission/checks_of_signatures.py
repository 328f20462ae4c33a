"""Checks 15 and 19 to 21: the signatures a call came with, and the one it goes with (`admission.checks`)."""

from collections.abc import Mapping
from copy import replace

from trunkward.admission.findings import Finding, refuse
from trunkward.admission.ports import (
    NO_FACTS,
    Facts,
    NotSigned,
    Signature,
    Unavailable,
)
from trunkward.admission.screen import Case
from trunkward.admission.verified import refuses, worth_of
from trunkward.calls.verdict import Blame, Reason
from trunkward.shaken.causes import Cause, StirError
from trunkward.sip.text import UnsafeHeader, safe_value

#: RFC 8224 section 4.1: seconds a signature may be old when it leaves.
FRESH_S = 60


def identity(case: Case, facts: Facts) -> Finding:
    """15. Before anything is counted for it. What is not its sender's fault refuses no call (posture)."""
    found = worth_of(replace(facts, live=NO_FACTS.live, local=None))
    if (error := refuses(case, found)) is not None:
        return _unsigned(case, "identity", error)
    if found.passed is not None:
        level = found.passed.attest.value if found.passed.attest else "without a level"
        return Finding(check="identity", detail=f"{level}, of {found.passed.spc or 'a delegate'}")
    if found.errors:
        return Finding(check="identity", detail="; ".join(f"{e.cause}: {e.text}" for e in found.errors))
    return Finding(check="identity", detail=found.why)


def replay(case: Case, facts: Facts) -> Finding:
    """19. Without Valkey each gate knows what it has seen by itself."""
    found = worth_of(facts)
    if not found.replayed:
        return Finding(check="replay")
    error = refuses(case, found)
    return (
        Finding(check="replay", detail=found.errors[-1].text)
        if error is None
        else _unsigned(case, "replay", error)
    )


def _unsigned(case: Case, check: str, error: StirError) -> Finding:
    who, blame = ("provider", Blame.CUSTOMER) if case.in_transit else ("carrier", Blame.CARRIER)
    reason = _SAID[error.code]
    said = error.text if error.cause.value == reason.value else f"{error.cause}: {error.text}"
    return refuse(
        *(check, reason, blame, error.code, said),
        remedy=f"have the {who} mend it; or let its calls pass, with verification.failed: mark"
        if error.cause is not Cause.IDENTITY_MISSING
        else f"have the {who} sign its calls; or let them pass, with verification.missing: pass",
    )


#: RFC 8224 section 6.2.2.
_SAID: Mapping[int, Reason] = {
    403: Reason.IDENTITY_STALE,
    428: Reason.IDENTITY_MISSING,
    436: Reason.IDENTITY_INFO_BAD,
    437: Reason.IDENTITY_CREDENTIAL,
    438: Reason.IDENTITY_INVALID,
}


def clock(case: Case, facts: Facts) -> Finding:
    """20. Posture row "clock not synchronised": the call goes unsigned."""
    if case.signing_request is None or facts.clock_synchronised is True:
        return Finding(check="clock")
    return Finding(check="clock", detail="not synchronised")


def signature(case: Case, facts: Facts, now: float) -> Finding:
    """21. Posture row "signer": the call goes unsigned, and the record says why."""
    claims = case.signing_request
    if claims is None:
        return Finding(check="signature", detail=case.signing.unsigned or "not-asked")
    usable = usable_signature(case, facts, now)
    if not isinstance(usable, Signature):
        return Finding(check="signature", detail=usable)
    attested = case.attested
    said = [attested.rule, attested.evidence_id, attested.lack] if attested else []
    said += [f"{len(claims.retargets)} div"] if claims.retargets else []
    by = ", ".join(filter(None, said))
    return Finding(check="signature", detail=f"{usable.attest} ({by})" if usable.attest else by)


def usable_signature(case: Case, facts: Facts, now: float) -> Signature | str:
    """The signature to send, or the kebab-case reason for sending none. `now` in seconds since the epoch."""
    claims = case.signing_request
    if claims is None:
        return case.signing.unsigned or "not-asked"
    if facts.clock_synchronised is not True:
        return "clock-not-synchronised"
    match facts.signature:
        case NotSigned(why=why):
            return why
        case Unavailable(why=why):
            return why
        case Signature() as signed:
            if abs(now - signed.iat) > FRESH_S:
                return "signature-stale"
            if signed.attest != claims.level:
                return "signature-of-other-level"
            try:
                for value in (*signed.identities, signed.date):
                    safe_value(value)
            except UnsafeHeader:
                return "signature-garbled"
            return signed
