"""A call nobody places gets the verdict that the same call would get."""

from collections.abc import Callable
from copy import replace

import pytest

from trunkward.admission.judge import judge_call
from trunkward.admission.ports import Facts, PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.trial import Trial, judge_trial
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Reason
from trunkward.engines.destinations_file import destinations_with
from trunkward.trunks.destinations import DestinationPolicy, Level, allowed
from trunkward.trunks.model import Carrier, Declared, Limits, Trunk
from trunkward.trunks.spending import Spending

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
        ("acme-hq", "+12025550101", "+12125550142", Reason.NO_ROUTE),
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


#: What a PBX may dial: home, abroad, dear, malformed, emergencies; with the laboratory's lists and the shipped table.
DIALLED = (
    "+12025550199", "2025550199", "12025550199", "011442079460123", "+442079460123", "+447011234567",
    "+33899001234", "+88216123456", "+19005550123", "+18005550123", "+18095550123", "+2101234567", "+39061234567",
    "911", "9110", "+911", "933", "112", "00442079460123", "+44(0)2079460123", "*67", "anonymous", "+1202555",
)  # fmt: skip


@pytest.mark.parametrize("called", DIALLED)
@pytest.mark.parametrize("calling", ["+12025550101", "+13035550142", "anonymous"])
def test_whatever_is_dialled_both_say_the_same(
    declared: Declared,
    outbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    signed: Callable[..., Facts],
    calling: str,
    called: str,
) -> None:
    """Summary: reason, each check's remedy and the routes of a trial, and of the same call."""
    listed = DestinationPolicy(allow=allowed(("US", "GB", "IT", "FR/premium", "+88216")))
    spending = Spending(day_micro=30_000_000)
    trunk = replace(declared.trunks[0], destinations=((Level.TRUNK, listed),), spending=spending)
    everywhere = replace(declared.carriers[0], prefixes=tuple(f"+{digit}" for digit in range(1, 10)))
    changed = replace(declared, trunks=(trunk,), carriers=(everywhere, declared.carriers[1]))
    policy = Snapshot(compile_snapshot(changed, {}, 1, destinations_with("")))
    trial = Trial(source=source(policy, "acme-hq"), calling=calling, called=called, at=NOW)
    tried = judge_trial(trial, policy)
    placed = judge_call(screen(outbound(called, calling, at=NOW), pbx, policy), signed(), "r1", NOW)
    assert tried.verdict.reason is placed.verdict.reason
    assert [(f.check, f.remedy) for f in tried.findings] == [(f.check, f.remedy) for f in placed.findings]
    if isinstance(tried.verdict, Admit):
        assert isinstance(placed.verdict, Admit)
        assert [r.ruri for r in tried.verdict.routes] == [r.ruri for r in placed.verdict.routes]
