"""Who a peer's certificate says it is: fingerprint and names, read once for each certificate."""

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from trunkward.admission.ports import PeerIdentity
from trunkward.calls.attempt import TlsFacts


def peer_identity(tls: TlsFacts | None) -> PeerIdentity | None:
    """The identity behind a TLS connection, None when it showed no certificate that can be read."""
    if tls is None or not tls.peer_certificate:
        return None
    return _read(tls.peer_certificate, tls.peer_verified)


@lru_cache(maxsize=16_384)
def _read(pem: str, chain_verified: bool) -> PeerIdentity | None:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        fingerprint = certificate.fingerprint(SHA256()).hex()
    except ValueError:
        return None
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        dns = tuple(names.value.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        dns = ()
    return PeerIdentity(certificate_sha256=fingerprint, dns_names=dns, chain_verified=chain_verified)
