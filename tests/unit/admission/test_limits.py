"""Limits: what a call asks for at each level, and what a full one answers."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE
from trunkward.admission.ceilings import limit_name
from trunkward.admission.judge import decide, judge_call
from trunkward.admission.limits import asked_of, moved
from trunkward.admission.ports import NO_FACTS, Asked, Held, Over, PeerIdentity, Rate
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.place import PlaceAsked
from trunkward.calls.reasons import REASONS
from trunkward.calls.verdict import Admit, Blame, Reason, Reject
from trunkward.trunks.model import TRUNK_LIMITS, Declared, Limits

NOW = 1_800_000_000.0
ABROAD = "+442079460123"

type Attempt = Callable[..., CallAttempt]


def with_limits(
    declared: Declared, trunk: Limits, tenant: Limits | None = None, reseller: Limits | None = None
) -> Snapshot:
    ours = replace(declared.trunks[0], limits=trunk, reseller="west")
    # somebody has to take calls abroad
    carriers = tuple(replace(c, prefixes=(*c.prefixes, "+44")) for c in declared.carriers)
    world = replace(
        declared,
        trunks=(ours,),
        carriers=carriers,
        tenant_limits={"acme": tenant} if tenant else {},
        reseller_limits={"west": reseller} if reseller else {},
    )
    return Snapshot(compile_snapshot(world, {}, 1, TABLE))


def most(asked: Asked) -> dict[str, int]:
    return {counter.key: counter.most for counter in asked.counters}


def test_a_trunk_that_says_nothing(outbound: Attempt, pbx: PeerIdentity, policy: Snapshot) -> None:
    asked = asked_of(screen(outbound(), pbx, policy), policy, "r1")
    assert most(asked) == {"calls:trunk:acme-hq": 30}
    assert asked.rates == (Rate(key="rate:trunk:acme-hq", per_second=10, burst=10),)
    # one grant, and the time to end a call whose grant is over
    assert (asked.record_id, asked.hold_s) == ("r1", policy.node.grant_s + 2)


def test_every_level_counts_by_itself(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    policy = with_limits(
        declared,
        Limits(calls=5, international=1, number_calls=2, number_per_second=0.5),
        Limits(calls=50, per_second=20),
        Limits(international=100, number_calls=3),
    )
    asked = asked_of(screen(outbound(ABROAD), pbx, policy), policy, "r1")
    assert most(asked) == {
        "calls:trunk:acme-hq": 5,
        "calls:tenant:acme": 50,
        "calls:trunk:acme-hq:international": 1,
        "calls:reseller:west:international": 100,
        "calls:trunk:acme-hq:number:+12025550101": 2,
        "calls:reseller:west:number:+12025550101": 3,
    }
    assert asked.rates == (
        Rate(key="rate:tenant:acme", per_second=20, burst=20),
        Rate(key="rate:trunk:acme-hq:number:+12025550101", per_second=0.5, burst=1),
    )
    home = asked_of(screen(outbound(), pbx, policy), policy, "r1")
    assert not [counter for counter in home.counters if "international" in counter.key]


def test_a_flood_of_calls_in_takes_no_call_out(
    outbound: Attempt, inbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = with_limits(declared, Limits(per_second=3, number_per_second=1), Limits(per_second=9))
    out = asked_of(screen(outbound(), pbx, policy), policy, "r1")
    came = asked_of(screen(inbound(), None, policy), policy, "r2")
    assert len(out.rates) == len(came.rates) == 3
    assert not {rate.key for rate in out.rates} & {rate.key for rate in came.rates}
    assert {limit_name(rate.key).what for rate in came.rates} == {
        "inbound calls a second",
        "inbound calls a second of one number",
    }


def test_inbound_calls_count_for_the_number_called(inbound: Attempt, declared: Declared) -> None:
    policy = with_limits(declared, Limits(calls=5, international=0, number_calls=1))
    case = screen(inbound(calling="+442079460123"), None, policy)
    assert most(asked_of(case, policy, "r1")) == {
        "calls:trunk:acme-hq": 5,
        "calls:trunk:acme-hq:number:+12025550101": 1,
    }


def test_an_emergency_is_counted_nowhere(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, inbound: Attempt
) -> None:
    policy = with_limits(declared, Limits(calls=0, per_second=0, number_calls=0))
    case = screen(outbound("911"), pbx, policy)
    assert asked_of(case, policy, "r1").empty
    verdict = judge_call(case, NO_FACTS, "r1", NOW).verdict
    assert isinstance(verdict, Admit)
    assert verdict.counters == []


@pytest.mark.parametrize(
    ("over", "reason", "cause", "after", "detail", "remedy"),
    [
        (
            Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5),
            Reason.LIMIT_CALLS,
            (34, 17),
            "5",
            "trunk acme-hq has 30 calls, and all are in use",
            "wait until one is free, or raise limits.calls of trunk acme-hq, which is 30",
        ),
        (
            Over(key="calls:tenant:acme:international", most=10, retry_after_s=5),
            Reason.LIMIT_CALLS,
            (34, 17),
            "5",
            "tenant acme has 10 international calls, and all are in use",
            "wait until one is free, or raise limits.international of tenant acme, which is 10",
        ),
        (
            Over(key="calls:reseller:west:class:premium", most=0, retry_after_s=None),
            Reason.LIMIT_CALLS,
            (34, 17),
            None,
            "reseller west may have no premium calls",
            "raise limits.classes.premium of reseller west, which is 0",
        ),
        (
            Over(key="calls:trunk:acme-hq:number:+12025550101", most=5, retry_after_s=5),
            Reason.LIMIT_CALLS,
            (34, 17),
            "5",
            "trunk acme-hq has 5 calls of one number, and all are in use",
            "wait until one is free, or raise limits.number.calls of trunk acme-hq, which is 5",
        ),
        (
            Over(key="rate:trunk:acme-hq", most=0.5, retry_after_s=2),
            Reason.LIMIT_RATE,
            (42, 17),
            "2",
            "trunk acme-hq has 0.5 outbound calls a second, and all are in use",
            "wait until one is free, or raise limits.per_second of trunk acme-hq, which is 0.5",
        ),
        (
            Over(key="rate:tenant:acme:number:+12025550101", most=2, retry_after_s=1),
            Reason.LIMIT_RATE,
            (42, 17),
            "1",
            "tenant acme has 2 outbound calls a second of one number, and all are in use",
            "wait until one is free, or raise limits.number.per_second of tenant acme, which is 2",
        ),
    ],
)
def test_over(
    outbound: Attempt,
    inbound: Attempt,
    pbx: PeerIdentity,
    policy: Snapshot,
    over: Over,
    reason: Reason,
    cause: tuple[int, int],
    after: str | None,
    detail: str,
    remedy: str,
) -> None:
    facts = replace(NO_FACTS, live=over)
    for attempt, peer, status, q850 in ((outbound(), pbx, 503, cause[0]), (inbound(), None, 486, cause[1])):
        judgement = judge_call(screen(attempt, peer, policy), facts, "r1", NOW)
        verdict = judgement.verdict
        assert isinstance(verdict, Reject)
        assert (verdict.status, verdict.reason, verdict.blame) == (status, reason, Blame.CUSTOMER)
        headers = dict(verdict.headers)
        assert headers.get("Retry-After") == after
        said = [value for name, value in verdict.headers if name == "Reason"]
        assert f'SIP;cause={status};text="{reason.value}"' in said
        assert any(f"Q.850;cause={q850}" in value for value in said)
        last = judgement.findings[-1]
        assert (last.check, last.detail, last.remedy) == ("limits", detail, remedy)
        # nobody hears what a customer has bought
        assert headers["Warning"].endswith(f'"{reason.value}: {REASONS[reason].heard}"')


def test_what_is_held_travels_to_the_edge(outbound: Attempt, pbx: PeerIdentity, policy: Snapshot) -> None:
    held = Held(
        record_id="r1", counters=("calls:trunk:acme-hq", "calls:tenant:acme"), until_ms=7, reserved=True
    )
    judgement = judge_call(screen(outbound(), pbx, policy), replace(NO_FACTS, live=held), "r1", NOW)
    assert isinstance(judgement.verdict, Admit)
    assert judgement.verdict.counters == ["calls:trunk:acme-hq", "calls:tenant:acme"]
    (finding,) = (finding for finding in judgement.findings if finding.check == "limits")
    assert finding.detail == "calls of trunk acme-hq, calls of tenant acme"


@pytest.mark.parametrize("direction", ["outbound", "inbound"])
def test_a_call_nobody_has_counted_is_refused(
    request: pytest.FixtureRequest, pbx: PeerIdentity, policy: Snapshot, direction: str
) -> None:
    attempt: CallAttempt = request.getfixturevalue(direction)()
    verdict: Any = decide(attempt, pbx, NO_FACTS, policy, NOW, "r1")
    assert (verdict.status, verdict.reason, verdict.blame) == (503, Reason.LIMITS_UNAVAILABLE, Blame.US)


def test_the_snapshot_gives_back_what_was_declared(declared: Declared) -> None:
    limits = Limits(
        calls=1, international=2, classes={"premium": 0}, per_second=3.5, number_calls=4, number_per_second=5
    )
    places = with_limits(declared, limits, TRUNK_LIMITS).ceilings("acme-hq")
    assert [(c.key, c.most) for c in places.calls] == [("calls:trunk:acme-hq", 1), ("calls:tenant:acme", 30)]
    assert [c.most for c in places.international] == [2, 2]
    assert [(c.key, c.most) for c in places.classes["premium"]] == [("calls:trunk:acme-hq:class:premium", 0)]
    assert [(r.per_second, r.burst) for r in places.rates] == [(3.5, 4), (10, 10)]
    assert [r.key for r in places.rates_in] == ["rate-in:trunk:acme-hq", "rate-in:tenant:acme"]
    assert [(n.of, n.calls, n.per_second) for n in places.numbers] == [("trunk:acme-hq", 4, 5)]


# ---- a call in that another trunk takes ------------------------------------------------------------


def standing_in(declared: Declared, *, enabled: bool = True) -> Snapshot:
    """The laboratory's trunk, and another of its tenant that stands in for it."""
    hq = replace(
        declared.trunks[0], limits=Limits(calls=5, per_second=3), failover=("branch",), enabled=enabled
    )
    branch = replace(
        hq,
        name="branch",
        numbers=(),
        failover=(),
        certificate_sha256="cd" * 32,
        limits=Limits(calls=1, per_second=2, number_calls=1),
        enabled=True,
    )
    tenant = {"acme": Limits(calls=50, per_second=20)}
    world = replace(declared, trunks=(hq, branch), tenant_limits=tenant)
    return Snapshot(compile_snapshot(world, {}, 1, TABLE))


def test_a_call_in_counts_for_the_trunk_it_is_sent_to(inbound: Attempt, declared: Declared) -> None:
    policy = standing_in(declared)
    asked = asked_of(screen(inbound(), None, policy), policy, "r1")
    assert most(asked) == {"calls:trunk:acme-hq": 5, "calls:tenant:acme": 50}
    # a trunk that is off is passed over, by its limits, too
    off = standing_in(declared, enabled=False)
    case = screen(inbound(), None, off)
    asked = asked_of(case, off, "r1")
    number = f"calls:trunk:branch:number:{case.called}"
    assert most(asked) == {"calls:trunk:branch": 1, "calls:tenant:acme": 50, number: 1}
    assert {one.key for one in asked.rates} == {"rate-in:trunk:branch", "rate-in:tenant:acme"}


def test_a_call_that_goes_on_asks_for_what_it_does_not_hold(declared: Declared) -> None:
    policy = standing_in(declared)
    asked, kept = moved(
        PlaceAsked(
            id="r1",
            trunk="branch",
            instead_of="acme-hq",
            called="+12025550101",
            counters=["calls:trunk:acme-hq", "calls:tenant:acme"],
        ),
        policy,
    )
    assert kept == ["calls:tenant:acme"]
    assert most(asked) == {"calls:trunk:branch": 1, "calls:trunk:branch:number:+12025550101": 1}
    # the tenant's calls a second it has passed
    assert asked.rates == (Rate(key="rate-in:trunk:branch", per_second=2, burst=2),)
