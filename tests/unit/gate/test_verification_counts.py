"""Property 35: what is scraped of each carrier's signatures: levels, causes, replays; and how old the lists are."""

from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest

from trunkward.admission.verified import Worth
from trunkward.engines.trust import Trust
from trunkward.gate.verification_counts import VerificationCounts
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import Verification, Verstat


def scraped(counts: VerificationCounts) -> str:
    registry = CollectorRegistry()
    registry.register(counts)
    return generate_latest(registry).decode()


def passed(level: Attestation) -> Worth:
    return Worth(
        verstat=Verstat.PASSED, passed=Verification(outcome=Verstat.PASSED, attest=level, passports=())
    )


def test_property_35_each_carrier_by_itself() -> None:
    counts = VerificationCounts()
    for level in (Attestation.A, Attestation.A, Attestation.C):
        counts.judged("north", passed(level))
    wrong = tuple(StirError(cause=cause, text="") for cause in (Cause.SIGNATURE, Cause.IAT_OUTSIDE_WINDOW))
    counts.judged("south", Worth(verstat=Verstat.FAILED, errors=wrong, replayed=True))
    counts.judged("south", Worth(verstat=Verstat.NONE, why="fetcher-lost"))
    counts.waited = 4
    text = scraped(counts)
    for line in (
        'trunkward_gate_verifications_total{upstream="north",verstat="TN-Validation-Passed",why=""} 3.0',
        'trunkward_gate_verifications_total{upstream="south",verstat="TN-Validation-Failed",why=""} 1.0',
        'trunkward_gate_verifications_total{upstream="south",verstat="No-TN-Validation",why="fetcher-lost"} 1.0',
        'trunkward_gate_verified_levels_total{level="A",upstream="north"} 2.0',
        'trunkward_gate_verified_levels_total{level="C",upstream="north"} 1.0',
        'trunkward_gate_verification_errors_total{cause="signature",code="438",upstream="south"} 1.0',
        'trunkward_gate_verification_errors_total{cause="iat-outside-window",code="403",upstream="south"} 1.0',
        'trunkward_gate_replays_total{upstream="north"} 0.0',
        'trunkward_gate_replays_total{upstream="south"} 1.0',
        "trunkward_gate_certificate_waits_total 4.0",
        "trunkward_gate_trusted_authorities 0.0",
    ):
        assert line in text, text


def test_property_35_of_when_the_lists_are() -> None:
    counts = VerificationCounts()
    counts.trust = Trust(
        authorities=TrustedList(roots=()), revocations=replace(NO_LIST, this_update_s=17.0), listed_s=9.0
    )
    text = scraped(counts)
    assert "trunkward_gate_trusted_list_timestamp_seconds 9.0" in text
    assert "trunkward_gate_revocations_timestamp_seconds 17.0" in text
