"""A carrier is up with one host that answers, and down when none is left that may."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines.targets import HealthReport, TargetHealth
from trunkward.routing.targets import Found, FoundServer, Targets
from trunkward.trunks.model import Carrier, Declared, Host
from trunkward.worker.carriers import State, carriers_seen

NOW = 1_800_000_000.0
EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
NAMES = (Host(host="north.example.net"), Host(host="sip.north.example.net", port=5061))
SERVER = FoundServer(priority=0, weight=0, hosts=["192.0.2.31:5061"])
NOWHERE, SOMEWHERE = Found(ask_at=NOW, problem="no answer"), Found(ask_at=NOW, servers=[SERVER])


def declared(*carriers: Carrier) -> Declared:
    return replace(read_node_file(EXAMPLE.read_text(encoding="utf-8"), "node.yaml"), carriers=carriers)


@pytest.fixture
def north() -> Carrier:
    return read_node_file(EXAMPLE.read_text(encoding="utf-8"), "node.yaml").carriers[0]


def report(*states: str, peer: str = "carrier:north", at: float = NOW) -> HealthReport:
    hosts = [
        TargetHealth(peer=peer, transport="tls", host=f"192.0.2.{number}:5061", state=state)
        for number, state in enumerate(states)
    ]
    return HealthReport(at=at, targets=hosts)


@pytest.mark.parametrize(
    ("states", "its"),
    [
        (("up",), State.UP),
        (("down", "up"), State.UP),
        (("down", "unknown"), State.UNKNOWN),
        (("down", "down"), State.DOWN),
        ((), State.UNKNOWN),
    ],
)
def test_by_its_hosts(north: Carrier, states: tuple[str, ...], its: State) -> None:
    seen = carriers_seen(declared(north), report(*states), Targets(), NOW)
    assert seen.carriers == Counter([its])
    assert seen.hosts == Counter(State(state) for state in states)


def test_each_for_itself_and_none_that_is_not_enabled(north: Carrier) -> None:
    others = replace(north, name="south"), replace(north, name="off", enabled=False)
    health = HealthReport(
        at=NOW, targets=[*report("up").targets, *report("down", peer="carrier:off").targets]
    )
    seen = carriers_seen(declared(north, *others), health, Targets(), NOW)
    assert seen.carriers == Counter([State.UP, State.UNKNOWN])
    assert seen.hosts == Counter([State.UP])


def test_nobody_knows_when_the_edge_is_gone(north: Carrier) -> None:
    seen = carriers_seen(declared(north), report("down", at=NOW - 61), Targets(), NOW)
    assert (seen.carriers, seen.hosts) == (Counter([State.UNKNOWN]), Counter([State.UNKNOWN]))


@pytest.mark.parametrize(
    ("found", "its"),
    [
        ((NOWHERE, NOWHERE), State.DOWN),
        ((NOWHERE, Found()), State.UNKNOWN),
        ((NOWHERE, SOMEWHERE), State.UNKNOWN),
    ],
)
def test_names_that_lead_nowhere(north: Carrier, found: tuple[Found, ...], its: State) -> None:
    targets = Targets(
        peers={"carrier:north": {str(host): known for host, known in zip(NAMES, found, strict=True)}}
    )
    by_name = replace(north, hosts=NAMES)
    assert carriers_seen(declared(by_name), HealthReport(), targets, NOW).carriers == Counter([its])
    # one host beside them is an address: it has not been asked yet
    beside = replace(north, hosts=(*NAMES, Host(host="192.0.2.1", port=5061)))
    assert carriers_seen(declared(beside), HealthReport(), targets, NOW).carriers == Counter([State.UNKNOWN])


def test_a_report_of_the_future_says_nothing_of_now(north: Carrier) -> None:
    seen = carriers_seen(declared(north), report("up", at=NOW + 61), Targets(), NOW)
    assert seen.hosts == Counter([State.UNKNOWN])
