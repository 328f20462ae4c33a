"""What a call that another provider brings is signed with: by what it came signed with, and its trunk's role."""

import pytest

from sipkit.passports import identity, shaken
from trunkward.admission.caller import Right
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.signing import TEST_CERTIFICATE, Signing
from trunkward.calls.verdict import Reason, Reject
from trunkward.shaken.attest import Attestation, Rule
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import Role
from unit.admission.signings import (
    CALLED,
    ELSEWHERE,
    FOREIGN,
    NAME,
    NOW,
    OTHER,
    OWN,
    TEST_NODE,
    Attempt,
    admitted,
    judged,
    names,
    seen,
    world,
)


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


@pytest.mark.parametrize(
    ("brings", "signing"),
    [
        ([], Signing(unsigned=Rule.NO_NUMBER)),
        (["rubbish"], Signing(unsigned=Rule.NO_NUMBER, passes_on=True)),
        (
            [shaken("12125550150", "12025550199", iat=NOW)],
            Signing(unsigned=Rule.ALREADY_SIGNED, passes_on=True),
        ),
    ],
)
def test_in_transit_a_caller_without_a_number_goes_unsigned_or_as_it_came(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, brings: list[str], signing: Signing
) -> None:
    policy = world(declared, role=Role.GATEWAY)
    headers = {"identity": brings} if brings else {}
    case = seen(outbound(CALLED, calling="alice", headers=headers), pbx, policy)
    assert case.signing == signing
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


def test_what_came_signed_in_transit_goes_on_whatever_our_certificate_is(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    headers = {"identity": ["rubbish"]}
    policy = world(declared, role=Role.INTERMEDIATE, node=TEST_NODE)
    signing = seen(outbound(CALLED, calling=FOREIGN, headers=headers), pbx, policy).signing
    assert (signing.passes_on, signing.claims, signing.unsigned) == (True, None, TEST_CERTIFICATE)
