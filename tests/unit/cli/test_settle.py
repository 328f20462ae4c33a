"""`spend settle`: a person says how a lost node's call ended; it is charged so in a real ledger, told, and journalled."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipkit.valkey import OwnValkey
from trunkward.access.actor import Actor
from trunkward.admission.ports import RunningLeg, RunningShare
from trunkward.calls.orphan import Left
from trunkward.calls.outcome import Ending
from trunkward.cli import settle as command
from trunkward.control.node_file import read_node_file
from trunkward.control.spending import SpendingRefused, journaled, said
from trunkward.live import money, nodes
from trunkward.records.model import OutcomeRecord
from trunkward.trunks.spending import NO_CAPS, SpendingChange

DECLARED = read_node_file(Path("examples/node.yaml").read_text(encoding="utf-8"), "node.yaml")
ID, CENT, NOW = "f" * 32, 10_000, 1_800_000_000.0
#: A cent a second.
TARIFF = "600000000:0:1:1"
TRUNK, NORTH, SOUTH = "money:trunk:acme-hq", "money:carrier:north", "money:carrier:south"

type Settle = Callable[..., SpendingChange]


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    running = OwnValkey()
    yield running
    running.close()


@pytest.fixture
def settle(own: OwnValkey, monkeypatch: pytest.MonkeyPatch) -> Settle:
    """What a version would do; what is refused is raised."""
    found: list[SpendingChange] = []

    def act(_: Any, name: str, do: Any) -> int:
        assert name == f"spend settle {ID}"
        found.append(do(None, DECLARED, NOW))
        return 0

    monkeypatch.setattr(command, "act_on_spending", act)
    monkeypatch.setattr(command, "current_actor", lambda: Actor(name="ann", uid=1000))

    def run(lasted_s: float, carrier: str = "", why: str = "their portal says so") -> SpendingChange:
        command.run(own.paths, ID, lasted_s=lasted_s, carrier=carrier, why=why)
        return found[-1]

    return run


def leg(own: OwnValkey, *, lasted_s: float | None = 100.0, hold_s: float = 0.0, left: str = "") -> None:
    shares = tuple(
        RunningShare(
            owner=owner, tariff=TARIFF, used_micro=0, had_micro=0, next_micro=50 * CENT, caps=NO_CAPS
        )
        for owner in (TRUNK, NORTH, SOUTH)
    )
    with own.asks("gate") as gate:
        gate.ask(
            *money.renew_legs(
                [RunningLeg(record_id=ID, lasted_s=lasted_s, shares=shares)], hold_s, "n1", 0.01, "EUR"
            )
        )
        if left:
            text = msgspec.json.encode(
                Left(carrier=left, session_s=0, text="a BYE", call_id="c@pbx")
            ).decode()
            gate.ask(*nodes.leave([(ID, 100_000, text)]))
    time.sleep(0.005)  # it is overdue, but for its hold


def spent(own: OwnValkey) -> list[tuple[int, int]]:
    with own.asks("root") as root:
        return [
            (one.day, one.granted) for one in money.windows_of(root.ask(*money.spent([TRUNK, NORTH, SOUTH])))
        ]


def told(own: OwnValkey, node: str) -> OutcomeRecord:
    with own.asks("worker") as worker:
        (_, text) = worker.ask(*nodes.ends(node))
    return msgspec.json.decode(text, type=OutcomeRecord)


def test_it_is_charged_as_it_is_said_and_the_rest_is_free(
    own: OwnValkey, settle: Settle, capsys: pytest.CaptureFixture[str]
) -> None:
    leg(own, left="north")
    change = settle(12.5)
    assert spent(own) == [(13 * CENT, 0), (13 * CENT, 0), (0, 0)]
    assert capsys.readouterr().out == "charged: trunk:acme-hq: 0.13 EUR\ncharged: carrier:north: 0.13 EUR\n"
    assert said(change) == f"call {ID} of n1 lasted 12.5 s (their portal says so)"
    facts = journaled(change)
    assert (facts["act"], facts["record_id"], facts["node"], facts["lasted_s"]) == ("settle", ID, "n1", 12.5)
    assert facts["settled_micro"] == {"trunk:acme-hq": 13 * CENT, "carrier:north": 13 * CENT}
    record = told(own, "n1")
    assert told(own, DECLARED.node.ledger_name) == record
    known = record.outcome
    assert (known.record_id, known.call_id, known.ending, known.answered_ms) == (
        ID,
        "c@pbx",
        Ending.BYE,
        12_500,
    )
    assert (known.survivor, known.by_hand, known.peer) == (DECLARED.node.ledger_name, "ann", "north")
    assert known.answered_at == pytest.approx(NOW - 100, abs=1)
    with pytest.raises(SpendingRefused, match=r"no call f+ holds money"):
        settle(12.5)


def test_one_that_nobody_answered_costs_nobody_anything(own: OwnValkey, settle: Settle) -> None:
    leg(own, lasted_s=None)
    change = settle(0)
    assert spent(own) == [(0, 0)] * 3
    assert said(change) == f"call {ID} of n1 was not answered (their portal says so)"
    known = told(own, "n1").outcome
    assert (known.ending, known.answered_at, known.answered_ms, known.ended_at) == (
        Ending.FAILED,
        None,
        None,
        NOW,
    )


@pytest.mark.parametrize(
    ("at", "lasted_s", "carrier", "why"),
    [
        ({"hold_s": 60.0, "left": "north"}, 1, "", r"f+ runs, or is held for \d+ s more: n1 sees"),
        ({"left": "north"}, 110, "", "cannot have lasted 110 s: it began 100 s ago"),
        ({"left": "north"}, -1, "", "cannot have lasted -1 s"),
        ({"left": "north"}, float("nan"), "", "cannot have lasted nan s"),
        ({"left": "north"}, 1, "south", "did not go by south: by north"),
        ({}, 1, "", "--carrier north or south"),
        ({}, 1, "west", "did not go by west: by north or south"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_done(
    own: OwnValkey, settle: Settle, at: dict[str, Any], lasted_s: float, carrier: str, why: str
) -> None:
    leg(own, **at)
    with pytest.raises(SpendingRefused, match=why):
        settle(lasted_s, carrier)
    with pytest.raises(SpendingRefused, match="say why"):
        settle(1, "north", why=" ")
    assert spent(own)[0] == (0, 50 * CENT)
    with own.asks("worker") as worker:
        assert worker.ask(*nodes.ends("n1")) == []


def test_who_took_it_is_said_where_nobody_knows(own: OwnValkey, settle: Settle) -> None:
    leg(own)
    with own.asks("gate") as gate:  # what it has left is damaged
        gate.ask(*nodes.leave([(ID, 100_000, "{")]))
    settle(1, "south")
    assert spent(own) == [(CENT, 0), (0, 0), (CENT, 0)]
    assert told(own, "n1").outcome.peer == "south"


def test_a_lease_is_no_call(own: OwnValkey, settle: Settle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ID", "escrow:n1:0:trunk:acme-hq")
    leg(own, lasted_s=None)
    with pytest.raises(SpendingRefused, match="no call escrow"):
        settle(0)


def test_without_valkey_nothing_is_done(own: OwnValkey, settle: Settle) -> None:
    own.kill()
    with pytest.raises(SpendingRefused, match="Valkey has to be there"):
        settle(0)
