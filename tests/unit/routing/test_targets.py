"""What was found for names is kept for its time, and longer when DNS fails."""

from copy import replace
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.routing.locate import Located, Server
from trunkward.routing.targets import (
    AGAIN_S,
    FORMER_S,
    LAST_GOOD_S,
    LONGEST_S,
    SHORTEST_S,
    Targets,
    Wanted,
    due,
    updated,
    wanted,
)
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Host

NORTH = Wanted(peer="carrier:north", host=Host(host="north.example.net"), transport=Transport.TLS)
NOW = 1_800_000_000.0


def at(*hosts: str, ttl_s: int = 300) -> Located:
    return Located(servers=(Server(priority=0, weight=0, hosts=hosts),) if hosts else (), ttl_s=ttl_s)


def found(targets: Targets) -> list[str]:
    return [host for server in targets.of(NORTH).servers for host in server.hosts]


@pytest.mark.parametrize(("ttl_s", "lives_s"), [(300, 300), (0, SHORTEST_S), (86_400, LONGEST_S)])
def test_an_answer_lives_within_bounds(ttl_s: int, lives_s: int) -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061", ttl_s=ttl_s)}, NOW)
    assert found(known) == ["192.0.2.1:5061"]
    assert due([NORTH], known, NOW + lives_s - 1) == []
    assert due([NORTH], known, NOW + lives_s) == [NORTH]


def test_nothing_known_is_due_at_once() -> None:
    assert due([NORTH], Targets(), NOW) == [NORTH]


def test_the_last_good_answer_holds_for_a_day() -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    for after in (60, LAST_GOOD_S - 1, LAST_GOOD_S):
        known = updated(known, [NORTH], {NORTH: "SRV: timed out"}, NOW + after)
        assert found(known) == ["192.0.2.1:5061"]
        assert known.of(NORTH).problem == "SRV: timed out"
        assert due([NORTH], known, NOW + after + AGAIN_S) == [NORTH]
    known = updated(known, [NORTH], {NORTH: "SRV: timed out"}, NOW + LAST_GOOD_S + 1)
    assert found(known) == []
    known = updated(known, [NORTH], {NORTH: at("192.0.2.2:5061")}, NOW + LAST_GOOD_S + 40)
    assert (found(known), known.of(NORTH).problem) == (["192.0.2.2:5061"], "")


def test_a_service_that_is_not_there_ends_at_once() -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    known = updated(known, [NORTH], {NORTH: at()}, NOW + 300)
    assert found(known) == []
    assert "not available" in known.of(NORTH).problem


def test_former_addresses_are_remembered_while_calls_may_run() -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    known = updated(known, [NORTH], {NORTH: at("192.0.2.2:5061")}, NOW + 300)
    assert known.former == {"192.0.2.1:5061": "carrier:north"}
    known = updated(known, [NORTH], {}, NOW + 300 + FORMER_S - 1)
    assert known.former == {"192.0.2.1:5061": "carrier:north"}
    known = updated(known, [], {}, NOW + 300 + FORMER_S)
    assert known.former == {"192.0.2.2:5061": "carrier:north"}


def test_an_address_that_comes_back_is_no_former_one() -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    known = updated(known, [NORTH], {NORTH: at("192.0.2.2:5061")}, NOW + 300)
    known = updated(known, [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW + 600)
    assert known.former == {"192.0.2.2:5061": "carrier:north"}


def test_what_is_no_longer_declared_is_forgotten() -> None:
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    assert updated(known, [], {}, NOW + 1).peers == {}


def test_names_of_a_configuration() -> None:
    example = Path(__file__).parents[3] / "examples" / "node.yaml"
    declared = read_node_file(example.read_text(encoding="utf-8"), "node.yaml")
    assert wanted(declared) == []
    north, south = declared.carriers
    named = replace(
        declared,
        trunks=(replace(declared.trunks[0], host=Host(host="pbx.acme.example.com", port=5061)),),
        carriers=(
            replace(north, hosts=(Host(host="north.example.net"), *north.hosts)),
            replace(south, hosts=(Host(host="south.example.net"),), enabled=False),
        ),
    )
    assert [(one.peer, str(one.host), one.transport) for one in wanted(named)] == [
        ("carrier:north", "north.example.net", Transport.TLS),
        ("trunk:acme-hq", "pbx.acme.example.com:5061", Transport.TLS),
    ]


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_question() -> None:
    ahead = NOW + 300 * 86_400
    known = updated(Targets(), [NORTH], {NORTH: at("192.0.2.1:5061")}, NOW)
    known = updated(known, [NORTH], {NORTH: at("192.0.2.2:5061")}, ahead)
    assert due([NORTH], known, NOW) == [NORTH]
    known = updated(known, [NORTH], {NORTH: at("192.0.2.2:5061")}, NOW)
    assert due([NORTH], known, NOW + 1) == []
    # and an address that is gone is not a peer's for as long either
    assert known.former_until == {"192.0.2.1:5061": NOW + FORMER_S}
