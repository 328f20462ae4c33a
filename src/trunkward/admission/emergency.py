"""What the edge needs to send emergency calls on when no gate answers: rendered beforehand, plain data."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkward.admission.routes import emergency_route
from trunkward.admission.screen import leg_policy
from trunkward.media.plan import plan_any_offer
from trunkward.routing.choose import Way, emergency_ways
from trunkward.trunks.model import Declared


def emergency_table(declared: Declared, certificates: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each certificate of each trunk, enabled or not: networks, numbers, routes; JSON-able.

    `certificates` has the SHA-256 of certificates issued here, by trunk. A trunk whose certificate is
    not known is left out: its network alone identifies nobody. `{number}` in a route's Request-URI
    stands for the number called; its `offer` is the INVITE's own body.
    """
    routes = [_route(way, declared) for way in emergency_ways(declared.carriers)]
    table: list[dict[str, Any]] = []
    for trunk in declared.trunks:
        certificate = trunk.certificate_sha256 or certificates.get(trunk.name, "")
        table += [
            {
                "trunk": trunk.name,
                "networks": [str(network) for network in trunk.networks],
                "certificate_sha256": shown,
                "numbers": list(declared.node.emergency_numbers),
                "routes": routes,
            }
            for shown in (certificate, *trunk.older_certificates)
            if shown and routes
        ]
    return table


def _route(way: Way, declared: Declared) -> dict[str, Any]:
    route = emergency_route(way, "{number}")
    if not declared.node.unsafe_unanchored_media:
        plan = plan_any_offer(leg_policy(way.carrier, declared.node))
        route = msgspec.structs.replace(route, media=list(plan.hops), called_suites=list(plan.called_suites))
    row: dict[str, Any] = msgspec.to_builtins(route)
    return row
