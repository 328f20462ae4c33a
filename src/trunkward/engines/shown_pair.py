"""A certificate from elsewhere and its key: read, checked, and put into one file for Kamailio.

One file holds both, so that a change of the two is one rename, and Kamailio, whenever it reads them, finds
a key and a chain that fit.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.control.pki import SipNames
from trunkward.control.shown import SERVER
from trunkward.control.shown_certificate import (
    MAX_CHAIN_BYTES,
    CertificateRefused,
    Lifetime,
    Use,
    chain_pem,
    check_chain,
    read_chain,
    read_private_key,
)
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.whole_file import read_plain
from trunkward.settings import Paths
from trunkward.sip.transport import Transport
from trunkward.trunks.model import AcmeSettings, CertificateFiles, Declared


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate from elsewhere: where it comes from, and the file Kamailio reads it from."""

    name: str
    chain: str
    key: str
    use: Use
    target: str
    #: What it must carry; nothing: any.
    dns: list[str] = []
    addresses: list[str] = []
    #: Whether less trusted processes write the chain: then it is no link to anywhere.
    from_acme: bool = False


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What was read and found good."""

    pem: bytes
    lifetime: Lifetime
    sha256: str


def public_names(declared: Declared) -> SipNames:
    """What the certificate that is shown must carry: the node's name, and what stands in its Contact."""
    node = declared.node
    dns, addresses = [node.name], []
    for host in node.contact_hosts:
        try:
            addresses.append(ip_address(host))
        except ValueError:
            dns.append(host)
    return SipNames(
        common_name=node.name, dns=tuple(dict.fromkeys(dns)), addresses=tuple(dict.fromkeys(addresses))
    )


def places(declared: Declared, paths: Paths) -> list[Place]:
    """Every certificate of a node that comes from elsewhere."""
    node, pki, names = declared.node, PkiFiles(paths.pki), public_names(declared)
    found = []
    if node.certificate is not None:
        files = (
            CertificateFiles(chain=str(paths.acme_chain), key=str(pki.server_key))
            if isinstance(node.certificate, AcmeSettings)
            else node.certificate
        )
        found.append(
            Place(
                name=SERVER,
                chain=files.chain,
                key=files.key,
                use=Use.SERVER,
                target=str(target(paths, SERVER)),
                dns=list(names.dns),
                addresses=[str(address) for address in names.addresses],
                from_acme=isinstance(node.certificate, AcmeSettings),
            )
        )
    return found + [
        Place(
            name=f"client-{carrier.name}",
            chain=carrier.client_certificate.chain,
            key=carrier.client_certificate.key,
            use=Use.CLIENT,
            target=str(target(paths, f"client-{carrier.name}")),
        )
        for carrier in declared.carriers
        if carrier.client_certificate is not None and carrier.transport is Transport.TLS
    ]


def target(paths: Paths, name: str) -> Path:
    """The file of a place that Kamailio reads: key and chain."""
    return paths.run / "edge" / f"{name}.pem"


def read_pair(place: Place, now: datetime) -> Pair:
    """Key and chain of a place. Raises `CertificateRefused`, also for files that cannot be read."""
    chain_file, key_file = Path(place.chain), Path(place.key)
    chain = read_chain(_read(chain_file, follow=not place.from_acme))
    key = read_private_key(_read(key_file, follow=True))
    names = (
        SipNames(
            common_name=place.dns[0],
            dns=tuple(place.dns),
            addresses=tuple(_addresses(place.addresses)),
        )
        if place.dns
        else None
    )
    lifetime = check_chain(chain, key.public_key(), names, use=place.use, now=now)
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(pem=own + chain_pem(chain), lifetime=lifetime, sha256=chain[0].fingerprint(SHA256()).hex())


def stamp(place: Place) -> tuple[object, ...]:
    """Changes whenever one of the two files is another."""
    found: list[object] = []
    for file in (place.chain, place.key):
        try:
            status = os.stat(file)
        except OSError as problem:
            found.append(problem.errno)
        else:
            found.append(
                (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            )
    return tuple(found)


def _read(path: Path, *, follow: bool) -> bytes:
    try:
        return read_plain(path, MAX_CHAIN_BYTES + 1, follow=follow)
    except OSError as problem:
        why = f"{path}: {problem.strerror}" if problem.strerror else str(problem)
        raise CertificateRefused("unreadable", why) from None


def _addresses(written: Iterable[str]) -> Iterable[IPv4Address | IPv6Address]:
    return (ip_address(address) for address in written)
