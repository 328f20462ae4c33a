"""What a call is signed with, by whom and by which rule: by where it comes from, and what it came signed with."""

from collections.abc import Callable
from copy import replace
from dataclasses import replace as changed
from ipaddress import ip_address
from typing import Any

import pytest

from sipkit.passports import div, identity, shaken
from sipkit.places import TABLE
from sipkit.tokens import token
from trunkward.admission.caller import Right
from trunkward.admission.judge import Judgement, decide, judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NOTHING_ASKED,
    Facts,
    PeerIdentity,
    Signature,
    SigningClaims,
    Unverified,
    VerificationFact,
)
from trunkward.admission.screen import Case, screen, with_verification
from trunkward.admission.signing import TEST_CERTIFICATE, Signing
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.verified import called_as, policy_of
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.unsigned import in_words
from trunkward.calls.verdict import Admit, Blame, Reason, Reject
from trunkward.shaken.attest import Attestation, Rule
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.trunks.callers import CallerRule, Diverting
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE, CallerName, Role, SigningIdentity
from trunkward.trunks.verification import DIVERTED

NOW = 1_800_000_000
OWN, SECOND, THIRD = "+12025550101", "+12025550102", "+12025550103"
FOREIGN, OTHER, CALLED, ELSEWHERE = "+12125550150", "+12125550151", "+12025550199", "+13035550188"
NAME = CallerName(name="Example Corp", reason="Deliveries", reviewed="2026-11-20")
FORWARDED = CallerRule(forwarded=True)

type Attempt = Callable[..., CallAttempt]


def world(declared: Declared, **changes: Any) -> Snapshot:
    """The example with its trunk changed, evidence for each of its numbers, and a second carrier not trusted."""
    identities = changes.pop("identities", {})
    node = changed(declared.node, **changes.pop("node", {}))
    trunk = changed(declared.trunks[0], **changes)
    signs = trunk.reseller if trunk.reseller in identities else OF_NODE
    north, south = declared.carriers
    carriers = (north, changed(south, trusted=False))
    tokens = [token(number, trunk=trunk.name, identity=signs) for number in trunk.numbers]
    world = changed(declared, node=node, trunks=(trunk,), carriers=carriers, reseller_identities=identities)
    return Snapshot(compile_snapshot(world, tokens, 1, TABLE))


#: What a call came signed with was verified, or was not.
GOOD = Verification(outcome=Verstat.PASSED, attest=Attestation.A, replay_keys=("aa:12025550101",))
FORGED = Verification(
    outcome=Verstat.FAILED, passports=(Judged("shaken", StirError(cause=Cause.SIGNATURE, text="no")),)
)
LATE = Unverified(why="certificate-late")


def seen(attempt: CallAttempt, pbx: PeerIdentity, policy: Snapshot, found: VerificationFact = None) -> Case:
    case = with_verification(screen(attempt, pbx, policy), found, policy)
    assert case.source is not None
    return case


def claims_of(
    attempt: CallAttempt, pbx: PeerIdentity, policy: Snapshot, found: VerificationFact = None
) -> SigningClaims:
    claims = seen(attempt, pbx, policy, found).signing.claims
    assert claims is not None
    return claims


def judged(case: Case, *identities: str) -> Judgement:
    level = case.signing.claims.level if case.signing.claims else None
    signature = Signature(identities=identities or ("ours",), date="our date", iat=NOW, attest=level)
    room = replace(NOTHING_ASKED, reserved=True)
    return judge_call(case, Facts(signature=signature, clock_synchronised=True, live=room), "r", NOW)


def admitted(case: Case, *identities: str) -> Admit:
    verdict = judged(case, *identities).verdict
    assert isinstance(verdict, Admit), verdict
    return verdict


def names(said: list[tuple[str, str]], name: str) -> list[str]:
    return [value for found, value in said if found == name]


def diversion(*numbers: str) -> list[str]:
    """The newest on top."""
    return [f"<sip:{number}@10.9.8.7>;reason=no-answer" for number in numbers]


# ---- by where it comes from -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "rule"), [(Role.INTERMEDIATE, Rule.C_INTERMEDIATE_UNSIGNED), (Role.GATEWAY, Rule.C_GATEWAY)]
)
@pytest.mark.parametrize("number", [FOREIGN, OWN])
def test_in_transit_what_is_unsigned_is_signed_c(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, role: Role, rule: Rule, number: str
) -> None:
    """47 CFR 64.6302: whatever number it shows, for nothing is known of who calls; our evidence changes nothing."""
    case = seen(outbound(CALLED, calling=number), pbx, world(declared, role=role, caller_name=NAME))
    claims = case.signing.claims
    assert claims is not None
    assert (claims.level, claims.rule, claims.evidence, claims.caller_name) == (
        Attestation.C,
        rule,
        None,
        None,
    )
    assert case.caller.right is Right.TRANSIT
    verdict = admitted(case)
    # asserted is nobody by us: it has not come asserted
    assert names(verdict.routes[0].headers, "P-Asserted-Identity") == []
    assert names(verdict.routes[0].headers, "Date") == ["our date"]
    assert {"Identity", "Date"} <= set(verdict.remove_headers)


@pytest.mark.parametrize("role", [Role.INTERMEDIATE, Role.GATEWAY])
@pytest.mark.parametrize("attest", ["A", "B", "C"])
@pytest.mark.parametrize("date", [True, False])
def test_in_transit_what_is_signed_passes_and_is_not_signed_again(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, role: Role, attest: str, *, date: bool
) -> None:
    """47 CFR 64.6302(a): with its Date, which belongs to it; where there is none, none is added."""
    headers = {"identity": ["other", shaken("12125550150", "12025550199", iat=NOW - 600, attest=attest)]}
    headers |= {"date": ["Sat, 13 Nov 2027 23:29:00 GMT"]} if date else {}
    case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, world(declared, role=role))
    assert case.signing.claims is None
    assert case.signing.unsigned == Rule.ALREADY_SIGNED
    judgement = judged(case)
    assert (judgement.attest, judgement.unsigned) == ("", Rule.ALREADY_SIGNED)
    verdict = admitted(case)
    assert not {"Identity", "Date"} & {*verdict.remove_headers, *verdict.routes[0].remove_headers}
    assert names(verdict.routes[0].headers, "Identity") == names(verdict.routes[0].headers, "Date") == []


def test_in_transit_what_has_not_the_form_passes_beside_c(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    received = [identity("rph", {"rph": {"auth": ["ets.0"]}}), "rubbish"]
    policy = world(declared, role=Role.GATEWAY)
    for headers, date_off, date_on in (
        ({"identity": received}, ["Date"], ["our date"]),
        ({"identity": received, "date": ["theirs"]}, [], []),
    ):
        case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy)
        verdict = admitted(case)
        [route] = verdict.routes
        assert case.signing.claims is not None
        assert not {"Identity"} & {*verdict.remove_headers, *route.remove_headers}
        assert names(route.headers, "Identity") == ["ours"]
        assert (route.remove_headers, names(route.headers, "Date")) == (date_off, date_on)


@pytest.mark.parametrize(
    ("said", "number", "asserted"),
    [
        ({}, FOREIGN, []),
        ({"p-asserted-identity": [f"<sip:{OTHER}@up.example.net>"]}, OTHER, [f"<sip:{OTHER}@sbc.example.com>"]),
        # what it would rather be called is a customer's wish
        ({"p-preferred-identity": [f"<sip:{OTHER}@up.example.net>"]}, FOREIGN, []),
    ],
)  # fmt: skip
def test_in_transit_who_calls_is_what_the_provider_says(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    said: dict[str, list[str]],
    number: str,
    asserted: list[str],
) -> None:
    policy = world(declared, role=Role.INTERMEDIATE)
    case = seen(outbound(CALLED, calling=FOREIGN, headers=said), pbx, policy)
    assert case.signing.claims is not None
    assert case.signing.claims.orig == number[1:]
    verdict = admitted(case)
    assert verdict.from_uri == f"sip:{FOREIGN}@sbc.example.com"
    assert names(verdict.routes[0].headers, "P-Asserted-Identity") == asserted


def test_in_transit_a_caller_without_a_number_goes_unsigned(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, role=Role.GATEWAY)
    case = seen(outbound(CALLED, calling="alice"), pbx, policy)
    assert case.signing == Signing(unsigned=Rule.NO_NUMBER)
    assert admitted(case).from_uri == "sip:alice@sbc.example.com"


def test_in_transit_fakes_are_refused_for_good(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """A 6xx: no other route is tried. They are refused, and not signed C."""
    case = seen(outbound(CALLED, calling="+12025110150"), pbx, world(declared, role=Role.GATEWAY))
    verdict = judged(case).verdict
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason) == (603, Reason.CALLING_NUMBER_NOT_VALID)


def test_in_transit_an_anonymous_callers_signature_goes_to_trusted_carriers_alone(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, role=Role.INTERMEDIATE)
    headers = {
        "identity": [shaken("12125550150", "12025550199", iat=NOW)],
        "date": ["theirs"],
        "privacy": ["id"],
        "p-asserted-identity": [f"<sip:{FOREIGN}@up.example.net>"],
    }
    kept = admitted(seen(outbound(CALLED, calling="anonymous", headers=headers), pbx, policy))
    assert not {"Identity", "Date"} & {*kept.remove_headers, *kept.routes[0].remove_headers}
    off = admitted(seen(outbound(ELSEWHERE, calling="anonymous", headers=headers), pbx, policy))
    assert off.routes[0].remove_headers == ["Identity", "Date"]
    assert names(off.routes[0].headers, "P-Asserted-Identity") == []


def test_in_transit_a_call_for_help_keeps_what_it_has(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """Property 9: it is never signed, and asks no signer; what another provider signed and asserted goes on."""
    headers = {
        "identity": [shaken("12125550150", "911", iat=NOW)],
        "p-asserted-identity": [f"<sip:{FOREIGN}@up.example.net>"],
    }
    case = seen(outbound("911", calling=OTHER, headers=headers), pbx, world(declared, role=Role.GATEWAY))
    assert (case.signing.claims, case.signing.unsigned) == (None, Rule.EMERGENCY)
    verdict = admitted(case)
    assert "Identity" not in verdict.remove_headers
    assert names(verdict.routes[0].headers, "P-Asserted-Identity") == [f"<sip:{FOREIGN}@sbc.example.com>"]


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


# ---- retargets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("signed", [True, False])
def test_a_div_for_each_retarget(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, depth: int, *, signed: bool
) -> None:
    """Property 8: chains of one to five; what the caller's provider signed stays, and is not signed again."""
    own = tuple(f"+1202555010{at}" for at in range(1, 7))
    policy = world(declared, numbers=own, caller=FORWARDED)
    went = [number[1:] for number in own[:depth]]
    headers = {"diversion": diversion(*reversed(own[:depth]))}
    if signed:
        headers["identity"] = ["other", shaken("12125550150", went[0], iat=NOW - 5)]
        headers["date"] = ["theirs"]
    case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD if signed else None)
    claims = case.signing.claims
    assert claims is not None
    chain = [*went, CALLED[1:]]
    assert claims.retargets == tuple(zip(chain[1:], chain, strict=False))
    assert (claims.orig, claims.dest) == ("12125550150", went[0])
    assert (claims.level, claims.received_iat) == ((None, NOW - 5) if signed else (Attestation.B, None))
    verdict = admitted(case, *[f"div {at}" for at in range(depth)])
    [route] = verdict.routes
    assert names(route.headers, "Identity") == [f"div {at}" for at in range(depth)]
    stays = "Identity" not in verdict.remove_headers and not route.remove_headers
    assert stays is signed
    assert names(route.headers, "Date") == ([] if signed else ["our date"])
    assert judged(case).attest == ("" if signed else "B")


def test_a_customers_switch_may_have_signed_some_of_them(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, caller=FORWARDED)
    base = shaken("12125550150", OWN[1:], iat=NOW)
    headers = {
        "diversion": diversion(SECOND, OWN),
        "identity": [base, div("12125550150", SECOND[1:], OWN[1:], iat=NOW)],
    }
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD)
    assert (claims.level, claims.retargets) == (None, ((CALLED[1:], SECOND[1:]),))
    headers["identity"].append(div("12125550150", CALLED[1:], SECOND[1:], iat=NOW))
    signing = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD).signing
    assert (signing.claims, signing.passes_on, signing.unsigned) == (None, True, Rule.ALREADY_SIGNED)


@pytest.mark.parametrize(
    "received",
    [
        # of another caller, and for another number: whoever sends it has it from somewhere else
        shaken("12125550151", OWN[1:], iat=NOW),
        shaken("12125550150", "13035550188", iat=NOW),
        # captured from a call to the very number that is called now: it came to none of the customer's
        shaken("12125550150", CALLED[1:], iat=NOW),
        div("12125550150", CALLED[1:], OWN[1:], iat=NOW),
    ],
)
def test_a_signature_of_another_call_is_taken_off(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, received: str
) -> None:
    headers = {"diversion": diversion(OWN), "identity": [received]}
    case = seen(
        outbound(CALLED, calling=FOREIGN, headers=headers), pbx, world(declared, caller=FORWARDED), GOOD
    )
    assert case.signing.brought is None
    assert case.signing.claims is not None
    assert case.signing.claims.level is Attestation.B
    assert "Identity" in admitted(case).remove_headers


def test_a_signature_for_the_number_itself_is_no_retarget(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """Captured elsewhere, and brought along for the same called number: nothing was diverted, so it goes no further."""
    headers = {"identity": [shaken("12125550150", CALLED[1:], iat=NOW)]}
    policy = world(declared, numbers=(OWN, FOREIGN), caller=FORWARDED)
    case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD)
    assert case.signing.claims is not None
    assert case.signing.claims.level is Attestation.A
    assert "Identity" in admitted(case).remove_headers


@pytest.mark.parametrize("found", [None, FORGED, LATE])
@pytest.mark.parametrize("reached", [OWN, CALLED])
def test_what_is_not_found_good_of_a_diverted_call_goes_no_further(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, found: VerificationFact, reached: str
) -> None:
    """Its own word is no reason to pass it, nor to leave our B, or to put our div behind it."""
    headers = {
        "diversion": diversion(OWN),
        "identity": [shaken("12125550150", reached[1:], iat=NOW)],
        "date": ["theirs"],
    }
    case = seen(
        outbound(CALLED, calling=FOREIGN, headers=headers), pbx, world(declared, caller=FORWARDED), found
    )
    claims = case.signing.claims
    assert claims is not None
    assert (claims.level, claims.dest, claims.retargets) == (
        Attestation.B,
        OWN[1:],
        ((CALLED[1:], OWN[1:]),),
    )
    assert {"Identity", "Date"} <= set(admitted(case).remove_headers)


def test_what_it_is_held_against_is_the_number_that_diverted_it(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, caller=FORWARDED)
    headers = {
        "diversion": diversion(SECOND, OWN),
        "identity": [shaken("12125550150", OWN[1:], iat=NOW)],
    }
    case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy)
    assert policy_of(case) == DIVERTED
    told = called_as(case)
    assert (told.orig, told.to, told.request_uri) == (("12125550150",), OWN[1:], OWN[1:])
    del headers["diversion"]
    assert policy_of(seen(outbound(CALLED, calling=OWN, headers=headers), pbx, policy)) is None


def test_a_signature_is_diverted_once(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    """Who has got a call from a bank has its signature, and might send that with a call to anybody."""
    policy = world(declared, caller=FORWARDED)
    headers = {"diversion": diversion(OWN), "identity": [shaken("12125550150", OWN[1:], iat=NOW)]}
    marks = set()
    case = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD)
    for called, call_id, tag in (
        (CALLED, "c1", "t1"),
        (ELSEWHERE, "c1", "t1"),
        (CALLED, "c2", "t1"),
        (CALLED, "c1", "t2"),
        (CALLED, "c1", "t1"),
    ):
        attempt = outbound(called, calling=FOREIGN, headers=headers, call_id=call_id, from_tag=tag)
        case = seen(attempt, pbx, policy, GOOD)
        asked = asked_of(case, policy, "r", GOOD)
        # not the mark that its coming in has left
        assert asked.passports == (f"aa:diverted:{OWN[1:]}",)
        marks.add(asked.call_mark)
    assert len(marks) == 4
    again = with_verification(case, GOOD, policy, replayed=True)
    assert again.signing.claims is not None
    assert (again.signing.claims.level, again.signing.passes_on) == (Attestation.B, False)
    seen_before = Facts(
        signature=Signature(identities=("ours",), date="our date", iat=NOW, attest=Attestation.B),
        clock_synchronised=True,
        live=replace(NOTHING_ASKED, reserved=True, replayed=1),
        verification=GOOD,
    )
    verdict = decide(case.attempt, pbx, seen_before, policy, NOW, "r")
    assert isinstance(verdict, Admit)
    assert "Identity" in verdict.remove_headers


@pytest.mark.parametrize("known", [True, False])
def test_a_div_is_only_for_a_number_that_is_proved_to_be_the_trunks(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, *, known: bool
) -> None:
    """The signer wants a token for each; without one the call is signed as it goes, and what it brings stays here."""
    policy = world(declared, caller=FORWARDED, **({} if known else {"customer": None}))
    headers = {"diversion": diversion(OWN), "identity": [shaken("12125550150", OWN[1:], iat=NOW)]}
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, GOOD)
    if known:
        assert (claims.level, claims.retarget_evidence) == (None, tuple(policy.evidence(OWN[1:]).values()))
    else:
        assert (claims.level, claims.dest, claims.retargets) == (Attestation.C, CALLED[1:], ())


@pytest.mark.parametrize(("age_s", "kept"), [(0, True), (30, True), (-30, True), (31, False), (-31, False)])
def test_a_retarget_keeps_the_time_of_its_call_while_that_is_young(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, age_s: int, *, kept: bool
) -> None:
    """RFC 8946 section 4: it keeps `iat` unless Date changes; so it does when it would be stale when verified."""
    headers = {
        "diversion": diversion(OWN),
        "identity": [shaken("12125550150", OWN[1:], iat=NOW - age_s)],
        "date": ["theirs"],
    }
    case = seen(
        outbound(CALLED, calling=FOREIGN, headers=headers), pbx, world(declared, caller=FORWARDED), GOOD
    )
    assert case.signing.claims is not None
    assert case.signing.claims.received_iat == (NOW - age_s if kept else None)
    route = admitted(case).routes[0]
    assert names(route.headers, "Date") == ([] if kept else ["our date"])
    assert route.remove_headers == ([] if kept else ["Date"])


@pytest.mark.parametrize(
    "headers",
    [
        {"diversion": diversion(OWN), "privacy": ["history"]},
        {"diversion": [f"<sip:{OWN}@x>;privacy=full"]},
    ],
)
def test_who_diverted_is_not_signed_where_it_is_not_to_be_told(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, headers: dict[str, list[str]]
) -> None:
    policy = world(declared, caller=FORWARDED, diversion=Diverting.PASS)
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy)
    assert (claims.level, claims.dest, claims.retargets) == (Attestation.B, CALLED[1:], ())


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


TEST_NODE, REAL = {"addresses": (ip_address("8.8.8.8"),)}, SigningSource(certificates=Certificates.FILES)


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


def test_what_came_signed_in_transit_goes_on_whatever_our_certificate_is(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    headers = {"identity": ["rubbish"]}
    policy = world(declared, role=Role.INTERMEDIATE, node=TEST_NODE)
    signing = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy).signing
    assert (signing.passes_on, signing.claims, signing.unsigned) == (True, None, TEST_CERTIFICATE)
