"""No finding, no admission; no stranger admitted; nothing we emit breaks out of its header; replay agrees."""

import re
from copy import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sipkit.places import TABLE
from sipkit.tokens import token
from trunkward.admission.checks import CHECKS, SCREEN_CHECKS, screened
from trunkward.admission.findings import Finding
from trunkward.admission.judge import decide, judge, judge_call
from trunkward.admission.ports import (
    NO_FACTS,
    Facts,
    Frozen,
    Held,
    Over,
    OverSpend,
    PeerIdentity,
    Replayed,
    Signature,
    Unavailable,
    Unverified,
)
from trunkward.admission.screen import Direction, screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.reasons import REASONS
from trunkward.calls.verdict import Admit, Reason, Reject, Verdict
from trunkward.control.node_file import read_node_file
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.sip.transport import Transport
from trunkward.trunks.spending import Window

PBX = "ab" * 32
READ = read_node_file(
    (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(), "examples/node.yaml"
)
DECLARED = replace(READ, trunks=tuple(replace(trunk, certificate_sha256=PBX) for trunk in READ.trunks))
POLICY = Snapshot(compile_snapshot(DECLARED, [token("+12025550101")], 1, TABLE))
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 8\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n"
)
USERS = st.sampled_from(
    [
        "+12025550101",
        "2025550199",
        "+13035550142",
        "911",
        "anonymous",
        "+442079460123",
        "+1202555\r\nX: y",
        "a%0d%0ab",
    ]
) | st.text(max_size=20)
HOSTS = st.sampled_from(["sbc.example.com", "127.0.0.10", "[::1]", "x\r\ny", ""]) | st.text(max_size=10)
PEERS = st.sampled_from(
    [
        # nearly half of all attempts, so that some get to the end
        *[PeerIdentity(certificate_sha256=PBX)] * 3,
        None,
        PeerIdentity(certificate_sha256="00" * 32, dns_names=("north.example.net",), chain_verified=True),
        PeerIdentity(certificate_sha256="00" * 32, dns_names=("north.example.net",)),
        PeerIdentity(certificate_sha256=""),
    ]
)
HELD = Held(record_id="r", counters=("calls:trunk:acme-hq",), until_ms=1, reserved=True)
FULL = Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5)
OVER = OverSpend(
    owner="money:trunk:acme-hq",
    window=Window.DAY,
    cap_micro=1,
    settled_micro=1,
    granted_micro=0,
    retry_after_s=None,
)
PASSED = Verification(
    outcome=Verstat.PASSED, attest=Attestation.A, spc="709J", orig="12025550199", replay_keys=("k",)
)
#: What a stranger wrote into a token is nothing that may break out of a header.
FORGED = Verification(
    outcome=Verstat.FAILED,
    passports=(Judged("shaken", StirError(cause=Cause.SIGNATURE, text='"\r\nX: y', ppi='..a"\r\nX: y')),),
)
FACTS = st.sampled_from(
    [
        NO_FACTS,
        # there is a place, and no money
        replace(NO_FACTS, live=replace(HELD, reserved=False)),
        replace(NO_FACTS, live=OVER),
        replace(NO_FACTS, live=Frozen(retry_after_s=60, epoch=1)),
        replace(NO_FACTS, live=HELD),
        replace(NO_FACTS, local=HELD),
        replace(NO_FACTS, live=FULL),
        replace(NO_FACTS, local=FULL),
        replace(NO_FACTS, live=Replayed(), local=HELD),
        Facts(
            signature=Signature(identities=("i",), date="d", iat=100, attest=Attestation.A),
            clock_synchronised=True,
            live=HELD,
        ),
        replace(NO_FACTS, draining=True, live=HELD),
        replace(NO_FACTS, live=HELD, verification=Unverified(why="no-identity")),
        replace(NO_FACTS, live=replace(HELD, replayed=1), verification=PASSED),
        replace(NO_FACTS, live=HELD, verification=FORGED),
        Facts(
            signature=Signature(identities=("i\r\nX: y",), date="d", iat=100, attest=Attestation.B),
            clock_synchronised=True,
            live=HELD,
        ),
    ]
)


@st.composite
def attempts(draw: st.DrawFn) -> CallAttempt:
    called, calling = draw(USERS), draw(USERS)
    return CallAttempt(
        id="a",
        at=100.0,
        source_ip=draw(st.sampled_from(["127.0.0.1", "127.0.0.1", "127.0.0.1", "192.0.2.66", "::1", ""])),
        source_port=draw(st.sampled_from([35060, 50000])),
        transport=draw(st.sampled_from([Transport.TLS, Transport.TLS, *Transport])),
        local_ip="127.0.0.10",
        local_port=5061,
        method=draw(st.sampled_from(["INVITE", "INVITE", "MESSAGE"])),
        ruri=draw(st.just(f"sip:{called}@{draw(HOSTS)}") | st.text(max_size=20)),
        from_uri=draw(st.just(f"sip:{calling}@{draw(HOSTS)}") | st.text(max_size=20)),
        to_uri="",
        call_id="c",
        from_tag="t",
        content_type=draw(st.sampled_from(["application/sdp", "multipart/mixed", ""])),
        body=draw(st.sampled_from([SDP, SDP.replace("SAVP", "AVP"), "", "v=0\r\n"]) | st.text(max_size=20)),
    )


def emitted(verdict: Verdict) -> list[str]:
    match verdict:
        case Admit():
            values = [value for route in verdict.routes for pair in route.headers for value in pair]
            return [*values, *(r.ruri + r.next_hop for r in verdict.routes)]
        case Reject():
            return [value for pair in verdict.headers for value in pair]
        case _:
            return []


@given(attempts(), PEERS, FACTS)
def test_any_attempt_gets_one_sound_verdict(
    attempt: CallAttempt, peer: PeerIdentity | None, facts: Facts
) -> None:
    case = screen(attempt, peer, POLICY)
    judgement = judge_call(case, facts, "r", 100.0)
    verdict = judgement.verdict
    assert decide(attempt, peer, facts, POLICY, 100.0, "r") == verdict
    assert not any(re.search(r"[\x00-\x1f\x7f]", value) for value in emitted(verdict))
    if isinstance(verdict, Admit):
        assert case.source is not None
        assert tuple(finding.check for finding in judgement.findings) == CHECKS
        assert case.emergency or not facts.draining
        if not case.emergency:
            # somebody has counted it: all nodes, or this gate while those are lost, for a call in, or one at home
            # that it has money in escrow for
            inbound = case.direction is Direction.INBOUND
            alone = isinstance(facts.live, Unavailable) and (inbound or case.may_use_escrow)
            held = facts.local if alone else facts.live
            assert isinstance(held, Held)
            assert verdict.counters == ["calls:trunk:acme-hq"]
            assert held.reserved or case.charge is None
        assert bool(verdict.money) == (case.charge is not None)
        assert all(finding.refusal is None for finding in judgement.findings)
        assert verdict.routes
        if verdict.from_uri:
            assert re.fullmatch(r"sip:[!-~]+@(sbc\.example\.com|anonymous\.invalid)", verdict.from_uri)
    # plain text, which a record can hold
    assert all(type(finding.detail) is str for finding in judgement.findings)
    # whoever is refused can be told what would have let it pass; nobody else is
    assert all(bool(finding.remedy) == (finding.refusal is not None) for finding in judgement.findings)
    if isinstance(verdict, Reject) and case.source is not None:
        assert verdict.status in REASONS[verdict.reason].answers
        assert verdict.blame in REASONS[verdict.reason].blames
    if case.source is None:
        assert not isinstance(verdict, Admit)
        assert not (isinstance(verdict, Reject) and (verdict.status, verdict.headers) != (403, []))


@given(attempts(), PEERS, FACTS, st.lists(st.integers(0, len(SCREEN_CHECKS) - 1), max_size=8))
def test_no_finding_no_admission_and_every_refusal_refuses(
    attempt: CallAttempt, peer: PeerIdentity | None, facts: Facts, chosen: list[int]
) -> None:
    case = screen(attempt, peer, POLICY)
    nothing = judge(case, (), facts, "r", 100.0).verdict
    assert not isinstance(nothing, Admit)
    assert nothing.reason is Reason.NO_FINDING
    real = screened(case)
    refusing = [finding for finding in real if finding.refusal is not None]
    passing = tuple(Finding(check="x") for _ in chosen)
    for finding in refusing:
        assert not isinstance(judge(case, (*passing, finding), facts, "r", 100.0).verdict, Admit)
