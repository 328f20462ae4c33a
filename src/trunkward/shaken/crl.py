"""Indirect certificate revocation lists (RFC 5280 sections 5 and 6.3; ATIS-1000080).

One list of the policy administrator speaks for all authorities: each entry names the issuer it is about. A
list that cannot be read, or is too old, says nothing, and nothing is never "good".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from trunkward.shaken.named_signer import may_sign
from trunkward.shaken.unreadable import UNREADABLE, strictly

#: How long a list is still believed after its `nextUpdate`, in seconds: a day, in which an alarm sounds.
GRACE_S = 86_400
#: Tolerated difference of clocks for `thisUpdate`, in seconds.
AHEAD_S = 300


class Status(StrEnum):
    """What a list says of a certificate. Only `GOOD` is good."""

    GOOD = "good"
    REVOKED = "revoked"
    #: No list, one that is too old, or one that does not speak for this certificate.
    UNKNOWN = "unknown"


class CrlRefused(ValueError):
    """A revocation list that is not taken; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """A list that was read and whose signature holds; `NO_LIST` in place of none."""

    #: (issuer's name in DER, serial number) of each revoked certificate.
    revoked: frozenset[tuple[bytes, int]] = field(repr=False)
    #: Who signed the list, name in DER.
    issuer: bytes
    #: Whether it speaks for certificates of other issuers too.
    indirect: bool
    #: Counts up with each list of this issuer; 0 when it has no number.
    number: int
    #: Seconds since the epoch.
    this_update_s: float
    next_update_s: float

    def fresh(self, now_s: float) -> bool:
        """Whether it may be believed to be complete: until `nextUpdate`, and a day more."""
        return self.this_update_s - AHEAD_S <= now_s <= self.next_update_s + GRACE_S

    def is_older_than(self, known: "Revocations") -> bool:
        """Whether `known` was made after it: by its time, and for lists of one issuer by their numbers."""
        counted = self.issuer == known.issuer and self.number and known.number
        return self.this_update_s < known.this_update_s or bool(counted and self.number < known.number)

    def status(self, certificate: x509.Certificate, now_s: float) -> Status:
        """What this list says of one certificate now.

        1. What is on it is revoked, however old the list is.
        2. A list that is too old, or was signed by none of those the certificate names (RFC 5280
           section 4.2.1.13), cannot say that all is well.
        """
        # 1.
        name = certificate.issuer.public_bytes()
        if (name, certificate.serial_number) in self.revoked:
            return Status.REVOKED
        # 2.
        if not self.fresh(now_s) or not self._speaks_for(certificate, name):
            return Status.UNKNOWN
        return Status.GOOD

    def _speaks_for(self, certificate: x509.Certificate, issuer: bytes) -> bool:
        if not self.indirect:
            return issuer == self.issuer
        try:
            points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        except x509.ExtensionNotFound:
            return True  # names no list: the administrator's is for all of SHAKEN
        return any(
            isinstance(name, x509.DirectoryName) and name.value.public_bytes() == self.issuer
            for point in points
            for name in point.crl_issuer or ()
        )


#: Nothing is known: in place of a list that could not be had or read.
NO_LIST = Revocations(
    revoked=frozenset(), issuer=b"", indirect=True, number=0, this_update_s=0, next_update_s=-GRACE_S
)


def read_crl(
    data: bytes, issuers: Sequence[x509.Certificate], now_s: float, *, known: Revocations = NO_LIST
) -> Revocations:
    """Read a list in DER or PEM. `known` is the list we have. Raises `CrlRefused` with its cause.

    1. It is a revocation list.
    2. One of `issuers`, which are trusted to sign such lists, signed it (RFC 5280 section 6.3.3 (f), (g)).
    3. It is complete: no part of a list, no changes since another one, nothing critical that we do not know.
    4. It says until when it holds, and its time has begun.
    5. Each entry is readable; its issuer is the one named last (RFC 5280 section 5.3.3).
    6. It is not older than what we have: numbers only count up (RFC 5280 section 5.2.3), and so does time.
    """
    # 1.
    try:
        with strictly():
            pem = data.lstrip()[:5] == b"-----"
            crl = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
            extensions = list(crl.extensions)
            # each is parsed when it is first asked for
            issuer, this_update, next_update = crl.issuer, crl.last_update_utc, crl.next_update_utc
    except UNREADABLE as error:
        raise CrlRefused("crl-malformed", str(error)) from None
    # 2.
    _check_signature(crl, [one for one in issuers if one.subject == issuer], now_s)
    # 3.
    indirect = _check_complete(extensions)
    # 4.
    if next_update is None:
        raise CrlRefused("crl-without-next-update")
    if this_update.timestamp() > now_s + AHEAD_S:
        raise CrlRefused("crl-from-the-future", this_update.isoformat())
    # 5.
    found = Revocations(
        revoked=_entries(crl, indirect=indirect),
        issuer=issuer.public_bytes(),
        indirect=indirect,
        number=_number(extensions),
        this_update_s=this_update.timestamp(),
        next_update_s=next_update.timestamp(),
    )
    # 6.
    if found.is_older_than(known):
        raise CrlRefused("crl-older", f"of {this_update.isoformat()}, number {found.number}")
    return found


def _check_signature(
    crl: x509.CertificateRevocationList, named: Sequence[x509.Certificate], now_s: float
) -> None:
    if not named:
        raise CrlRefused("crl-issuer-unknown", crl.issuer.rfc4514_string())
    try:
        known = isinstance(crl.signature_hash_algorithm, SHA256 | SHA384)
    except UNREADABLE:
        known = False
    if not known:
        raise CrlRefused("crl-signature-algorithm", crl.signature_algorithm_oid.dotted_string)
    if not any(_signed_by(crl, issuer, now_s) for issuer in named):
        raise CrlRefused("crl-signature", f"not signed by {crl.issuer.rfc4514_string()}")


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate, now_s: float) -> bool:
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    return may_sign(issuer, lambda usage: usage.crl_sign, now_s) and crl.is_signature_valid(key)


def _check_complete(extensions: Sequence[x509.Extension[x509.ExtensionType]]) -> bool:
    """Whether the list is an indirect one. Raises `CrlRefused` for one that is not complete."""
    indirect = False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            indirect = value.indirect_crl
            if (
                value.only_contains_user_certs
                or value.only_contains_ca_certs
                or value.only_contains_attribute_certs
                or value.only_some_reasons
            ):
                raise CrlRefused("crl-partial")
        elif extension.oid == ExtensionOID.DELTA_CRL_INDICATOR:
            raise CrlRefused("crl-delta")
        elif extension.critical and extension.oid not in _KNOWN:
            raise CrlRefused("crl-critical-extension", extension.oid.dotted_string)
    return indirect


_KNOWN = {ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER}
_KNOWN_OF_ENTRIES = {
    CRLEntryExtensionOID.CERTIFICATE_ISSUER,
    CRLEntryExtensionOID.CRL_REASON,
    CRLEntryExtensionOID.INVALIDITY_DATE,
}


def _number(extensions: Sequence[x509.Extension[x509.ExtensionType]]) -> int:
    for extension in extensions:
        if isinstance(extension.value, x509.CRLNumber):
            return extension.value.crl_number
    return 0


def _entries(crl: x509.CertificateRevocationList, *, indirect: bool) -> frozenset[tuple[bytes, int]]:
    found: set[tuple[bytes, int]] = set()
    issuer = crl.issuer.public_bytes()
    try:
        with strictly():
            for entry in crl:
                issuer = _issuer_of(entry, issuer, indirect=indirect)
                found.add((issuer, entry.serial_number))
    except CrlRefused:
        raise
    except UNREADABLE as error:
        raise CrlRefused("crl-malformed", f"an entry: {error}") from None
    return frozenset(found)


def _issuer_of(entry: x509.RevokedCertificate, last: bytes, *, indirect: bool) -> bytes:
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CertificateIssuer):
            last = _entry_issuer(extension.value, indirect=indirect)
        elif extension.critical and extension.oid not in _KNOWN_OF_ENTRIES:
            raise CrlRefused("crl-critical-extension", extension.oid.dotted_string)
    return last


def _entry_issuer(value: x509.CertificateIssuer, *, indirect: bool) -> bytes:
    names = [name for name in value if isinstance(name, x509.DirectoryName)]
    if not indirect or len(names) != 1:
        raise CrlRefused(
            "crl-entry-issuer", "an entry that is not about one issuer, or not in an indirect list"
        )
    return names[0].value.public_bytes()
