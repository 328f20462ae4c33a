"""From the certificates behind an `x5u` to a credential that signatures are held against, or to why not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.certificate import MAX_CHAIN, CertificateUnfit, check_chain, check_validity
from trunkward.shaken.constraints import ClaimConstraints
from trunkward.shaken.crl import Revocations, Status
from trunkward.shaken.profile import Kind, constraints_of, has_extension, lint, tn_auth_list_of, unreadable
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, TnAuthListError, covers
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.unreadable import UNREADABLE, strictly

#: Largest chain read, in bytes of PEM (our limit; a chain of three certificates has about 3 KiB).
MAX_PEM = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What one certificate may say, checked once; kept by `x5u`, never beyond `not_after_s`."""

    key: ec.EllipticCurvePublicKey
    #: Service provider code; None for a delegate certificate, which has numbers instead.
    spc: str | None
    #: Numbers a delegate may speak for: first and last of each range, canonical. None: a code has no such
    #: limit, and whose number it is must not be asked (policy of the STI-GA).
    numbers: tuple[tuple[str, str], ...] | None = field(repr=False, default=None)
    constraints: tuple[ClaimConstraints, ...] = ()
    #: Lower-case hex.
    serial: str
    #: Issuer's name (RFC 4514).
    issuer: str
    #: Seconds since the epoch: when all certificates of the chain are valid, the root's included.
    not_before_s: float
    not_after_s: float
    #: False: no fresh revocation list spoke for the whole chain. To be counted; it never means "good".
    revocation_known: bool
    #: Rules of the profile that do not bind a verifier and are broken all the same, by code.
    noted: tuple[str, ...] = ()

    def speaks_for(self, number: str) -> bool:
        """Whether this credential may speak for a canonical number."""
        return self.numbers is None or covers(self.numbers, number)


def credential_of(
    chain_pem: bytes, trusted: TrustedList, revoked: Revocations, now_s: float, *, hard: bool = False
) -> Credential:
    """Check a chain as it is published, leaf first, and return its credential. Raises `CredentialFault`.

    1. At most six certificates in PEM, in 16 KiB. A trusted root at its end is not asked for: left out.
    2. The leaf is in its validity and keeps every binding rule of its profile: one code, or a delegate's
       numbers.
    3. It leads to a root of the trusted list, and to nothing else; every issuer is an authority and used.
    4. What a delegate has, each issuer above it had to give (RFC 9060 section 6).
    5. None of the chain is revoked. With `hard`, a fresh list must say so of each.
    """
    now = datetime.fromtimestamp(now_s, UTC)
    # 1.
    leaf, *issuers = _read(chain_pem, trusted)
    # 2.
    kind = _kind(leaf)
    try:
        check_validity(leaf, now)
    except CertificateUnfit as unfit:
        raise CredentialFault(_OUTSIDE[unfit.reason], str(unfit)) from None
    noted = _profiled(leaf, kind)
    # 3.
    delegating = Kind.DELEGATING if kind is Kind.DELEGATE else Kind.INTERMEDIATE
    for issuer in issuers:
        has_list = has_extension(issuer, TN_AUTH_LIST)
        noted += _profiled(issuer, delegating if has_list else Kind.INTERMEDIATE)
    try:
        root = check_chain(leaf, issuers, trusted.roots, now)
    except CertificateUnfit as unfit:
        raise CredentialFault(Cause.CHAIN_NOT_TRUSTED, str(unfit)) from None
    # 4.
    _check_scope(leaf, issuers, kind)
    # 5.
    statuses = {revoked.status(one, now_s) for one in (leaf, *issuers)}
    if Status.REVOKED in statuses:
        raise CredentialFault(Cause.CERTIFICATE_REVOKED, f"serial {leaf.serial_number:x} or one above it")
    if hard and Status.UNKNOWN in statuses:
        raise CredentialFault(Cause.REVOCATION_UNKNOWN, "no fresh revocation list speaks for it")

    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # a binding rule
    whole = (leaf, *issuers, root)
    found = tn_auth_list_of(leaf)
    return Credential(
        key=key,
        spc=None if kind is Kind.DELEGATE else found.spcs[0],
        numbers=found.numbers if kind is Kind.DELEGATE else None,
        constraints=tuple(one for each in (leaf, *issuers) for one in constraints_of(each)),
        serial=f"{leaf.serial_number:x}",
        issuer=leaf.issuer.rfc4514_string(),
        not_before_s=max(each.not_valid_before_utc.timestamp() for each in whole),
        not_after_s=min(each.not_valid_after_utc.timestamp() for each in whole),
        revocation_known=Status.UNKNOWN not in statuses,
        noted=noted,
    )


_OUTSIDE = {
    "certificate-expired": Cause.CERTIFICATE_EXPIRED,
    "certificate-not-yet-valid": Cause.CERTIFICATE_NOT_YET_VALID,
}


def _read(chain_pem: bytes, trusted: TrustedList) -> list[x509.Certificate]:
    if len(chain_pem) > MAX_PEM:
        raise CredentialFault(Cause.CERTIFICATE_UNREADABLE, f"more than {MAX_PEM} bytes")
    try:
        with strictly():
            found = x509.load_pem_x509_certificates(chain_pem)
    except UNREADABLE:  # what the library says is for its own users
        raise CredentialFault(Cause.CERTIFICATE_UNREADABLE, "no certificates in PEM") from None
    if len(found) > MAX_CHAIN:
        raise CredentialFault(Cause.CHAIN_NOT_TRUSTED, f"more than {MAX_CHAIN} certificates")
    if len(found) > 1 and found[-1] in trusted.roots:
        found.pop()
    for each in found:
        if why := unreadable(each):
            raise CredentialFault(Cause.CERTIFICATE_PROFILE, f"certificate-malformed: {why}")
    return found


def _kind(leaf: x509.Certificate) -> Kind:
    """A delegate if it has numbers; whether the rest of it is in order, the rules tell."""
    try:
        return Kind.DELEGATE if tn_auth_list_of(leaf).numbers else Kind.END_ENTITY
    except TnAuthListError:
        return Kind.END_ENTITY


def _profiled(certificate: x509.Certificate, kind: Kind) -> tuple[str, ...]:
    """Rules it breaks that do not bind. Raises `CredentialFault` for the first that does."""
    findings = lint(certificate, kind)
    for finding in findings:
        if finding.binding:
            raise CredentialFault(Cause.CERTIFICATE_PROFILE, f"{finding.code} ({kind}): {finding.detail}")
    return tuple(finding.code for finding in findings)


def _check_scope(leaf: x509.Certificate, issuers: list[x509.Certificate], kind: Kind) -> None:
    inner = tn_auth_list_of(leaf)
    given = False
    for issuer in issuers:
        if not has_extension(issuer, TN_AUTH_LIST):
            continue
        outer = tn_auth_list_of(issuer)
        if not inner.within(outer):
            raise CredentialFault(
                Cause.CREDENTIAL_SCOPE, f"more than {issuer.subject.rfc4514_string()} had to give"
            )
        inner, given = outer, True
    if kind is Kind.DELEGATE and not given:
        raise CredentialFault(Cause.CREDENTIAL_SCOPE, "nobody above it has a TNAuthList to give numbers from")
