"""The fail posture table is whole, and the line obeys its rows."""

from collections.abc import Callable
from copy import replace

import pytest

from trunkward.admission.judge import decide
from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Facts,
    Held,
    Over,
    PeerIdentity,
    Unavailable,
    Unverified,
)
from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, as_markdown, effect
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Reason, Reject


def test_every_cell_is_there() -> None:
    assert [row.lost for row in POSTURE] == list(Lost)
    assert all(list(row.effects) == list(Calls) for row in POSTURE)


def test_markdown_shows_every_row() -> None:
    assert as_markdown().count("\n") == len(POSTURE) + 2
    assert f"| signer | {Effect.GOES_UNSIGNED} |" in as_markdown()


@pytest.mark.parametrize(
    ("lost", "facts"),
    [
        (
            Lost.SIGNER,
            Facts(
                signature=Unavailable(what="signer", why="signer-lost"),
                clock_synchronised=True,
                live=replace(NOTHING_ASKED, reserved=True),
            ),
        ),
        (
            Lost.CLOCK,
            Facts(
                signature=Unavailable(what="signer", why="not-asked"),
                clock_synchronised=False,
                live=replace(NOTHING_ASKED, reserved=True),
                verification=Unverified(why="clock-not-synchronised"),
            ),
        ),
    ],
)
def test_rows_that_the_line_itself_keeps(
    outbound: Callable[..., CallAttempt],
    inbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    policy: Snapshot,
    lost: Lost,
    facts: Facts,
) -> None:
    for calls, attempt, peer in (
        (Calls.OUTBOUND, outbound(), pbx),
        (Calls.INBOUND, inbound(), None),
        (Calls.EMERGENCY, outbound("911"), pbx),
    ):
        verdict = decide(attempt, peer, facts, policy, 1_800_000_000.0, "r1")
        assert isinstance(verdict, Admit)
        assert not any(name == "Identity" for name, _ in verdict.routes[0].headers)
        unverified = isinstance(facts.verification, Unverified) and calls is Calls.INBOUND
        otherwise = Effect.GOES_UNVERIFIED if unverified else Effect.GOES
        assert effect(lost, calls) is (Effect.GOES_UNSIGNED if calls is Calls.OUTBOUND else otherwise)
        assert ("verstat=No-TN-Validation" in verdict.from_uri) is unverified


LOST = replace(NO_FACTS, live=Unavailable(what="redis", why="redis-timeout"))


def test_the_row_of_redis(
    outbound: Callable[..., CallAttempt],
    inbound: Callable[..., CallAttempt],
    pbx: PeerIdentity,
    policy: Snapshot,
) -> None:
    def judged(attempt: CallAttempt, peer: PeerIdentity | None, facts: Facts = LOST) -> Admit | Reject:
        verdict = decide(attempt, peer, facts, policy, 1_800_000_000.0, "r1")
        assert isinstance(verdict, Admit | Reject)
        return verdict

    assert effect(Lost.REDIS, Calls.OUTBOUND) is Effect.REFUSED
    refused = judged(outbound(), pbx)
    assert (refused.reason, isinstance(refused, Reject) and refused.status) == (
        Reason.LIMITS_UNAVAILABLE,
        503,
    )
    # what this gate has counted by itself is for inbound calls, and for those at home it has the money for
    held = Held(record_id="r1", counters=("calls:trunk:acme-hq",))
    assert judged(outbound(), pbx, replace(LOST, local=held)).reason is Reason.SPEND_UNAVAILABLE
    assert isinstance(judged(outbound(), pbx, replace(LOST, local=replace(held, reserved=True))), Admit)
    assert effect(Lost.REDIS, Calls.INBOUND) is Effect.GOES_BY_OWN_COUNTS
    admitted = judged(inbound(), None, replace(LOST, local=held))
    assert isinstance(admitted, Admit)
    assert admitted.counters == ["calls:trunk:acme-hq"]
    full = Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5)
    assert judged(inbound(), None, replace(LOST, local=full)).reason is Reason.LIMIT_CALLS
    assert judged(inbound(), None).reason is Reason.LIMITS_UNAVAILABLE
    assert effect(Lost.REDIS, Calls.EMERGENCY) is Effect.GOES
    assert isinstance(judged(outbound("911"), pbx), Admit)
