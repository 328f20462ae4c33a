"""Whatever Identity, Diversion and Attestation-Info say: nothing of a customer's passes as signed, nothing in transit is lost, and no A is asked for without evidence."""

from dataclasses import replace as changed

from hypothesis import find, given
from hypothesis import strategies as st

from properties.test_judge_properties import DECLARED, PBX, SDP
from sipkit.passports import div, identity, shaken
from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.caller import Right
from trunkward.admission.ports import PeerIdentity, Unverified
from trunkward.admission.routes import routes_of, taken_off
from trunkward.admission.screen import Case, screen, with_verification
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.shaken.attest import Attestation
from trunkward.shaken.verify import Verification, Verstat
from trunkward.sip.transport import Transport
from trunkward.trunks.callers import CallerRule
from trunkward.trunks.model import Trunk
from trunkward.trunks.transit import Role, SigningIdentity

NOW = 1_800_000_000
NUMBERS = ("12025550101", "12025550102", "12125550150", "12025550199")


def _policy(role: Role, *, third_party: bool, switch: bool) -> Snapshot:
    rule = CallerRule(forwarded=True)
    trunk = changed(
        DECLARED.trunks[0],
        role=role,
        reseller="r",
        caller=rule,
        certificate_sha256=PBX,
        supplies_levels=switch,
    )
    identities = {"r": SigningIdentity(spc="567T", x5u="https://example.com/c.pem", third_party=third_party)}
    declared = changed(DECLARED, trunks=(trunk,), reseller_identities=identities)
    tokens = [token(number, identity="r") for number in trunk.numbers[:2]]
    return Snapshot(compile_snapshot(declared, tokens, 1, TABLE, relationships=whose(declared)))


#: (The switch of a reseller's, which the file takes nowhere else.)
SWITCHES = ((False, False), (True, False), (True, True))
POLICIES = {
    (role, switch): _policy(role, third_party=switch[0], switch=switch[1])
    for role in Role
    for switch in SWITCHES
}
#: What verification finds, whatever it finds: it is not asked here what the bytes are.
FOUND = (None, Unverified(why="fetcher-lost"), *(Verification(outcome=verstat) for verstat in Verstat))
numbers = st.sampled_from(NUMBERS)
times = st.sampled_from([NOW, NOW - 40, NOW + 5, NOW - 100_000])
identities = st.one_of(
    st.builds(lambda orig, dest, iat: shaken(orig, dest, iat=iat), numbers, numbers, times),
    st.builds(lambda orig, dest, was, iat: div(orig, dest, was, iat=iat), numbers, numbers, numbers, times),
    st.just(identity("rph", {"rph": {}})),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A call of the trunk, with whatever it brings."""
    headers: dict[str, list[str]] = {
        "identity": draw(st.lists(identities, max_size=12)),
        "diversion": [f"<sip:+{number}@x>" for number in draw(st.lists(numbers, max_size=4))],
        "attestation-info": draw(st.lists(st.sampled_from(["A", "B", "C", "a", ""]), max_size=2)),
        "privacy": draw(st.sampled_from([[], ["id"], ["history"]])),
        "date": draw(st.sampled_from([[], ["theirs"]])),
        "p-asserted-identity": [f"<sip:+{number}@x>" for number in draw(st.lists(numbers, max_size=1))],
    }
    calling = draw(st.sampled_from([*NUMBERS, "anonymous", "alice"]))
    if draw(st.booleans()):  # a call that did come in, and is sent on
        calling, own = "12125550150", list(NUMBERS[: draw(st.integers(1, 2))])
        headers["identity"].insert(0, shaken(calling, own[0], iat=draw(times)))
        headers["diversion"] = [f"<sip:+{number}@x>" for number in reversed(own)]
    called = draw(st.sampled_from(["12025550199", "2025550199", "911"]))
    attempt = CallAttempt(
        id="a",
        at=float(NOW),
        source_ip="127.0.0.1",
        source_port=50000,
        transport=Transport.TLS,
        local_ip="127.0.0.10",
        local_port=5061,
        ruri=f"sip:{called}@sbc.example.com",
        from_uri=f"sip:{calling}@pbx",
        to_uri=f"sip:{called}@sbc.example.com",
        call_id="c",
        from_tag="t",
        headers={name: values for name, values in headers.items() if values},
        content_type="application/sdp",
        body=SDP,
    )
    policy = POLICIES[draw(st.sampled_from(Role)), draw(st.sampled_from(SWITCHES))]
    case = screen(attempt, PeerIdentity(certificate_sha256=PBX), policy)
    if case.in_transit:  # tests/unit/admission/test_in_transit_verified.py
        return case
    found, replayed = draw(st.sampled_from(FOUND)), draw(st.booleans())
    after = with_verification(case, found, policy, replayed=replayed)
    if after.signing.passes_on:
        # nothing of a customer's goes on but what was found good, of a call he had, and that was not before
        assert isinstance(found, Verification)
        assert found.outcome is Verstat.PASSED
        assert not replayed
        assert case.signing.brought is not None
        assert f"+{case.signing.brought.diverted_by}" in case.caller.retargets
    return after


def removed(case: Case) -> list[set[str]]:
    """What is taken off, route by route."""
    return [{*taken_off(case), *route.remove_headers} for route in routes_of(case, None)]


@given(cases())
def test_in_transit_signatures_go_on_and_a_customers_do_not(case: Case) -> None:
    brings = "identity" in case.attempt.headers and not case.identities_too_much
    for names in removed(case):
        if case.in_transit and brings:
            # both carriers are trusted
            assert "Identity" not in names
        elif not case.signing.passes_on:
            assert {"Identity", "Date"} <= names


@given(cases())
def test_what_is_asked_for_is_what_may_be_asked_for(case: Case) -> None:
    claims = case.signing.claims
    if claims is None:
        assert case.signing.unsigned or case.identities_too_much
        return
    assert not case.emergency
    third_party = claims.supplied is not None
    if claims.level is Attestation.A and not third_party:
        assert claims.evidence
    if third_party:
        assert isinstance(case.source, Trunk)
        assert case.source.supplies_levels
        assert claims.level is not Attestation.A or case.caller.right is not Right.FORWARDED
    assert len(claims.retarget_evidence) == len(claims.retargets)
    if case.in_transit and not third_party:
        assert claims.level is Attestation.C
    if claims.level is None:
        assert claims.retargets
        assert case.signing.passes_on
    # each link begins where the one before it ends, and none comes back
    went = [claims.dest, *(dest for dest, _ in claims.retargets)]
    assert [was for _, was in claims.retargets] == went[:-1]
    assert len(set(went)) == len(went)


@given(cases())
def test_what_came_signed_in_transit_is_not_signed_again(case: Case) -> None:
    claims = case.signing.claims
    good = [v for v in case.attempt.headers.get("identity", []) if v.endswith("ppt=shaken")]
    if case.in_transit and good:
        assert claims is None


def test_all_of_it_is_looked_at() -> None:
    for wanted in (
        lambda case: case.signing.claims is not None and case.signing.claims.level is None,
        lambda case: case.in_transit and case.signing.passes_on and case.signing.claims is not None,
        lambda case: case.signing.claims is not None and case.signing.claims.supplied is not None,
        lambda case: case.signing.claims is not None and len(case.signing.claims.retargets) > 1,
    ):
        find(cases(), wanted)
