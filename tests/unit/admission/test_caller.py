"""Which number a call shows, by what right, and who gets to see it: rows in the trade's terms."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.caller import Right
from trunkward.admission.checks import screened
from trunkward.admission.judge import decide, judge_call
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, Facts, PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Blame, Reason, Reject
from trunkward.shaken.attest import Attestation
from trunkward.trunks.callers import (
    CallerRule,
    Diverting,
    NeverCalls,
    NumberRule,
    OtherCaller,
    VerifiedNumber,
)
from trunkward.trunks.model import Declared

NOW = 1_800_000_000.0
OWN, SECOND, FOREIGN, OTHER = "+12025550101", "+12025550102", "+12125550150", "+12125550151"
CALLED = "+12025550199"
PAI, PPI, PRIVACY = "p-asserted-identity", "p-preferred-identity", "privacy"
REFUSE = CallerRule()
MAIN = CallerRule(number=SECOND)
REPLACE = CallerRule(other=OtherCaller.REPLACE, number=SECOND)
FORWARDED = CallerRule(forwarded=True)
#: There is a place for every call.
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))

type Attempt = Callable[..., CallAttempt]


def world(declared: Declared, **changed: Any) -> Snapshot:
    """The example with its trunk changed, and a second carrier for the same numbers that is not trusted."""
    south_trusted = changed.pop("south_trusted", False)
    more = {name: changed.pop(name) for name in ("verified", "never") if name in changed}
    trunk = replace(declared.trunks[0], **changed)
    north, south = declared.carriers
    carriers = (north, replace(south, trusted=south_trusted, prefixes=("+1202",)))
    evidence = [token(number) for number in trunk.numbers]
    world = replace(declared, trunks=(trunk,), carriers=carriers)
    return Snapshot(compile_snapshot(world, evidence, 1, TABLE, relationships=whose(world), **more))


def headers(*said: tuple[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in said:
        found.setdefault(name, []).append(value)
    return found


def uri(number: str) -> str:
    return f'"Somebody" <sip:{number}@10.9.8.7;user=phone>;x=y'


@pytest.mark.parametrize(
    ("rule", "shown_from", "said", "number", "shown", "right", "anonymous"),
    [
        (REFUSE, OWN, (), OWN, OWN, Right.OWN, False),
        (REFUSE, "2025550101", (), OWN, OWN, Right.OWN, False),
        # PPI chooses what is asserted, among what may be shown; PAI is what many PBXs send for it
        (REFUSE, OWN, ((PPI, uri(SECOND)),), SECOND, OWN, Right.OWN, False),
        (REFUSE, OWN, ((PAI, uri(SECOND)),), SECOND, OWN, Right.OWN, False),
        (REFUSE, OWN, ((PPI, uri(SECOND)), (PAI, uri(OWN))), SECOND, OWN, Right.OWN, False),
        (REFUSE, OWN, ((PAI, uri(FOREIGN)),), OWN, OWN, Right.OWN, False),
        (REFUSE, OWN, ((PAI, f"{uri(FOREIGN)}, <tel:{SECOND}>"),), SECOND, OWN, Right.OWN, False),
        (REFUSE, OWN, ((PAI, "nonsense"),), OWN, OWN, Right.OWN, False),
        # From alone decides about a foreign number that would be shown
        (REFUSE, FOREIGN, ((PPI, uri(OWN)),), FOREIGN, FOREIGN, Right.NONE, False),
        (MAIN, FOREIGN, (), FOREIGN, FOREIGN, Right.NONE, False),
        (REPLACE, FOREIGN, (), SECOND, SECOND, Right.REPLACED, False),
        (REPLACE, FOREIGN, ((PAI, uri(OWN)),), OWN, OWN, Right.REPLACED, False),
        # an extension, not a number
        (REFUSE, "alice", ((PAI, uri(OWN)),), OWN, OWN, Right.OWN, False),
        (REFUSE, "alice", (), None, None, Right.NONE, False),
        (MAIN, "alice", (), None, None, Right.NONE, False),
        (REPLACE, "alice", (), SECOND, SECOND, Right.REPLACED, False),
        # nobody gets to see who it is
        (REFUSE, OWN, ((PRIVACY, "id"),), OWN, OWN, Right.OWN, True),
        (REFUSE, OWN, ((PRIVACY, "critical; HEADER"),), OWN, OWN, Right.OWN, True),
        (REFUSE, OWN, ((PRIVACY, "user"),), OWN, OWN, Right.OWN, True),
        (REFUSE, OWN, ((PRIVACY, "none"),), OWN, OWN, Right.OWN, False),
        (REFUSE, "anonymous", ((PPI, uri(OWN)),), OWN, OWN, Right.OWN, True),
        (REFUSE, "anonymous", (), None, None, Right.NONE, True),
        (MAIN, "anonymous", (), SECOND, SECOND, Right.REPLACED, True),
        (REFUSE, FOREIGN, ((PRIVACY, "id"), (PAI, uri(OWN))), OWN, OWN, Right.OWN, True),
        (REFUSE, FOREIGN, ((PRIVACY, "id"),), FOREIGN, FOREIGN, Right.NONE, True),
        # diverted by one of its own, by the newest entry
        (FORWARDED, FOREIGN, (("diversion", uri(OWN)),), FOREIGN, FOREIGN, Right.FORWARDED, False),
        (FORWARDED, FOREIGN, (("diversion", uri(OTHER)), ("diversion", uri(OWN))), FOREIGN, FOREIGN, Right.NONE, False),
        (FORWARDED, FOREIGN, (("diversion", uri(OWN)), ("diversion", uri(OTHER))), FOREIGN, FOREIGN, Right.FORWARDED, False),
        (FORWARDED, FOREIGN, (("history-info", f"<sip:{OWN}@x>;index=1, <sip:{CALLED}@x;cause=302>;index=1.1;mp=1"),), FOREIGN, FOREIGN, Right.FORWARDED, False),
        (FORWARDED, FOREIGN, (("history-info", f"<sip:{OWN}@x>;index=1, <sip:{OTHER}@x>;index=1.1"),), FOREIGN, FOREIGN, Right.NONE, False),
        (FORWARDED, FOREIGN, (), FOREIGN, FOREIGN, Right.NONE, False),
        (REFUSE, FOREIGN, (("diversion", uri(OWN)),), FOREIGN, FOREIGN, Right.NONE, False),
    ],
)  # fmt: skip
def test_a_customers_caller(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    rule: CallerRule,
    shown_from: str,
    said: tuple[tuple[str, str], ...],
    number: str | None,
    shown: str | None,
    right: Right,
    *,
    anonymous: bool,
) -> None:
    attempt = outbound(CALLED, calling=shown_from, headers=headers(*said))
    found = screen(attempt, pbx, world(declared, caller=rule)).caller
    assert (found.number, found.shown, found.right, found.anonymous) == (number, shown, right, anonymous)


@pytest.mark.parametrize(
    ("rule", "shown_from", "said", "claimed"),
    [
        (REPLACE, FOREIGN, (), FOREIGN),
        (REPLACE, FOREIGN, ((PAI, uri(OWN)),), FOREIGN),
        # nobody gets to see it, and neither does it count
        (REFUSE, FOREIGN, ((PRIVACY, "id"), (PAI, uri(OWN))), FOREIGN),
        (REPLACE, OWN, ((PAI, uri(SECOND)),), None),
        (REPLACE, "alice", (), None),
        (REFUSE, FOREIGN, (), None),
        (FORWARDED, FOREIGN, (("diversion", uri(OWN)),), None),
    ],
)
def test_what_a_pbx_claims_is_kept_where_another_number_stands_in_its_place(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, rule: CallerRule,
    shown_from: str, said: tuple[tuple[str, str], ...], claimed: str | None,
) -> None:  # fmt: skip
    attempt = outbound(CALLED, calling=shown_from, headers=headers(*said))
    case = screen(attempt, pbx, world(declared, caller=rule))
    assert case.caller.claimed == claimed
    detail = next(found.detail for found in screened(case) if found.check == "caller")
    assert (f"instead of {FOREIGN}" in detail) == (claimed is not None)


def refused(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Reject:
    verdict = decide(attempt, peer, ROOM, policy, NOW, "r1")
    assert isinstance(verdict, Reject), verdict
    return verdict


def test_a_foreign_number_is_refused(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    policy = world(declared)
    verdict = refused(outbound(calling=FOREIGN), pbx, policy)
    assert (verdict.status, verdict.reason) == (403, Reason.CALLING_NUMBER_NOT_PERMITTED)
    assert verdict.blame is Blame.CUSTOMER
    finding = judge_call(screen(outbound(calling=FOREIGN), pbx, policy), ROOM, "r", NOW).findings[-1]
    assert finding.check == "caller"
    assert f"./trunkward number verify {FOREIGN} --trunk acme-hq" in finding.remedy


def test_another_trunks_number_of_the_same_tenant_is_not_this_ones(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    branch = replace(declared.trunks[0], name="acme-branch", certificate_sha256="cd" * 32, numbers=(OTHER,))
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(*declared.trunks, branch)), {}, 1, TABLE))
    assert refused(outbound(calling=OTHER), pbx, policy).reason is Reason.CALLING_NUMBER_NOT_PERMITTED
    theirs = PeerIdentity(certificate_sha256="cd" * 32)
    assert isinstance(decide(outbound(calling=OTHER), theirs, ROOM, policy, NOW, "r"), Admit)


@pytest.mark.parametrize(("until", "goes"), [(NOW + 0.001, True), (NOW, False), (NOW - 1, False)])
def test_a_verified_number_holds_until_its_day(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, until: float, *, goes: bool
) -> None:
    policy = world(declared, verified=(VerifiedNumber(number=FOREIGN, trunk="acme-hq", until=until),))
    case = screen(outbound(calling=FOREIGN), pbx, policy)
    assert case.caller.right is (Right.VERIFIED if goes else Right.NONE)
    verdict = decide(outbound(calling=FOREIGN), pbx, ROOM, policy, NOW, "r1")
    assert isinstance(verdict, Admit if goes else Reject)
    if goes:
        assert case.signing_request is not None
        assert (case.signing_request.level, case.signing_request.evidence) == (Attestation.B, None)


def test_a_number_verified_for_another_trunk_is_not_this_ones(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, verified=(VerifiedNumber(number=FOREIGN, trunk="other", until=NOW + 9),))
    assert refused(outbound(calling=FOREIGN), pbx, policy).reason is Reason.CALLING_NUMBER_NOT_PERMITTED


def test_a_number_that_has_become_another_tenants_is_nobodys_else(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    found = (VerifiedNumber(number=OTHER, trunk="acme-hq", until=NOW + 9),)
    for tenant, kind in (("acme", Admit), ("globex", Reject)):
        whose = replace(
            declared.trunks[0], name="b", tenant=tenant, certificate_sha256="cd" * 32, numbers=(OTHER,)
        )
        world = replace(declared, trunks=(*declared.trunks, whose))
        policy = Snapshot(compile_snapshot(world, {}, 1, TABLE, verified=found))
        assert isinstance(decide(outbound(calling=OTHER), pbx, ROOM, policy, NOW, "r"), kind)


def sent(
    attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot, facts: Facts
) -> tuple[Admit, dict[str, list[tuple[str, str]]]]:
    verdict = decide(attempt, peer, facts, policy, NOW, "r1")
    assert isinstance(verdict, Admit), verdict
    return verdict, {route.peer: route.headers for route in verdict.routes}


def test_an_anonymous_call_names_its_caller_to_trusted_carriers_alone(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, signed: Callable[..., Facts]
) -> None:
    attempt = outbound(CALLED, calling=OWN, headers=headers((PRIVACY, "id")))
    verdict, told = sent(attempt, pbx, world(declared), signed())
    assert verdict.from_uri == "sip:anonymous@anonymous.invalid"
    assert verdict.hide_name
    # where it is tells who it is
    assert "Geolocation" in verdict.remove_headers
    assert "Geolocation" not in sent(outbound(CALLED), pbx, world(declared), ROOM)[0].remove_headers
    assert told == {
        "north": [
            ("P-Asserted-Identity", f"<sip:{OWN}@sbc.example.com>"),
            ("Privacy", "id"),
            ("Date", "a date"),
            ("Identity", "e.p.s;info=<https://x>"),
        ],
        "south": [],
    }


def test_a_call_that_only_untrusted_carriers_take_is_not_signed_with_a_name_nobody_is_to_hear(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    apart = replace(declared, carriers=tuple(replace(c, trusted=False) for c in declared.carriers))
    policy = Snapshot(compile_snapshot(apart, {}, 1, TABLE))
    attempt = outbound(CALLED, headers=headers((PRIVACY, "id")))
    assert screen(attempt, pbx, policy).signing_request is None
    assert screen(outbound(CALLED), pbx, policy).signing_request is not None


def test_what_is_shown_and_what_is_asserted(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, signed: Callable[..., Facts]
) -> None:
    attempt = outbound(CALLED, calling=OWN, headers=headers((PPI, uri(SECOND))))
    verdict, told = sent(attempt, pbx, world(declared), signed())
    assert verdict.from_uri == f"sip:{OWN}@sbc.example.com"
    assert not verdict.hide_name
    asserted = ("P-Asserted-Identity", f"<sip:{SECOND}@sbc.example.com>")
    assert [found[0] for found in told.values()] == [asserted, asserted]
    claims = screen(attempt, pbx, world(declared)).signing_request
    assert claims is not None
    assert (claims.orig, claims.level) == (SECOND[1:], Attestation.A)


def test_a_forwarded_call_is_asserted_to_nobody_and_signed_b(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, signed: Callable[..., Facts]
) -> None:
    policy = world(declared, caller=FORWARDED, diversion=Diverting.OWN)
    attempt = outbound(
        CALLED, calling=FOREIGN, headers=headers(("diversion", f"{uri(OWN)};reason=no-answer"))
    )
    verdict, told = sent(attempt, pbx, policy, signed(Attestation.B))
    assert verdict.from_uri == f"sip:{FOREIGN}@sbc.example.com"
    assert [name for name, _ in told["north"]] == ["Date", "Identity", "Diversion"]
    assert told["north"][-1] == ("Diversion", f"<sip:{OWN}@sbc.example.com>;reason=no-answer")
    claims = screen(attempt, pbx, policy).signing_request
    assert claims is not None
    assert (claims.orig, claims.level) == (FOREIGN[1:], Attestation.B)
    # as it came to the customer, and with each time he sent it on (test_signing_diverted)
    assert (claims.dest, claims.retargets) == (OWN[1:], ((CALLED[1:], OWN[1:]),))


@pytest.mark.parametrize(
    ("rule", "kept"), [(Diverting.DROP, []), (Diverting.OWN, [OWN]), (Diverting.PASS, [OTHER, OWN])]
)
def test_what_carriers_hear_of_diversions(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, rule: Diverting, kept: list[str]
) -> None:
    policy = world(declared, diversion=rule)
    said = (("diversion", f"{uri(OTHER)};reason=user-busy;counter=1"), ("diversion", uri(OWN)))
    _, told = sent(outbound(CALLED, headers=headers(*said)), pbx, policy, ROOM)
    found = [value for name, value in told["north"] if name == "Diversion"]
    assert [value.partition("<sip:")[2].partition("@")[0] for value in found] == kept
    assert all("10.9.8.7" not in value and "Somebody" not in value for value in found)
    hidden = outbound(CALLED, headers=headers(*said, (PRIVACY, "history")))
    assert [name for name, _ in sent(hidden, pbx, policy, ROOM)[1]["north"]] == ["P-Asserted-Identity"]


@pytest.mark.parametrize(
    ("privacy", "private"), [("full", True), ("URI", True), ("name", False), ("off", False)]
)
def test_a_private_diversion_stays_with_trusted_carriers(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, privacy: str, *, private: bool
) -> None:
    policy = world(declared, diversion=Diverting.PASS)
    said = headers(("diversion", f"{uri(OTHER)};privacy={privacy}"))
    _, told = sent(outbound(CALLED, headers=said), pbx, policy, ROOM)
    entry = ("Diversion", f"<sip:{OTHER}@sbc.example.com>;privacy={privacy}")
    assert entry in told["north"]
    assert (entry in told["south"]) is not private


def test_the_name_of_a_number_that_was_replaced_goes_with_it(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared, caller=REPLACE)
    verdict, _ = sent(outbound(CALLED, calling=FOREIGN), pbx, policy, ROOM)
    assert (verdict.from_uri, verdict.hide_name) == (f"sip:{SECOND}@sbc.example.com", True)
    assert not sent(outbound(CALLED, calling=OWN), pbx, policy, ROOM)[0].hide_name


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("", False),
        ('"Alice"', False),
        ('"Suite 4711"', False),
        (f'"{OWN}"', False),
        ('"(202) 555-0101"', False),
        (f'"{FOREIGN}"', True),
        ('"Bank 1-212-555-0150"', True),
        ('"\u0662\u0661\u0662\u0665\u0665\u0665\u0660\u0661\u0665\u0660"', True),
    ],
)
def test_a_display_name_is_no_other_number(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, name: str, *, hidden: bool
) -> None:
    verdict, _ = sent(outbound(CALLED, calling=OWN, from_name=name), pbx, world(declared), ROOM)
    assert verdict.hide_name is hidden
    # whoever calls for help is not looked at, and what a carrier says is the carrier's
    assert not sent(outbound("911", from_name=name), pbx, world(declared), ROOM)[0].hide_name


# ---- inbound -------------------------------------------------------------------------------------
NUMBER, ASSERTED = "+13035550142", "+13035550143"


@pytest.mark.parametrize(
    ("trusted", "shown_from", "said", "number", "from_uri", "told"),
    [
        (True, NUMBER, (), NUMBER, NUMBER, ""),
        (True, NUMBER, ((PAI, uri(ASSERTED)),), ASSERTED, NUMBER, ASSERTED),
        (False, NUMBER, ((PAI, uri(ASSERTED)),), NUMBER, NUMBER, ""),
        (True, "anonymous", ((PAI, uri(ASSERTED)), (PRIVACY, "id")), ASSERTED, "", ""),
        (True, NUMBER, ((PAI, uri(ASSERTED)), (PRIVACY, "id")), ASSERTED, "", ""),
        (False, NUMBER, ((PRIVACY, "id"),), NUMBER, "", ""),
        # not asked for in so many words, and yet meant
        (True, "anonymous", ((PAI, uri(ASSERTED)),), ASSERTED, "", ""),
        (False, "anonymous", ((PAI, uri(ASSERTED)),), "", "", ""),
    ],
)
def test_a_carriers_caller(
    inbound: Attempt,
    declared: Declared,
    shown_from: str,
    said: tuple[tuple[str, str], ...],
    number: str,
    from_uri: str,
    told: str,
    *,
    trusted: bool,
) -> None:
    carriers = tuple(replace(carrier, trusted=trusted) for carrier in declared.carriers)
    policy = Snapshot(compile_snapshot(replace(declared, carriers=carriers), {}, 1, TABLE))
    attempt = inbound(calling=shown_from, headers=headers(*said))
    verdict, routes = sent(attempt, None, policy, ROOM)
    case = screen(attempt, None, policy)
    assert str(case.caller.number or "") == number
    anonymous = "sip:anonymous@anonymous.invalid"
    assert verdict.from_uri == (f"sip:{from_uri}@sbc.example.com" if from_uri else anonymous)
    assert verdict.hide_name == (not from_uri)
    # a signature has the number in plain text
    assert verdict.remove_headers == ([] if from_uri else ["Identity", "Geolocation", "Geolocation-Routing"])
    wanted = [("P-Asserted-Identity", f"<sip:{told}@sbc.example.com>")] if told else []
    assert routes == {"acme-hq": wanted}


@pytest.mark.parametrize("trusted", [True, False])
def test_customers_hear_of_diversions_from_trusted_carriers(
    inbound: Attempt, declared: Declared, *, trusted: bool
) -> None:
    carriers = tuple(replace(carrier, trusted=trusted) for carrier in declared.carriers)
    policy = Snapshot(compile_snapshot(replace(declared, carriers=carriers), {}, 1, TABLE))
    said = (
        ("diversion", f"{uri(NUMBER)};reason=unconditional"),
        ("history-info", f"<sip:{NUMBER}@core.carrier>;index=1"),
    )
    _, routes = sent(inbound(headers=headers(*said)), None, policy, ROOM)
    assert routes["acme-hq"] == (
        [
            ("Diversion", f"<sip:{NUMBER}@sbc.example.com>;reason=unconditional"),
            ("History-Info", f"<sip:{NUMBER}@sbc.example.com>;index=1"),
        ]
        if trusted
        else []
    )


def test_customers_do_not_hear_of_private_diversions(inbound: Attempt, policy: Snapshot) -> None:
    said = (("diversion", f'{uri(NUMBER)};privacy="full"'), ("diversion", uri(ASSERTED)))
    _, routes = sent(inbound(headers=headers(*said)), None, policy, ROOM)
    assert routes["acme-hq"] == [("Diversion", f"<sip:{ASSERTED}@sbc.example.com>")]


# ---- numbers nobody calls from ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+19112345678", Reason.CALLING_NUMBER_NOT_VALID),
        ("+12024112345", Reason.CALLING_NUMBER_NOT_VALID),
        ("+12025552345", Reason.CALLING_NUMBER_NOT_VALID),
        ("+12112345678", Reason.CALLING_NUMBER_NOT_VALID),
        ("+12995550142", Reason.CALLING_NUMBER_NOT_VALID),
        ("+13035550142", None),
        ("+442079460123", None),
    ],
)
def test_numbers_nobody_can_have(
    inbound: Attempt,
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    number: str,
    reason: Reason | None,
) -> None:
    policy = world(declared, verified=(VerifiedNumber(number=number, trunk="acme-hq", until=NOW + 9),))
    came = decide(inbound(calling=number), None, ROOM, world(declared), NOW, "r")
    went = decide(outbound(calling=number), pbx, ROOM, policy, NOW, "r")
    assert [v.reason for v in (came, went)] == [reason or Reason.ADMITTED] * 2
    if reason is not None:
        # no carrier on the way is to try another route with it (RFC 3261 section 21.6.2)
        assert isinstance(came, Reject)
        assert isinstance(went, Reject)
        assert (came.status, came.blame, went.status, went.blame) == (603, Blame.CARRIER, 403, Blame.CUSTOMER)


@pytest.mark.parametrize("called", ["+12024112345", "+19112345678", "+12025552345", "2112345678"])
def test_nobody_can_be_called_there(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, called: str
) -> None:
    verdict = refused(outbound(called), pbx, world(declared))
    assert (verdict.status, verdict.reason) == (404, Reason.CALLED_NUMBER_NOT_VALID)


def test_numbers_kept_for_fiction_are_for_laboratories(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    real = replace(declared, node=replace(declared.node, unsafe_fictional_numbers=False))
    policy = Snapshot(compile_snapshot(real, {}, 1, TABLE))
    assert refused(outbound(), pbx, policy).reason is Reason.CALLED_NUMBER_NOT_VALID
    assert refused(outbound("+12022345678"), pbx, policy).reason is Reason.CALLING_NUMBER_NOT_VALID
    assert refused(inbound(), None, policy).reason is Reason.CALLING_NUMBER_NOT_VALID


def test_do_not_originate_in_both_directions(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    never = (
        NeverCalls(number="+13035550142", reason="bank's hotline", date="2026-01-01"),
        NeverCalls(number="+1404555*"),
    )
    silent = ((SECOND, NumberRule(calls_out=False)),)
    policy = world(declared, never=never, number_rules=silent, south_trusted=True)
    for attempt, peer, status in (
        (inbound(calling="+13035550142"), None, 603),
        (inbound(calling="+14045550100"), None, 603),
        (inbound(calling=SECOND), None, 603),
        (outbound(calling=SECOND), pbx, 403),
        # it is what would be shown that counts, asserted or not
        (inbound(calling="anonymous", headers=headers((PAI, uri("+14045550100")))), None, 603),
        (inbound(calling="+14045550100", headers=headers((PAI, uri("+13035550199")))), None, 603),
    ):
        verdict = refused(attempt, peer, policy)
        assert (verdict.status, verdict.reason) == (status, Reason.DO_NOT_ORIGINATE)
    assert isinstance(decide(inbound(calling="+13035550143"), None, ROOM, policy, NOW, "r"), Admit)
    said = judge_call(screen(inbound(calling="+13035550142"), None, policy), ROOM, "r", NOW).findings[-1]
    assert "bank's hotline 2026-01-01" in said.detail
