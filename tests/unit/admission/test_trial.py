"""A call nobody places gets the verdict that the same call would get."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from trunkward.admission.judge import judge_call
from trunkward.admission.ports import Facts, PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.trial import Trial, judge_trial
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Reason
from trunkward.engines.destinations_file import destinations_with
from trunkward.trunks.model import Carrier, Declared, Limits, Trunk

NOW = 1_800_000_000.0


def source(policy: Snapshot, name: str) -> Trunk | Carrier:
    found = policy.trunk(name) or next(c for c in policy.carriers if c.name == name)
    assert isinstance(found, Trunk | Carrier)
    return found


@pytest.mark.parametrize(
    ("name", "calling", "called", "reason"),
    [
        ("acme-hq", "+12025550101", "+12025550199", Reason.ADMITTED),
        ("acme-hq", "2025550101", "911", Reason.ADMITTED_EMERGENCY),
        ("acme-hq", "+12025550101", "+442079460123", Reason.NO_ROUTE),
        ("acme-hq", "anonymous", "+12025550199", Reason.CALLING_NUMBER_MALFORMED),
        ("acme-hq", "+12025550101", "bob", Reason.CALLED_NUMBER_MALFORMED),
        ("north", "+13035550142", "+12025550101", Reason.ADMITTED),
        ("south", "anonymous", "+12025550101", Reason.ADMITTED),
        ("south", "+13035550142", "+12025550104", Reason.CALLED_NUMBER_UNKNOWN),
    ],
)
def test_what_a_call_would_get(
    policy: Snapshot, name: str, calling: str, called: str, reason: Reason
) -> None:
    trial = Trial(source=source(policy, name), calling=calling, called=called, at=NOW)
    assert judge_trial(trial, policy).verdict.reason is reason


def test_it_is_the_verdict_of_the_call_itself(
    policy: Snapshot, outbound: Callable[..., CallAttempt], pbx: PeerIdentity, signed: Callable[..., Facts]
) -> None:
    trial = Trial(source=source(policy, "acme-hq"), calling="+12025550101", called="+12025550199", at=NOW)
    tried = judge_trial(trial, policy)
    placed = judge_call(screen(outbound(), pbx, policy), signed(), "r1", NOW)
    assert isinstance(tried.verdict, Admit)
    assert isinstance(placed.verdict, Admit)
    assert (tried.attest, tried.unsigned) == (placed.attest, placed.unsigned) == ("A", "")
    assert [route.next_hop for route in tried.verdict.routes] == [r.next_hop for r in placed.verdict.routes]
    # the offer is another one: `media` tells its suite
    assert [f.check for f in tried.findings] == [f.check for f in placed.findings]


def test_a_limit_of_nothing_refuses(declared: Declared) -> None:
    closed = replace(declared, trunks=(replace(declared.trunks[0], limits=Limits(calls=0)),))
    policy = Snapshot(compile_snapshot(closed, {}, 1, destinations_with("")))
    trial = Trial(source=source(policy, "acme-hq"), calling="+12025550101", called="+12025550199", at=NOW)
    judgement = judge_trial(trial, policy)
    assert judgement.verdict.reason is Reason.LIMIT_CALLS
    assert judgement.findings[-1].remedy.startswith("raise limits.calls of trunk acme-hq")


def test_a_disabled_trunk_is_refused_as_one(declared: Declared) -> None:
    off = replace(declared, trunks=(replace(declared.trunks[0], enabled=False),))
    policy = Snapshot(compile_snapshot(off, {}, 1, destinations_with("")))
    trial = Trial(source=source(policy, "acme-hq"), calling="+12025550101", called="+12025550199", at=NOW)
    assert judge_trial(trial, policy).verdict.reason is Reason.TRUNK_DISABLED
