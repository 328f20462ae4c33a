"""Property 4: each level needs each piece it rests on, and without it the next call has the right lower one."""

from dataclasses import replace
from typing import Any

import pytest

from trunkward.shaken.attest import (
    A_RULES,
    LACKS,
    RULES,
    WITHOUT,
    Attestation,
    Came,
    Ingress,
    Lack,
    Piece,
    Rule,
    decide_attestation,
)
from trunkward.shaken.evidence import Evidence, Kind
from trunkward.shaken.relationship import Relationship
from trunkward.trunks.transit import OF_NODE, Role

NOW = 1_800_000_000
DAY = 86_400
NUMBER = "12025550100"
CUSTOMER = Relationship(
    identity=OF_NODE,
    trunk="alpha",
    customer="KYC-2026-17",
    since=NOW - 100 * DAY,
    until=NOW + 100 * DAY,
    supplies_levels=False,
    nam="",
    crn="",
    not_after=NOW + 200 * DAY,
    version=3,
)


def evidence(kind: Kind = Kind.LOA, **changed: Any) -> Evidence:
    held = Evidence(
        kind=kind,
        identity=OF_NODE,
        customer=CUSTOMER.customer,
        trunk="alpha",
        first="12025550100",
        last="12025550109",
        not_after=NOW + 1,
        version=3,
        id="evidence-17",
    )
    return replace(held, **changed)


def ingress(kind: Kind = Kind.LOA, **changed: Any) -> Ingress:
    """A call that has all there is to have."""
    whole = Ingress(
        trunk="alpha",
        role=Role.ORIGINATING,
        authenticated=True,
        relationship=CUSTOMER,
        orig_tn=NUMBER,
        evidence=(evidence(kind),),
    )
    return replace(whole, **changed)


#: Each way in which a piece can be gone, and what is said of it then.
GONE: list[tuple[Piece, dict[str, Any], Lack, Rule]] = [
    (Piece.AUTHENTICATED, {"authenticated": False}, Lack.NOT_AUTHENTICATED, Rule.NOT_AUTHENTICATED),
    (Piece.ORIGINATED_HERE, {"role": Role.GATEWAY}, Lack.NOT_ORIGINATED_HERE, Rule.C_GATEWAY),
    (
        Piece.ORIGINATED_HERE,
        {"role": Role.INTERMEDIATE},
        Lack.NOT_ORIGINATED_HERE,
        Rule.C_INTERMEDIATE_UNSIGNED,
    ),
    (Piece.CUSTOMER, {"relationship": None}, Lack.CUSTOMER_NOT_KNOWN, Rule.C_UNKNOWN_CUSTOMER),
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, until=NOW)},
        Lack.CUSTOMER_VERIFIED_TOO_LONG_AGO,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, since=NOW + 1)},
        Lack.CUSTOMER_NOT_YET_VERIFIED,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    # declared of a trunk whose tenant has no record: a switch
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, customer="")},
        Lack.CUSTOMER_NOT_KNOWN,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, not_after=NOW)},
        Lack.RELATIONSHIP_EXPIRED,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, trunk="beta")},
        Lack.RELATIONSHIP_OF_OTHER_TRUNK,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    (
        Piece.CUSTOMER,
        {"relationship": replace(CUSTOMER, identity="resale")},
        Lack.RELATIONSHIP_OF_OTHER_IDENTITY,
        Rule.C_UNKNOWN_CUSTOMER,
    ),
    (Piece.NUMBER, {"evidence": ()}, Lack.NO_EVIDENCE, Rule.B_KNOWN_CUSTOMER),
    (
        Piece.NUMBER,
        {"evidence": (evidence(not_after=NOW),)},
        Lack.EVIDENCE_EXPIRED,
        Rule.B_KNOWN_CUSTOMER,
    ),
    (
        Piece.NUMBER,
        {"evidence": (evidence(trunk="beta"),)},
        Lack.EVIDENCE_OF_OTHER_TRUNK,
        Rule.B_KNOWN_CUSTOMER,
    ),
    (
        Piece.NUMBER,
        {"evidence": (evidence(customer="KYC-2026-18"),)},
        Lack.EVIDENCE_OF_OTHER_CUSTOMER,
        Rule.B_KNOWN_CUSTOMER,
    ),
    # the number it shows is only what the customer says: it yields A in no case
    (Piece.NUMBER, {"orig_tn": "12025550110"}, Lack.EVIDENCE_FOR_OTHER_NUMBER, Rule.B_KNOWN_CUSTOMER),
    (Piece.NUMBER, {"orig_tn": "1202555010"}, Lack.EVIDENCE_FOR_OTHER_NUMBER, Rule.B_KNOWN_CUSTOMER),
    (Piece.NUMBER, {"orig_tn": "120255501000"}, Lack.EVIDENCE_FOR_OTHER_NUMBER, Rule.B_KNOWN_CUSTOMER),
]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_by_the_kind_of_evidence(kind: Kind) -> None:
    decision = decide_attestation(ingress(kind), NOW)
    assert (decision.level, decision.rule, decision.lack) == (Attestation.A, A_RULES[kind], None)
    assert decision.evidence == evidence(kind)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("piece", "changed", "lack", "rule"), GONE)
def test_property_4_each_piece_taken_away_lowers_the_level(
    kind: Kind, piece: Piece, changed: dict[str, Any], lack: Lack, rule: Rule
) -> None:
    """Property 4, and what `trunkward why` says of it: the table of rules is true."""
    whole = ingress(kind)
    assert piece in RULES[decide_attestation(whole, NOW).rule].rests_on
    decision = decide_attestation(replace(whole, **changed), NOW)
    assert (decision.rule, decision.lack, decision.level) == (rule, lack, RULES[rule].level)
    assert rule in WITHOUT[piece]
    assert decision.level is not Attestation.A


@pytest.mark.parametrize(
    ("piece", "changed", "rule"),
    [
        (Piece.AUTHENTICATED, {"authenticated": False}, Rule.NOT_AUTHENTICATED),
        (Piece.ORIGINATED_HERE, {"role": Role.GATEWAY}, Rule.C_GATEWAY),
        (Piece.CUSTOMER, {"relationship": None}, Rule.C_UNKNOWN_CUSTOMER),
    ],
)
def test_b_needs_all_but_the_number(piece: Piece, changed: dict[str, Any], rule: Rule) -> None:
    whole = ingress(evidence=())
    decision = decide_attestation(whole, NOW)
    assert (decision.rule, decision.level) == (Rule.B_KNOWN_CUSTOMER, Attestation.B)
    assert piece in RULES[decision.rule].rests_on
    assert decide_attestation(replace(whole, **changed), NOW).rule is rule


@pytest.mark.parametrize(
    "whole",
    [ingress(role=Role.GATEWAY), ingress(role=Role.INTERMEDIATE), ingress(relationship=None)],
)
def test_c_needs_a_known_ingress(whole: Ingress) -> None:
    decision = decide_attestation(whole, NOW)
    assert decision.level is Attestation.C
    assert Piece.AUTHENTICATED in RULES[decision.rule].rests_on
    assert decide_attestation(replace(whole, authenticated=False), NOW).level is None


C_AT = {Role.GATEWAY: Rule.C_GATEWAY, Role.INTERMEDIATE: Rule.C_INTERMEDIATE_UNSIGNED}


@pytest.mark.parametrize(
    ("role", "came", "domestic", "signed_c"),
    [
        # 47 CFR 64.6302(b), (c): what came unsigned is signed here
        (Role.INTERMEDIATE, Came.UNSIGNED, True, True),
        (Role.INTERMEDIATE, Came.UNSIGNED, False, True),
        (Role.GATEWAY, Came.UNSIGNED, True, True),
        (Role.GATEWAY, Came.UNSIGNED, False, True),
        # (a): what came signed is not signed twice; at an intermediate at whatever level
        (Role.INTERMEDIATE, Came.FULL, True, False),
        (Role.INTERMEDIATE, Came.NOT_FULL, True, False),
        (Role.INTERMEDIATE, Came.NOT_FULL, False, False),
        # (d): unless it is not good, which leaves the call unauthenticated
        (Role.INTERMEDIATE, Came.NOT_GOOD, True, True),
        (Role.INTERMEDIATE, Came.NOT_GOOD, False, True),
        # (c): at a gateway a number of the country needs an A that was verified
        (Role.GATEWAY, Came.FULL, True, False),
        (Role.GATEWAY, Came.NOT_FULL, True, True),
        (Role.GATEWAY, Came.NOT_GOOD, True, True),
        # a number of another country does not
        (Role.GATEWAY, Came.FULL, False, False),
        (Role.GATEWAY, Came.NOT_FULL, False, False),
        (Role.GATEWAY, Came.NOT_GOOD, False, False),
        # and nobody is lowered while we can look at nobody's
        (Role.INTERMEDIATE, Came.SIGNED, True, False),
        (Role.GATEWAY, Came.SIGNED, True, False),
        (Role.GATEWAY, Came.SIGNED, False, False),
    ],
)
def test_in_transit_by_role_and_what_it_came_with(
    role: Role, came: Came, *, domestic: bool, signed_c: bool
) -> None:
    decision = decide_attestation(ingress(role=role, came=came, domestic=domestic), NOW)
    wanted = (Attestation.C, C_AT[role]) if signed_c else (None, Rule.ALREADY_SIGNED)
    assert (decision.level, decision.rule) == wanted


def test_a_customers_own_signature_is_no_reason_not_to_sign() -> None:
    assert decide_attestation(ingress(came=Came.SIGNED), NOW).level is Attestation.A


def test_a_call_for_help_is_not_signed() -> None:
    decision = decide_attestation(ingress(emergency=True), NOW)
    assert (decision.level, decision.rule, decision.lack) == (None, Rule.EMERGENCY, None)


def test_what_holds_counts_whatever_else_has_ended() -> None:
    ended, live = evidence(Kind.PORT, not_after=NOW), evidence(Kind.VETTED)
    for held in ((ended, live), (live, ended)):
        decision = decide_attestation(ingress(evidence=held), NOW)
        assert (decision.rule, decision.evidence) == (Rule.A_VETTED, live)


def test_b_says_which_evidence_would_have_done() -> None:
    ended = evidence(not_after=NOW)
    assert decide_attestation(ingress(evidence=(ended,)), NOW).evidence == ended


def test_a_kyc_record_counts_from_its_day_on_and_not_for_ever() -> None:
    first, last = CUSTOMER.since, CUSTOMER.until - 1
    levels = [decide_attestation(ingress(evidence=()), at).level for at in (first - 1, first, last, last + 1)]
    assert levels == [Attestation.C, Attestation.B, Attestation.B, Attestation.C]


def test_every_rule_and_lack_has_its_words() -> None:
    assert set(RULES) == set(Rule)
    assert set(LACKS) == set(Lack)
    assert set(WITHOUT) == set(Piece)
    for rule, row in RULES.items():
        assert rule.value.partition("-")[0] == (row.level or "none")
        assert row.words
        assert row.clause
