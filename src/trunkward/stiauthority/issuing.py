"""Certificates and lists of the test authorities (ATIS-1000080, RFC 5280): keys and the time come in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from trunkward.shaken.begun import begun
from trunkward.shaken.profile import POLICY
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, encode_spc

#: Of authorities.
AUTHORITY_LIFETIME = timedelta(days=3650)
ADMINISTRATOR, ROOT, INTERMEDIATE = (
    f"Trunkward TEST {role} - not STI-PA" for role in ("policy administrator", "root", "SHAKEN intermediate")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """One certificate that is not to be believed any more."""

    #: Who issued it.
    issuer: x509.Name
    serial: int
    at: datetime


def issue_administrator(key: ec.EllipticCurvePrivateKey, *, serial: int, now: datetime) -> x509.Certificate:
    """The policy administrator's: signs tokens, the trusted list and the revocation list; issues nothing."""
    name = _name(ADMINISTRATOR)
    return (
        begun(name, name, key.public_key(), serial, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def issue_root(key: ec.EllipticCurvePrivateKey, *, serial: int, now: datetime) -> x509.Certificate:
    """What stands on the trusted list."""
    name = _name(ROOT)
    return (
        begun(name, name, key.public_key(), serial, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def issue_intermediate(
    key: ec.EllipticCurvePublicKey,
    *,
    root: Issuer,
    revocations: x509.CRLDistributionPoints,
    serial: int,
    now: datetime,
) -> x509.Certificate:
    """What issues to providers."""
    return (
        begun(_name(INTERMEDIATE), root.certificate.subject, key, serial, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issued_by(root), critical=False)
        .add_extension(_policy(), critical=False)
        .add_extension(revocations, critical=False)
        .sign(root.key, SHA256())
    )


def issue_signing(
    key: ec.EllipticCurvePublicKey,
    *,
    spc: str,
    issuer: Issuer,
    revocations: x509.CRLDistributionPoints,
    serial: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """A provider's, with the end-entity profile (ATIS-1000080). Raises `TnAuthListError` for a wrong code."""
    tn_auth_list = x509.UnrecognizedExtension(TN_AUTH_LIST, encode_spc(spc))
    return (
        begun(_name(f"SHAKEN {spc}"), issuer.certificate.subject, key, serial, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issued_by(issuer), critical=False)
        .add_extension(_policy(), critical=False)
        .add_extension(revocations, critical=False)
        .add_extension(tn_auth_list, critical=False)
        .sign(issuer.key, SHA256())
    )


def revocations_at(url: str, administrator: x509.Certificate) -> x509.CRLDistributionPoints:
    """Where each certificate says the indirect revocation list is, and whose (RFC 5280 section 4.2.1.13)."""
    return x509.CRLDistributionPoints(
        [
            x509.DistributionPoint(
                full_name=[x509.UniformResourceIdentifier(url)],
                relative_name=None,
                reasons=None,
                crl_issuer=[x509.DirectoryName(administrator.subject)],
            )
        ]
    )


def revocation_list(
    revoked: Iterable[Revoked],
    *,
    administrator: Issuer,
    url: str,
    number: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateRevocationList:
    """The indirect list of all authorities (RFC 5280 section 5): each entry names who issued it."""
    certificate = administrator.certificate
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(now)
        .next_update(now + lifetime)
        .add_extension(_issued_by(administrator), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.IssuingDistributionPoint(
                full_name=[x509.UniformResourceIdentifier(url)],
                relative_name=None,
                only_contains_user_certs=False,
                only_contains_ca_certs=False,
                only_some_reasons=None,
                indirect_crl=True,
                only_contains_attribute_certs=False,
            ),
            critical=True,
        )
    )
    for one in revoked:
        issuer = x509.CertificateIssuer([x509.DirectoryName(one.issuer)])
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(one.serial)
            .revocation_date(one.at)
            .add_extension(issuer, critical=True)
            .build()
        )
    return builder.sign(administrator.key, SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Trunkward TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _issued_by(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    its = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(its)


def _policy() -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)])


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
