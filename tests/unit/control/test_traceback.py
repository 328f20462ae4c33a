"""Property 31: what an answer to a traceback request says, what it leaves out, and what of it becomes an act."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from trunkward.calls.outcome import Ending, Outcome, RouteTried
from trunkward.control.signer_line import Journaled
from trunkward.control.traceback import (
    Kept,
    Provider,
    Question,
    Traced,
    answer,
)
from trunkward.control.traceback_lines import Proof
from trunkward.control.traceback_page import HEADS_EVERY_S, page, without_head
from trunkward.control.why import Known
from trunkward.records.model import (
    AttestationRecord,
    DecisionRecord,
    MessageRecord,
    StirErrorRecord,
    VerificationRecord,
)
from trunkward.records.view import call_view
from trunkward.worker.heads import EVERY_S

AT = 1_800_000_000.0
OURS, THEIRS = "+12025550101", "+12125550142"
QUESTION = Question(
    number=THEIRS, other=OURS, at=AT, within_s=300.0, asked_by="ITG 2026-0417", received_at=AT + 7200
)
PROVIDER = Provider(node="sbc.example.com", spc="000T", answered_by="alice (uid 1001)", version="0.1.0")
KEPT = Kept(days=365, least_days=30, oldest_at=AT - 86_400, in_time=34)
RECORD = {
    "kind": "loa",
    "numbers": "+12025550100-+12025550199",
    "until": AT + 86_400,
    "file": "letter.pdf",
    "file_sha256": "cd" * 32,
    "entered_by": "bob (uid 1002)",
    "entered_at": AT - 200,
    "why": "folder 7",
    "reviewed_by": "carol (uid 1003)",
    "reviewed_at": AT - 100,
    "accepted": True,
    "review_why": "called them",
    "revoked_by": None,
}
FACTS: dict[str, Any] = {
    "record_id": "9f3a",
    "level": "A",
    "rule": "A-loa",
    "serial": "1f",
    "trunk": "acme-hq",
    "tenant": "acme",
    "customer": "KYC-2026-17",
}
FACTS |= {"evidence_id": "evidence-17", "evidence_version": 18}
KNOWN = Known(
    customer_verified="2026-01-15",
    declared="since version 3, by dave (uid 1004)",
    evidence=RECORD,
    journal=Journaled(line=42, facts=FACTS, looked_at="x"),
)
PROOF = Proof(
    journal="node",
    line=42,
    text="{}",
    head="signed",
    values={"orig": ("00", "12025550101"), "dest": ("01", "12125550142"), "name": ("02", "Example Corp")},
)
CONNECTION: dict[str, Any] = {"source": "192.0.2.7:41000", "transport": "tls", "tls_version": "TLSv1.3"}


def decision(**changed: Any) -> DecisionRecord:
    made: dict[str, Any] = {
        "record_id": "9f3a",
        "at": AT,
        "attempt_id": "a",
        "call_id": "7d@pbx.acme.example.com",
        "verdict": "admit",
        "reason": "admitted",
        "tenant": "acme",
        "trunk": "acme-hq",
        "source_name": "acme-hq",
        "direction": "outbound",
        "calling_number": OURS,
        "called_number": THEIRS,
        "routes": ["north", "south"],
        "certificate_sha256": "ab" * 32,
        "authenticated_by": ["network", "certificate"],
        "customer": "KYC-2026-17",
        "attest": "A",
        "attestation": AttestationRecord(
            rule="A-loa",
            evidence="evidence-17",
            evidence_version=18,
            serial="1f",
            journal=42,
        ),
        "identity_signed": ["ef" * 32],
        "policy_version": 18,
        **CONNECTION,
    }
    return DecisionRecord(**(made | changed))


def view(made: DecisionRecord, *, peer: str = "south") -> dict[str, Any]:
    outcome = Outcome(
        record_id=made.record_id,
        call_id=made.call_id,
        ending=Ending.BYE,
        answered_at=AT + 5,
        ended_at=AT + 65,
        status=200,
        ended_by="caller",
        peer=peer,
        tried=[RouteTried(peer="north", status=503)],
    )
    return call_view(msgspec.to_builtins(made), msgspec.to_builtins(outcome))


def traced(
    made: DecisionRecord, *, role: str = "originating", known: Known = KNOWN, proof: Proof | None = PROOF
) -> Traced:
    messages = (MessageRecord("9f3a", AT - 0.1, "caller", "in", "INVITE", media="sdp"),)
    return Traced(view=view(made), known=known, role=role, messages=messages, proof=proof)


def told(*found: Traced, more: bool = False, question: Question = QUESTION) -> dict[str, Any]:
    return answer(question, PROVIDER, KEPT, found, more=more, at=AT + 9000, salt="5a" * 16)


def test_our_customers_call() -> None:
    (call,) = told(traced(decision()))["calls"]
    assert call["from"] == {
        "kind": "customer",
        "name": "acme-hq",
        "role": "originating",
        "tenant": "acme",
        "customer_reference": "KYC-2026-17",
        "customer_verified": "2026-01-15",
        "authenticated_by": ["network", "certificate"],
        "certificate_sha256": "ab" * 32,
        **CONNECTION,
    }
    assert call["to"] == {"kind": "carrier", "name": "south", "tenant": None, "tried": ["north"]}
    assert (call["started_at"], call["duration_s"]) == ("2027-01-15T08:00:00.000Z", 60.0)
    assert call["attestation"]["evidence"]["file_sha256"] == "cd" * 32
    assert call["identity"] == {"received": [], "signed": ["ef" * 32]}
    assert call["proof"]["agrees_with_record"] is True
    assert call["ladder"][0]["text"] == "INVITE [sdp]"


def test_a_provider_whose_calls_are_in_transit_is_no_customer() -> None:
    for role in ("intermediate", "gateway"):
        (call,) = told(traced(decision(), role=role))["calls"]
        assert (call["from"]["kind"], call["from"]["role"]) == ("upstream-provider", role)


def test_of_whom_no_role_is_proven_neither_is_said() -> None:
    found = told(traced(decision(), role=""))
    (call,) = found["calls"]
    assert (call["from"]["kind"], call["from"]["role"]) == (None, None)
    assert any(
        "not proven whether our customer or the provider before us, acme" in line for line in page(found)
    )


def test_the_provider_of_a_call_in_is_named_with_the_code_of_its_signature() -> None:
    good = VerificationRecord(verstat="TN-Validation-Passed", attest="B", spc="709J", origid="o", x5u="u")
    into = decision(
        direction="inbound", source_name="north", attest="", attestation=None, verification=good,
        identity_received=["aa" * 32], identity_signed=[],
    )  # fmt: skip
    (call,) = told(traced(into, proof=None, known=Known()))["calls"]
    came_from = call["from"]
    assert (came_from["kind"], came_from["name"]) == ("upstream-provider", "north")
    assert came_from["signed_by_spc"] == "709J"
    assert call["to"] == {"kind": "customer", "name": "south", "tenant": "acme", "tried": ["north"]}
    assert call["attestation"] is call["proof"] is None
    assert "the provider before us, carrier north; signed by service provider 709J" in text(into)
    bad = VerificationRecord(
        verstat="TN-Validation-Failed", errors=[StirErrorRecord(code=438, cause="signature")]
    )
    failed = msgspec.structs.replace(into, verification=bad)
    assert "carrier north; no signature was good" in text(failed)
    assert "TN-Validation-Failed; 438 signature" in text(failed)


def test_a_stranger_is_told_with_whom_he_said_to_be() -> None:
    refused = decision(
        verdict="reject", reason="unknown-source", source_name="", trunk="", tenant="", claimed="acme-hq",
        direction="", attest="", attestation=None,
    )  # fmt: skip
    (call,) = told(traced(refused, proof=None, known=Known()))["calls"]
    assert call["from"] == {
        "kind": "stranger",
        "claimed": "acme-hq",
        "certificate_sha256": "ab" * 32,
        **CONNECTION,
    }
    assert "nobody we know, who said to be acme-hq" in text(refused)


def test_nothing_is_told_that_was_not_asked_for() -> None:
    """Other numbers of the customer, staff but who answers, names signed beside numbers, and other tenants."""
    written = json.dumps(told(traced(decision())))
    assert "since version 3" in written
    for other in (
        "12025550199",
        "bob",
        "carol",
        "dave",
        "folder 7",
        "called them",
        "letter.pdf",
        "Example Corp",
    ):
        assert other not in written, other
    assert "alice (uid 1001)" in written


def test_who_asked_what_and_until_when_is_told() -> None:
    found = told()
    assert found["request"] == {
        "asked_by": "ITG 2026-0417",
        "received_at": "2027-01-15T10:00:00.000Z",
        "answer_due_at": "2027-01-16T10:00:00.000Z",
        "number": THEIRS,
        "other_number": OURS,
        "at": "2027-01-15T08:00:00.000Z",
        "within_s": 300.0,
    }
    assert found["searched"]["since"] == "2027-01-15T07:55:00.000Z"
    assert found["searched"]["until"] == "2027-01-15T08:05:00.000Z"
    lines = "\n".join(page(found))
    assert "34 calls on record, whoever's" in lines
    assert "calls are kept 365 days, some 30; the oldest is of 2027-01-14T08:00:00.000Z" in lines
    assert "no call" in lines
    assert "further calls fit" in "\n".join(page(told(more=True)))


def test_the_calls_that_fit_by_either_number() -> None:
    def sides(question: Question) -> list[tuple[str | None, ...]]:
        return [
            (one.calling_number, one.shown_number, one.claimed_number, one.called_number)
            for one in question.filters()
        ]

    # who was called has seen the number in From, and may know no other
    assert sides(QUESTION) == [
        (THEIRS, None, None, OURS), (None, THEIRS, None, OURS), (None, None, THEIRS, OURS),
        (OURS, None, None, THEIRS), (None, OURS, None, THEIRS), (None, None, OURS, THEIRS),
    ]  # fmt: skip
    assert {(each.since, each.until) for each in QUESTION.filters()} == {(AT - 300, AT + 300)}
    at_once = replace(QUESTION, searched_at=AT + 2)
    assert {each.until for each in at_once.filters()} == {AT + 2}, "nobody has searched what is yet to come"
    told = answer(at_once, PROVIDER, KEPT, [], more=False, at=AT + 2, salt="00" * 16)["searched"]["until"]
    assert datetime.fromisoformat(told).timestamp() == AT + 2
    assert sides(replace(QUESTION, other=None)) == [
        (THEIRS, None, None, None), (None, THEIRS, None, None), (None, None, THEIRS, None),
        (None, None, None, THEIRS),
    ]  # fmt: skip


def test_of_a_refused_call_the_truth_is_told_and_nothing_else() -> None:
    refused = decision(
        verdict="reject", reason="calling-number-not-permitted", attest="", attestation=None,
        identity_signed=[], routes=[],
    )  # fmt: skip
    (call,) = told(traced(refused, proof=None))["calls"]
    came_from = call["from"]
    assert (came_from["customer_reference"], came_from["customer_verified"]) == ("KYC-2026-17", "2026-01-15")
    assert came_from["authenticated_by"] == ["network", "certificate"]
    assert call["attestation"] is None
    page_of = text(refused)
    assert "our customer acme, KYC record KYC-2026-17, verified 2026-01-15; trunk acme-hq" in page_of
    assert "   signed         not: the call was refused, and went to nobody" in page_of
    assert "None" not in page_of


def test_what_was_not_written_down_is_not_told_as_if_it_were_nothing() -> None:
    old = view(decision(verdict="reject", reason="calling-number-not-permitted", attestation=None, attest=""))
    del old["authenticated_by"], old["customer"]
    made = told(Traced(view=old, known=KNOWN, role="originating"))
    came_from = made["calls"][0]["from"]
    assert came_from["customer_reference"] is came_from["customer_verified"] is None
    assert came_from["authenticated_by"] is None
    said = "\n".join(page(made))
    assert "acme, whether with a KYC record is not on record; trunk" in said
    assert "how it proved who it is is not on record" in said
    nobody = told(traced(decision(customer="", authenticated_by=[])))
    assert nobody["calls"][0]["from"]["customer_verified"] is None
    assert "acme, no KYC record; trunk acme-hq, which is originating, of which a call for help" in "\n".join(
        page(nobody)
    )


def test_the_number_that_was_shown_is_told_beside_the_one_that_was_asserted() -> None:
    made = decision(shown_number="+12025550102")
    (call,) = told(traced(made))["calls"]
    assert (call["calling_number"], call["shown_number"]) == (OURS, "+12025550102")
    assert f"from {OURS}, who showed +12025550102, to {THEIRS}" in text(made)
    assert told(traced(decision()))["calls"][0]["shown_number"] is None


def test_the_number_the_pbx_claimed_is_told_beside_the_one_in_its_place() -> None:
    made = decision(claimed_number="+18005551234")
    (call,) = told(traced(made))["calls"]
    assert (call["calling_number"], call["claimed_number"]) == (OURS, "+18005551234")
    assert f"from {OURS}, who claimed +18005551234, to {THEIRS}" in text(made)
    assert told(traced(decision()))["calls"][0]["claimed_number"] is None


def test_a_record_of_a_version_before_this_one_is_told_too() -> None:
    old = view(decision())
    for name in ("identity_received", "identity_signed", "verification"):
        del old[name]
    (call,) = told(Traced(view=old, known=KNOWN))["calls"]
    assert (call["identity"], call["verification"]) == ({"received": [], "signed": []}, None)


def test_the_page() -> None:
    found = text(decision()).splitlines()
    record, proved = "KYC record KYC-2026-17, verified 2026-01-15", "proved by network and certificate"
    for line in (
        "1. 2027-01-15T08:00:00.000Z, from +12025550101 to +12125550142",
        f"   came from      our customer acme, {record}; trunk acme-hq, which is originating, {proved}",
        f"                  192.0.2.7:41000, tls, TLSv1.3, certificate sha256:{'ab' * 32}",
        "   went to        carrier south; tried before: north",
        "   ended          2027-01-15T08:01:05.000Z, bye 200, talked 60.0 s",
        "   signed         A by rule A-loa: our customer's call, and a letter of authorisation gives it the number",
        f"   evidence       evidence-17, version 18, document sha256:{'cd' * 32}",
        f"   Identity       signed, sha256:{'ef' * 32}",
        "   journal        line 42 of the signer's journal node says the same; its chain leads to a signed head",
        "                  signed for a call from 12025550101 to 12125550142",
    ):
        assert line in found, line


def text(made: DecisionRecord, **known: Any) -> str:
    return "\n".join(page(told(traced(made, **known))))


CHANGED = "record 17 of evidence is not as it was entered"


def test_evidence_that_is_left_out_is_said_to_be_with_why() -> None:
    """Summary: on the page and in the answer for programs; an inventory, which has no record, lacks none."""
    left = replace(KNOWN, evidence=None, configuration=CHANGED)
    (call,) = told(traced(decision(), known=left))["calls"]
    evidence = call["attestation"]["evidence"]
    assert (evidence["left_out"], evidence["file_sha256"]) == (CHANGED, None)
    assert f"what it says is left out: {CHANGED}\n" in text(decision(), known=left)
    gone = replace(KNOWN, evidence=None)
    assert "what it says is left out: its record is not on this node any more\n" in text(
        decision(), known=gone
    )
    assert "left out" not in text(decision())
    own = AttestationRecord(rule="A-own-inventory", evidence="inventory-acme-hq", evidence_version=18)
    assert "left out" not in text(decision(attestation=own), known=gone)


def test_why_a_role_is_not_proven_is_said() -> None:
    broken = "root has not written entries 4 to 5 of the journal of acts"
    known = replace(KNOWN, evidence=None, customer_verified=None, configuration=broken)
    assert f"not proven because {broken}\n" in text(decision(), role="", known=known)
    assert "not proven because" not in text(decision(), role="")
    assert "not proven because" not in text(decision(), known=known)


def test_a_line_that_is_under_no_head_yet_says_when_to_ask_again() -> None:
    """Summary: heads are signed each minute; where one is long due, somebody has to look why there is none."""
    made_at = AT + 9000
    young = replace(PROOF, head="", text=json.dumps({"at": made_at - 3}))
    said = text(decision(), proof=young)
    assert (
        "this last part of the journal is not under a signed head yet, and so not proven: one is signed"
        in said
    )
    assert "ask again after 10:31:00 UTC\n" in said
    overdue = text(decision(), proof=replace(young, text=json.dumps({"at": made_at - 121})))
    assert "though one is signed each minute: the provider has to look why\n" in overdue
    assert "ask again" not in overdue
    assert "signed head yet" not in text(decision())
    assert HEADS_EVERY_S == EVERY_S
    both = told(traced(decision(), proof=young), traced(decision()), traced(decision(), proof=None))
    assert without_head(both) == 1
    assert without_head(told(traced(decision(), proof=replace(young, problem="line 40 was changed")))) == 0
