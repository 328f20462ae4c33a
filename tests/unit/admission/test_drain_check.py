"""A node that is being emptied: who is refused for that, and who is not."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from trunkward.admission.judge import decide
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, PeerIdentity
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Blame, Reason, Reject

DRAINING = replace(NO_FACTS, draining=True, live=replace(NOTHING_ASKED, reserved=True))


def test_a_new_call_is_asked_to_go_elsewhere(
    outbound: Callable[..., CallAttempt], pbx: PeerIdentity, policy: Snapshot
) -> None:
    verdict = decide(outbound(), pbx, DRAINING, policy, 1.0, "r")
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason, verdict.blame) == (503, Reason.NODE_DRAINING, Blame.US)
    assert ("Retry-After", "30") in verdict.headers
    assert ("Reason", 'SIP;cause=503;text="node-draining"') in verdict.headers


def test_so_is_one_from_a_carrier(inbound: Callable[..., CallAttempt], policy: Snapshot) -> None:
    verdict = decide(inbound(), None, DRAINING, policy, 1.0, "r")
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.NODE_DRAINING


def test_an_emergency_goes(outbound: Callable[..., CallAttempt], pbx: PeerIdentity, policy: Snapshot) -> None:
    verdict = decide(outbound("911"), pbx, DRAINING, policy, 1.0, "r")
    assert isinstance(verdict, Admit)
    assert verdict.reason is Reason.ADMITTED_EMERGENCY


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"called": "+12125550142"}, Reason.NO_ROUTE), ({"calling": "alice"}, Reason.CALLING_NUMBER_MALFORMED)],
)
def test_what_would_be_refused_anyhow_is_told_why(
    outbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    policy: Snapshot,
    changed: dict[str, Any],
    reason: Reason,
) -> None:
    assert decide(outbound(**changed), pbx, DRAINING, policy, 1.0, "r").reason is reason


def test_a_stranger_learns_nothing_of_it(outbound: Callable[..., CallAttempt], policy: Snapshot) -> None:
    verdict = decide(outbound(), None, DRAINING, policy, 1.0, "r")
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.headers) == (403, [])
