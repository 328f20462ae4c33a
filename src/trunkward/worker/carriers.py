"""Whether carriers are there, as the edge's questions and DNS have found: counted and never named.

Names of carriers are nobody's who only reaches a port for metrics; `status` has them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trunkward.engines.targets import HealthReport
from trunkward.routing.targets import Targets, Wanted
from trunkward.trunks.model import Carrier, Declared

#: Seconds after which the edge's report is of an edge that is gone: it writes one every ten.
_LEFT_S = 60.0


class State(StrEnum):
    """Of a host, as `edge.health` tells it, and so of a carrier."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """How many there are in each state; only those that are enabled."""

    carriers: Counter[State]
    hosts: Counter[State]


def carriers_seen(declared: Declared, report: HealthReport, targets: Targets, now: float) -> Carriers:
    """What is known at `now` (seconds since the epoch).

    A carrier is up with one host that is, and down when none is left that may be: all its hosts are down, or
    its names lead nowhere. Nobody knows of one that was not asked yet, or while there is no edge to ask.
    """
    states: dict[str, list[State]] = {
        f"carrier:{carrier.name}": [] for carrier in declared.carriers if carrier.enabled
    }
    for target in report.targets:
        if target.peer in states:
            states[target.peer].append(
                State(target.state) if abs(now - report.at) <= _LEFT_S else State.UNKNOWN
            )
    return Carriers(
        carriers=Counter(
            _state(states[f"carrier:{carrier.name}"], leads_nowhere=_leads_nowhere(carrier, targets))
            for carrier in declared.carriers
            if carrier.enabled
        ),
        hosts=Counter(state for of_one in states.values() for state in of_one),
    )


def _state(states: Sequence[State], *, leads_nowhere: bool) -> State:
    if State.UP in states:
        return State.UP
    if State.UNKNOWN in states or not (states or leads_nowhere):
        return State.UNKNOWN
    return State.DOWN


def _leads_nowhere(carrier: Carrier, targets: Targets) -> bool:
    """Whether all its hosts are names, and DNS was asked for each and has led to no server."""
    found = [
        targets.of(Wanted(peer=f"carrier:{carrier.name}", host=host, transport=carrier.transport))
        for host in carrier.hosts
        if host.is_name
    ]
    return len(found) == len(carrier.hosts) and all(known.ask_at and not known.servers for known in found)
