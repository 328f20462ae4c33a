"""The certificate the node shows: whether one that came from elsewhere may be used, and when it is renewed.

What a public authority issued, or a person put there, is checked before any peer sees it. One that is
refused changes nothing: the one before goes on. It is accepted in nine steps, each with reasons of its own:

1. PEM, a few certificates, the node's own first.
2. It is for the private key we have.
3. It is no authority's.
4. Its key, and every key above it, is strong enough.
5. No signature in the chain stands on SHA-1 or MD5.
6. The chain is in order: each certificate is signed by the one after it (RFC 8446 section 4.4.2).
7. None of them has ended, or has not begun.
8. It carries every name and address peers look for, written out: a wildcard is no name in SIP (RFC 5922
   section 7.2).
9. It may be used for what we want it for (RFC 5280 section 4.2.1.12).

What is not checked is who issued it: which public roots a peer trusts, nobody here knows.

Lifetimes shrink (six days, 47 days), so nothing counts days: times are fractions of the lifetime.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from trunkward.control.pki import SipNames

#: Bytes of a PEM file with a chain; a long one has 10 kB.
MAX_CHAIN_BYTES = 64 * 1024
#: Certificates in a chain, our limit: the node's own, two or three above it, and some.
MAX_CHAIN = 8
#: NIST SP 800-57 part 1, table 2: 112 bits until 2030.
_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
#: Of the lifetime, what is left when it is renewed: the same for 6, 47 and 90 days.
RENEW_AT = 1 / 3
#: Of the lifetime, by how much earlier than that at most, so that the nodes of one day do not meet again.
JITTER = 1 / 20
#: Of the lifetime, what is left when `status` warns: renewal has failed for a while then.
WARN_AT = 1 / 4


class CertificateRefused(Exception):
    """A certificate is not to be used; `reason` is stable and kebab-case, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        """Says why, in a word and in a sentence."""
        self.reason = reason
        super().__init__(message)


class Use(StrEnum):
    """What a certificate is shown as."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """From when to when a chain can be used: its certificate that ends first decides."""

    begins: datetime
    ends: datetime

    @property
    def length(self) -> timedelta:
        """How long it is in all."""
        return self.ends - self.begins

    def left(self, now: datetime) -> float:
        """What fraction of it is left, 0 to 1."""
        return min(1.0, max(0.0, (self.ends - now) / self.length))

    def renewal(self, chance: float) -> datetime:
        """When to renew; `chance`, 0 to 1, spreads the moment."""
        return self.ends - self.length * (RENEW_AT + JITTER * chance)


def read_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file. Raises `CertificateRefused`."""
    # 1.
    if len(pem) > MAX_CHAIN_BYTES:
        raise CertificateRefused("too-large", f"more than {MAX_CHAIN_BYTES} bytes")
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise CertificateRefused("no-certificate", "no certificate in PEM, or one that is broken") from None
    if len(chain) > MAX_CHAIN:
        raise CertificateRefused("too-long", f"more than {MAX_CHAIN} certificates; leave out the others")
    return chain


def read_private_key(pem: bytes) -> PrivateKeyTypes:
    """The unencrypted private key of a PEM file. Raises `CertificateRefused`."""
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise CertificateRefused("key-encrypted", "the private key has a password; take it off") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused("no-key", "no private key in PEM, or one that is broken") from None


def check_chain(
    chain: Sequence[x509.Certificate],
    public_key: object,
    names: SipNames | None,
    *,
    use: Use,
    now: datetime,
) -> Lifetime:
    """How long a chain can be used. Raises `CertificateRefused`.

    `names`: what it must carry; None: it may carry any.
    """
    try:
        return _checked(chain, public_key, names, use, now)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as broken:
        # what is encoded against the rules shows only when it is looked at
        raise CertificateRefused("no-certificate", f"a certificate that is broken: {broken}") from None


def _checked(
    chain: Sequence[x509.Certificate], public_key: object, names: SipNames | None, use: Use, now: datetime
) -> Lifetime:
    own = chain[0]
    # 2.
    if own.public_key() != public_key:
        raise CertificateRefused("key-mismatch", "the first certificate is not for this private key")
    # 3.
    if _is_authority(own):
        raise CertificateRefused(
            "authority", "the first certificate is an authority's; the node's own comes first"
        )
    for certificate in chain:
        # 4.
        _check_strength(certificate)
        # 5.
        if isinstance(certificate.signature_hash_algorithm, SHA1 | MD5) and not _is_root(certificate):
            raise CertificateRefused(
                "weak-hash",
                f"{_name(certificate)}: signed with {certificate.signature_hash_algorithm.name.upper()}",
            )
    # 6.
    for certificate, above in pairwise(chain):
        _check_issued_by(certificate, above)
    # 7.
    lifetime = Lifetime(
        begins=max(certificate.not_valid_before_utc for certificate in chain),
        ends=min(certificate.not_valid_after_utc for certificate in chain),
    )
    if now >= lifetime.ends:
        raise CertificateRefused("expired", f"ended at {lifetime.ends:%Y-%m-%d %H:%M:%S} UTC")
    if now < lifetime.begins:
        raise CertificateRefused("not-yet-valid", f"begins at {lifetime.begins:%Y-%m-%d %H:%M:%S} UTC")
    # 8.
    if names is not None and (missing := _missing(own, names)):
        raise CertificateRefused("names-missing", f"does not carry {', '.join(missing)} in subjectAltName")
    # 9.
    if not may_be(own, use):
        raise CertificateRefused("usage", f"its extended key usage does not allow TLS {use} authentication")
    return lifetime


def may_be(certificate: x509.Certificate, use: Use) -> bool:
    """Whether its extended key usage lets it be shown as that; one without the extension may be anything."""
    try:
        allowed = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    wanted = ExtendedKeyUsageOID.SERVER_AUTH if use is Use.SERVER else ExtendedKeyUsageOID.CLIENT_AUTH
    return wanted in allowed or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in allowed


def chain_pem(chain: Sequence[x509.Certificate]) -> bytes:
    """The chain as we show it: written anew, so that nothing else of the file it came in goes along."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)


def _check_strength(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        good = key.key_size >= _MIN_RSA_BITS
    elif isinstance(key, ec.EllipticCurvePublicKey):
        good = isinstance(key.curve, _CURVES)
    else:
        good = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    if not good:
        raise CertificateRefused(
            "weak-key",
            f"{_name(certificate)}: its key is too weak or unknown; "
            f"P-256 or RSA of {_MIN_RSA_BITS} bits at least",
        )


def _check_issued_by(certificate: x509.Certificate, above: x509.Certificate) -> None:
    if not _is_authority(above):
        raise CertificateRefused("chain-order", f"{_name(above)} comes in the chain and is no authority")
    try:
        certificate.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        raise CertificateRefused(
            "chain-order",
            f"{_name(certificate)} was not issued by what comes after it, {_name(above)}: "
            "the node's own first, then who issued it, and so on",
        ) from None


def _missing(certificate: x509.Certificate, names: SipNames) -> list[str]:
    try:
        present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [*names.dns, *map(str, names.addresses)]
    dns = {name.lower() for name in present.get_values_for_type(x509.DNSName)}
    addresses = set(present.get_values_for_type(x509.IPAddress))
    return [name for name in names.dns if name.lower() not in dns] + [
        str(address) for address in names.addresses if address not in addresses
    ]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _is_root(certificate: x509.Certificate) -> bool:
    """Nobody relies on a root's own signature (RFC 5280 section 6.1: the trust anchor is given)."""
    return certificate.subject == certificate.issuer


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "the certificate without a subject"
