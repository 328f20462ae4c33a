"""Calls that are held: who is refused, who is not, what of it runs on, and what a snapshot says of money."""

from collections.abc import Callable
from copy import replace

import pytest

from sipkit.places import TABLE
from trunkward.admission.grants import grants
from trunkward.admission.judge import decide
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, PeerIdentity
from trunkward.admission.screen import takes_calls
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.trial import Trial, judge_trial
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.grant import Cut, Grant, GrantsAsked, Reach, RunningCall
from trunkward.calls.reasons import REASONS
from trunkward.calls.verdict import Admit, Reason, Reject
from trunkward.trunks.destinations import DestinationPolicy, Level, allowed
from trunkward.trunks.model import GRANT_S, Declared
from trunkward.trunks.spending import (
    NO_CAPS,
    TRUNK_CAPS,
    AtCap,
    Hold,
    HoldScope,
    OwnerSpending,
    Raise,
    Spending,
    Window,
)

NOW = 1_800_000_000.0
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))
HOME, ABROAD = "+12025550199", "+442079460123"


@pytest.fixture
def world(declared: Declared) -> Declared:
    """The laboratory; its trunk is a reseller's, may call Britain, and a carrier takes that."""
    level = (Level.TRUNK, DestinationPolicy(allow=allowed(("US", "GB"))))
    trunk = replace(declared.trunks[0], reseller="bolt", destinations=(level,))
    north = replace(declared.carriers[0], prefixes=("+1", "+44"))
    return replace(declared, trunks=(trunk,), carriers=(north, *declared.carriers[1:]), resellers=("bolt",))


def held(world: Declared, *holds: Hold) -> Snapshot:
    return Snapshot(compile_snapshot(world, {}, 1, TABLE, holds=holds))


def hold(scope: HoldScope, owner: str = "trunk:acme-hq", *, cut: bool = False) -> Hold:
    return Hold(version=12, owner=owner, scope=scope, cut=cut, why="not for the customer")


@pytest.mark.parametrize("owner", ["trunk:acme-hq", "tenant:acme", "reseller:bolt"])
@pytest.mark.parametrize(
    ("scope", "kind", "reason", "status"),
    [
        (HoldScope.OUTBOUND, "home", Reason.TRUNK_HELD, 403),
        (HoldScope.OUTBOUND, "abroad", Reason.TRUNK_HELD, 403),
        (HoldScope.OUTBOUND, "in", Reason.ADMITTED, 0),
        (HoldScope.OUTBOUND, "emergency", Reason.ADMITTED_EMERGENCY, 0),
        (HoldScope.INTERNATIONAL, "home", Reason.ADMITTED, 0),
        (HoldScope.INTERNATIONAL, "abroad", Reason.INTERNATIONAL_HELD, 403),
        (HoldScope.INTERNATIONAL, "in", Reason.ADMITTED, 0),
        (HoldScope.INTERNATIONAL, "unreadable", Reason.CALLED_NUMBER_MALFORMED, 484),
        (HoldScope.INTERNATIONAL, "emergency", Reason.ADMITTED_EMERGENCY, 0),
        (HoldScope.ALL, "home", Reason.TRUNK_HELD, 403),
        (HoldScope.ALL, "in", Reason.TRUNK_HELD, 480),
        (HoldScope.ALL, "emergency", Reason.ADMITTED_EMERGENCY, 0),
    ],
)
def test_who_is_refused(
    world: Declared,
    outbound: Callable[..., CallAttempt],
    inbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    owner: str,
    scope: HoldScope,
    kind: str,
    reason: Reason,
    status: int,
) -> None:
    policy = held(world, hold(scope, owner))
    numbers = {"home": HOME, "abroad": ABROAD, "emergency": "911", "unreadable": "bob"}
    attempt = inbound() if kind == "in" else outbound(numbers[kind])
    verdict = decide(attempt, None if kind == "in" else pbx, ROOM, policy, NOW, "r1")
    assert verdict.reason is reason
    assert (verdict.status if isinstance(verdict, Reject) else 0) == status
    if isinstance(verdict, Reject) and reason is not Reason.CALLED_NUMBER_MALFORMED:
        told = dict(verdict.headers)["Warning"]
        # neither side hears whose calls are held, nor why
        assert told.endswith(f'"{reason}: {REASONS[reason].heard}"')
        assert not any(word in told for word in ("not for the customer", "acme", "bolt", "version"))


def test_without_a_hold_all_of_them_go(
    world: Declared, outbound: Callable[..., CallAttempt], pbx: PeerIdentity
) -> None:
    other = hold(HoldScope.ALL, "trunk:acme-branch")
    for policy in (held(world), held(world, other)):
        for number, reach in ((HOME, Reach.HOME), (ABROAD, Reach.ABROAD)):
            verdict = decide(outbound(number), pbx, ROOM, policy, NOW, "r1")
            assert isinstance(verdict, Admit)
            assert verdict.reach is reach


def test_a_trial_shows_it(world: Declared) -> None:
    policy = held(world, hold(HoldScope.INTERNATIONAL))
    trunk = policy.trunk("acme-hq")
    assert trunk is not None
    judgement = judge_trial(Trial(source=trunk, calling="+12025550101", called=ABROAD, at=NOW), policy)
    assert judgement.findings[-1].detail == "calls abroad of trunk acme-hq are held since version 12"
    assert judgement.findings[-1].remedy.startswith("./trunkward release trunk:acme-hq --why TEXT")


def test_another_trunk_takes_the_calls_of_one_that_is_held(
    world: Declared, inbound: Callable[..., CallAttempt]
) -> None:
    first = replace(world.trunks[0], failover=("acme-branch",))
    branch = replace(first, name="acme-branch", numbers=(), number_rules=(), failover=(), reseller="")
    both = replace(world, trunks=(first, branch))
    for owner, taken in (("trunk:acme-hq", ["acme-branch"]), ("trunk:acme-branch", ["acme-hq"])):
        policy = held(both, hold(HoldScope.ALL, owner))
        verdict = decide(inbound(), None, ROOM, policy, NOW, "r1")
        assert isinstance(verdict, Admit)
        assert [route.peer for route in verdict.routes] == taken
        named = policy.trunk(owner.removeprefix("trunk:"))
        assert named is not None
        assert not takes_calls(named, policy)


RUNNING = [
    RunningCall("a" * 32, "acme-hq", 1.0, 30.0, 40.0, [], Reach.HOME),
    RunningCall("b" * 32, "acme-hq", 1.0, 30.0, 40.0, [], Reach.ABROAD),
    RunningCall("c" * 32, "acme-hq", 1.0, 30.0, 40.0, [], Reach.IN),
    # of before an upgrade: nobody knows where it goes
    RunningCall("d" * 32, "acme-hq", 1.0, 30.0, 40.0),
    RunningCall("e" * 32, "gone", 1.0, 30.0, 40.0, [], Reach.ABROAD),
    # it rings
    RunningCall("f" * 32, "acme-hq", 0.0, 30.0, 40.0, ["calls:trunk:acme-hq"], Reach.ABROAD),
]


@pytest.mark.parametrize(
    ("holds", "ended"),
    [
        ([], ""),
        ([hold(HoldScope.ALL)], ""),
        ([hold(HoldScope.OUTBOUND, cut=True)], "ab"),
        ([hold(HoldScope.INTERNATIONAL, "tenant:acme", cut=True)], "b"),
        ([hold(HoldScope.ALL, "reseller:bolt", cut=True)], "abcd"),
        ([hold(HoldScope.ALL), hold(HoldScope.INTERNATIONAL, "tenant:acme", cut=True)], "b"),
        ([hold(HoldScope.ALL, "trunk:acme-branch", cut=True)], ""),
    ],
)
def test_what_runs_is_ended_where_that_was_said(world: Declared, holds: list[Hold], ended: str) -> None:
    policy = held(world, *holds)
    given = grants(GrantsAsked(calls=RUNNING), policy)
    over = {name for name, grant in given.grants.items() if grant == Grant(for_s=0.0, then=Cut.HELD)}
    assert over == {letter * 32 for letter in ended}
    assert all(grant.for_s == GRANT_S for name, grant in given.grants.items() if name not in over)
    # what has edges ask for all their calls
    assert given.cuts == (12 if any(one.cut for one in holds) else 0)


def test_a_snapshot_says_who_pays_and_what_is_raised(world: Declared) -> None:
    tenant = Spending(
        call_micro=1, day_micro=50_000_000, escrow_micro=7, alerts=(60, 90), at_cap=AtCap.AT_ONCE
    )
    lifted = replace(world.trunks[0], name="lifted", spending=NO_CAPS, numbers=(), number_rules=())
    other = replace(world.trunks[0], name="other", tenant="other", reseller="", numbers=(), number_rules=())
    rich = replace(
        world,
        trunks=(*world.trunks, lifted, other),
        tenants=("acme", "other"),
        tenant_spending={"acme": tenant},
        carriers=(replace(world.carriers[0], spending=Spending(month_micro=9)), *world.carriers[1:]),
    )
    raises = [
        Raise(version=3, owner="tenant:acme", window=Window.DAY, to_micro=60_000_000, until=NOW, why="x"),
        Raise(version=4, owner="trunk:acme-hq", window=Window.HOUR, to_micro=11_000_000, until=NOW + 1),
    ]
    policy = Snapshot(compile_snapshot(rich, {}, 1, TABLE, raises=raises))

    def spending(name: str) -> tuple[OwnerSpending, ...]:
        trunk = policy.trunk(name)
        assert trunk is not None
        return policy.spending(trunk)

    own, above = spending("acme-hq")
    assert (own.owner, own.spending) == ("trunk:acme-hq", TRUNK_CAPS)
    assert own.at(NOW) == replace(TRUNK_CAPS, hour_micro=11_000_000)
    assert (above.owner, above.spending) == ("tenant:acme", tenant)
    # by the time of the decision, not of the snapshot
    assert [above.at(at).day_micro for at in (NOW - 1, NOW)] == [60_000_000, 50_000_000]
    # whom the file says no cap for has none, and no default comes back
    assert [one.owner for one in spending("lifted")] == ["tenant:acme"]
    assert spending("other") == (OwnerSpending(owner="trunk:other", spending=TRUNK_CAPS),)
    carrier = policy.spending_with(policy.carriers[0])
    assert carrier is not None
    assert carrier.account == f"money:carrier:{policy.carriers[0].name}"
    assert carrier.at(NOW).month_micro == 9
    assert policy.spending_with(policy.carriers[1]) is None
