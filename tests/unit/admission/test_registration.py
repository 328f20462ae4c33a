"""Registrations as tables: SIP code and reason of what is refused, the bindings of what is taken."""

from typing import Any

import msgspec
import pytest

from trunkward.admission.ports import PeerIdentity, Unavailable
from trunkward.admission.registration import (
    DEFAULT_EXPIRES_S,
    MAX_EXPIRES_S,
    MOST_BINDINGS,
    Refused,
    Registration,
    changed,
    not_kept,
    read_registration,
    refused,
    registered,
    screened,
    without_flow,
)
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.registration import Bindings, RegisterAttempt
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared
from unit.admission.registrations import CONTACT, INSTANCE, NOW, peer, register, registering


@pytest.fixture
def policy(declared: Declared) -> Snapshot:
    """With a trunk that registers."""
    return registering(declared)


def _case(policy: Snapshot, attempt: RegisterAttempt, shown: PeerIdentity | None = None) -> Registration:
    return read_registration(attempt, shown or peer(), policy)


def _after(policy: Snapshot, *attempts: RegisterAttempt, before: Bindings | None = None) -> Bindings:
    """What is bound after these, one after the other, each a second later."""
    bindings = before or Bindings()
    for second, attempt in enumerate(attempts):
        case = _case(policy, attempt)
        assert screened(case)[-1].refusal is None, screened(case)[-1]
        bindings = changed(case, bindings, NOW + second)
    return bindings


ONE = f"<{CONTACT}>"
OUTBOUND = f'{ONE};+sip.instance="{INSTANCE}";reg-id=1'


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        ({"transport": Transport.UDP}, 403, "unknown-source"),
        ({"source_ip": "198.51.100.9"}, 403, "unknown-source"),
        ({"to_uri": "sip:+12025550199@sbc.example.com"}, 403, "address-of-another"),
        ({"to_uri": "sip:ACME-HQ@sbc.example.com"}, 403, "address-of-another"),
        ({"to_uri": "nobody"}, 400, "malformed-request"),
        ({"contact": "<sip:a@192.0.2.1"}, 400, "malformed-request"),
        ({"contact": "<tel:+12025550101>"}, 400, "malformed-request"),
        ({"contact": "<sip:a@192.0.2.1?Route=x>"}, 400, "malformed-request"),
        ({"contact": [ONE, ONE]}, 400, "malformed-request"),
        ({"contact": ", ".join(f"<sip:a@192.0.2.{n}>" for n in range(1, 8))}, 400, "malformed-request"),
        ({"contact": "*"}, 400, "malformed-request"),
        ({"contact": "*", "expires": "60"}, 400, "malformed-request"),
        ({"contact": f'{ONE};+sip.instance="x";reg-id=0'}, 400, "malformed-request"),
        ({"contact": f'{ONE};+sip.instance="x";reg-id=one'}, 400, "malformed-request"),
        (
            {"contact": f'{OUTBOUND}, <sip:b@192.0.2.1>;+sip.instance="{INSTANCE}";reg-id=2'},
            400,
            "malformed-request",
        ),
        ({"require": "gin"}, 420, "extension-unknown"),
        ({"expires": "59"}, 423, "registration-too-brief"),
        ({"contact": f"{ONE};expires=1", "expires": "600"}, 423, "registration-too-brief"),
    ],
)
def test_what_is_refused(policy: Snapshot, sent: dict[str, Any], status: int, reason: str) -> None:
    case = _case(policy, register(**sent))
    finding = screened(case)[-1]
    assert finding.refusal is not None
    assert finding.remedy
    verdict = refused(case, finding)
    assert (verdict.status, verdict.reason.value) == (status, reason)


@pytest.mark.parametrize(
    ("trunk", "status", "reason"),
    [
        ({"registers": False}, 403, "not-a-registering-trunk"),
        ({"enabled": False}, 403, "trunk-disabled"),
    ],
)
def test_whose_is_refused(declared: Declared, trunk: dict[str, Any], status: int, reason: str) -> None:
    case = _case(registering(declared, **trunk), register())
    finding = screened(case)[-1]
    assert finding.refusal is not None
    assert (finding.refusal.status, finding.refusal.reason.value) == (status, reason)


def test_a_carrier_does_not_register(policy: Snapshot) -> None:
    shown = PeerIdentity(certificate_sha256="cd" * 32, dns_names=("north.example.net",), chain_verified=True)
    case = _case(policy, register(source_ip="127.0.0.31"), shown)
    finding = screened(case)[-1]
    assert finding.refusal is not None
    assert (finding.refusal.status, finding.refusal.reason.value) == (403, "not-a-registering-trunk")


def test_a_stranger_hears_that_and_no_more(policy: Snapshot) -> None:
    answers = []
    for attempt in (register(source_ip="198.51.100.9"), register(require="gin", source_ip="198.51.100.9")):
        case = read_registration(attempt, peer(), policy)
        verdict = refused(case, screened(case)[-1])
        answers.append((verdict.status, verdict.phrase, verdict.headers))
    assert answers == [(403, "Forbidden", [])] * 2


def test_headers_of_refusals(policy: Snapshot) -> None:
    brief = _case(policy, register(expires="10"))
    assert ("Min-Expires", "60") in refused(brief, screened(brief)[-1]).headers
    unknown = _case(policy, register(require="path, gin"))
    assert ("Unsupported", "gin") in refused(unknown, screened(unknown)[-1]).headers
    lost = not_kept(_case(policy, register()), Unavailable(what="redis", why="redis-lost"))
    assert (lost.status, lost.reason.value) == (503, "registrations-unavailable")
    assert "Retry-After" in dict(lost.headers)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ({}, DEFAULT_EXPIRES_S),
        ({"expires": "120"}, 120),
        ({"contact": f"{ONE};expires=90", "expires": "120"}, 90),
        ({"expires": "86400"}, MAX_EXPIRES_S),
        ({"expires": "4294967296"}, MAX_EXPIRES_S),
        ({"expires": "soon"}, DEFAULT_EXPIRES_S),
        ({"expires": "-1"}, DEFAULT_EXPIRES_S),
        ({"expires": "99999999999999999999"}, DEFAULT_EXPIRES_S),
    ],
)
def test_for_how_long(policy: Snapshot, sent: dict[str, Any], seconds: int) -> None:
    [bound] = _after(policy, register(**sent)).bindings
    assert bound.expires_at == NOW + seconds


@pytest.mark.parametrize("user", ["acme-hq", "+12025550101", "2025550101", "12025550101"])
def test_for_whom(policy: Snapshot, user: str) -> None:
    [bound] = _after(policy, register(to_uri=f"sip:{user}@192.0.2.10")).bindings
    assert bound.user == user


def test_what_is_kept_and_told(policy: Snapshot) -> None:
    attempt = register(OUTBOUND, expires="120", supported="path, outbound")
    case = _case(policy, attempt)
    after = changed(case, Bindings(), NOW)
    [bound] = after.bindings
    assert bound.contact == CONTACT
    assert bound.path == "sip:flow1@127.0.0.10:5061;transport=tls;lr;ob"
    assert (bound.node, bound.edge, bound.flow) == ("sbc.example.com", "e1", "flow1")
    assert (bound.source, bound.user_agent, bound.fingerprint) == ("127.0.0.1:40001", "PBX/1", "ab" * 32)
    verdict = registered(case, after, NOW + 20)
    assert verdict.headers == [
        ("Contact", f'<{CONTACT}>;expires=100;+sip.instance="{INSTANCE}";reg-id=1'),
        ("Date", "Fri, 15 Jan 2027 08:00:20 GMT"),
        ("Require", "outbound"),
        ("Flow-Timer", "120"),
        ("Path", f"<{bound.path}>"),
    ]
    # it crosses the socket and Valkey as it is
    assert msgspec.json.decode(msgspec.json.encode(after), type=Bindings) == after


def test_a_pbx_that_knows_nothing_of_it_hears_nothing_of_it(policy: Snapshot) -> None:
    case = _case(policy, register(OUTBOUND))
    assert [name for name, _ in registered(case, changed(case, Bindings(), NOW), NOW).headers] == [
        "Contact",
        "Date",
    ]


def test_again_by_contact_on_another_connection(policy: Snapshot) -> None:
    after = _after(policy, register(), register(cseq=2, flow="flow2", source_port=40002))
    assert [(one.flow, one.source) for one in after.bindings] == [("flow2", "127.0.0.1:40002")]


def test_again_by_instance_and_flow_whatever_the_contact(policy: Snapshot) -> None:
    moved = OUTBOUND.replace("10.0.0.7", "10.0.0.8")
    second = OUTBOUND.replace("reg-id=1", "reg-id=2")
    after = _after(policy, register(OUTBOUND), register(moved, call_id="r2"), register(second, call_id="r3"))
    assert [(one.reg_id, one.contact) for one in after.bindings] == [
        (2, CONTACT),
        (1, CONTACT.replace("10.0.0.7", "10.0.0.8")),
    ]


def test_a_refresh_is_the_same_place_since_then(policy: Snapshot) -> None:
    [bound] = _after(policy, register(), register(cseq=2)).bindings
    assert (bound.since, bound.expires_at) == (NOW, NOW + 1 + DEFAULT_EXPIRES_S)


def test_away_with_one_and_with_all(policy: Snapshot) -> None:
    two = [ONE, "<sip:b@10.0.0.7>"]
    left = _after(policy, register(two), register(f"{ONE};expires=0", cseq=2))
    assert [one.contact for one in left.bindings] == ["sip:b@10.0.0.7"]
    assert _after(policy, register(two), register("*", cseq=2, expires="0")).bindings == ()
    # what is not there is gone already
    assert _after(policy, register("<sip:c@10.0.0.7>;expires=0")).bindings == ()


def test_who_only_asks_changes_nothing(policy: Snapshot) -> None:
    before = _after(policy, register())
    assert _after(policy, register([], cseq=1), before=before) == before


@pytest.mark.parametrize("cseq", [4, 5])
@pytest.mark.parametrize("later", [{"contact": ONE}, {"contact": "*", "expires": "0"}])
def test_one_that_was_overtaken_changes_nothing(policy: Snapshot, cseq: int, later: dict[str, Any]) -> None:
    before = _after(policy, register(cseq=5))
    with pytest.raises(Refused) as caught:
        _after(policy, register(cseq=cseq, **later), before=before)
    refusal = caught.value.finding.refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason.value) == (500, "registration-overtaken")
    # of another Call-ID it counts anew (RFC 3261 section 10.3, item 7)
    _after(policy, register(cseq=cseq, call_id="r2", **later), before=before)


def test_the_oldest_makes_room(policy: Snapshot) -> None:
    after = _after(
        policy, *(register(f"<sip:{n}@10.0.0.7>", call_id=f"r{n}") for n in range(MOST_BINDINGS + 1))
    )
    assert [one.contact for one in after.bindings] == [
        f"sip:{n}@10.0.0.7" for n in range(MOST_BINDINGS, 0, -1)
    ]


def test_what_is_over_is_not_carried_on(policy: Snapshot) -> None:
    before = _after(policy, register("<sip:old@10.0.0.7>;expires=60"))
    case = _case(policy, register(call_id="r2"))
    assert [one.contact for one in changed(case, before, NOW + 60).bindings] == [CONTACT]
    # nor what an earlier start of this node's Kamailio had, while another node's stands
    case = _case(policy, register(call_id="r2", edge="e2"))
    elsewhere = msgspec.structs.replace(before.bindings[0], node="other.example.com", contact="sip:there@x")
    both = Bindings(serial=1, bindings=(*before.bindings, elsewhere))
    assert [one.contact for one in changed(case, both, NOW).bindings] == [CONTACT, "sip:there@x"]


def test_a_connection_that_ended(policy: Snapshot) -> None:
    before = _after(policy, register(), register("<sip:b@10.0.0.7>", flow="flow2", call_id="r2"))
    after = without_flow(before, "flow1", NOW + 9)
    assert [one.flow for one in after.bindings] == ["flow2"]
    assert after.serial > before.serial
    assert without_flow(after, "flow1", NOW + 10) is after
