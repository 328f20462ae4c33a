"""Whether a binding still is what tells its trunk, by the settings in force.

It was judged when the PBX registered, for up to an hour. A certificate that was taken back since, a network
that is no longer the trunk's, a secret that was taken back or has come to its end, or a trunk that is another
one's by that name must not go on taking calls.
"""

import time
from ipaddress import ip_address, ip_network
from typing import Any

from trunkward.edge.targets import address_of


def stands(
    binding: dict[str, Any], peer: dict[str, Any] | None, proofs: list[tuple[str, float | None]] | None
) -> bool:
    """`peer`: what tells the trunk now (`edge.peers`), None for a trunk that is not declared.

    `proofs`: what it may have been recognised by that its connection does not show (`admission.proofs`), each
    until when, in seconds since the epoch; None where nothing of the kind is asked for.
    """
    if peer is None:
        return False
    now = time.time()
    if proofs is not None and not any(
        binding.get("proof") == proof and (until is None or until > now) for proof, until in proofs
    ):
        return False
    certificates, networks = peer["certificates"], peer["networks"]
    if certificates and binding["fingerprint"] not in certificates:
        return False
    source = ip_address(address_of(binding["source"]))
    return not networks or any(source in ip_network(network) for network in networks)
