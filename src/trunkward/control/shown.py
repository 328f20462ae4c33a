"""What `web` may know of a configuration: what the node's health needs, and nothing that opens a door.

Names of trunks and carriers are in it (deviations and certificates are theirs); numbers, networks,
fingerprints and evidence are not.
"""

from collections.abc import Mapping

import msgspec

from trunkward.control.deviations import Deviation
from trunkward.sip.transport import Transport
from trunkward.trunks.model import AcmeSettings, CertificateSource, Declared
from trunkward.trunks.signing import Certificates
from trunkward.trunks.transit import OF_NODE

#: The certificate that is shown to whoever connects.
SERVER = "server"
#: Of a certificate that is the node's own authority's.
LOCAL = "local"
#: Of a signing certificate that is its TEST authority's.
TEST = Certificates.TEST.value


class VersionInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in force, and when (seconds since the epoch)."""

    version: int
    since: float


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration in force, as far as its health is concerned."""

    #: Its version, and when it was put in force (seconds since the epoch).
    version: int
    since: float
    gates: int
    #: Where Kamailio takes TLS.
    addresses: list[str]
    tls_port: int
    #: The clock is taken as right, and media passes by, whatever the kernel and rtpengine say.
    clock_trusted: bool
    media_anchored: bool
    #: Peers whose certificate was issued here, by the name of its file.
    issued: list[str]
    #: `certificate_sources`.
    certificates: dict[str, str]
    #: `identity_sources`; {} where nobody says which authorities are to be trusted.
    identities: dict[str, str] = {}
    #: Identities that sign under the node's own TEST authority: the node's first, then resellers' by name.
    tested: list[str] = []
    #: Seconds since the epoch at which the first declaration of an inventory, or of whose a trunk is, ends;
    #: None when there is none.
    evidence_until: float | None
    #: The same of the first KYC record that is too old for its customer's calls.
    customers_until: float | None = None
    deviations: list[tuple[str, str]]

    def deviations_found(self) -> list[Deviation]:
        """The deviations, as values."""
        return [Deviation(where=where, what=what) for where, what in self.deviations]


def certificate_sources(declared: Declared) -> dict[str, str]:
    """Where each certificate that peers see is from: the node's (`server`), then carriers' (`client-NAME`).

    `local`, `acme DIRECTORY` or `files CHAIN`.
    """
    return {SERVER: _source(declared.node.certificate)} | {
        f"client-{carrier.name}": _source(carrier.client_certificate)
        for carrier in sorted(declared.carriers, key=lambda carrier: carrier.name)
        if carrier.client_certificate is not None and carrier.transport is Transport.TLS
    }


def identity_sources(declared: Declared) -> dict[str, str]:
    """Where each identity's certificate is from; {} where nobody says which authorities are to be trusted."""
    return signing_sources(declared) if declared.node.policy_administrator is not None else {}


def signing_sources(declared: Declared) -> dict[str, str]:
    """Where each identity's signing certificate is from: the node's first, then resellers' by name."""
    resold = {name: its.signing for name, its in sorted(declared.reseller_identities.items())}
    return {
        name: source.certificates.value
        for name, source in ({OF_NODE: declared.node.signing} | resold).items()
    }


def certificate_parts(sources: Mapping[str, str], identities: Mapping[str, str]) -> list[str]:
    """The processes that see to certificates and lists from elsewhere; none where none comes from there."""
    lists = ["identities"] if identities else []
    elsewhere = [source for source in sources.values() if source != LOCAL]
    acme = ["acme"] if any(source.startswith("acme ") for source in elsewhere) else []
    return [*([*acme, "certificates"] if elsewhere else []), *lists]


def _source(source: CertificateSource) -> str:
    if source is None:
        return LOCAL
    if isinstance(source, AcmeSettings):
        return f"acme {source.directory}"
    return f"files {source.chain}"
