"""Time for running calls: slices up to the trunk's maximum, emergencies without end."""

from collections.abc import Callable
from copy import replace

import pytest

from sipkit.places import TABLE
from trunkward.admission.grants import grant, grants
from trunkward.admission.judge import decide
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, PeerIdentity
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.grant import Cut, Grant, GrantsAsked, RunningCall
from trunkward.calls.verdict import Admit
from trunkward.trunks.model import GRANT_S, MAX_CALL_S, Declared

NOW = 1_800_000_000.0
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))


@pytest.mark.parametrize(
    ("lasted_s", "for_s", "then"),
    [
        (0, 60, Cut.GRANT_NOT_RENEWED),
        (39.9, 60, Cut.GRANT_NOT_RENEWED),
        (40, 60, Cut.MAXIMUM_DURATION),  # the last slice reaches the maximum, and not beyond
        (99.5, 0.5, Cut.MAXIMUM_DURATION),
        (100, 0, Cut.MAXIMUM_DURATION),
        (5000, 0, Cut.MAXIMUM_DURATION),
    ],
)
def test_a_slice_at_a_time_and_never_more_than_the_maximum(lasted_s: float, for_s: float, then: Cut) -> None:
    assert grant(lasted_s=lasted_s, max_call_s=100, slice_s=60) == Grant(for_s=for_s, then=then)


def test_a_call_renewed_as_often_as_possible_lasts_as_long_as_its_maximum() -> None:
    lasted, given = 0.0, grant(lasted_s=0, max_call_s=3600, slice_s=60)
    while given.then is Cut.GRANT_NOT_RENEWED:
        lasted += given.for_s / 3
        given = grant(lasted_s=lasted, max_call_s=3600, slice_s=60)
    assert lasted + given.for_s == 3600


@pytest.fixture
def shorter(declared: Declared) -> Snapshot:
    """The laboratory with ten minutes for acme's calls, and an hour for others."""
    trunk = replace(declared.trunks[0], max_call_s=600)
    node = replace(declared.node, max_call_s=3600)
    return Snapshot(compile_snapshot(replace(declared, trunks=(trunk,), node=node), {}, 1, TABLE))


def test_the_policy_in_force_now_decides(shorter: Snapshot) -> None:
    calls = [
        RunningCall("a" * 32, "acme-hq", 1.0, 590.0, 20.0),
        RunningCall("b" * 32, "acme-hq", 1.0, 601.0, 20.0),
        RunningCall("c" * 32, "no-longer-declared", 1.0, 601.0, 20.0),
    ]
    assert grants(GrantsAsked(calls=calls), shorter).grants == {
        "a" * 32: Grant(for_s=10.0, then=Cut.MAXIMUM_DURATION),
        "b" * 32: Grant(for_s=0.0, then=Cut.MAXIMUM_DURATION),
        "c" * 32: Grant(for_s=GRANT_S),
    }


def test_a_clock_before_the_answer_gives_no_more_than_a_slice(shorter: Snapshot) -> None:
    asked = GrantsAsked(calls=[RunningCall("a" * 32, "acme-hq", 1.0, -9000.0, 20.0)])
    assert grants(asked, shorter).grants == {"a" * 32: Grant(for_s=GRANT_S)}


@pytest.mark.parametrize(
    ("kind", "granted"),
    [
        ("outbound", Grant(for_s=GRANT_S)),
        ("inbound", Grant(for_s=GRANT_S)),
        ("emergency", None),
    ],
)
def test_every_admitted_call_has_its_first_grant_but_an_emergency(
    outbound: Callable[..., CallAttempt],
    inbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    policy: Snapshot,
    kind: str,
    granted: Grant | None,
) -> None:
    attempt = {"outbound": outbound(), "inbound": inbound(), "emergency": outbound("911")}[kind]
    peer = None if kind == "inbound" else pbx
    verdict = decide(attempt, peer, ROOM, policy, NOW, "r1")
    assert isinstance(verdict, Admit)
    assert verdict.trunk == "acme-hq"
    assert verdict.grant == granted


def test_inbound_calls_have_the_maximum_of_the_trunk_they_are_for(
    inbound: Callable[..., CallAttempt], declared: Declared
) -> None:
    trunk = replace(declared.trunks[0], max_call_s=30)
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    verdict = decide(inbound(), None, ROOM, policy, NOW, "r1")
    assert isinstance(verdict, Admit)
    assert verdict.grant == Grant(for_s=30, then=Cut.MAXIMUM_DURATION)


def test_what_nobody_wrote_is_four_hours(declared: Declared) -> None:
    assert {trunk.max_call_s for trunk in declared.trunks} == {MAX_CALL_S} == {14_400}
