"""Who hears why before a refusal: identified, understood, and for a reason of the list."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from trunkward.admission.judge import decide
from trunkward.admission.ports import NO_FACTS, PeerIdentity
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.reasons import REASONS
from trunkward.calls.verdict import Admit, Announcement, Reason, Reject
from trunkward.engines.destinations_file import destinations_with
from trunkward.trunks.model import Declared

type Attempt = Callable[..., CallAttempt]

PLACE = "/etc/trunkward/announcements"
UNROUTED = "+12125550142"
DTLS = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio 40000 UDP/TLS/RTP/SAVP 8\r\na=setup:actpass\r\n"
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\n"
)


@pytest.fixture
def telling(declared: Declared) -> Snapshot:
    return Snapshot(
        compile_snapshot(
            replace(declared, node=replace(declared.node, announcements=PLACE)), {}, 1, destinations_with("")
        )
    )


def announced(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Announcement | None:
    verdict = decide(attempt, peer, NO_FACTS, policy, 0.0, "r1")
    assert isinstance(verdict, Reject)
    return verdict.announcement


def test_a_customer_over_srtp(outbound: Attempt, pbx: PeerIdentity, telling: Snapshot) -> None:
    told = announced(outbound(UNROUTED), pbx, telling)
    assert told is not None
    assert told.file == f"{PLACE}/no-route.wav"
    assert "a=crypto" in told.offer
    # its own suite back to it; in the node, plain
    assert told.hop.answer_forward.endswith(
        "RTP/SAVP SDES-pad DTLS=off address-family=IP4 direction=core direction=cust"
    )
    assert told.hop.offer_forward.endswith("RTP/AVP address-family=IP4 direction=cust direction=core")


def test_a_carrier_over_plain_rtp(inbound: Attempt, telling: Snapshot) -> None:
    told = announced(inbound("+12025550104"), None, telling)
    assert told is not None
    assert told.file == f"{PLACE}/called-number-unknown.wav"
    assert told.hop.answer_forward.endswith("RTP/AVP address-family=IP4 direction=core direction=carr")


@pytest.mark.parametrize(
    "changed",
    [
        {"called": UNROUTED, "body": ""},
        {"called": UNROUTED, "headers": {"require": ["timer", "100rel"]}},
        {"called": UNROUTED, "method": "SUBSCRIBE"},
        {"called": UNROUTED, "body": DTLS},
        {"ruri": "sip:<x>@y"},
        {"called": UNROUTED, "source_ip": "192.0.2.66"},
    ],
)
def test_who_hears_nothing(
    outbound: Attempt, pbx: PeerIdentity, telling: Snapshot, changed: dict[str, Any]
) -> None:
    assert announced(outbound(**changed), pbx, telling) is None


def test_without_the_key_nobody_hears_anything(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot
) -> None:
    assert announced(outbound(UNROUTED), pbx, policy) is None


def test_an_emergency_is_not_kept_waiting(outbound: Attempt, pbx: PeerIdentity, telling: Snapshot) -> None:
    assert isinstance(decide(outbound("911"), pbx, NO_FACTS, telling, 0.0, "r1"), Admit)


def test_the_list_of_reasons() -> None:
    told = {reason for reason, row in REASONS.items() if row.announced}
    # a stranger's reasons, and what says nothing to a person, are never in it
    assert Reason.NO_ROUTE in told
    assert not told & {Reason.UNKNOWN_SOURCE, Reason.CERTIFICATE_REQUIRED, Reason.MALFORMED_REQUEST}
    assert not {reason for reason in told if REASONS[reason].by_edge}
