"""What a customer's call is signed with, by whom and by which rule."""

from copy import replace
from dataclasses import replace as changed
from ipaddress import ip_address
from typing import Any

import pytest

from sipkit.passports import shaken
from sipkit.places import TABLE
from sipkit.tokens import KEY, token, whose
from trunkward.admission.caller import Right
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.signing import TEST_CERTIFICATE
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.unsigned import in_words
from trunkward.calls.verdict import Blame, Reason, Reject
from trunkward.shaken.attest import Attestation, Lack, Rule
from trunkward.shaken.contract import Contract
from trunkward.shaken.contract import issue as issue_contract
from trunkward.shaken.evidence import Kind
from trunkward.trunks.callers import CallerRule, OtherCaller
from trunkward.trunks.customer import MOST_AGE_D, Customer
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import Role, SigningIdentity
from unit.admission.signings import (
    CALLED,
    ELSEWHERE,
    FOREIGN,
    FORWARDED,
    GOOD,
    NAME,
    NOW,
    OWN,
    TEST_NODE,
    Attempt,
    admitted,
    claims_of,
    diversion,
    judged,
    seen,
    world,
)


def test_what_a_customer_brings_along_is_taken_off(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    headers = {"identity": [shaken("12025550101", "12025550199", iat=NOW)], "date": ["theirs"]}
    case = seen(outbound(CALLED, headers=headers), pbx, world(declared))
    assert claims_of(case.attempt, pbx, world(declared)).level is Attestation.A
    assert {"Identity", "Date"} <= set(admitted(case).remove_headers)


def test_a_customer_nobody_knows_is_signed_c(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    claims = claims_of(outbound(CALLED), pbx, world(declared, customer=None, caller_name=NAME))
    assert (claims.level, claims.rule, claims.customer) == (Attestation.C, Rule.C_UNKNOWN_CUSTOMER, "")
    assert claims.caller_name is None


def test_the_signer_is_shown_whose_the_trunk_is(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """Of A and B, without which it gives neither; C rests on where the call came in."""
    customer = Customer(reference="KYC-2026-17", verified_s=NOW - 86_400)
    old = replace(customer, verified_s=NOW - MOST_AGE_D * 86_400)
    for level, known, calling in (
        (Attestation.A, customer, OWN),
        (Attestation.B, customer, FOREIGN),
        (Attestation.C, old, OWN),
    ):
        policy = world(declared, customer=known, caller=FORWARDED)
        attempt = outbound(CALLED, calling=calling, headers={"diversion": diversion(OWN)})
        claims = claims_of(attempt, pbx, policy)
        related = policy.relationship("acme-hq")
        assert related is not None
        assert (claims.level, claims.relationship) == (level, None if level == "C" else related[1])


# ---- too much -----------------------------------------------------------------------------------


def test_too_many_identity_headers_are_refused_by_name(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    many = {"identity": ["x"] * 11}
    for attempt, peer, blame in (
        (outbound(CALLED, headers=many), pbx, Blame.CUSTOMER),
        (inbound(headers=many), None, Blame.CARRIER),
    ):
        judgement = judged(screen(attempt, peer, world(declared)))
        verdict = judgement.verdict
        assert isinstance(verdict, Reject)
        assert (verdict.status, verdict.reason) == (438, Reason.IDENTITY_TOO_LARGE)
        assert verdict.blame is blame
        assert "11 Identity headers" in judgement.findings[-1].detail
    assert judged(
        screen(inbound(headers={"identity": ["x"] * 10}), None, world(declared))
    ).verdict.reason in (Reason.ADMITTED,)


@pytest.mark.parametrize("role", Role)
def test_a_call_for_help_goes_without_them(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, role: Role
) -> None:
    case = seen(outbound("911", headers={"identity": ["x"] * 11}), pbx, world(declared, role=role))
    verdict = admitted(case)
    assert {"Identity"} <= set(verdict.remove_headers)


# ---- names, other identities, canonical numbers ---------------------------------------------------


def test_a_name_is_signed_of_whose_number_it_is(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, caller_name=NAME)
    assert claims_of(outbound(CALLED), pbx, policy).caller_name == replace(NAME, reviewed="")
    assert claims_of(outbound(CALLED, headers={"privacy": ["id"]}), pbx, policy).caller_name is None
    diverting = world(declared, caller_name=NAME, caller=FORWARDED)
    headers = {"diversion": diversion(OWN)}
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, diverting)
    assert claims.caller_name is None
    assert claims_of(outbound(CALLED), pbx, world(declared)).caller_name is None


def test_a_name_is_signed_of_a_number_that_is_the_customers_by_a_letter(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    trunk = changed(declared.trunks[0], caller_name=NAME)
    tokens = [token(FOREIGN, kind=Kind.LOA)]
    known = changed(declared, trunks=(trunk,))
    policy = Snapshot(compile_snapshot(known, tokens, 1, TABLE, relationships=whose(known)))
    claims = claims_of(outbound(CALLED, calling=FOREIGN), pbx, policy)
    assert (claims.level, claims.caller_name) == (Attestation.A, replace(NAME, reviewed=""))


@pytest.mark.parametrize(("role", "named"), [(Role.ORIGINATING, True), (Role.INTERMEDIATE, False)])
def test_no_name_is_signed_of_another_providers_caller_whatever_level_is_supplied(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, role: Role, *, named: bool
) -> None:
    """The name is that of the trunk's customer, and not of whoever calls through it."""
    identities = {"resale": changed(RESALE, third_party=True)}
    policy = world(
        declared, reseller="resale", identities=identities, supplies_levels=True, role=role, caller_name=NAME
    )
    claims = claims_of(outbound(CALLED, headers={"attestation-info": ["A"]}), pbx, policy)
    assert (claims.level, claims.caller_name is not None) == (Attestation.A, named)


def test_where_nobody_is_to_hear_of_the_caller_nothing_is_signed(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """RFC 3323: a signature names him; it is made when one carrier of several may hear of him."""
    policy, private = world(declared), {"privacy": ["id"]}
    signing = seen(outbound(ELSEWHERE, headers=private), pbx, policy).signing
    assert (signing.claims, signing.unsigned) == (None, Rule.PRIVATE)
    assert claims_of(outbound(ELSEWHERE), pbx, policy).orig == OWN[1:]
    assert claims_of(outbound(CALLED, headers=private), pbx, policy).orig == OWN[1:]


RESALE = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem")


def test_whose_certificate_it_is_the_trunks_reseller_says(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    for reseller, identities, name in (
        ("", {}, "node"),
        ("resale", {}, "node"),
        ("resale", {"resale": RESALE}, "resale"),
        ("other", {"resale": RESALE}, "node"),
    ):
        policy = world(declared, reseller=reseller, identities=identities)
        claims = claims_of(outbound(CALLED), pbx, policy)
        assert (claims.identity, claims.supplied) == (name, None)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        (["A"], Attestation.A), (["B"], Attestation.B), (["C"], Attestation.C),
        ([], None), (["D"], None), (["a"], None), (["AB"], None), (["A", "A"], None), (["A, B"], None), ([""], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("calling", [OWN, FOREIGN])
def test_where_only_the_technical_act_is_ours_the_level_is_supplied(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    said: list[str],
    level: Attestation | None,
    calling: str,
) -> None:
    """Property 6 (the line): what the obligated provider's switch says, whatever we know; nothing said, unsigned."""
    identities = {"resale": changed(RESALE, third_party=True)}
    policy = world(
        declared,
        reseller="resale",
        identities=identities,
        caller=CallerRule(forwarded=True),
        supplies_levels=True,
    )
    headers = (
        {"attestation-info": said, "diversion": diversion(OWN)} if said else {"diversion": diversion(OWN)}
    )
    case = seen(outbound(CALLED, calling=calling, headers=headers), pbx, policy)
    claims = case.signing.claims
    if level is None or (level is Attestation.A and calling == FOREIGN):
        # of a forwarded call's number nobody can say that it is the customer's
        rule = Rule.NOT_SUPPLIED if level is None else Rule.SUPPLIED_TOO_HIGH
        assert (claims, case.signing.unsigned) == (None, rule)
        assert judged(case).unsigned == rule
        return
    assert claims is not None
    assert (claims.level, claims.supplied, claims.rule) == (level, level, f"{level}-supplied")
    assert (claims.evidence, claims.identity) == (None, "resale")
    # whose switch it is the signer is shown at each level, C too
    related = policy.relationship("acme-hq")
    assert related is not None
    assert (claims.relationship, related[0].supplies_levels) == (related[1], True)


SWITCHED = changed(RESALE, third_party=True, signing=SigningSource(certificates=Certificates.FILES))
AGREED = Contract(identity="resale", spc="567T", id="evidence-31", not_after=NOW + 1, version=32)


@pytest.mark.parametrize("level", Attestation)
@pytest.mark.parametrize(
    ("identity", "agreed", "denied", "lack"),
    [
        (SWITCHED, AGREED, frozenset(), None),
        (SWITCHED, AGREED, frozenset({"evidence-30"}), None),
        (SWITCHED, None, frozenset(), Lack.NO_CONTRACT),
        (SWITCHED, changed(AGREED, not_after=NOW), frozenset(), Lack.CONTRACT_EXPIRED),
        # revoked since, or nobody can say what was
        (SWITCHED, AGREED, frozenset({"evidence-31"}), Lack.NO_CONTRACT),
        (SWITCHED, AGREED, None, Lack.NO_CONTRACT),
        # of nobody else, and under the TEST authority none is needed
        (SWITCHED, changed(AGREED, identity="other"), frozenset(), Lack.NO_CONTRACT),
        (changed(RESALE, third_party=True), None, frozenset(), None),
    ],
)
def test_a_supplied_level_rests_on_a_contract(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    level: Attestation,
    identity: SigningIdentity,
    agreed: Contract | None,
    denied: frozenset[str] | None,
    lack: Lack | None,
) -> None:
    """Property 6: without one that holds nothing that is supplied is signed, C neither."""
    held = {agreed.identity: issue_contract(KEY, agreed)} if agreed else {}
    policy = world(
        declared,
        reseller="resale",
        identities={"resale": identity},
        supplies_levels=True,
        contracts=held,
        denied=denied,
    )
    case = seen(outbound(CALLED, headers={"attestation-info": [level.value]}), pbx, policy)
    attested = case.signing.attested
    assert attested is not None
    named = agreed is not None and identity is SWITCHED and lack is not Lack.NO_CONTRACT
    assert (attested.evidence_id, attested.evidence_version) == (("evidence-31", 32) if named else ("", 0))
    if lack is not None:
        assert (case.signing.claims, case.signing.unsigned) == (None, Rule.NO_CONTRACT)
        assert (attested.rule, attested.level, attested.lack) == (Rule.NO_CONTRACT, None, lack)
        assert judged(case).unsigned == "none-without-contract"
        return
    claims = case.signing.claims
    assert claims is not None
    assert (claims.level, claims.supplied, attested.lack) == (level, level, None)
    # which the signer is shown, at each level
    assert claims.evidence == (held["resale"] if named else None)


@pytest.mark.parametrize("level", Attestation)
@pytest.mark.parametrize(
    ("calling", "privacy", "rule"),
    [
        (FOREIGN, [], CallerRule(other=OtherCaller.REPLACE, number=OWN)),
        # nothing in From that can be read
        ("anonymous", ["id"], CallerRule(number=OWN)),
        ("anonymous", [], CallerRule(other=OtherCaller.REPLACE, number=OWN)),
    ],
)
def test_a_level_that_was_supplied_for_another_number_signs_nothing(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    level: Attestation,
    calling: str,
    privacy: list[str],
    rule: CallerRule,
) -> None:
    """Property 6: the provider has rated the number its switch sent, not the one we show in its place."""
    policy = world(
        declared,
        reseller="resale",
        identities={"resale": SWITCHED},
        supplies_levels=True,
        contracts={"resale": issue_contract(KEY, AGREED)},
        caller=rule,
        caller_name=NAME,
    )
    headers = {"attestation-info": [level.value], "privacy": privacy}
    case = seen(outbound(CALLED, calling=calling, headers=headers), pbx, policy)
    assert (case.caller.number, case.caller.right) == (OWN, Right.REPLACED)
    assert (case.signing.claims, case.signing.unsigned) == (None, Rule.SUPPLIED_OF_ANOTHER)
    # one of its own that its switch prefers is the one it speaks of
    headers["p-preferred-identity"] = [f"<sip:{OWN}@pbx.example.com>"]
    case = seen(outbound(CALLED, calling="anonymous", headers=headers), pbx, policy)
    assert case.signing.claims is not None
    assert (case.signing.claims.orig, case.signing.claims.level) == (OWN[1:], level)


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize("role", Role)
def test_a_customer_of_that_provider_supplies_no_level(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, level: str, role: Role
) -> None:
    """Property 4: whatever a trunk that is not the switch says of itself, for its own number or in transit."""
    identities = {"resale": changed(RESALE, third_party=True)}
    policy = world(declared, reseller="resale", identities=identities, role=role)
    case = seen(outbound(CALLED, headers={"attestation-info": [level]}), pbx, policy)
    assert (case.signing.claims, case.signing.unsigned) == (None, Rule.NOT_SUPPLIED)


def test_nobody_else_supplies_a_level(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    headers = {"attestation-info": ["A"], "diversion": diversion(OWN)}
    policy = world(declared, caller=FORWARDED)
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy)
    assert (claims.level, claims.supplied) == (Attestation.B, None)


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        ("+12025550101", "+12025550199"),
        ("2025550101", "2025550199"),
        ("12025550101", "12025550199"),
        ("+1-202-555-0101", "(202)555-0199"),
        ("+12025550101;cpc=ordinary", "+12025550199;npdi;rn=+12125550000"),
    ],
)
def test_signed_numbers_are_canonical(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, calling: str, called: str
) -> None:
    """RFC 8224 section 8.3: one form of a number, however it is dialled; never the routing number."""
    attempt, policy = outbound(called, calling=calling), world(declared)
    claims = claims_of(attempt, pbx, policy)
    assert (claims.orig, claims.dest) == ("12025550101", "12025550199")
    # and so does To, with which `dest` is compared (section 6.2)
    wanted = "sip:+12025550199@sbc.example.com"
    assert (admitted(seen(attempt, pbx, policy)).to_uri or attempt.to_uri) == wanted
    transit = world(declared, role=Role.INTERMEDIATE)
    assert (admitted(seen(attempt, pbx, transit)).to_uri or attempt.to_uri) == wanted


def test_to_stays_as_it_was_signed_by_others(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    headers = {"identity": [shaken("12125550150", "2025550199", iat=NOW)]}
    attempt = outbound("2025550199", calling=FOREIGN, headers=headers)
    assert admitted(seen(attempt, pbx, world(declared, role=Role.GATEWAY))).to_uri == ""
    assert admitted(screen(inbound("2025550101"), None, world(declared))).to_uri == ""
    forwarding = world(declared, caller=FORWARDED)
    headers = {"identity": [shaken("12125550150", OWN[1:], iat=NOW)], "diversion": diversion(OWN)}
    for kept, to_uri in ((headers, ""), ({"diversion": diversion(OWN)}, f"sip:{CALLED}@sbc.example.com")):
        attempt = outbound("2025550199", calling=FOREIGN, headers=kept)
        assert admitted(seen(attempt, pbx, forwarding, GOOD)).to_uri == to_uri


REAL = SigningSource(certificates=Certificates.FILES)


@pytest.mark.parametrize(
    ("node", "signed"),
    [
        ({}, True),
        ({"addresses": (ip_address("10.1.2.3"), ip_address("2001:db8::1"))}, True),
        (TEST_NODE, False),
        ({"addresses": (ip_address("10.1.2.3"), ip_address("2600::1"))}, False),
        (TEST_NODE | {"unsafe_test_signatures": True}, True),
        (TEST_NODE | {"signing": REAL}, True),
    ],
)
def test_on_the_internet_nothing_is_signed_under_our_own_test_authority(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, node: dict[str, Any], *, signed: bool
) -> None:
    case = seen(outbound(CALLED), pbx, world(declared, node=node))
    assert (case.signing.claims is not None) is signed
    assert case.signing.unsigned == ("" if signed else TEST_CERTIFICATE)
    assert in_words(TEST_CERTIFICATE) != in_words("certificate-expired")
    # what a reseller's calls are signed with says his own certificate
    resold = world(
        declared, node=node, reseller="resale", identities={"resale": changed(RESALE, signing=REAL)}
    )
    assert seen(outbound(CALLED), pbx, resold).signing.claims is not None
