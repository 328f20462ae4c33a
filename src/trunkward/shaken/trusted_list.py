"""The list of trusted certification authorities (ATIS-1000084): a JWT that the policy administrator signed.

The only roots there are. What an operating system trusts for web sites is never asked.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cryptography import x509

from trunkward.shaken import jwt
from trunkward.shaken.named_signer import may_sign
from trunkward.shaken.unreadable import UNREADABLE, strictly

#: Largest list read, in bytes, and most authorities on it (our limits; there are a few dozen).
MAX_LIST = 4 * 1024 * 1024
MAX_AUTHORITIES = 1000


class ListRefused(ValueError):
    """A trusted list that is not taken; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedList:
    """The roots, and which edition of the list they are from."""

    roots: tuple[x509.Certificate, ...]
    #: Counts up with each edition; 0 for a list from a file.
    sequence: int = 0
    #: Seconds since the epoch; None for a list from a file.
    expires_s: int | None = None

    @classmethod
    def of(cls, *roots: x509.Certificate) -> Self:
        """A list of this node's own, from a file."""
        return cls(roots=roots)


def read_trusted_list(
    content: bytes, administrators: Iterable[x509.Certificate], now_s: float, *, known: int = 0
) -> TrustedList:
    """Open the administrator's list. `known` is the sequence of the list we have. Raises `ListRefused`.

    1. A JWT (`shaken.jwt`), its header strict JSON, `alg` exactly ES256.
    2. The signature, by the key of one of `administrators`: a person has named these certificates, and the
       `x5u` in the header is not asked. The certificate is valid now and may sign (`may_sign`), as that of a
       revocation list. Only now is the content looked at.
    3. Not expired, and not older than what we have.
    4. Every entry is a certificate: a list with one that is none is damaged, and none of it is taken.
    """
    # 1.
    token = _opened(content)
    # 2.
    signers = [one for one in administrators if token.is_signed_by(one.public_key())]
    if not signers:
        raise ListRefused("list-signature", "not signed by a certificate of the policy administrator")
    if not any(may_sign(one, lambda usage: usage.digital_signature, now_s) for one in signers):
        what = "the certificate it is signed under has ended, is not yet valid, or is not for signing"
        raise ListRefused("list-signer-unfit", what)
    # 3.
    try:
        claims = token.claims()
    except jwt.TokenMalformed as problem:
        raise ListRefused("list-malformed", str(problem)) from None
    expires_s, sequence = claims.get("exp"), claims.get("sequence", 0)
    if type(expires_s) is not int or type(sequence) is not int:
        raise ListRefused("list-malformed", "exp or sequence is no whole number")
    if now_s > expires_s:
        raise ListRefused("list-expired", f"at {expires_s}")
    if sequence < known:
        raise ListRefused("list-older", f"sequence {sequence}, we have {known}")
    # 4.
    entries = claims.get("trustList")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_AUTHORITIES:
        raise ListRefused("list-malformed", "trustList is no array of certificates")
    roots = tuple(_certificate(number, entry) for number, entry in enumerate(entries, 1))
    return TrustedList(roots=roots, sequence=sequence, expires_s=expires_s)


def _opened(content: bytes) -> jwt.Token:
    if len(content) > MAX_LIST:
        raise ListRefused("list-malformed", f"more than {MAX_LIST} bytes")
    try:
        token = jwt.read(content.strip().decode("ascii", "replace"))
    except jwt.AlgorithmRefused as problem:
        raise ListRefused("list-algorithm", str(problem)) from None
    except jwt.TokenMalformed as problem:
        raise ListRefused("list-malformed", str(problem)) from None
    x5u = token.header.get("x5u")
    if not isinstance(x5u, str) or not x5u:  # ATIS-1000084: it says where its signer's certificate is
        raise ListRefused("list-signer", "no x5u in the header")
    return token


def _certificate(number: int, entry: object) -> x509.Certificate:
    """One authority, in PEM or as base64 of its DER: both are seen."""
    try:
        with strictly():
            if isinstance(entry, str) and entry.lstrip().startswith("-----BEGIN"):
                return x509.load_pem_x509_certificate(entry.encode("ascii"))
            if isinstance(entry, str):
                return x509.load_der_x509_certificate(b64decode("".join(entry.split()), validate=True))
    except UNREADABLE:
        pass
    raise ListRefused("list-malformed", f"entry {number} of trustList is no certificate")
