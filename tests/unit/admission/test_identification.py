"""Who a call is of, by what it shows; and what is said to whom it is not: SIP code and reason."""

from collections.abc import Callable
from copy import replace
from ipaddress import ip_network
from typing import Any

import pytest

from sipkit.places import TABLE
from trunkward.admission.identify import Stranger, identify
from trunkward.admission.judge import judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Credentials,
    Forgotten,
    LiveFact,
    NonceUse,
    Over,
    PeerIdentity,
    Proven,
    Replayed,
    Stale,
    Unavailable,
    Wrong,
)
from trunkward.admission.rows import authority_id
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Challenge, Discard, Reject
from trunkward.digest.algorithm import Algorithm
from trunkward.sip.transport import Transport
from trunkward.trunks.model import CertifiedBy, Declared, IdentifiedBy, Trunk

type Attempt = Callable[..., CallAttempt]

NETWORK, CERTIFICATE, DIGEST = IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE, IdentifiedBy.DIGEST
HOME, AWAY = "127.0.0.1", "203.0.113.9"
SHOWN = "ab" * 32
PBX = PeerIdentity(certificate_sha256=SHOWN)
OTHER = PeerIdentity(certificate_sha256="ef" * 32)
AUTHORITY = "-----BEGIN CERTIFICATE-----\n"
BY_AUTHORITY = replace(
    OTHER, subjects=("PBX.acme.example.com",), authorities=frozenset({authority_id(AUTHORITY)})
)
RIGHT = Proven(trunk="acme-hq", username="acme", nonce="n", nc=1, until=9e9, epoch=7, secret=3)
OF_ANOTHER = replace(RIGHT, trunk="acme-branch", username="branch")
WRONG = Wrong(username="acme", why="not the secret")
STALE = Stale(why="nonce: 301 s old")

#: Nothing alive is against it.
ALIVE = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))
ADMITTED = (0, "admitted")
ASKED = (407, "credentials-required")
REFUSED = (403, "credentials-refused")


def policy_of(declared: Declared, *ways: IdentifiedBy, **changed: Any) -> Snapshot:
    """The laboratory, its trunk recognised in these ways, and another one by digest from everywhere."""
    trunk = declared.trunks[0]
    hq = replace(
        trunk,
        identified_by=ways,
        networks=trunk.networks if NETWORK in ways else (),
        certificate_sha256=SHOWN if CERTIFICATE in ways else "",
        username="acme" if DIGEST in ways else "",
    )
    branch = replace(
        *(trunk,),
        name="acme-branch",
        identified_by=(DIGEST,),
        networks=(),
        numbers=(),
        certificate_sha256="",
        username="branch",
    )
    return Snapshot(
        compile_snapshot(replace(declared, trunks=(replace(hq, **changed), branch)), {}, 1, TABLE)
    )


def told(
    attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot, credentials: Credentials
) -> tuple[int, str]:
    case = screen(attempt, peer, policy, credentials)
    verdict = judge_call(case, ALIVE, "r1", 0.0).verdict
    match verdict:
        case Admit():
            assert verdict.source == "acme-hq"
            return 0, verdict.reason
        case Reject() | Challenge():
            assert isinstance(verdict, Challenge) == (verdict.status in (401, 407))
            return verdict.status, verdict.reason
        case Discard():
            return -1, verdict.reason


@pytest.mark.parametrize(
    ("ways", "source", "peer", "credentials", "answer"),
    [
        # by network and certificate, as ever; but where some trunk has digest, strangers are asked for it
        ((NETWORK, CERTIFICATE), HOME, PBX, None, ADMITTED),
        ((NETWORK, CERTIFICATE), AWAY, PBX, None, ASKED),
        ((NETWORK, CERTIFICATE), HOME, OTHER, None, ASKED),
        ((NETWORK, CERTIFICATE), HOME, None, None, ASKED),
        # what it does not demand is not looked at
        ((NETWORK, CERTIFICATE), HOME, PBX, WRONG, ADMITTED),
        ((NETWORK, CERTIFICATE), AWAY, PBX, WRONG, REFUSED),
        ((CERTIFICATE,), HOME, PBX, None, ADMITTED),
        ((CERTIFICATE,), AWAY, PBX, None, ADMITTED),
        ((CERTIFICATE,), AWAY, OTHER, None, ASKED),
        ((NETWORK,), HOME, None, None, ADMITTED),
        ((NETWORK,), HOME, OTHER, None, ADMITTED),
        ((NETWORK,), AWAY, None, None, ASKED),
        # credentials are somebody's: shown from there they are not passed over
        ((NETWORK,), HOME, None, WRONG, REFUSED),
        ((NETWORK,), HOME, None, STALE, (407, "credentials-stale")),
        ((DIGEST,), AWAY, None, RIGHT, ADMITTED),
        ((DIGEST,), AWAY, OTHER, RIGHT, ADMITTED),
        ((DIGEST,), AWAY, None, None, ASKED),
        ((DIGEST,), AWAY, None, WRONG, REFUSED),
        ((DIGEST,), AWAY, None, STALE, (407, "credentials-stale")),
        ((NETWORK, DIGEST), HOME, None, RIGHT, ADMITTED),
        ((NETWORK, DIGEST), AWAY, None, RIGHT, REFUSED),
        ((NETWORK, DIGEST), HOME, None, None, ASKED),
        ((NETWORK, DIGEST), HOME, None, WRONG, REFUSED),
        ((CERTIFICATE, DIGEST), AWAY, PBX, RIGHT, ADMITTED),
        ((CERTIFICATE, DIGEST), AWAY, PBX, None, ASKED),
        ((CERTIFICATE, DIGEST), AWAY, PBX, WRONG, REFUSED),
        ((CERTIFICATE, DIGEST), AWAY, PBX, STALE, (407, "credentials-stale")),
        ((CERTIFICATE, DIGEST), AWAY, None, RIGHT, REFUSED),
        ((CERTIFICATE, DIGEST), AWAY, OTHER, RIGHT, REFUSED),
        ((CERTIFICATE, DIGEST), AWAY, PBX, OF_ANOTHER, REFUSED),
        ((NETWORK, CERTIFICATE, DIGEST), HOME, PBX, RIGHT, ADMITTED),
        ((NETWORK, CERTIFICATE, DIGEST), AWAY, PBX, RIGHT, REFUSED),
        ((NETWORK, CERTIFICATE, DIGEST), HOME, None, RIGHT, REFUSED),
        ((NETWORK, CERTIFICATE, DIGEST), HOME, PBX, None, ASKED),
    ],
)
def test_each_way_and_combination(
    outbound: Attempt,
    declared: Declared,
    ways: tuple[IdentifiedBy, ...],
    source: str,
    peer: PeerIdentity | None,
    credentials: Credentials,
    answer: tuple[int, str],
) -> None:
    assert told(outbound(source_ip=source), peer, policy_of(declared, *ways), credentials) == answer


@pytest.mark.parametrize(
    ("peer", "answer"),
    [
        (BY_AUTHORITY, ADMITTED),
        # another authority's certificate for that subject, and this one's for another
        (replace(BY_AUTHORITY, authorities=frozenset()), ASKED),
        (replace(BY_AUTHORITY, authorities=frozenset({authority_id("x")})), ASKED),
        (replace(BY_AUTHORITY, subjects=("pbx.west.example.com",)), ASKED),
        # RFC 5922 section 7.2: no wildcards, no part of a name
        (replace(BY_AUTHORITY, subjects=("*.acme.example.com",)), ASKED),
        (replace(BY_AUTHORITY, subjects=("acme.example.com", "a.pbx.acme.example.com")), ASKED),
    ],
)
def test_by_authority_and_subject(
    outbound: Attempt, declared: Declared, peer: PeerIdentity, answer: tuple[int, str]
) -> None:
    told_by = CertifiedBy(ca="/ca.pem", subject="pbx.acme.example.com")
    policy = policy_of(
        declared, CERTIFICATE, certificate_sha256="", certified_by=told_by, authority=AUTHORITY
    )
    assert told(outbound(source_ip=AWAY), peer, policy, None) == answer
    assert policy.authority(authority_id(AUTHORITY)) == AUTHORITY


def test_without_any_digest_nobody_is_asked(outbound: Attempt, policy: Snapshot) -> None:
    assert not policy.uses_digest
    assert told(outbound(), None, policy, None) == (403, "certificate-required")
    assert told(outbound(), OTHER, policy, None) == (403, "unknown-source")


def test_a_register_is_asked_with_401(outbound: Attempt, declared: Declared) -> None:
    case = screen(outbound(method="REGISTER", source_ip=AWAY), None, policy_of(declared, DIGEST))
    # check 1 is about methods
    from trunkward.admission.checks_of_sender import source

    refusal = source(case).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (401, "credentials-required")


def test_on_a_plain_listener_nobody_is_asked(inbound: Attempt, declared: Declared) -> None:
    for transport in (Transport.UDP, Transport.TCP):
        attempt = inbound(transport=transport, source_ip=AWAY)
        for credentials in (None, RIGHT, WRONG, STALE):
            assert told(attempt, None, policy_of(declared, DIGEST), credentials) == (-1, "unknown-source")


def test_a_refusal_and_a_challenge_tell_nothing(outbound: Attempt, declared: Declared) -> None:
    policy = policy_of(declared, NETWORK, CERTIFICATE, DIGEST)
    shown: list[tuple[str, PeerIdentity | None, Credentials]] = [
        (HOME, PBX, WRONG),
        (HOME, None, RIGHT),
        (AWAY, PBX, RIGHT),
        (HOME, None, Wrong(username="nobody", why="nobody has this username")),
    ]
    said = []
    for source, peer, credentials in shown:
        case = screen(outbound(source_ip=source), peer, policy, credentials)
        verdict = judge_call(case, ALIVE, "r1", 0.0).verdict
        assert isinstance(verdict, Reject)
        said.append((verdict.status, verdict.phrase, verdict.headers, verdict.reason))
    assert said == [(403, "Forbidden", [], "credentials-refused")] * len(shown)


@pytest.mark.parametrize(
    ("source", "peer", "credentials", "remedy"),
    [
        (HOME, PBX, replace(WRONG, remedy="enter it anew"), "enter it anew"),
        (HOME, None, RIGHT, "have the PBX show the client_certificate of trunk acme-hq"),
        (AWAY, PBX, RIGHT, f"add {AWAY} to networks of trunk acme-hq"),
        (HOME, PBX, replace(RIGHT, trunk="other"),
         "enter the username and secret of trunk acme-hq in the PBX with its certificate"),
    ],
)  # fmt: skip
def test_the_record_says_what_was_missing(
    outbound: Attempt,
    declared: Declared,
    source: str,
    peer: PeerIdentity | None,
    credentials: Credentials,
    remedy: str,
) -> None:
    policy = policy_of(declared, NETWORK, CERTIFICATE, DIGEST)
    case = screen(outbound(source_ip=source), peer, policy, credentials)
    assert judge_call(case, ALIVE, "r1", 0.0).findings[-1].remedy == remedy


@pytest.mark.parametrize(
    ("ways", "source", "peer", "credentials", "answer"),
    [
        ((CERTIFICATE, DIGEST), AWAY, PBX, None, (0, "admitted-emergency")),
        ((CERTIFICATE, DIGEST), AWAY, PBX, WRONG, (0, "admitted-emergency")),
        ((CERTIFICATE, DIGEST), AWAY, PBX, STALE, (0, "admitted-emergency")),
        ((CERTIFICATE, DIGEST), AWAY, OTHER, None, ASKED),
        ((NETWORK, CERTIFICATE, DIGEST), HOME, PBX, None, (0, "admitted-emergency")),
        ((NETWORK, CERTIFICATE, DIGEST), AWAY, PBX, None, ASKED),
        ((NETWORK, CERTIFICATE, DIGEST), HOME, None, None, ASKED),
        ((NETWORK, DIGEST), HOME, None, None, (0, "admitted-emergency")),
        ((NETWORK, DIGEST), HOME, None, WRONG, (0, "admitted-emergency")),
        ((NETWORK, DIGEST), AWAY, None, None, ASKED),
        # whose network alone tells it, though its PBX has kept credentials of some trunk
        ((NETWORK,), HOME, None, WRONG, (0, "admitted-emergency")),
        ((NETWORK,), HOME, None, STALE, (0, "admitted-emergency")),
        ((NETWORK,), AWAY, None, WRONG, REFUSED),
        # nobody, before it has answered
        ((DIGEST,), AWAY, None, None, ASKED),
        ((DIGEST,), AWAY, None, RIGHT, (0, "admitted-emergency")),
    ],
)
def test_an_emergency_is_not_challenged_where_something_else_tells_who_calls(
    outbound: Attempt,
    declared: Declared,
    ways: tuple[IdentifiedBy, ...],
    source: str,
    peer: PeerIdentity | None,
    credentials: Credentials,
    answer: tuple[int, str],
) -> None:
    attempt = outbound(called="911", source_ip=source)
    assert told(attempt, peer, policy_of(declared, *ways), credentials) == answer
    # never by prefix
    longer = told(outbound(called="9112", source_ip=source), peer, policy_of(declared, *ways), None)
    assert longer[1] != "admitted-emergency"


def test_of_several_trunks_behind_one_address_the_one_whose_number_calls(
    outbound: Attempt, declared: Declared
) -> None:
    first = replace(
        *(declared.trunks[0],),
        name="acme-branch",
        identified_by=(NETWORK, DIGEST),
        numbers=("+12025550188",),
        certificate_sha256="",
        username="branch",
    )
    second: Trunk = replace(first, name="acme-hq", numbers=("+12025550101",), username="acme")
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(first, second)), {}, 1, TABLE))
    for calling, name in [
        ("+12025550101", "acme-hq"),
        ("+12025550188", "acme-branch"),
        ("anonymous", "acme-branch"),
    ]:
        case = screen(outbound(called="911", calling=calling), None, policy, None)
        assert case.source is not None
        assert (case.source.name, case.emergency, case.nonce) == (name, True, None)


def test_what_must_not_be_used_twice_is_asked_for(outbound: Attempt, declared: Declared) -> None:
    policy = policy_of(declared, CERTIFICATE, DIGEST)
    assert screen(outbound(), PBX, policy, RIGHT).nonce == RIGHT
    # an emergency call waits for nobody
    assert screen(outbound(called="911"), PBX, policy, RIGHT).nonce is None
    assert screen(outbound(), PBX, policy_of(declared, CERTIFICATE), RIGHT).nonce is None


@pytest.mark.parametrize(
    ("live", "answer"),
    [
        (replace(NOTHING_ASKED, reserved=True), ADMITTED),
        (Replayed(), (407, "credentials-replayed")),
        (Forgotten(), (407, "credentials-stale")),
        # nobody can tell: nothing passes by default
        (Unavailable(what="redis", why="redis-timeout"), (503, "limits-unavailable")),
        (Over(key="calls:trunk:acme-hq", most=30, retry_after_s=None), (503, "limit-calls")),
    ],
)
def test_what_was_used_before_is_asked_for_anew(
    outbound: Attempt, declared: Declared, live: LiveFact, answer: tuple[int, str]
) -> None:
    policy = policy_of(declared, CERTIFICATE, DIGEST)
    case = screen(outbound(), PBX, policy, RIGHT)
    assert asked_of(case, policy, "r1").nonce == NonceUse(nonce="n", nc=1, until=9e9, epoch=7)
    verdict = judge_call(case, replace(NO_FACTS, live=live), "r1", 0.0).verdict
    assert (getattr(verdict, "status", 0), verdict.reason) == answer
    assert isinstance(verdict, Challenge) == (answer[0] == 407)
    # an emergency waits for nobody
    emergency = screen(outbound(called="911"), PBX, policy, RIGHT)
    assert asked_of(emergency, policy, "r1").empty
    said = judge_call(emergency, replace(NO_FACTS, live=live), "r1", 0.0).verdict
    assert said.reason == "admitted-emergency"


def test_md5_is_offered_to_the_networks_of_trunks_that_have_it(outbound: Attempt, declared: Declared) -> None:
    policy = policy_of(declared, NETWORK, DIGEST, unsafe_md5=True)
    assert screen(outbound(source_ip=HOME), None, policy, None).offers_md5
    assert screen(outbound(source_ip=HOME), None, policy, STALE).offers_md5
    assert not screen(outbound(source_ip=AWAY), None, policy, None).offers_md5
    assert not screen(outbound(source_ip=HOME), None, policy_of(declared, NETWORK, DIGEST), None).offers_md5
    # asked anew after a replay: what it has used
    used = screen(outbound(source_ip=HOME), None, policy, replace(RIGHT, algorithm=Algorithm.MD5))
    assert used.offers_md5
    assert not screen(outbound(source_ip=HOME), None, policy, RIGHT).offers_md5


def test_networks_of_both_versions(outbound: Attempt, declared: Declared) -> None:
    networks = (ip_network("192.0.2.0/28"), ip_network("2001:db8:7::/64"))
    policy = policy_of(declared, NETWORK, networks=networks)
    for source, answer in [
        ("192.0.2.15", ADMITTED),
        ("192.0.2.16", ASKED),
        ("2001:db8:7::1", ADMITTED),
        ("2001:db8:8::1", ASKED),
        ("no address", (403, "certificate-required")),
    ]:
        assert told(outbound(source_ip=source), None, policy, None) == answer, source


@pytest.mark.parametrize(
    ("registered", "called", "expected"),
    [
        ("acme-hq", "911", (0, "admitted-emergency")),
        ("acme-hq", "9110", ASKED),
        ("acme-hq", "+12025550199", ASKED),
        # nobody's, or one that is not declared any more
        ("", "911", ASKED),
        ("acme-old", "911", ASKED),
    ],
)
def test_an_emergency_is_not_challenged_where_the_trunk_is_registered(
    outbound: Attempt, declared: Declared, registered: str, called: str, expected: tuple[int, str]
) -> None:
    attempt = outbound(called=called, source_ip=AWAY, registered=registered)
    assert told(attempt, None, policy_of(declared, DIGEST), None) == expected


@pytest.mark.parametrize(
    ("credentials", "claims"),
    [
        (replace(WRONG, trunk="acme-hq"), "acme-hq"),
        (Wrong(username="nobody", why="nobody has this username"), ""),
        (None, ""),
    ],
)
def test_whom_a_stranger_claims_to_be_is_known(
    outbound: Attempt, declared: Declared, credentials: Credentials, claims: str
) -> None:
    found = identify(outbound(source_ip=AWAY), None, policy_of(declared, DIGEST), credentials)
    assert isinstance(found, Stranger)
    assert found.claims == claims
