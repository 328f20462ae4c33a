"""What a configuration says about keys and certificates, and who owns them, for `engines.pki_files`."""

from ipaddress import ip_address
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from trunkward.control.pki import SipNames, revocation_lists
from trunkward.engines.identity_task import identities_of
from trunkward.engines.pki_files import IdentityFacts, PkiFacts, PkiOwners
from trunkward.engines.shown_pair import public_names
from trunkward.engines.signers import signers_of
from trunkward.engines.users import uid
from trunkward.settings import Paths
from trunkward.trunks.model import AcmeSettings, Declared
from trunkward.trunks.signing import Certificates

#: Where a policy administrator has its revocation list.
REVOCATIONS_PATH = "/download/v1/crl"


def pki_facts(declared: Declared, paths: Paths, only: frozenset[str] | None) -> PkiFacts:
    """What is needed for a configuration; `only`: the peers whose certificates are looked at, None: all."""
    node = declared.node
    dns, addresses = {node.name}, set(node.addresses)
    for host in node.contact_hosts:
        try:
            addresses.add(ip_address(host))
        except ValueError:
            dns.add(host)
    peers = {
        trunk.name: SipNames(common_name=trunk.name, dns=trunk.tls_names or (f"{trunk.name}.{node.name}",))
        for trunk in declared.trunks
        if trunk.certificate_issued_here and (only is None or trunk.name in only)
    }
    peers |= {
        carrier.name: SipNames(common_name=carrier.name, dns=carrier.tls_names)
        for carrier in declared.carriers
        if carrier.certificate_issued_here and (only is None or carrier.name in only)
    }
    return PkiFacts(
        node=node.name,
        node_names=SipNames(
            common_name=node.name, dns=tuple(sorted(dns)), addresses=tuple(sorted(addresses, key=str))
        ),
        spc=node.spc,
        signs_tested=node.signing.certificates is Certificates.TEST,
        peers=peers,
        public_names=public_names(declared) if isinstance(node.certificate, AcmeSettings) else None,
        identities=_identity_facts(declared, paths),
        tested=_tested_facts(declared, paths),
    )


def _identity_facts(declared: Declared, paths: Paths) -> dict[str, IdentityFacts]:
    """Of signing certificates that are asked for by ACME."""
    administrator = declared.node.policy_administrator
    if administrator is None:
        return {}
    administrators = load_pem_x509_certificates(Path(administrator.certificate_file).read_bytes())
    revocations = revocation_lists(f"{administrator.url}{REVOCATIONS_PATH}", administrators)
    users = {signer.identity: signer.user for signer in signers_of(declared.reseller_identities, paths)}
    return {
        name: IdentityFacts(spc=spc, signer_uid=uid(users[name]), revocations=revocations)
        for name, (spc, _, source) in identities_of(declared).items()
        if source.authority is not None
    }


def _tested_facts(declared: Declared, paths: Paths) -> dict[str, IdentityFacts]:
    """Of resellers' signing certificates of the node's TEST authority."""
    resold = declared.reseller_identities
    return {
        signer.identity: IdentityFacts(spc=resold[signer.identity].spc, signer_uid=uid(signer.user))
        for signer in signers_of(declared.reseller_identities, paths)
        if signer.identity in resold and resold[signer.identity].signing.certificates is Certificates.TEST
    }


def pki_owners() -> PkiOwners:
    """The users of this platform that private files belong to."""
    return PkiOwners(
        edge_uid=uid("tw-edge"),
        gate_uid=uid("tw-gate"),
        signer_uid=uid("tw-signer"),
        worker_uid=uid("tw-worker"),
        cert_uid=uid("tw-cert"),
        identities_uid=uid("tw-identity"),
    )
