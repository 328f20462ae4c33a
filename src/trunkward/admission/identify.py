"""Who is calling us: the trunk or carrier behind an attempt, by its source, certificate and credentials.

Over TLS what is shown decides whom it claims to be, the hardest to have first, and then every way that this
trunk demands must hold; who claims one and is not it is not looked for among the others:

1. A trunk's certificate, by its fingerprint, or by its authority and subject.
2. A carrier's: a chain to its own authority, a name on it (RFC 5922), and its network.
3. Digest credentials for our realm: the trunk with this username.
4. A network that is a trunk's who has nothing else.

Over UDP and TCP: an enabled carrier of that transport by network; of several, the one whose configured host
and port are the source.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address

from trunkward.admission.network_table import Purpose
from trunkward.admission.ports import Credentials, PeerIdentity, Proven, Stale, Wrong
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.calls.registration import RegisterAttempt
from trunkward.trunks.model import Address, Carrier, IdentifiedBy, Network, Trunk


class Due(StrEnum):
    """What a stranger is told."""

    #: That credentials are needed; over UDP and TCP nothing at all.
    CHALLENGE = "challenge"
    #: That its nonce is over.
    FRESH_NONCE = "fresh-nonce"
    #: No, and not why.
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Nobody we know."""

    due: Due
    #: For the record, and what would have made it somebody; "" where that depends on what is due.
    why: str
    remedy: str = ""
    #: It has shown credentials for our realm.
    credentials: bool = False
    #: The trunk it claims to be; "" for none of ours.
    claims: str = ""
    #: It has that trunk's certificate, which nobody else can show, and something else does not hold.
    certified: bool = False
    #: A challenge may offer MD5 besides: some trunk of its network has `unsafe_md5`.
    offers_md5: bool = False
    #: Trunks of which everything holds but the digest, and something does: one of them may call an emergency.
    but_for_digest: tuple[Trunk, ...] = ()


def identify(
    attempt: CallAttempt | RegisterAttempt,
    peer: PeerIdentity | None,
    policy: Snapshot,
    credentials: Credentials = None,
) -> Trunk | Carrier | Stranger:
    """The peer an attempt came from; enabled or not, if it is a trunk."""
    try:
        source = _address(attempt.source_ip)
    except ValueError:
        return Stranger(due=Due.REFUSAL, why="its source is no address")
    if attempt.transport is not Transport.TLS:
        return _by_address(source, attempt, policy) or Stranger(
            due=Due.REFUSAL, why="no carrier of this source"
        )
    # 1.
    shown = _by_certificate(peer, policy) if peer else None
    if shown is not None:
        return _whole(shown, source, credentials, policy, certificate=True)
    # 2.
    if peer and (carrier := _carrier(source, peer, policy)):
        return carrier
    # 3.
    match credentials:
        case Proven(trunk=name) if (trunk := policy.trunk(name)) is not None:
            return _whole(trunk, source, credentials, policy, certificate=False)
        case None:
            pass
        case _:
            gone = "the credentials of a trunk that is not declared any more"
            # whose network alone tells it may call an emergency with wrong ones, too
            near = (Purpose.WITH_DIGEST, Purpose.ALONE)
            but_for_digest = [t for purpose in near for t in policy.trunks_around(purpose, source)]
            return _stranger(credentials, policy, source, gone, tuple(but_for_digest))
    # 4.
    for trunk in policy.trunks_around(Purpose.ALONE, source):
        return trunk
    alone = "no certificate, and no trunk is recognised by this network alone"
    why = _no_certificate_of_ours(peer, policy) if peer else alone
    return _stranger(None, policy, source, why, policy.trunks_around(Purpose.WITH_DIGEST, source))


# peers call again, and reading an address costs more than looking one up
_address: Callable[[str], Address] = lru_cache(maxsize=16_384)(ip_address)


def _by_certificate(peer: PeerIdentity, policy: Snapshot) -> Trunk | None:
    trunk = policy.trunk_by_certificate(peer.certificate_sha256)
    if trunk is not None:
        return trunk
    if not peer.authorities:
        return None
    for subject in peer.subjects:
        for trunk in policy.trunks_by_subject(subject.lower()):
            if trunk.authority in peer.authorities:
                return trunk
    return None


def _whole(
    trunk: Trunk, source: Address, credentials: Credentials, policy: Snapshot, *, certificate: bool
) -> Trunk | Stranger:
    """The trunk, if all it demands holds."""
    if trunk.demands(IdentifiedBy.NETWORK) and not _within(source, trunk.networks):
        said = f"trunk {trunk.name}, from none of its networks"
        remedy = f"add {source} to networks of trunk {trunk.name}"
        found = _stranger(credentials, policy, source, said, remedy=remedy)
        return replace(found, claims=trunk.name, certified=True) if certificate else found
    if trunk.demands(IdentifiedBy.CERTIFICATE) and not certificate:
        said = f"trunk {trunk.name}, without its certificate"
        remedy = f"have the PBX show the client_certificate of trunk {trunk.name}"
        return _stranger(credentials, policy, source, said, remedy=remedy)
    if not trunk.demands(IdentifiedBy.DIGEST):
        return trunk
    match credentials:
        case Proven(trunk=name) if name == trunk.name:
            return trunk
        case Proven(trunk=name):
            said = f"the credentials of trunk {name} with the certificate of trunk {trunk.name}"
            remedy = f"enter the username and secret of trunk {trunk.name} in the PBX with its certificate"
            return _stranger(credentials, policy, source, said, (trunk,), remedy=remedy)
        case _:
            said = f"trunk {trunk.name}, without credentials"
            return _stranger(credentials, policy, source, said, (trunk,))


def _stranger(
    credentials: Credentials,
    policy: Snapshot,
    source: Address,
    why: str,
    but_for_digest: tuple[Trunk, ...] = (),
    *,
    remedy: str = "",
) -> Stranger:
    """The same for everybody who has shown the same: nothing tells a name we know from one we do not."""
    claims = ""
    match credentials:
        case Stale(why=said):
            due = Due.FRESH_NONCE
        case Wrong(why=said, trunk=claims, remedy=remedy):
            due = Due.REFUSAL
        case Proven(trunk=claims):
            due, said = Due.REFUSAL, why
        case _:
            due, said = (Due.CHALLENGE if policy.uses_digest else Due.REFUSAL), why
    # RFC 8760 section 2.3: whoever is offered the weaker hash may take it, so only who needs it is
    md5 = due is not Due.REFUSAL and bool(policy.trunks_around(Purpose.MD5, source))
    shown = credentials is not None
    return Stranger(
        due=due,
        why=said,
        remedy=remedy,
        credentials=shown,
        claims=claims,
        offers_md5=md5,
        but_for_digest=but_for_digest,
    )


def _carrier(source: Address, peer: PeerIdentity, policy: Snapshot) -> Carrier | None:
    if not peer.chain_verified:
        return None
    # RFC 5922 section 7.2: whole names, without case, no wildcards
    shown = {name.lower() for name in peer.dns_names}
    for carrier in policy.carriers:
        if (
            carrier.enabled
            and carrier.transport is Transport.TLS
            # Kamailio trusts the authorities of all: another carrier's may write this one's name
            and (not carrier.authority or carrier.authority in peer.authorities)
            and _within(source, carrier.networks)
            and shown.intersection(name.lower() for name in carrier.tls_names)
        ):
            return carrier
    return None


def _no_certificate_of_ours(peer: PeerIdentity, policy: Snapshot) -> str:
    for name in peer.dns_names if peer.chain_verified else ():
        for carrier in policy.carriers_by_name.get(name.lower(), ()):
            if carrier.authority and carrier.authority not in peer.authorities:
                said = f"a name of carrier {carrier.name}, on a certificate that does not lead to its ca"
                return f"{said}; those between must stand in that file, too"
    return "no trunk or carrier has this certificate"


def _by_address(source: Address, attempt: CallAttempt | RegisterAttempt, policy: Snapshot) -> Carrier | None:
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
