"""The listener for TLS 1.2 takes calls of the trunks that are declared for it."""

from collections.abc import Callable
from copy import replace

import pytest

from sipkit.places import TABLE
from trunkward.admission.checks_of_sender import listener
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Blame, Reason
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared

type Attempt = Callable[..., CallAttempt]


def said(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Reason | None:
    refusal = listener(screen(attempt, peer, policy)).refusal
    return refusal.reason if refusal else None


@pytest.mark.parametrize("port", [5061, 5062])
def test_a_declared_trunk_may_use_both(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, port: int
) -> None:
    trunk = replace(declared.trunks[0], unsafe_tls12=True)
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    assert said(outbound(local_port=port), pbx, policy) is None


def test_another_trunk_and_a_carrier_may_not(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, north: PeerIdentity, policy: Snapshot
) -> None:
    assert said(outbound(), pbx, policy) is None
    assert said(outbound(local_port=5062), pbx, policy) is Reason.TLS12_REFUSED
    carrier = inbound(local_port=5062, transport=Transport.TLS, source_ip="127.0.0.31")
    assert said(carrier, north, policy) is Reason.TLS12_REFUSED
    refusal = listener(screen(carrier, north, policy)).refusal
    assert refusal is not None
    assert (refusal.blame, refusal.status) == (Blame.CARRIER, 403)


def test_an_emergency_call_of_a_known_trunk_may(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot
) -> None:
    assert said(outbound("911", local_port=5062), pbx, policy) is None


def test_the_port_means_tls(inbound: Attempt, policy: Snapshot) -> None:
    assert said(inbound(local_port=5062), None, policy) is None


def test_the_usual_listener_may_have_its_number_where_there_are_no_exceptions(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    node = replace(declared.node, tls_port=declared.node.tls12_port)
    policy = Snapshot(compile_snapshot(replace(declared, node=node), {}, 1, TABLE))
    assert said(outbound(local_port=node.tls_port), pbx, policy) is None
