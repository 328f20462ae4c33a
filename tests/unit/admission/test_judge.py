"""Calls and their verdicts, in the trade's terms."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.checks import CHECKS, screened
from trunkward.admission.judge import Judgement, decide, judge, judge_call
from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Facts,
    NotSigned,
    Over,
    PeerIdentity,
    Unavailable,
)
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.reasons import headers
from trunkward.calls.verdict import Admit, Blame, Discard, Reason, Reject
from trunkward.shaken.attest import Attestation
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared

NOW = 1_800_000_000.0
#: There is a place for the call, and nothing else is known.
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))

type Attempt = Callable[..., CallAttempt]
type MakeFacts = Callable[..., Facts]


def admitted(attempt: CallAttempt, peer: PeerIdentity | None, facts: Facts, policy: Snapshot) -> Admit:
    verdict = decide(attempt, peer, facts, policy, NOW, "r1")
    assert isinstance(verdict, Admit), verdict
    return verdict


def refused(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Reject:
    verdict = decide(attempt, peer, NO_FACTS, policy, NOW, "r1")
    assert isinstance(verdict, Reject), verdict
    return verdict


def with_trunk(declared: Declared, **changed: Any) -> Snapshot:
    trunk = replace(declared.trunks[0], **changed)
    return Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))


def test_to_a_trunk_that_registers(inbound: Attempt, declared: Declared) -> None:
    policy = with_trunk(declared, host=None, tls_names=(), registers=True)
    (route,) = admitted(inbound(), None, ROOM, policy).routes
    # where it is, the edge knows
    assert (route.peer, route.registered) == ("acme-hq", True)
    assert route.ruri.startswith("sip:+12025550101@")
    assert route.headers == [("P-Called-Party-ID", "<sip:+12025550101@sbc.example.com>")]
    assert [hop.suffix for hop in route.media] == [""]


def test_outbound_over_tls(outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts) -> None:
    verdict = admitted(outbound(), pbx, signed(), policy)
    assert (verdict.reason, verdict.trunk, verdict.direction) == (Reason.ADMITTED, "acme-hq", "outbound")
    assert verdict.from_uri == "sip:+12025550101@sbc.example.com"
    assert "Identity" in verdict.remove_headers
    (route,) = verdict.routes
    assert route.peer == "north"
    assert route.ruri == "sip:+12025550199@127.0.0.31:25061;transport=tls"
    assert route.next_hop == "sip:127.0.0.31:25061;transport=tls"
    assert route.tls_profile == "north.example.net"
    assert route.headers == [
        ("P-Asserted-Identity", "<sip:+12025550101@sbc.example.com>"),
        ("Date", "a date"),
        ("Identity", "e.p.s;info=<https://x>"),
    ]
    assert [hop.suffix for hop in route.media] == [""]
    assert "AES_CM_128_HMAC_SHA1_80" not in route.called_suites


def test_outbound_to_the_plain_carrier(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    (route,) = admitted(outbound("3035550142"), pbx, signed(), policy).routes
    assert (route.peer, route.transport, route.tls_profile) == ("south", Transport.UDP, "")
    assert route.ruri == "sip:+13035550142@127.0.0.41:35060;transport=udp"
    assert route.called_suites == []


@pytest.mark.parametrize(
    ("calling", "level", "evidence"),
    [
        ("+12025550101", Attestation.A, token("+12025550101")),
        ("2025550102", Attestation.A, token("+12025550102")),
        # in the inventory, but its evidence is gone
        ("+12025550103", Attestation.B, None),
        ("+12025550177", Attestation.B, None),
    ],
)
def test_what_the_signer_is_asked_for(
    outbound: Attempt,
    pbx: PeerIdentity,
    policy: Snapshot,
    calling: str,
    level: Attestation,
    evidence: str | None,
) -> None:
    claims = screen(outbound(calling=calling), pbx, policy).signing_request
    assert claims is not None
    assert (claims.level, claims.evidence, claims.dest) == (level, evidence, "12025550199")
    assert claims.orig == "1" + calling[-10:]


def test_another_customers_number_is_b(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    other = replace(declared.trunks[0], name="other", certificate_sha256="ef" * 32, numbers=("+12025550150",))
    # a token left over from when the number was acme's makes it no A either
    evidence = [token("+12025550150", trunk="other"), token("+12025550150")]
    both = replace(declared, trunks=(declared.trunks[0], other))
    policy = Snapshot(compile_snapshot(both, evidence, 1, TABLE, relationships=whose(both)))
    claims = screen(outbound(calling="+12025550150"), pbx, policy).signing_request
    assert claims is not None
    assert (claims.level, claims.evidence) == (Attestation.B, None)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            Facts(
                signature=NotSigned(why="evidence-expired"),
                clock_synchronised=True,
                live=replace(NOTHING_ASKED, reserved=True),
            ),
            "evidence-expired",
        ),
        (
            Facts(
                signature=Unavailable(what="signer", why="signer-timeout"),
                clock_synchronised=True,
                live=replace(NOTHING_ASKED, reserved=True),
            ),
            "signer-timeout",
        ),
        (ROOM, "clock-not-synchronised"),
    ],
)
def test_goes_unsigned_and_says_so(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, facts: Facts, why: str
) -> None:
    judgement = judge_call(screen(outbound(), pbx, policy), facts, "r1", NOW)
    assert isinstance(judgement.verdict, Admit)
    assert (judgement.attest, judgement.unsigned) == ("", why)
    assert [name for name, _ in judgement.verdict.routes[0].headers] == ["P-Asserted-Identity"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"age_s": 61}, "signature-stale"),
        ({"age_s": -61}, "signature-stale"),
        ({"level": Attestation.B}, "signature-of-other-level"),
        ({"identity": "x\r\nX-Evil: y"}, "signature-garbled"),
    ],
)
def test_a_signature_that_does_not_fit_is_left_out(
    outbound: Attempt,
    pbx: PeerIdentity,
    policy: Snapshot,
    signed: MakeFacts,
    changed: dict[str, Any],
    why: str,
) -> None:
    judgement = judge_call(screen(outbound(), pbx, policy), signed(**changed), "r1", NOW)
    assert (judgement.attest, judgement.unsigned) == ("", why)


def test_a_clock_that_is_off_takes_the_signature_away(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    facts = replace(signed(), clock_synchronised=False)
    assert judge_call(screen(outbound(), pbx, policy), facts, "r1", NOW).unsigned == "clock-not-synchronised"


def test_inbound_from_the_plain_carrier(inbound: Attempt, policy: Snapshot) -> None:
    verdict = admitted(inbound(), None, ROOM, policy)
    assert (verdict.trunk, verdict.direction, verdict.remove_headers) == ("acme-hq", "inbound", [])
    assert verdict.from_uri == "sip:+13035550142@sbc.example.com"
    (route,) = verdict.routes
    assert route.ruri == "sip:+12025550101@127.0.0.21:15061;transport=tls"
    assert (route.tls_profile, route.headers) == ("pbx.acme.example.com", [])
    assert route.media[0].offer_forward.endswith("direction=carr direction=cust")


def test_inbound_is_never_signed(inbound: Attempt, policy: Snapshot, signed: MakeFacts) -> None:
    case = screen(inbound(), None, policy)
    assert case.signing_request is None
    assert judge_call(case, signed(), "r1", NOW).unsigned == ""
    assert admitted(inbound(), None, signed(), policy).routes[0].headers == []


@pytest.mark.parametrize(
    ("calling", "shown"),
    [
        ("anonymous", "sip:anonymous@anonymous.invalid"),
        ("Restricted", "sip:Restricted@sbc.example.com"),
        ("12345", "sip:12345@sbc.example.com"),
        ("a~b", "sip:anonymous@anonymous.invalid"),
    ],
)
def test_inbound_callers_without_a_number(
    inbound: Attempt, policy: Snapshot, calling: str, shown: str
) -> None:
    assert admitted(inbound(calling=calling), None, ROOM, policy).from_uri == shown


def test_a_from_that_is_right_already_stays(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    attempt = outbound(from_uri="sip:+12025550101@sbc.example.com")
    assert admitted(attempt, pbx, signed(), policy).from_uri == ""


@pytest.mark.parametrize(
    ("changed", "reason", "status", "blame"),
    [
        ({"method": "SUBSCRIBE"}, Reason.METHOD_REFUSED, 405, Blame.CALLER),
        ({"ruri": "sip:+1202555 0199@x"}, Reason.MALFORMED_REQUEST, 400, Blame.CUSTOMER),
        ({"from_uri": "sip:<x>@y"}, Reason.MALFORMED_REQUEST, 400, Blame.CUSTOMER),
        ({"calling": "alice"}, Reason.CALLING_NUMBER_MALFORMED, 403, Blame.CUSTOMER),
        ({"calling": "anonymous"}, Reason.CALLING_NUMBER_MALFORMED, 403, Blame.CUSTOMER),
        ({"called": "bob"}, Reason.CALLED_NUMBER_MALFORMED, 484, Blame.CUSTOMER),
        ({"called": "9110"}, Reason.CALLED_NUMBER_MALFORMED, 484, Blame.CUSTOMER),
        ({"called": "+12125550142"}, Reason.NO_ROUTE, 404, Blame.US),
        # nobody takes it either: whose trunk is not opened there hears that first
        ({"called": "+442079460123"}, Reason.DESTINATION_NOT_ALLOWED, 403, Blame.CUSTOMER),
        ({"body": ""}, Reason.NO_OFFER, 488, Blame.CUSTOMER),
        ({"body": "v=0\r\nnonsense"}, Reason.MEDIA_MALFORMED, 488, Blame.CUSTOMER),
    ],
)
def test_outbound_refusals(
    outbound: Attempt,
    pbx: PeerIdentity,
    policy: Snapshot,
    changed: dict[str, Any],
    reason: Reason,
    status: int,
    blame: Blame,
) -> None:
    attempt = outbound(**changed)
    verdict = refused(attempt, pbx, policy)
    assert (verdict.reason, verdict.status, verdict.blame) == (reason, status, blame)
    assert ("Reason", f'SIP;cause={status};text="{reason.value}"') in verdict.headers
    assert all(header in verdict.headers for header in headers(reason, status))
    # it cost no round trip
    case = screen(attempt, pbx, policy)
    findings = screened(case)
    assert findings[-1].refusal is not None
    assert judge(case, findings, NO_FACTS, "r1", NOW).verdict == verdict


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"method": "SUBSCRIBE"}, "place the call with an INVITE"),
        ({"source_ip": "192.0.2.66"}, "add 192.0.2.66 to networks of trunk acme-hq"),
        ({"ruri": "sip:+1202555 0199@x"}, "send a SIP URI as Request-URI"),
        ({"from_uri": "sip:<x>@y"}, "send a SIP URI in From"),
        ({"calling": "alice"}, "have trunk acme-hq send its number in the From-URI"),
        ({"called": "bob"}, "have trunk acme-hq send the number in the Request-URI"),
        ({"called": "+12125550142"}, 'add a beginning of +12125550142 to prefixes of a carrier, or "+"'),
        ({"body": ""}, "have trunk acme-hq send its SDP in the INVITE"),
        ({"body": "v=0\r\nnonsense"}, "have trunk acme-hq send an SDP with an audio stream"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_would_have_let_it_pass(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, changed: dict[str, Any], remedy: str
) -> None:
    *passed, last = judge_call(screen(outbound(**changed), pbx, policy), NO_FACTS, "r1", NOW).findings
    assert last.remedy.startswith(remedy)
    assert not any(finding.remedy for finding in passed)


def test_what_would_have_let_calls_pass_for_the_node_to_change(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared, policy: Snapshot
) -> None:
    def remedy(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot, facts: Facts) -> str:
        return judge_call(screen(attempt, peer, policy), facts, "r1", NOW).findings[-1].remedy

    draining = replace(ROOM, draining=True)
    assert remedy(outbound(), pbx, policy, draining) == "./trunkward undrain"
    assert remedy(inbound("+12025550104"), None, policy, NO_FACTS).startswith("add +12025550104 to numbers")
    off, outwards = with_trunk(declared, enabled=False), with_trunk(declared, host=None, tls_names=())
    assert remedy(outbound(), pbx, off, NO_FACTS) == "set enabled: true for trunk acme-hq, and for its tenant"
    assert remedy(inbound(), None, outwards, NO_FACTS) == "give trunk acme-hq a host, or a failover"
    assert "client certificate" in remedy(outbound(), None, policy, NO_FACTS)
    stranger = inbound(source_ip="192.0.2.66")
    assert (
        remedy(stranger, None, policy, NO_FACTS)
        == "add 192.0.2.66 to networks of a carrier with transport: udp"
    )


def test_plain_media_from_a_customer(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, plain_sdp: str
) -> None:
    verdict = refused(outbound(body=plain_sdp), pbx, policy)
    assert (verdict.reason, verdict.status, verdict.phrase) == (
        Reason.SRTP_REQUIRED,
        488,
        "Not Acceptable Here",
    )
    assert any(name == "Warning" and "RTP/SAVP" in value for name, value in verdict.headers)


def test_srtp_keys_over_udp(inbound: Attempt, outbound: Attempt, policy: Snapshot) -> None:
    verdict = refused(inbound(body=outbound().body), None, policy)
    assert (verdict.reason, verdict.blame) == (Reason.SDES_WITHOUT_TLS, Blame.CARRIER)


def test_a_number_that_is_nobodys(inbound: Attempt, policy: Snapshot) -> None:
    verdict = refused(inbound("+12025550104"), None, policy)
    assert (verdict.reason, verdict.status, verdict.blame) == (
        Reason.CALLED_NUMBER_UNKNOWN,
        404,
        Blame.CARRIER,
    )


def test_emergency_numbers_are_for_trunks_only(inbound: Attempt, policy: Snapshot) -> None:
    assert refused(inbound("911"), None, policy).reason is Reason.CALLED_NUMBER_MALFORMED


def test_a_disabled_trunk(outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    policy = with_trunk(declared, enabled=False)
    assert (refused(outbound(), pbx, policy).status, refused(inbound(), None, policy).status) == (403, 404)
    assert refused(outbound(), pbx, policy).reason is Reason.TRUNK_DISABLED


def test_nobody_hears_names_and_limits(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared, policy: Snapshot
) -> None:
    """Summary: a trunk that is off, a limit that is reached: neither the customer's caller nor a carrier is told the trunk's name or its limit."""
    off = with_trunk(declared, enabled=False)
    full = replace(NO_FACTS, live=Over(key="calls:trunk:acme-hq", most=37, retry_after_s=None))
    told = (
        str(refused(outbound(), pbx, off).headers),
        str(_rejected(judge_call(screen(outbound(), pbx, policy), full, "r1", NOW)).headers),
        str(refused(inbound(), None, off).headers),
        str(_rejected(judge_call(screen(inbound(), None, policy), full, "r1", NOW)).headers),
    )
    assert not [said for said in told if "acme" in said or "37" in said]
    assert all("Warning" in said for said in told)


def _rejected(judgement: Judgement) -> Reject:
    assert isinstance(judgement.verdict, Reject)
    return judgement.verdict


def test_a_trunk_that_only_calls_out(inbound: Attempt, declared: Declared) -> None:
    verdict = refused(inbound(), None, with_trunk(declared, host=None, tls_names=()))
    assert (verdict.reason, verdict.status, verdict.blame) == (Reason.TAKES_NO_CALLS, 404, Blame.US)


# ---- strangers -----------------------------------------------------------------------------------


def test_strangers_on_tls_hear_one_thing(outbound: Attempt, policy: Snapshot) -> None:
    strange = PeerIdentity(certificate_sha256="00" * 32, dns_names=("north.example.net",))
    heard = {
        (verdict.status, verdict.phrase, tuple(verdict.headers))
        for verdict in (
            refused(outbound(), None, policy),
            refused(outbound(), strange, policy),
            refused(outbound(source_ip="192.0.2.66"), strange, policy),
            refused(outbound("911"), strange, policy),
            refused(outbound(body="", ruri="x"), strange, policy),
            refused(outbound(method="SUBSCRIBE"), strange, policy),
        )
    }
    assert heard == {(403, "Forbidden", ())}
    assert refused(outbound(), None, policy).reason is Reason.CERTIFICATE_REQUIRED
    assert refused(outbound(), strange, policy).reason is Reason.UNKNOWN_SOURCE


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_strangers_on_the_plain_listener_hear_nothing(
    inbound: Attempt, policy: Snapshot, transport: Transport
) -> None:
    attempt = inbound(source_ip="192.0.2.66", transport=transport)
    verdict = decide(attempt, None, NO_FACTS, policy, NOW, "r1")
    assert verdict == Discard(id="a2", record_id="r1", reason=Reason.UNKNOWN_SOURCE)


# ---- emergencies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"called": "9-1-1"},
        {"calling": "alice"},
        {"from_uri": "sip:<x>"},
        {"body": ""},
        {"body": "nonsense"},
        {"content_type": "multipart/mixed;boundary=x"},
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
def test_an_emergency_call_goes(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, changed: dict[str, Any], *, enabled: bool
) -> None:
    attempt = outbound(**{"called": "911"} | changed)
    verdict = admitted(attempt, pbx, ROOM, with_trunk(declared, enabled=enabled))
    assert verdict.reason is Reason.ADMITTED_EMERGENCY
    assert [(route.peer, route.ruri) for route in verdict.routes] == [
        ("north", "sip:911@127.0.0.31:25061;transport=tls")
    ]


def test_an_emergency_call_is_not_signed(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    assert screen(outbound("911"), pbx, policy).signing_request is None
    headers = admitted(outbound("911"), pbx, signed(), policy).routes[0].headers
    assert headers == [("P-Asserted-Identity", "<sip:+12025550101@sbc.example.com>")]


def test_an_emergency_call_may_be_plain(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, plain_sdp: str
) -> None:
    (route,) = admitted(outbound("911", body=plain_sdp), pbx, ROOM, policy).routes
    assert route.offer == plain_sdp
    assert "RTP/AVP" in route.media[0].answer_forward.split()
    assert "RTP/SAVP" in route.media[-1].offer_forward.split()


def test_an_emergency_offer_nobody_can_read_passes(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot
) -> None:
    (route,) = admitted(outbound("911", body="nonsense"), pbx, ROOM, policy).routes
    assert (route.offer, route.media) == ("nonsense", [])


def test_no_carrier_for_emergencies(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    carriers = tuple(replace(carrier, emergency=False) for carrier in declared.carriers)
    policy = Snapshot(compile_snapshot(replace(declared, carriers=carriers), {}, 1, TABLE))
    verdict = refused(outbound("911"), pbx, policy)
    assert (verdict.reason, verdict.blame) == (Reason.NO_EMERGENCY_ROUTE, Blame.US)


# ---- the line itself -----------------------------------------------------------------------------


def test_no_finding_no_admission(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    verdict = judge(screen(outbound(), pbx, policy), (), signed(), "r1", NOW).verdict
    assert isinstance(verdict, Reject)
    assert (verdict.reason, verdict.blame, verdict.status) == (Reason.NO_FINDING, Blame.US, 500)


def test_the_line_ends_at_its_first_refusal(outbound: Attempt, pbx: PeerIdentity, policy: Snapshot) -> None:
    findings = screened(screen(outbound("bob", body=""), pbx, policy))
    assert [finding.check for finding in findings] == [
        "method",
        "source",
        "listener",
        "request",
        "trunk",
        "held",
        "calling",
        "called",
    ]


def test_an_admitted_call_was_looked_at_thirteen_times(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, signed: MakeFacts
) -> None:
    judgement = judge_call(screen(outbound(), pbx, policy), signed(), "r1", NOW)
    assert [finding.check for finding in judgement.findings] == list(CHECKS)
    # a record holds plain text, no number's own type
    assert {type(finding.detail) for finding in judgement.findings} == {str}
    assert (judgement.attest, judgement.unsigned) == ("A", "")


def test_the_bench_does_not_anchor_media(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    bench = replace(declared, node=replace(declared.node, unsafe_unanchored_media=True))
    policy = Snapshot(compile_snapshot(bench, {}, 1, TABLE))
    (route,) = admitted(outbound(), pbx, ROOM, policy).routes
    assert (route.offer, route.media) == (outbound().body, [])
