"""What a configuration allows that the secure default would not: named, never hidden."""

from dataclasses import dataclass
from ipaddress import ip_network

from trunkward.calls.attempt import Transport
from trunkward.trunks.model import Address, Declared, IdentifiedBy, MediaPolicy
from trunkward.trunks.retention import SIGNATURES_DAYS
from trunkward.trunks.signing import Certificates

#: Documentation's networks (RFC 5737, RFC 3849, RFC 9637): nobody's peers are there.
_NOBODYS = tuple(
    map(
        ip_network,
        ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One deviation: where it is declared, what it means for calls."""

    where: str
    what: str


def deviations(declared: Declared) -> list[Deviation]:
    """Every deviation of a configuration, in the file's order."""
    found = [
        Deviation(
            where=f"trunk {trunk.name}", what="recognised by network alone, without a client certificate"
        )
        for trunk in declared.trunks
        if trunk.enabled and trunk.identified_by == (IdentifiedBy.NETWORK,)
    ]
    found += [
        Deviation(
            where=f"trunk {trunk.name}",
            what="its network is the whole Internet, and proves nothing: take it out of identified_by",
        )
        for trunk in declared.trunks
        if trunk.demands(IdentifiedBy.NETWORK) and any(not net.prefixlen for net in trunk.networks)
    ]
    found += [
        Deviation(where=f"trunk {trunk.name}", what="its digest may be MD5, which is broken")
        for trunk in declared.trunks
        if trunk.unsafe_md5
    ]
    found += [
        Deviation(
            where=f"trunk {trunk.name}",
            what=f"may speak TLS 1.2, on port {declared.node.tls12_port} and where we connect to it",
        )
        for trunk in declared.trunks
        if trunk.unsafe_tls12
    ]
    found += [
        Deviation(
            where=f"trunk {trunk.name}",
            what="behind NAT: its media is where its signalling comes from, not where its SDP says",
        )
        for trunk in declared.trunks
        if trunk.behind_nat
    ]
    for carrier in declared.carriers:
        if not carrier.enabled:
            continue
        where = f"carrier {carrier.name}"
        if carrier.transport is not Transport.TLS:
            found.append(
                Deviation(where=where, what=f"signalling in clear over {carrier.transport.value.upper()}")
            )
            if any(host.is_name for host in carrier.hosts):
                what = "found by DNS, which nothing proves here: who commands its DNS gets its calls"
                found.append(Deviation(where=where, what=what))
        if not carrier.session_timer_s:
            what = (
                "offered no session timer: should a node die for good, nothing but the carrier ends its calls"
            )
            found.append(Deviation(where=where, what=what))
        if carrier.media is MediaPolicy.RTP:
            found.append(Deviation(where=where, what="media in clear (RTP)"))
    if not any(carrier.enabled and carrier.emergency for carrier in declared.carriers):
        what = "no enabled carrier has `emergency: true`: nobody takes emergency calls"
        found.append(Deviation(where="node", what=what))
    if declared.node.certificate is None and not all(map(_laboratory, declared.node.addresses)):
        what = "shows a certificate of its own authority: only peers that were given sip-ca.pem can check it"
        found.append(Deviation(where="node", what=what))
    found += _signed_for_nobody(declared)
    if declared.node.unsafe_unanchored_media:
        found.append(Deviation(where="node", what="media is not anchored: SDP and its keys pass as they are"))
    if declared.node.unsafe_trusted_clock:
        what = "calls are signed, and what is not kept deleted, by a clock nobody knows to be synchronised"
        found.append(Deviation(where="node", what=what))
    if declared.retention.signatures_days < SIGNATURES_DAYS:
        days = declared.retention.signatures_days
        what = f"the proof of signatures is deleted after {days} days, not two years"
        found.append(Deviation(where="node", what=what))
    if networks := declared.node.verification.unsafe_networks:
        where = ", ".join(map(str, networks))
        what = f"certificates are fetched from {where}: whoever calls may have it looked at"
        found.append(Deviation(where="node", what=what))
    if declared.node.unsafe_fictional_numbers:
        what = "numbers kept for fiction (555-01xx) may call and be called, though nobody has them"
        found.append(Deviation(where="node", what=what))
    # The engine, not the file: Debian 13's rtpengine 12.5.1.31 has no `recrypt` (CVE-2025-53399);
    # what closes it here is in docs/media.md
    return found


def _signed_for_nobody(declared: Declared) -> list[Deviation]:
    if all(map(_laboratory, declared.node.addresses)):
        return []
    sources = {"node": declared.node.signing} | {
        f"reseller {name}": its.signing for name, its in sorted(declared.reseller_identities.items())
    }
    what = "calls go unsigned: its only certificate is of its own TEST authority: identity.certificates"
    if declared.node.test_authority_counts:
        what = "calls are signed under its own TEST authority, which no carrier trusts: identity.certificates"
    return [
        Deviation(where=where, what=what)
        for where, source in sources.items()
        if source.certificates is Certificates.TEST
    ]


def _laboratory(address: Address) -> bool:
    return address.is_loopback or any(
        address.version == network.version and address in network for network in _NOBODYS
    )
