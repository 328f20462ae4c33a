"""Who gets A, who gets B, who gets nothing."""

import pytest

from trunkward.shaken.attest import Attestation, AttestReason, decide_attestation
from trunkward.shaken.evidence import Evidence

NOW = 1_800_000_000
EVIDENCE = Evidence(trunk="alpha", tn="12025550100", not_after=NOW + 1, version=1, id="n1")


def test_a_needs_everything() -> None:
    decision = decide_attestation(
        trunk_authenticated=True, trunk="alpha", orig_tn="12025550100", evidence=EVIDENCE, now_s=NOW
    )
    assert (decision.level, decision.reason) == (Attestation.A, AttestReason.OWN_INVENTORY)


@pytest.mark.parametrize(
    ("changed", "level", "reason"),
    [
        ({"evidence": None}, Attestation.B, AttestReason.NO_EVIDENCE),
        ({"trunk": "beta"}, Attestation.B, AttestReason.EVIDENCE_OF_OTHER_TRUNK),
        ({"orig_tn": "12025550101"}, Attestation.B, AttestReason.EVIDENCE_FOR_OTHER_NUMBER),
        ({"now_s": NOW + 1}, Attestation.B, AttestReason.EVIDENCE_EXPIRED),
        ({"trunk_authenticated": False}, None, AttestReason.TRUNK_NOT_AUTHENTICATED),
        ({"trunk_authenticated": False, "evidence": None}, None, AttestReason.TRUNK_NOT_AUTHENTICATED),
    ],
)
def test_each_thing_taken_away_lowers_the_level(
    changed: dict[str, object], level: Attestation | None, reason: AttestReason
) -> None:
    facts: dict[str, object] = {
        "trunk_authenticated": True,
        "trunk": "alpha",
        "orig_tn": "12025550100",
        "evidence": EVIDENCE,
        "now_s": NOW,
    }
    decision = decide_attestation(**(facts | changed))  # type: ignore[arg-type]
    assert (decision.level, decision.reason) == (level, reason)
