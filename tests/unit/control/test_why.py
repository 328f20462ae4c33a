"""One page says why a call was signed as it was, and what would have lowered it; also where it was not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from trunkward.control.signer_line import Journaled
from trunkward.control.why import Certificate, Known, document, lines
from trunkward.shaken.attest import PIECES, RULES, Rule

NOW = 1_800_000_000.0
SERIAL = "1f2e3d"
CALL: dict[str, Any] = {
    "record_id": "9f3a61c2b4e04d0f8a7be2f40c1d9a55",
    "call_id": "7d0e4f@pbx.acme.example.com",
    "started_at": NOW,
    "tenant": "acme",
    "source_name": "acme-hq",
    "source": "192.0.2.7:41000",
    "tls_version": "TLSv1.3",
    "certificate_sha256": "ab" * 32,
    "calling_number": "+12125550150",
    "called_number": "+442079460123",
    "authenticated_by": ["network", "certificate"],
    "customer": "KYC-2026-17",
    "attest": "A",
    "attest_reason": "",
    "policy_version": 18,
    "attestation": {
        "rule": "A-loa",
        "evidence": "evidence-17",
        "evidence_version": 18,
        "serial": SERIAL,
        "journal": 42,
    },
}
RECORD = {
    "id": 17,
    "kind": "loa",
    "numbers": "+12125550150-+12125550159",
    "until": NOW + 86_400,
    "file": "letter.pdf",
    "file_sha256": "cd" * 32,
    "entered_by": "alice (uid 1001)",
    "entered_at": NOW - 200,
    "why": "folder 7",
    "reviewed_by": "bob (uid 1002)",
    "reviewed_at": NOW - 100,
    "accepted": True,
    "review_why": "called them",
    "revoked_by": None,
}
FACTS = {
    "record_id": CALL["record_id"],
    "level": "A",
    "rule": "A-loa",
    "serial": SERIAL,
    "trunk": "acme-hq",
    "tenant": "acme",
    "customer": "KYC-2026-17",
    "evidence_id": "evidence-17",
    "evidence_version": 18,
}
KNOWN = Known(
    customer_verified="2026-01-15",
    evidence=RECORD,
    certificate=Certificate(
        serial=SERIAL, spc="000T", issuer="CN=Test", until=datetime(2027, 6, 30, tzinfo=UTC)
    ),
    journal=Journaled(line=42, facts=FACTS, looked_at="its chain leads to a head"),
)


def call(**changed: Any) -> dict[str, Any]:
    """The call with its attestation, or what stands beside it, changed."""
    of_rule = {name: changed.pop(name) for name in list(changed) if name in (*CALL["attestation"], "lack")}
    return CALL | changed | {"attestation": CALL["attestation"] | of_rule}


def page(told: dict[str, Any], known: Known = KNOWN) -> str:
    return "\n".join(lines(document(told, known)))


def test_property_5_the_whole_page() -> None:
    """Property 5: one command says why this was A."""
    assert page(CALL) == (
        "call 9f3a61c2b4e04d0f8a7be2f40c1d9a55, 2027-01-15 08:00:00 UTC: signed A by rule A-loa\n"
        "  our customer's call, and a letter of authorisation gives it the number\n"
        "  clause        ATIS-1000074 (full attestation); RFC 8588 section 4\n"
        "\n"
        "  numbers       from +12125550150 to +442079460123\n"
        "  trunk         acme-hq, proved by network and certificate (192.0.2.7:41000, TLSv1.3, certificate"
        f" sha256:{'ab' * 32})\n"
        "  customer      tenant acme, KYC record KYC-2026-17, verified 2026-01-15\n"
        "  evidence      evidence-17, version 18\n"
        "                loa for +12125550150-+12125550159, until 2027-01-16 08:00:00 UTC\n"
        f"                document letter.pdf, sha256:{'cd' * 32}\n"
        "                entered by alice (uid 1001), 2027-01-15 07:56:40 UTC: folder 7\n"
        "                accepted by bob (uid 1002), 2027-01-15 07:58:20 UTC: called them\n"
        "\n"
        "  certificate   serial 1f2e3d, SPC 000T, of CN=Test, until 2027-06-30T00:00:00+00:00\n"
        "  signer        line 42 of the signer's journal: says the same\n"
        "                its chain leads to a head\n"
        "  configuration version 18: its journal holds\n"
        "\n"
        "  it would have been lower without\n"
        "    proof of which trunk it is: not signed (none-not-authenticated)\n"
        "    a beginning here (role: originating): C (C-gateway) or C (C-intermediate-unsigned)\n"
        "    a valid KYC record of the customer: C (C-unknown-customer)\n"
        "    a live record that the number is this customer's: B (B-known-customer)"
    )


def test_an_own_number_names_its_block_and_who_gave_it_to_the_trunk() -> None:
    block = RECORD | {"kind": "block", "numbers": "+12125550000-+12125559999", "file": "assignment.pdf"}
    since = "since version 12, by carol (uid 1003)"
    said = page(call(rule="A-own-inventory"), replace(KNOWN, evidence=block, declared=since))
    assert (
        "  evidence      evidence-17, version 18\n"
        "                in the trunk's inventory since version 12, by carol (uid 1003)\n"
        "                block for +12125550000-+12125559999, until 2027-01-16 08:00:00 UTC\n"
        f"                document assignment.pdf, sha256:{'cd' * 32}\n"
        "                entered by alice (uid 1001), 2027-01-15 07:56:40 UTC: folder 7\n"
        "                accepted by bob (uid 1002), 2027-01-15 07:58:20 UTC: called them\n"
    ) in said


AGREEMENT = RECORD | {"kind": "contract", "numbers": "", "spc": "222T", "file": "agreement.pdf"}


@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_a_supplied_level_names_the_contract_it_rests_on(level: str) -> None:
    rule = f"{level}-supplied"
    facts = FACTS | {"rule": rule, "level": level}
    known = replace(KNOWN, evidence=AGREEMENT, journal=Journaled(line=42, facts=facts))
    said = page(call(rule=rule, attest=level), known)
    assert (
        "  evidence      evidence-17, version 18\n"
        "                contract of SPC 222T, until 2027-01-16 08:00:00 UTC\n"
        f"                document agreement.pdf, sha256:{'cd' * 32}\n"
        "                entered by alice (uid 1001), 2027-01-15 07:56:40 UTC: folder 7\n"
    ) in said
    assert "line 42 of the signer's journal: says the same" in said
    assert (
        "    a live contract with the provider who supplied it: not signed (none-without-contract)"
    ) in said
    # by another contract than the signer has
    other = replace(known, journal=Journaled(line=42, facts=facts | {"evidence_id": "evidence-16"}))
    assert "it differs in evidence_id" in page(call(rule=rule, attest=level), other)


def test_what_was_supplied_without_a_contract_says_so() -> None:
    said = page(
        call(rule="none-without-contract", lack="contract-expired", attest="", journal=None, serial=""),
        replace(KNOWN, evidence=AGREEMENT),
    )
    assert said.startswith(
        f"call {CALL['record_id']}, 2027-01-15 08:00:00 UTC: not signed by rule none-without-contract\n"
        "  its own provider said at which level, and no written agreement that two people have looked at has"
        " us sign for him\n"
        "  clause        47 CFR 64.6301(b) (FCC 24-120)\n"
    )
    assert "document agreement.pdf" in said
    assert said.endswith(
        "it lacked: a contract with the provider who supplied it that has not ended (contract-expired)"
    )


@pytest.mark.parametrize("rule", [rule for rule in Rule if RULES[rule].level])
def test_what_would_lower_it_is_what_the_rule_rests_on(rule: Rule) -> None:
    told = document(call(rule=rule.value, attest=RULES[rule].level), KNOWN)
    assert [one["piece"] for one in told["lowered_by"]] == [PIECES[piece] for piece in RULES[rule].rests_on]


def test_b_says_what_it_lacked() -> None:
    said = page(call(attest="B", rule="B-known-customer", lack="evidence-expired"))
    assert "signed B by rule B-known-customer" in said
    assert "for a higher level it lacked: evidence that has not ended (evidence-expired)" in said


def test_property_5_why_it_fell() -> None:
    """Property 5: after a revocation the page of the next call names it, also of one that was refused."""
    fell = RECORD | {"revoked_by": "alice (uid 1001)", "revoked_at": NOW - 50, "revoke_why": "ported out"}
    known = replace(KNOWN, evidence=None, revoked=fell)
    told = call(attest="B", rule="B-known-customer", lack="no-evidence-for-number", evidence="")
    words = (
        "  evidence      none for this number\n"
        "                record 17 (loa for +12125550150-+12125550159) spoke for it until it was revoked by"
        " alice (uid 1001), 2027-01-15 07:59:10 UTC: ported out\n"
    )
    assert words in page(told, known)
    assert "revoked" not in page(told, replace(known, revoked=None))
    refused = call(attest="") | {"attestation": None, "verdict": "reject", "direction": "outbound"}
    assert words in page(refused | {"reason": "caller-not-allowed"}, known)


def test_c_without_a_customer() -> None:
    said = page(call(attest="C", rule="C-unknown-customer", lack="customer-not-known", customer=""))
    assert "tenant acme: no KYC record was named" in said
    assert "it lacked: a KYC record of the customer" in said


def test_a_call_for_help_is_not_signed() -> None:
    unsigned = call(attest="", attest_reason="none-emergency", rule="none-emergency", evidence="", serial="")
    said = page(unsigned, replace(KNOWN, journal=None))
    assert "not signed by rule none-emergency" in said
    assert "would have been lower" not in said
    assert "signer" not in said.replace("signer's", "")


def test_one_that_could_have_been_signed_says_why_it_was_not() -> None:
    unsigned = call(attest="", attest_reason="clock-not-synchronised", serial="", journal=None)
    told = document(unsigned, replace(KNOWN, journal=None))
    assert "clock was not known to be right" in told["unsigned"]
    assert told["journal"] is None
    # who has to act goes by the code: two causes may have the same words
    words = "the SHAKEN certificate could not be used: ./trunkward status, signer.log"
    for cause in ("certificate-key-mismatch", "certificate-expired"):
        assert f"  unsigned      {cause}: {words}\n" in page(call(attest="", attest_reason=cause))
    private = document(call(attest="", attest_reason="none-caller-private"), KNOWN)
    assert private["unsigned"] == RULES[Rule.PRIVATE].words


@pytest.mark.parametrize(
    ("worth", "said"),
    [
        (
            {
                "verstat": "TN-Validation-Passed",
                "attest": "A",
                "spc": "709J",
                "origid": "4437c7eb",
                "x5u": "https://c.example.net/1.pem",
            },
            (
                "  came with     level A, verified: signed by 709J, certificate https://c.example.net/1.pem\n"
                "                origid 4437c7eb\n"
            ),
        ),
        (
            {"verstat": "TN-Validation-Failed", "errors": [{"code": 438, "cause": "signature"}]},
            "  came with     TN-Validation-Failed\n                not good: 438 signature\n",
        ),
        (
            {"verstat": "No-TN-Validation", "why": "no-identity"},
            "  came with     No-TN-Validation, no-identity: it had no signature\n",
        ),
    ],
)
def test_what_another_provider_had_signed_is_told(worth: dict[str, Any], said: str) -> None:
    told = call(attest="", attest_reason="none-already-signed", rule="none-already-signed", evidence="")
    assert said in page(told | {"verification": worth})
    assert "came with" not in page(told | {"verification": None})


REFUSED = CALL | {
    "attestation": None, "attest": "", "direction": "outbound", "verdict": "reject",
    "reason": "calling-number-not-permitted",
}  # fmt: skip


def test_a_refused_call_says_that_it_was_and_whose() -> None:
    said = page(REFUSED)
    assert "no rule was asked: it was refused (calling-number-not-permitted)" in said
    assert "  trunk         acme-hq, proved by network and certificate (192.0.2.7:41000" in said
    assert "  customer      tenant acme, KYC record KYC-2026-17, verified 2026-01-15" in said
    old = {name: value for name, value in REFUSED.items() if name not in ("authenticated_by", "customer")}
    said = page(old)
    assert "how it proved who it is is not on record" in said
    assert "whether it had a KYC record is not on record" in said
    stranger = page(REFUSED | {"source_name": "", "direction": "", "reason": "unknown-source"})
    assert "nobody knows whose call it was" in stranger
    assert "trunk " not in stranger


def test_a_call_in_says_who_signed_it() -> None:
    good = {
        "verstat": "TN-Validation-Passed",
        "attest": "B",
        "spc": "709J",
        "x5u": "https://c.example.net/1.pem",
    }
    said = page(
        REFUSED | {"direction": "inbound", "verdict": "admit", "source_name": "north", "verification": good}
    )
    assert "it is a call in, which whoever sent it has to sign" in said
    assert said.splitlines()[0].endswith(" UTC: a call in")
    assert "  carrier       north\n" in said
    assert "  came with     level B, verified: signed by 709J" in said
    assert "refused" not in said


def test_a_call_nobody_has_decided_yet_says_so() -> None:
    assert "not known here what was decided" in page(REFUSED | {"verdict": ""})


def test_the_number_that_was_claimed_is_told() -> None:
    assert "from +12125550150, who claimed +18005551234, to +442079460123" in page(
        CALL | {"claimed_number": "+18005551234"}
    )


def test_the_journal_of_a_reseller_is_named() -> None:
    said = page(CALL | {"attestation": CALL["attestation"] | {"identity": "resold"}})
    assert "line 42 of reseller resold's signer's journal: says the same" in said


def test_a_time_in_the_place_of_a_version_is_a_time() -> None:
    said = page(call(rule="A-own-inventory", evidence="inventory-acme-hq", evidence_version=1_795_704_164))
    assert "inventory-acme-hq, state of 2026-11-26 " in said
    assert "1795704164" not in said


@pytest.mark.parametrize("name", ["record_id", "level", "rule", "serial", "trunk", "evidence_version"])
def test_a_journal_that_says_otherwise_shows(name: str) -> None:
    journal = Journaled(line=42, facts=FACTS | {name: "other"}, looked_at="")
    told = document(CALL, replace(KNOWN, journal=journal))
    assert not told["journal"]["agrees"]
    assert told["journal"]["problem"] == f"it differs in {name}"


def test_a_line_that_is_gone_and_a_chain_that_is_broken_show() -> None:
    gone = Journaled(line=42, broken=("line 40 was changed",), looked_at="its chain leads to a head")
    said = page(CALL, replace(KNOWN, journal=gone))
    assert "line 42 of the signer's journal: it is not there" in said
    assert "DOES NOT HOLD: line 40 was changed" in said
    assert "leads to a head" not in said


def test_a_gap_is_told() -> None:
    said = page(call(journal=None), replace(KNOWN, journal=None))
    assert (
        "no line: the record names none, and none of its time names the call: the disk was lost then" in said
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tenant": "innocent"}, "it differs in tenant"),
        ({"customer": "KYC-9"}, "it differs in customer"),
        ({"calling_number": "+19995550100"}, "it differs in calling_number"),
        ({"called_number": "+19995550101"}, "it differs in called_number"),
        ({"attest": "B", "calling_number": ""}, "it differs in level, calling_number"),
    ],
)
def test_property_31_whose_call_it_was_and_its_numbers_are_the_lines_too(
    changed: dict[str, Any], said: str
) -> None:
    """Summary: Property 31: of a record whose customer or numbers others have changed `why` does not say that the signer's line says the same."""
    values = {"orig": "12125550150", "dest": "442079460123"}
    known = replace(KNOWN, journal=Journaled(line=42, facts=FACTS, values=values))
    assert "signer's journal: says the same" in page(CALL, known)
    assert f"line 42 of the signer's journal: {said}\n" in page(CALL | changed, known)
    # a retargeted call goes to another number than its caller dialled, and the line has both
    diverted = {"dest": "12125550199", "div": "12125550199>12125550198 12125550198>442079460123"}
    retargeted = replace(known, journal=Journaled(line=42, facts=FACTS, values=values | diverted))
    assert "signer's journal: says the same" in page(CALL, retargeted)


def test_property_31_a_line_that_is_not_named_is_found_or_missed_and_no_gap_is_blamed() -> None:
    """Summary: Property 31: who blanks a record's line gets no excuse; a call that went unsigned, by the record, though there is a line, is told apart."""
    assert "signer's journal: says the same" in page(call(journal=None))
    blank = call(attest="", serial="", journal=None)
    assert "line 42 of the signer's journal: by the record the call went unsigned" in page(blank)


def test_property_31_a_call_of_another_node_says_where_to_ask() -> None:
    """Summary: Property 31: of several nodes with one database of records each has its own journals, versions and evidence."""
    elsewhere = Known(node="sbc-2", configuration="node sbc-2 has it: ask there")
    said = page(CALL, elsewhere)
    assert "  signer        line 42 of the signer's journal: it is on node sbc-2\n" in said
    assert "version 18: node sbc-2 has it: ask there" in said
    assert "letter.pdf" not in said


def test_a_configuration_that_does_not_hold_shows() -> None:
    said = page(CALL, replace(KNOWN, configuration="record 17 of evidence is not as it was entered"))
    assert "version 18: record 17 of evidence is not as it was entered" in said


def test_what_has_become_of_it_since_is_told() -> None:
    record = RECORD | {"revoked_by": "carol (uid 1003)", "revoked_at": NOW + 9, "revoke_why": "ported out"}
    said = page(CALL, replace(KNOWN, evidence=record))
    assert "revoked since by carol (uid 1003), 2027-01-15 08:00:09 UTC: ported out" in said


CONTRACT = RECORD | {"id": 31, "kind": "contract", "numbers": "", "spc": "567T"}
SUPPLIED = call(rule="A-supplied", evidence="evidence-31", evidence_version=32)


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (
            {
                "revoked_by": "carol (uid 1003)",
                "revoked_at": NOW + 9,
                "revoke_why": "cancelled",
                "ended": True,
            },
            "revoked since by carol (uid 1003), 2027-01-15 08:00:09 UTC: cancelled",
        ),
        ({"state": "accepted", "ended": True}, "which has ended since"),
        ({"state": "ended", "ended": True}, "which had ended before the call"),
    ],
)
def test_of_a_supplied_level_what_has_become_of_the_contract_is_told(
    since: dict[str, Any], said: str
) -> None:
    told = page(SUPPLIED, replace(KNOWN, evidence=CONTRACT | since))
    assert "contract of SPC 567T, until 2027-01-16 08:00:00 UTC" in told
    assert said in told
    words = ("revoked since", "which has ended since", "which had ended before")
    assert sum(told.count(one) for one in words) == 1
    standing = page(SUPPLIED, replace(KNOWN, evidence=CONTRACT | {"state": "accepted", "ended": False}))
    assert not any(one in standing for one in words)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (
            {"revoked_by": "carol (uid 1003)", "revoked_at": NOW - 9, "revoke_why": "cancelled"},
            "it was revoked by carol (uid 1003), 2027-01-15 07:59:51 UTC: cancelled",
        ),
        ({}, "its end, 2027-01-16 08:00:00 UTC"),
    ],
)
def test_of_a_call_without_a_contract_which_one_there_was_is_told(over: dict[str, Any], said: str) -> None:
    without = call(rule="none-without-contract", lack="no-contract", evidence="", attest="")
    told = page(without, replace(KNOWN, evidence=None, revoked=CONTRACT | over))
    assert "evidence      no contract that holds\n" in told
    assert f"record 31 (contract of SPC 567T) spoke for it until {said}\n" in told
    assert "record 31" not in page(without, replace(KNOWN, evidence=None))


def test_what_nobody_knows_any_more_is_said() -> None:
    said = page(CALL, Known(journal=KNOWN.journal))
    assert "verified" not in said
    assert "of a day that is not known any more" in said
    assert "which is not on this node any more" in said
