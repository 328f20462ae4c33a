"""What follows for a call in transit from what its sender's signature was found to be worth.

shaken.md section 1 as a table: by the role of the trunk, what it came with, and the trunk's policy. On the
wire: tests/wire/verification/test_in_transit.py.
"""

from collections.abc import Callable
from copy import replace
from dataclasses import replace as changed

import pytest

from sipkit.passports import shaken
from sipkit.places import TABLE
from trunkward.admission.judge import decide, judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NOTHING_ASKED,
    Facts,
    PeerIdentity,
    Signature,
    Unverified,
    VerificationFact,
)
from trunkward.admission.screen import Case, screen, with_verification
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.verified import called_as, policy_of
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Blame, Reason, Reject, Verdict
from trunkward.shaken.attest import Attestation, Rule
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import Role
from trunkward.trunks.verification import Failed, Missing, VerificationPolicy

NOW = 1_800_000_000
DOMESTIC, FOREIGN, CALLED = "+12125550150", "+442079460123", "+12025550199"
GATEWAY, INTERMEDIATE = Role.GATEWAY, Role.INTERMEDIATE
SIGNED = [shaken("12125550150", "12025550199", iat=NOW)]
ASSERTED = {"p-asserted-identity": [f"<sip:{DOMESTIC}@up.example.net>"]}
RECEIVED = {"identity": SIGNED, "date": ["Fri, 15 Jan 2027 08:00:00 GMT"]}


def passed(level: Attestation) -> Verification:
    return Verification(
        outcome=Verstat.PASSED,
        attest=level,
        spc="709J",
        orig=DOMESTIC[1:],
        passports=(Judged("shaken", None),),
        replay_keys=("k1",),
    )


def failed(outcome: Verstat, cause: Cause) -> Verification:
    return Verification(
        outcome=outcome, passports=(Judged("shaken", StirError(cause=cause, text="no", ppi="..c2ln")),)
    )


A, B, C = (passed(level) for level in Attestation)
FORGED = failed(Verstat.FAILED, Cause.SIGNATURE)
NO_HOST = failed(Verstat.NONE, Cause.CERTIFICATE_UNAVAILABLE)
OURS = Unverified(why="fetcher-lost", node_wide=True)
LIMIT = Unverified(why="certificate-late")
UNSIGNED = Unverified(why="no-identity")

type Attempt = Callable[..., CallAttempt]


def world(declared: Declared, role: Role, policy: VerificationPolicy | None = None) -> Snapshot:
    """The example with its trunk in transit, and a second carrier for the same numbers that is not trusted."""
    trunk = changed(declared.trunks[0], role=role)
    if policy is not None:
        trunk = changed(trunk, verification=policy)
    north, south = declared.carriers
    carriers = (north, changed(south, trusted=False, prefixes=north.prefixes))
    return Snapshot(compile_snapshot(changed(declared, trunks=(trunk,), carriers=carriers), (), 1, TABLE))


def facts(found: VerificationFact, replayed: int = 0) -> Facts:
    signature = Signature(identities=("ours",), date="our date", iat=NOW, attest=Attestation.C)
    live = replace(NOTHING_ASKED, reserved=True, replayed=replayed)
    return Facts(signature=signature, clock_synchronised=True, live=live, verification=found)


def case_of(attempt: CallAttempt, pbx: PeerIdentity, policy: Snapshot, found: VerificationFact) -> Case:
    case = with_verification(screen(attempt, pbx, policy), found, policy)
    assert case.in_transit
    return case


def admitted(verdict: Verdict) -> Admit:
    assert isinstance(verdict, Admit), verdict
    return verdict


def headers(verdict: Admit, name: str) -> list[list[str]]:
    """What each carrier is told by a header of ours: north, which is trusted, then south."""
    return [[value for said, value in route.headers if said == name] for route in verdict.routes]


@pytest.mark.parametrize(
    ("role", "number", "found", "rule"),
    [
        # a gateway: a number of the country is authenticated by an A that was verified, and by nothing less
        (GATEWAY, DOMESTIC, A, Rule.ALREADY_SIGNED),
        (GATEWAY, DOMESTIC, B, Rule.C_GATEWAY),
        (GATEWAY, DOMESTIC, C, Rule.C_GATEWAY),
        (GATEWAY, DOMESTIC, FORGED, Rule.C_GATEWAY),
        (GATEWAY, DOMESTIC, NO_HOST, Rule.C_GATEWAY),
        # nor does what we could not look at, unless we could look at nobody's: that lowers nobody
        (GATEWAY, DOMESTIC, LIMIT, Rule.C_GATEWAY),
        (GATEWAY, DOMESTIC, OURS, Rule.ALREADY_SIGNED),
        (GATEWAY, DOMESTIC, None, Rule.ALREADY_SIGNED),
        # of another country's number it is another country's rules that count
        (GATEWAY, FOREIGN, B, Rule.ALREADY_SIGNED),
        (GATEWAY, FOREIGN, FORGED, Rule.ALREADY_SIGNED),
        (GATEWAY, FOREIGN, LIMIT, Rule.ALREADY_SIGNED),
        # an intermediate signs nothing that was signed well, at whatever level; what is not is as unsigned
        (INTERMEDIATE, DOMESTIC, A, Rule.ALREADY_SIGNED),
        (INTERMEDIATE, DOMESTIC, C, Rule.ALREADY_SIGNED),
        (INTERMEDIATE, DOMESTIC, FORGED, Rule.C_INTERMEDIATE_UNSIGNED),
        (INTERMEDIATE, FOREIGN, FORGED, Rule.C_INTERMEDIATE_UNSIGNED),
        (INTERMEDIATE, DOMESTIC, NO_HOST, Rule.C_INTERMEDIATE_UNSIGNED),
        (INTERMEDIATE, DOMESTIC, LIMIT, Rule.C_INTERMEDIATE_UNSIGNED),
        (INTERMEDIATE, DOMESTIC, OURS, Rule.ALREADY_SIGNED),
        (INTERMEDIATE, DOMESTIC, None, Rule.ALREADY_SIGNED),
    ],
)
def test_whether_it_is_signed_beside_what_it_came_with(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    role: Role,
    number: str,
    found: VerificationFact,
    rule: Rule,
) -> None:
    """What it came with goes on in every case, with its Date."""
    policy = world(declared, role)
    attempt = outbound(CALLED, calling=number, headers=RECEIVED)
    case = case_of(attempt, pbx, policy, found)
    judgement = judge_call(case, facts(found), "r", NOW)
    verdict = admitted(judgement.verdict)
    assert judgement.attested is not None
    signed_c = rule is not Rule.ALREADY_SIGNED
    assert (judgement.attested.rule, judgement.attest) == (rule, "C" if signed_c else "")
    assert headers(verdict, "Identity") == [["ours"] if signed_c else []] * 2
    assert headers(verdict, "Date") == [[], []]
    for route in verdict.routes:
        assert not {"Identity", "Date"} & {*verdict.remove_headers, *route.remove_headers}
    # the same in a replay
    assert decide(attempt, pbx, facts(found), policy, NOW, "r") == verdict


@pytest.mark.parametrize(
    ("role", "rule"), [(GATEWAY, Rule.C_GATEWAY), (INTERMEDIATE, Rule.C_INTERMEDIATE_UNSIGNED)]
)
def test_unsigned_is_signed_c(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, role: Role, rule: Rule
) -> None:
    case = case_of(outbound(CALLED, calling=DOMESTIC), pbx, world(declared, role), UNSIGNED)
    assert case.signing.claims is not None
    assert (case.signing.claims.level, case.signing.claims.rule) == (Attestation.C, rule)


STRICT = VerificationPolicy(missing=Missing.REFUSE, failed=Failed.REFUSE)
MARK = VerificationPolicy(failed=Failed.MARK)
MARKED = f"<sip:{DOMESTIC};verstat=TN-Validation-Failed@sbc.example.com;user=phone>"
PLAIN = f"<sip:{DOMESTIC}@sbc.example.com>"


@pytest.mark.parametrize(
    ("found", "policy", "refused"),
    [
        # where nothing is said, all of it passes unaltered
        (A, None, None),
        (FORGED, None, None),
        (NO_HOST, None, None),
        (UNSIGNED, None, None),
        (FORGED, MARK, None),
        (A, STRICT, None),
        (C, STRICT, None),
        # a fault of ours refuses nobody's call
        (OURS, STRICT, None),
        (LIMIT, STRICT, None),
        (None, STRICT, None),
        (UNSIGNED, STRICT, (428, Reason.IDENTITY_MISSING)),
        (FORGED, STRICT, (438, Reason.IDENTITY_INVALID)),
        (NO_HOST, STRICT, (436, Reason.IDENTITY_INFO_BAD)),
        (failed(Verstat.FAILED, Cause.CERTIFICATE_REVOKED), STRICT, (437, Reason.IDENTITY_CREDENTIAL)),
        (failed(Verstat.FAILED, Cause.IAT_OUTSIDE_WINDOW), STRICT, (403, Reason.IDENTITY_STALE)),
        (FORGED, VerificationPolicy(failed=Failed.ANNOUNCE), (438, Reason.IDENTITY_INVALID)),
    ],
)
@pytest.mark.parametrize("role", [GATEWAY, INTERMEDIATE])
def test_what_the_trunks_policy_says(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    role: Role,
    found: VerificationFact,
    policy: VerificationPolicy | None,
    refused: tuple[int, Reason] | None,
) -> None:
    """And whoever is to act is our customer, who sent it: with the same Reason as a carrier hears."""
    came = {} if found is UNSIGNED else RECEIVED
    attempt = outbound(CALLED, calling=DOMESTIC, headers=came)
    verdict = decide(attempt, pbx, facts(found), world(declared, role, policy), NOW, "r")
    if refused is None:
        told = [value for _, value in admitted(verdict).answer_headers]
        assert [one[:15] for one in told] == ["STIR;cause=438;"] * (found is FORGED) + ["STIR;cause=436;"] * (
            found is NO_HOST
        )
        return
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason, verdict.blame) == (*refused, Blame.CUSTOMER)
    assert any(value.startswith(f"STIR;cause={refused[0]};") for _, value in verdict.headers)


@pytest.mark.parametrize(
    ("found", "policy", "replayed", "told"),
    [
        (FORGED, MARK, 0, [[MARKED], [PLAIN]]),
        (A, MARK, 1, [[MARKED], [PLAIN]]),
        # that it is good whoever gets it finds by himself; and of what nobody could look at nothing is said
        (A, MARK, 0, [[PLAIN], [PLAIN]]),
        (NO_HOST, MARK, 0, [[PLAIN], [PLAIN]]),
        (OURS, MARK, 0, [[PLAIN], [PLAIN]]),
        (FORGED, None, 0, [[PLAIN], [PLAIN]]),
    ],
)
def test_a_mark_stays_within_the_trust_domain(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    found: VerificationFact,
    policy: VerificationPolicy | None,
    replayed: int,
    told: list[list[str]],
) -> None:
    """Beside the number the other provider asserts, for the carrier that is trusted; From stays as it came."""
    attempt = outbound(CALLED, calling=DOMESTIC, headers=RECEIVED | ASSERTED)
    verdict = admitted(
        decide(attempt, pbx, facts(found, replayed), world(declared, INTERMEDIATE, policy), NOW, "r")
    )
    assert headers(verdict, "P-Asserted-Identity") == told
    assert "verstat" not in verdict.from_uri


def test_a_replay_is_looked_for(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    """Property 15: what was verified must not be another call's, in transit as from a carrier."""
    policy = world(declared, INTERMEDIATE, STRICT)
    attempt = outbound(CALLED, calling=DOMESTIC, headers=RECEIVED)
    case = case_of(attempt, pbx, policy, A)
    asked = asked_of(case, policy, "r", A)
    assert asked.passports == ("k1",)
    assert (
        asked.call_mark
        != asked_of(screen(replace(attempt, call_id="other"), pbx, policy), policy, "r", A).call_mark
    )
    assert asked_of(case, policy, "r", FORGED).passports == ()
    verdict = decide(attempt, pbx, facts(A, replayed=1), policy, NOW, "r")
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason) == (438, Reason.IDENTITY_INVALID)


def test_whose_signatures_are_looked_at(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    """Not those of a customer's own calls, which are ours to sign, nor of a call for help, which waits for nobody."""
    attempt = outbound(CALLED, calling=DOMESTIC, headers=RECEIVED)
    for role in (GATEWAY, INTERMEDIATE):
        policy = world(declared, role, STRICT)
        assert policy_of(screen(attempt, pbx, policy)) == STRICT
        assert policy_of(screen(outbound("911", calling=DOMESTIC), pbx, policy)) is None
    policy = world(declared, Role.ORIGINATING)
    assert policy_of(screen(attempt, pbx, policy)) is None


def test_what_it_is_held_against(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    """The asserted number, then From; numbers by the trunk's own dial plan."""
    case = case_of(
        outbound("12025550199", calling="2125550151", headers=RECEIVED | ASSERTED),
        pbx,
        world(declared, INTERMEDIATE),
        None,
    )
    told = called_as(case)
    assert told.orig == ("12125550150", "12125550151")
    assert (told.to, told.request_uri, told.date_s) == ("12025550199", "12025550199", NOW)
