"""Which attestation level a call may carry, and why (ATIS-1000074; RFC 8588 section 4)."""

from dataclasses import dataclass
from enum import StrEnum

from trunkward.shaken.evidence import Evidence


class Attestation(StrEnum):
    """Attestation level. C is for gateways; this node never gives it by itself."""

    A = "A"
    B = "B"
    C = "C"


class AttestReason(StrEnum):
    """Stable codes of every attestation decision."""

    OWN_INVENTORY = "own-inventory"
    NO_EVIDENCE = "no-evidence-for-number"
    EVIDENCE_OF_OTHER_TRUNK = "evidence-of-other-trunk"
    EVIDENCE_FOR_OTHER_NUMBER = "evidence-for-other-number"
    EVIDENCE_EXPIRED = "evidence-expired"
    TRUNK_NOT_AUTHENTICATED = "trunk-not-authenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestDecision:
    """A level, or None for "do not sign", with its reason."""

    level: Attestation | None
    reason: AttestReason


def decide_attestation(
    *, trunk_authenticated: bool, trunk: str, orig_tn: str, evidence: Evidence | None, now_s: int
) -> AttestDecision:
    """Choose the level of one call; anything short of A's three conditions is B at most.

    1. A trunk that is not authenticated gets no signature.
    2. No evidence, or evidence of another trunk or number, or expired evidence: B.
    3. Live evidence for this trunk and this number: A.

    `evidence` comes from `evidence.verify` only: its signature is already checked. What the customer
    says of its own number is no argument of this function. `orig_tn` is canonical, `now_s` in seconds
    since the epoch.
    """
    # 1.
    if not trunk_authenticated:
        return AttestDecision(level=None, reason=AttestReason.TRUNK_NOT_AUTHENTICATED)
    # 2.
    if evidence is None:
        return AttestDecision(level=Attestation.B, reason=AttestReason.NO_EVIDENCE)
    if evidence.trunk != trunk:
        return AttestDecision(level=Attestation.B, reason=AttestReason.EVIDENCE_OF_OTHER_TRUNK)
    if evidence.tn != orig_tn:
        return AttestDecision(level=Attestation.B, reason=AttestReason.EVIDENCE_FOR_OTHER_NUMBER)
    if now_s >= evidence.not_after:
        return AttestDecision(level=Attestation.B, reason=AttestReason.EVIDENCE_EXPIRED)
    # 3.
    return AttestDecision(level=Attestation.A, reason=AttestReason.OWN_INVENTORY)
