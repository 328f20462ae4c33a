"""The node's keys and certificates: what they must look like, and whether the ones there still do.

Two authorities, both local: one for SIP over TLS (the node and the peers it issues certificates to), and the
TEST authority of SHAKEN. Keys, serial numbers and the time come in; PEM goes out. `engines.pki_files` keeps
the files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trunkward.shaken.begun import begun
from trunkward.shaken.certificate import CertificateUnfit, check_signing_certificate
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, encode_spc

type Address = IPv4Address | IPv6Address

#: Common name of the authority for SIP over TLS, followed by the node's name.
SIP_AUTHORITY_NAME = "Trunkward LOCAL SIP authority"
AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=365)
#: What has less than this left is made anew.
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SipNames:
    """Who a SIP certificate is for: common name, names and addresses in subjectAltName (RFC 5922)."""

    common_name: str
    dns: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()

    def __post_init__(self) -> None:
        """RFC 5922 section 7.1: identity is in subjectAltName; a certificate without one is for nobody."""
        if not self.dns and not self.addresses:
            raise ValueError(f"certificate {self.common_name!r} needs a DNS name or an address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, parsed."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def read_pair(certificate_pem: bytes | None, key_pem: bytes | None) -> Pair | None:
    """Parse both; None when either is missing, broken or not P-256. Their fit is not looked at."""
    certificate, key = read_certificate(certificate_pem), read_key(key_pem)
    return Pair(certificate=certificate, key=key) if certificate and key else None


def read_certificate(pem: bytes | None) -> x509.Certificate | None:
    """Return the first certificate of a PEM file, or None."""
    try:
        return x509.load_pem_x509_certificate(pem) if pem else None
    except ValueError:
        return None


def read_key(pem: bytes | None) -> ec.EllipticCurvePrivateKey | None:
    """Return an unencrypted P-256 private key, or None."""
    try:
        key = load_pem_private_key(pem, password=None) if pem else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    return None


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """PEM of one certificate."""
    return certificate.public_bytes(Encoding.PEM)


def certificate_sha256(pem: bytes) -> str:
    """SHA-256 of the first certificate's DER in lower-case hex: how a trunk's certificate is named.

    Raises `ValueError` when there is none.
    """
    return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex()


def issue_sip_authority(
    key: ec.EllipticCurvePrivateKey,
    *,
    node: str,
    serial: int,
    now: datetime,
    before: x509.Certificate | None = None,
) -> x509.Certificate:
    """Make the node's own authority for SIP over TLS: self-signed, for end-entity certificates only.

    It keeps the name it had `before`: with name and key the same, what it issued stays valid.
    """
    name = before.subject if before else sip_authority_subject(node)
    return (
        begun(name, name, key.public_key(), serial, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def issue_sip_certificate(
    public_key: ec.EllipticCurvePublicKey, names: SipNames, *, authority: Pair, serial: int, now: datetime
) -> x509.Certificate:
    """Certificate of the node or of a peer, who are client and server both (RFC 5922 section 7)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.common_name[:64])])
    issuer_id = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    lifetime = min(CERTIFICATE_LIFETIME, authority.certificate.not_valid_after_utc - now)
    return (
        begun(subject, authority.certificate.subject, public_key, serial, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(_alternative_names(names)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
        )
        .sign(authority.key, SHA256())
    )


def request_certificate(key: ec.EllipticCurvePrivateKey, names: SipNames) -> bytes:
    """PEM of a request that an authority elsewhere certifies these names for this key (RFC 2986).

    There is no time in it, so the same one serves every renewal, and who sends it needs no key.
    """
    return (
        x509.CertificateSigningRequestBuilder()
        # the common name counts for nobody, and the longest fits none (RFC 8555 section 7.4)
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(_alternative_names(names)), critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )


def requests(pem: bytes | None, key: ec.EllipticCurvePrivateKey, names: SipNames) -> bool:
    """Whether a request is for this key and exactly these names."""
    try:
        request = x509.load_pem_x509_csr(pem or b"")
        present = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return request.public_key() == key.public_key() and list(present) == list(_alternative_names(names))
    except (ValueError, x509.ExtensionNotFound, UnsupportedAlgorithm):
        return False


def request_signing_certificate(
    key: ec.EllipticCurvePrivateKey, spc: str, revocations: x509.CRLDistributionPoints | None
) -> bytes:
    """PEM of a request that an authority of SHAKEN certifies this code for this key (RFC 9448, ATIS-1000080).

    `revocations`: where its revocation list will be; None: the authority knows. As above, it serves for good.
    """
    builder = _signing_request(spc, revocations)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def requests_signing(
    pem: bytes | None,
    key: ec.EllipticCurvePrivateKey,
    spc: str,
    revocations: x509.CRLDistributionPoints | None,
) -> bool:
    """Whether a request is for this key and exactly that."""
    try:
        request = x509.load_pem_x509_csr(pem or b"")
        wanted = _signing_request(spc, revocations).sign(key, SHA256())
        return request.public_key() == key.public_key() and list(request.extensions) == list(
            wanted.extensions
        )
    except (ValueError, UnsupportedAlgorithm):
        return False


def revocation_lists(
    url: str, administrators: Sequence[x509.Certificate]
) -> x509.CRLDistributionPoints | None:
    """Where the indirect revocation list is, by the certificate of whoever signs it; None where none does."""
    for certificate in administrators:
        try:
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            continue
        if usage.crl_sign:
            point = x509.DistributionPoint(
                full_name=[x509.UniformResourceIdentifier(url)],
                relative_name=None,
                reasons=None,
                crl_issuer=[x509.DirectoryName(certificate.subject)],
            )
            return x509.CRLDistributionPoints([point])
    return None


def _signing_request(
    spc: str, revocations: x509.CRLDistributionPoints | None
) -> x509.CertificateSigningRequestBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"SHAKEN {spc}")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, encode_spc(spc)), critical=False)
    return builder if revocations is None else builder.add_extension(revocations, critical=False)


def issue_shaken_test_authority(
    key: ec.EllipticCurvePrivateKey, *, serial: int, now: datetime
) -> x509.Certificate:
    """Make the TEST authority of SHAKEN; see `shaken.testauthority`."""
    return build_test_authority(key, serial=serial, now=now, lifetime=AUTHORITY_LIFETIME)


def issue_shaken_certificate(
    public_key: ec.EllipticCurvePublicKey, *, authority: Pair, spc: str, serial: int, now: datetime
) -> x509.Certificate:
    """Signing certificate for one service provider code from the TEST authority."""
    return build_signing_certificate(
        public_key,
        authority=authority.certificate,
        authority_key=authority.key,
        spc=spc,
        serial=serial,
        now=now,
        lifetime=CERTIFICATE_LIFETIME,
    )


def why_replace_authority(pair: Pair | None, *, now: datetime) -> str | None:
    """Why an authority must be made anew, as a kebab-case reason, or None when it is good.

    Its name is no reason: it keeps the one it was made with. With another, all it issued would be void.
    """
    if pair is None:
        return "missing-or-broken"
    certificate = pair.certificate
    if certificate.public_key() != pair.key.public_key():
        return "key-mismatch"
    # Issued certificates live a year: an authority with less than that left would shorten them.
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - CERTIFICATE_LIFETIME:
        return "expiring"
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return "signature-invalid"
    return None


def why_replace_sip(
    certificate: x509.Certificate | None,
    key: ec.EllipticCurvePrivateKey,
    names: SipNames,
    *,
    authority: x509.Certificate,
    now: datetime,
) -> str | None:
    """Why a SIP certificate must be made anew, as a kebab-case reason, or None when it is good."""
    if certificate is None:
        return "missing-or-broken"
    if certificate.public_key() != key.public_key():
        return "key-mismatch"
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "authority-changed"
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE:
        return "expiring"
    try:
        present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return "names-changed"
    common = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if set(present) != set(_alternative_names(names)) or common != [names.common_name[:64]]:
        return "names-changed"
    return None


def why_replace_shaken(
    certificate: x509.Certificate | None,
    key: ec.EllipticCurvePrivateKey,
    *,
    spc: str,
    authority: x509.Certificate,
    now: datetime,
) -> str | None:
    """Why the signing certificate must be made anew, as a kebab-case reason, or None when it is good."""
    if certificate is None:
        return "missing-or-broken"
    try:
        check_signing_certificate(
            certificate=certificate, key=key, chain=(), authorities=(authority,), spc=spc, now=now
        )
    except CertificateUnfit as unfit:
        return unfit.reason
    return "expiring" if now >= certificate.not_valid_after_utc - RENEW_BEFORE else None


def sip_authority_subject(node: str) -> x509.Name:
    """Subject of the node's SIP authority."""
    # X.520 limits a common name to 64 characters.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{SIP_AUTHORITY_NAME} - {node}"[:64])])


def _alternative_names(names: SipNames) -> Sequence[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in sorted(set(names.dns))),
        *(x509.IPAddress(address) for address in sorted(set(names.addresses), key=str)),
    ]


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
