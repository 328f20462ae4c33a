"""Is this certificate fit to sign calls? The SHAKEN profile (ATIS-1000080, RFC 8226), rule by rule."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from trunkward.shaken.tnauthlist import TN_AUTH_LIST, TnAuthListError, decode_spc

#: Arc of the SHAKEN certificate policies; the version is its last number (United States CP).
POLICY_ARC = "2.16.840.1.114569.1.1."
POLICY = x509.ObjectIdentifier(POLICY_ARC + "3")

#: Longest chain followed, certificates below the authority included (our limit).
MAX_CHAIN = 6

#: The profile allows no other extension in an end-entity certificate.
_ALLOWED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    TN_AUTH_LIST,
}


class CertificateUnfit(ValueError):
    """A certificate or key that must not sign calls; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


def check_signing_certificate(
    *,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    spc: str,
    now: datetime,
) -> None:
    """Raise `CertificateUnfit` with its cause unless this key may sign calls for `spc` now.

    1. The key is on P-256 and belongs to the certificate.
    2. The certificate is in its validity.
    3. It has the SHAKEN profile: an end entity with one service provider code, which is our own
       (47 CFR 64.6302: every call is signed with the obligated provider's own certificate).
    4. It leads, through `chain` (issuers in order, without the root), to one of `authorities`.

    `now` carries a time zone. Revocation is not asked here.
    """
    # 1.
    check_key(certificate, key)
    # 2.
    check_validity(certificate, now)
    # 3.
    check_profile(certificate)
    own = spc_of(certificate)
    if own != spc:
        raise CertificateUnfit(
            "certificate-spc-mismatch", f"certificate says {own}, configuration says {spc}"
        )
    # 4.
    check_chain(certificate, chain, authorities, now)


def check_key(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """ES256 needs P-256 (RFC 7518 section 3.4), and the certificate's key must be ours."""
    public = certificate.public_key()
    for candidate in (public, key):
        curve = getattr(candidate, "curve", None)
        if not isinstance(curve, ec.SECP256R1):
            raise CertificateUnfit("certificate-not-p256")
    if public != key.public_key():
        raise CertificateUnfit("certificate-key-mismatch")


def check_validity(certificate: x509.Certificate, now: datetime) -> None:
    """RFC 5280 section 4.1.2.5: both ends belong to the validity."""
    if now < certificate.not_valid_before_utc:
        raise CertificateUnfit(
            "certificate-not-yet-valid", f"from {certificate.not_valid_before_utc.isoformat()}"
        )
    if now > certificate.not_valid_after_utc:
        raise CertificateUnfit("certificate-expired", f"at {certificate.not_valid_after_utc.isoformat()}")


def spc_of(certificate: x509.Certificate) -> str:
    """Return the TNAuthList's service provider code; `CertificateUnfit` when there is not exactly one."""
    try:
        value = certificate.extensions.get_extension_for_oid(TN_AUTH_LIST).value
    except x509.ExtensionNotFound:
        raise CertificateUnfit("certificate-tnauthlist-missing") from None
    if not isinstance(value, x509.UnrecognizedExtension):
        raise CertificateUnfit("certificate-tnauthlist-malformed")
    try:
        return decode_spc(value.value)
    except TnAuthListError as error:
        raise CertificateUnfit("certificate-tnauthlist-malformed", str(error)) from None


def check_profile(certificate: x509.Certificate) -> None:
    """Hold the certificate against the SHAKEN end-entity profile, rule by rule (ATIS-1000080)."""
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise CertificateUnfit(
            "certificate-signature-algorithm", certificate.signature_algorithm_oid.dotted_string
        )
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension) as error:
        raise CertificateUnfit("certificate-malformed", str(error)) from None

    constraints = _extension(
        extensions, x509.BasicConstraints, "certificate-basic-constraints", critical=True
    )
    if constraints.ca:
        raise CertificateUnfit("certificate-is-an-authority")

    usage = _extension(extensions, x509.KeyUsage, "certificate-key-usage", critical=True)
    if usage != _DIGITAL_SIGNATURE:
        raise CertificateUnfit("certificate-key-usage", "exactly digitalSignature is allowed")

    _extension(extensions, x509.SubjectKeyIdentifier, "certificate-key-identifier")
    _extension(extensions, x509.AuthorityKeyIdentifier, "certificate-key-identifier")

    policies = list(_extension(extensions, x509.CertificatePolicies, "certificate-policy"))
    if len(policies) != 1 or not policies[0].policy_identifier.dotted_string.startswith(POLICY_ARC):
        raise CertificateUnfit("certificate-policy", "exactly one SHAKEN policy is allowed")

    code = spc_of(certificate)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or "SHAKEN" not in str(names[0].value) or code not in str(names[0].value):
        raise CertificateUnfit("certificate-common-name", f"must name SHAKEN and {code}")

    foreign = {extension.oid for extension in extensions} - _ALLOWED
    if foreign:
        raise CertificateUnfit(
            "certificate-foreign-extension", ", ".join(sorted(oid.dotted_string for oid in foreign))
        )


def check_chain(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    """Walk from the certificate to one of the authorities (RFC 5280 section 6, the part SHAKEN needs).

    Every certificate of the chain must be used; an authority is trusted by being listed, yet has to be valid.
    """
    if len(chain) > MAX_CHAIN:
        raise CertificateUnfit("chain-too-long")
    below = 0
    current = certificate
    for issuer in chain:
        _check_issued(current, issuer, below, now)
        current = issuer
        below += 1
    for authority in authorities:
        if authority.subject == current.issuer:
            try:
                _check_issued(current, authority, below, now)
            except CertificateUnfit as unfit:
                if unfit.reason != "chain-broken":
                    raise
                # An authority of the same name with another key: the next one may be it.
                continue
            return
    raise CertificateUnfit("chain-not-trusted", f"no authority {current.issuer.rfc4514_string()}")


def _check_issued(
    certificate: x509.Certificate, issuer: x509.Certificate, intermediates_below: int, now: datetime
) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        raise CertificateUnfit("chain-broken", f"not issued by {issuer.subject.rfc4514_string()}") from None
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        raise CertificateUnfit("chain-expired", issuer.subject.rfc4514_string())
    constraints = _extension(issuer.extensions, x509.BasicConstraints, "chain-issuer-not-an-authority")
    if not constraints.ca:
        raise CertificateUnfit("chain-issuer-not-an-authority", issuer.subject.rfc4514_string())
    if constraints.path_length is not None and intermediates_below > constraints.path_length:
        raise CertificateUnfit("chain-path-length", issuer.subject.rfc4514_string())
    if not _extension(issuer.extensions, x509.KeyUsage, "chain-issuer-not-an-authority").key_cert_sign:
        raise CertificateUnfit("chain-issuer-not-an-authority", issuer.subject.rfc4514_string())


def _extension[E: x509.ExtensionType](
    extensions: x509.Extensions, kind: type[E], reason: str, *, critical: bool = False
) -> E:
    try:
        extension = extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        raise CertificateUnfit(reason, "missing") from None
    if critical and not extension.critical:
        raise CertificateUnfit(reason, "not critical")
    return extension.value


_DIGITAL_SIGNATURE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
