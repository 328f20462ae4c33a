"""Whether a binding still is what tells its trunk, by the settings in force.

It was judged when the PBX registered, for up to an hour. A certificate that was taken back since, a network
that is no longer the trunk's, or a trunk that is another one's by that name must not go on taking calls. What
an edge cannot see (a secret taken back, a chain to an authority) holds until the binding's time is over.
"""

from ipaddress import ip_address, ip_network
from typing import Any

from trunkward.edge.targets import address_of


def stands(binding: dict[str, Any], peer: dict[str, Any] | None) -> bool:
    """`peer`: what tells the trunk now (`edge.peers`), None for a trunk that is not declared."""
    if peer is None:
        return False
    certificates, networks = peer["certificates"], peer["networks"]
    if certificates and binding["fingerprint"] not in certificates:
        return False
    source = ip_address(address_of(binding["source"]))
    return not networks or any(source in ip_network(network) for network in networks)
