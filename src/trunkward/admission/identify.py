"""Who is calling us: the trunk or carrier behind an attempt, from its source and its certificate."""

from functools import lru_cache
from ipaddress import ip_address

from trunkward.admission.ports import PeerIdentity
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.trunks.model import Address, Carrier, Network, Trunk


def identify(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Trunk | Carrier | None:
    """The peer an attempt came from, None for a stranger.

    1. TLS: a trunk by network and certificate, both; enabled or not.
    2. TLS: an enabled carrier by network, verified chain, and a name of its certificate (RFC 5922).
    3. UDP, TCP: an enabled carrier of that transport by network; of several, the one whose configured
       host and port are the source.
    """
    try:
        source = _address(attempt.source_ip)
    except ValueError:
        return None
    if attempt.transport is Transport.TLS:
        return _by_certificate(source, peer, policy) if peer else None
    return _by_address(source, attempt, policy)


# peers call again, and reading an address costs more than looking one up
_address = lru_cache(maxsize=16_384)(ip_address)


def _by_certificate(source: Address, peer: PeerIdentity, policy: Snapshot) -> Trunk | Carrier | None:
    # 1.
    trunk = policy.trunk_by_certificate(peer.certificate_sha256)
    if trunk is not None:
        return trunk if _within(source, trunk.networks) else None
    # 2.
    if not peer.chain_verified:
        return None
    shown = {name.lower() for name in peer.dns_names}
    for carrier in policy.carriers:
        if (
            not carrier.enabled
            or carrier.transport is not Transport.TLS
            or not _within(source, carrier.networks)
        ):
            continue
        # RFC 5922 section 7.2: whole names, without case, no wildcards
        if shown.intersection(name.lower() for name in carrier.tls_names):
            return carrier
    return None


def _by_address(source: Address, attempt: CallAttempt, policy: Snapshot) -> Carrier | None:
    # 3.
    found = [
        carrier
        for carrier in policy.carriers
        if carrier.enabled and carrier.transport is attempt.transport and _within(source, carrier.networks)
    ]
    for carrier in found:
        if any(host.host == str(source) and host.port == attempt.source_port for host in carrier.hosts):
            return carrier
    return found[0] if found else None


def _within(source: Address, networks: tuple[Network, ...]) -> bool:
    return any(source in network for network in networks)
