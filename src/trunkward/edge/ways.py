"""What an admitted call is, and where it may go: each route, with each address it leads to."""

import time
from typing import Any

from trunkward.edge import (
    attempt,
    identified,
    verstat,
)
from trunkward.edge.bindings import BindingTable
from trunkward.edge.health import Health
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.targets import Targets

#: Hosts one call is sent to at most: each takes up to three branches of `max_branches` (`engines.kamailio`).
_MOST_TRIES = 9


class Ways:
    """Reads verdicts into calls and their ways."""

    def __init__(
        self, settings: EdgeSettings, *, targets: Targets, health: Health, bindings: BindingTable
    ) -> None:
        """Keeps its parts."""
        self._targets = targets
        self._health = health
        self._bindings = bindings
        self._peers = settings.peers
        self._trunk_hosts = settings.trunk_hosts
        self._tls12_port = settings.tls12_port

    def admitted(
        self, facts: dict[str, Any], verdict: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The call, and its way."""
        outbound = verdict["direction"] == "outbound"
        if outbound and facts["transport"] == "tls":
            self._note_connection(facts["connection"], f"trunk:{verdict['source']}")
        call = {
            "record_id": verdict["record_id"],
            "call_id": facts["call_id"],
            "cseq": facts["cseq"],
            "trunk": verdict["trunk"],
            "grant": verdict["grant"],
            "counters": verdict.get("counters", []),  # a gate of the version before has none
            "reach": verdict.get("reach", ""),
            "money": verdict.get("money", ""),
            # of calls in: the trunk that has these places for it
            "places_of": verdict["routes"][0]["peer"],
            "admitted_s": time.monotonic(),
            "caller_tag": facts["from_tag"],
            "caller": leg_facts("caller", facts["transport"], facts.get("tls")),
            "caller_peer": f"{'trunk' if outbound else 'carrier'}:{verdict['source']}",
            "caller_source": attempt.source_of(facts),
            "caller_old_tls": facts["local_port"] == self._tls12_port,
            "caller_home": self._home(verdict["source"]) if outbound else "",
            "from_inside": facts["from_uri"],
            "from_outside": verdict["from_uri"] or verstat.without(facts["from_uri"]),
            "hide_name": verdict["hide_name"],
            "to_uri": facts["to_uri"],
            "to_outside": verdict.get("to_uri") or facts["to_uri"],  # a gate of the version before has none
            "hops": [],
            "tried": self._not_registered(verdict["routes"]),
        }
        way = {
            "routes": verdict["routes"],
            "tries": self._tries(verdict["routes"], "carrier" if outbound else "trunk"),
            "next": 0,
            "remove": verdict["remove_headers"],
            "to": "carrier" if outbound else "trunk",
            "stir": verdict.get("answer_headers", []),
            "emergency_body": facts["body"] if verdict["reason"] == "admitted-emergency" else None,
        }
        return call, way

    def _note_connection(self, connection: int, peer: str) -> None:
        if self._peers.get(peer, {}).get("by_connection"):
            identified.note(connection, peer)

    def _home(self, trunk: str) -> str:
        """Where a trunk is dialled, "" for one that only calls out."""
        host = self._trunk_hosts.get(trunk, "")
        return next(iter(self._targets.in_order(f"trunk:{trunk}", host)), "") if host else ""

    def _not_registered(self, routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Routes to trunks that are registered nowhere at this moment."""
        return [
            {"peer": route["peer"], "problem": "not-registered"}
            for route in routes
            if is_registered(route) and not self._bindings.of(route["peer"])
        ]

    def _tries(self, routes: list[dict[str, Any]], kind: str) -> list[tuple[int, str]]:
        """Each route by its number with each address it leads to, in order; those that are down come last."""
        tries: list[tuple[int, str]] = []
        keys: list[str] = []
        for number, route in enumerate(routes):
            if is_registered(route):
                for binding in self._bindings.of(route["peer"]):
                    tries.append((number, str(binding["connection"])))
                    keys.append("")
                continue
            host = route["next_hop"].partition(":")[2].partition(";")[0]
            for found in self._targets.in_order(f"{kind}:{route['peer']}", host):
                tries.append((number, found))
                keys.append(f"{route['transport']}:{found}")
        return self._health.last(tries, keys)[:_MOST_TRIES]


def is_registered(route: dict[str, Any]) -> bool:
    """Whether it leads to where a trunk is registered."""
    return route.get("registered") is True


def leg_facts(side: str, transport: str, tls: dict[str, Any] | None) -> dict[str, Any]:
    """What the record says of a leg."""
    leg: dict[str, Any] = {"side": side, "transport": transport}
    if tls:
        leg |= {"tls_version": tls["version"], "cipher": tls["cipher"], "peer_cn": tls["peer_cn"]}
    return leg
