"""What the edge needs to send emergency calls on when no gate answers: rendered beforehand, plain data."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkward.admission.identity_headers import asserted
from trunkward.admission.routes import FROM_CUSTOMERS, SIGNED, emergency_route
from trunkward.admission.screen import leg_policy
from trunkward.media.plan import plan_any_offer
from trunkward.numbering.e164 import E164
from trunkward.routing.choose import Way, emergency_ways
from trunkward.trunks.model import Declared, IdentifiedBy, NodeSettings, Trunk


def emergency_table(declared: Declared, certificates: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each certificate of each trunk, enabled or not: networks, numbers, routes; JSON-able.

    `certificates` has the SHA-256 of certificates issued here, by trunk. A trunk whose fingerprint is
    demanded and not known is left out. One without a fingerprint is known by its networks, though digest or a
    chain that no gate can look at be demanded besides; one without either by the connection on which a gate
    has recognised it before. `{number}` in a route's Request-URI stands for the number called; its `offer` is
    the INVITE's own body. Nobody looks there at whose number is shown: asserted is the trunk's to call back.
    """
    ways = emergency_ways(declared.carriers)
    routes = {nat: [_route(way, declared, behind_nat=nat) for way in ways] for nat in (False, True)}
    table: list[dict[str, Any]] = []
    for trunk in declared.trunks:
        certificate = trunk.certificate_sha256 or certificates.get(trunk.name, "")
        table += [
            {
                "trunk": trunk.name,
                "tenant": trunk.tenant,
                "networks": [str(network) for network in trunk.networks],
                "certificate_sha256": shown,
                "numbers": _forms(trunk, declared.node),
                "routes": [
                    route | {"headers": _asserted(trunk, declared.node)} for route in routes[trunk.behind_nat]
                ],
                "callback": trunk.callback,
                "remove_headers": FROM_CUSTOMERS + ([] if trunk.in_transit else SIGNED),
            }
            for shown in _shown(trunk, certificate)
            if ways
        ]
    # the surer way first: one address may be in the networks of one trunk and have the certificate of another
    return sorted(table, key=lambda row: (not row["certificate_sha256"], bool(row["networks"])))


def _asserted(trunk: Trunk, node: NodeSettings) -> list[list[str]]:
    return [[*asserted(E164(trunk.callback), node.name)]] if trunk.callback else []


def _shown(trunk: Trunk, certificate: str) -> list[str]:
    """The fingerprints that tell a trunk; [""] for one that has none."""
    if not trunk.demands(IdentifiedBy.CERTIFICATE) or trunk.certified_by is not None:
        return [""]
    return [shown for shown in (certificate, *trunk.older_certificates) if shown]


def _forms(trunk: Trunk, node: NodeSettings) -> dict[str, str]:
    """What is dialled for help on this trunk, by what is dialled."""
    return node.plan_of(trunk).emergency_forms(trunk.emergency_numbers or node.emergency_numbers)


def _route(way: Way, declared: Declared, *, behind_nat: bool) -> dict[str, Any]:
    route = emergency_route(way, "{number}")
    if not declared.node.unsafe_unanchored_media:
        plan = plan_any_offer(leg_policy(way.carrier, declared.node), behind_nat=behind_nat)
        route = msgspec.structs.replace(route, media=list(plan.hops), called_suites=list(plan.called_suites))
    row: dict[str, Any] = msgspec.to_builtins(route)
    return row
