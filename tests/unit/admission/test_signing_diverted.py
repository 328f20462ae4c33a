"""What a call that was sent on is signed with: a div for each retarget, behind what was found good."""

from copy import replace
from typing import Any

import pytest

from sipkit.passports import div, shaken
from sipkit.places import TABLE
from sipkit.tokens import token
from trunkward.admission.judge import decide
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import NOTHING_ASKED, Facts, PeerIdentity, Signature, VerificationFact
from trunkward.admission.screen import with_verification
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.verified import called_as, policy_of
from trunkward.calls.verdict import Admit
from trunkward.shaken.attest import Attestation, Rule
from trunkward.shaken.evidence import Kind
from trunkward.trunks.callers import Diverting
from trunkward.trunks.model import Declared
from trunkward.trunks.verification import DIVERTED
from unit.admission.signings import (
    CALLED,
    ELSEWHERE,
    FOREIGN,
    FORGED,
    FORWARDED,
    GOOD,
    LATE,
    NOW,
    OWN,
    SECOND,
    Attempt,
    admitted,
    claims_of,
    diversion,
    judged,
    names,
    seen,
    world,
)


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


@pytest.mark.parametrize("found", [None, GOOD, FORGED, LATE])
def test_whose_diversion_it_is_stays_known_whatever_it_was_found_to_be(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, found: VerificationFact
) -> None:
    """Its treatment, and what is on record of it, are those of a call that one of our numbers diverted."""
    headers = {"diversion": diversion(OWN), "identity": [shaken("12125550150", OWN[1:], iat=NOW)]}
    policy = world(declared, caller=FORWARDED)
    brought = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy, found).signing.brought
    assert brought is not None
    assert (brought.diverted_by, brought.reached) == (OWN[1:], OWN[1:])


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


@pytest.mark.parametrize(
    ("kind", "diverted"), [(Kind.OWN_INVENTORY, True), (Kind.PORT, True), (Kind.LOA, False), (None, False)]
)
def test_a_div_is_only_for_a_number_that_is_called_here_by_evidence(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, kind: Kind | None, *, diverted: bool
) -> None:
    """Of an inventory within a block, or ported to us: an own number that lies in no block has no `div`."""
    trunk = replace(declared.trunks[0], caller=FORWARDED)
    tokens = [token(OWN, kind=kind)] if kind else []
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), tokens, 1, TABLE))
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers={"diversion": diversion(OWN)}), pbx, policy)
    assert claims.retargets == (((CALLED[1:], OWN[1:]),) if diverted else ())
    assert claims.retarget_evidence == tuple(tokens if diverted else ())


@pytest.mark.parametrize(
    ("said", "diverted"),
    [
        ({}, True),
        ({"trunk": "acme-branch"}, False),
        ({"customer": "KYC-2026-99"}, False),
        ({"identity": "resale"}, False),
        ({"until": NOW}, False),
    ],
)
def test_a_div_is_only_for_a_number_whose_evidence_is_this_trunks_and_lasts(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, said: dict[str, Any], *, diverted: bool
) -> None:
    """The signer would refuse any other."""
    trunk = replace(declared.trunks[0], caller=FORWARDED)
    tokens = [token(OWN, **said)]
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), tokens, 1, TABLE))
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers={"diversion": diversion(OWN)}), pbx, policy)
    assert claims.retarget_evidence == tuple(tokens if diverted else ())


def test_a_number_with_two_proofs_has_one_div(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """Ported to us, and then in the inventory as well."""
    trunk = replace(declared.trunks[0], caller=FORWARDED)
    tokens = [token(OWN, kind=kind) for kind in (Kind.PORT, Kind.OWN_INVENTORY)]
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), tokens, 1, TABLE))
    claims = claims_of(outbound(CALLED, calling=FOREIGN, headers={"diversion": diversion(OWN)}), pbx, policy)
    assert (claims.retargets, len(claims.retarget_evidence)) == (((CALLED[1:], OWN[1:]),), 1)


def test_where_one_of_several_has_no_proof_none_has_a_div(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """A chain with a link missing would be good to nobody."""
    trunk = replace(declared.trunks[0], caller=FORWARDED)
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), [token(SECOND)], 1, TABLE))
    attempt = outbound(CALLED, calling=FOREIGN, headers={"diversion": diversion(SECOND, OWN)})
    claims = claims_of(attempt, pbx, policy)
    assert (claims.dest, claims.retargets, claims.retarget_evidence) == (CALLED[1:], (), ())


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
