"""The fail posture table is whole, and the line obeys its rows."""

from collections.abc import Callable

import pytest

from trunkward.admission.judge import decide
from trunkward.admission.ports import Facts, PeerIdentity, Unavailable
from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, as_markdown, effect
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit


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
            Facts(signature=Unavailable(what="signer", why="signer-lost"), clock_synchronised=True),
        ),
        (
            Lost.CLOCK,
            Facts(signature=Unavailable(what="signer", why="not-asked"), clock_synchronised=False),
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
        expected = Effect.GOES_UNSIGNED if calls is Calls.OUTBOUND else Effect.GOES
        assert effect(lost, calls) is expected
