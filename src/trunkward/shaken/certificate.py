"""May this certificate sign our calls now? ATIS-1000080, RFC 8226; FCC 24-120 (47 CFR 64.6301)."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken.crl import NO_LIST, Revocations, Status
from trunkward.shaken.profile import Kind, lint, tn_auth_list_of

#: Longest chain followed, certificates below the authority included (our limit).
MAX_CHAIN = 6


class CertificateUnfit(ValueError):
    """A certificate or key that must not sign calls; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


def check_signing_certificate(
    *,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    spc: str,
    now: datetime,
    revoked: Revocations = NO_LIST,
) -> None:
    """Raise `CertificateUnfit` with its cause unless this key may sign calls for `spc` now.

    1. The key is on P-256 and belongs to the certificate.
    2. The certificate is in its validity.
    3. It has the whole SHAKEN profile: an end entity with one service provider code, which is our own
       (FCC 24-120: every call is signed with the obligated provider's own certificate).
    4. It leads, through `chain` (issuers in order, without the root), to one of `authorities`.
    5. Nothing of the chain is on the revocation list. Without one nothing is known: that alone stops no call.

    `now` carries a time zone.
    """
    # 1. to 3.
    check_own(certificate, key, spc, now)
    # 4.
    check_chain(certificate, chain, authorities, now)
    # 5.
    for one in (certificate, *chain):
        if revoked.status(one, now.timestamp()) is Status.REVOKED:
            raise CertificateUnfit("certificate-revoked", one.subject.rfc4514_string())


def check_own(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, spc: str, now: datetime
) -> None:
    """The first three of these: what can be said before anybody has said whom to trust."""
    # 1.
    check_key(certificate, key)
    # 2.
    check_validity(certificate, now)
    # 3.
    check_profile(certificate)
    own = tn_auth_list_of(certificate).spcs[0]
    if own != spc:
        raise CertificateUnfit(
            "certificate-spc-mismatch", f"certificate says {own}, configuration says {spc}"
        )


def check_key(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """ES256 needs P-256 (RFC 7518 section 3.4), and the certificate's key must be ours."""
    public = certificate.public_key()
    for candidate in (public, key):
        curve = getattr(candidate, "curve", None)
        if not isinstance(curve, ec.SECP256R1):
            raise CertificateUnfit("certificate-not-p256")
    if public != key.public_key():
        raise CertificateUnfit("certificate-key-mismatch", "it is for another key")


def check_profile(certificate: x509.Certificate) -> None:
    """Hold the certificate against the profile of an end entity; the first rule it breaks is the cause."""
    for finding in lint(certificate, Kind.END_ENTITY):
        raise CertificateUnfit(finding.code, finding.detail)


def check_validity(certificate: x509.Certificate, now: datetime) -> None:
    """RFC 5280 section 4.1.2.5: both ends belong to the validity."""
    if now < certificate.not_valid_before_utc:
        raise CertificateUnfit(
            "certificate-not-yet-valid", f"from {certificate.not_valid_before_utc.isoformat()}"
        )
    if now > certificate.not_valid_after_utc:
        raise CertificateUnfit("certificate-expired", f"at {certificate.not_valid_after_utc.isoformat()}")


def check_chain(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: datetime,
) -> x509.Certificate:
    """Walk from the certificate to one of the authorities, and return that one. Raises `CertificateUnfit`.

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
            return authority
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
    constraints = _extension(issuer, x509.BasicConstraints)
    if not constraints.ca:
        raise CertificateUnfit("chain-issuer-not-an-authority", issuer.subject.rfc4514_string())
    if constraints.path_length is not None and intermediates_below > constraints.path_length:
        raise CertificateUnfit("chain-path-length", issuer.subject.rfc4514_string())
    if not _extension(issuer, x509.KeyUsage).key_cert_sign:
        raise CertificateUnfit("chain-issuer-not-an-authority", issuer.subject.rfc4514_string())


def _extension[E: x509.ExtensionType](certificate: x509.Certificate, kind: type[E]) -> E:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        raise CertificateUnfit("chain-issuer-not-an-authority", "missing or malformed extension") from None
