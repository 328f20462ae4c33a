"""The list of trusted certification authorities (ATIS-1000084): a JWT that the policy administrator signed.

The only roots there are. What an operating system trusts for web sites is never asked.
"""

from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken import base64url, jose
from trunkward.shaken.causes import Refused
from trunkward.shaken.es256 import verify_es256
from trunkward.shaken.unreadable import UNREADABLE, strictly

#: Largest list read, in characters, and most authorities on it (our limits; there are a few dozen).
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


def list_x5u(token: str) -> str:
    """Where its signer's certificate is; nothing of the list is believed yet. Raises `ListRefused`."""
    return _opened(token)[1]


def read_trusted_list(
    token: str, administrator: x509.Certificate, now_s: float, *, known: int = 0
) -> TrustedList:
    """Open the administrator's list. `known` is the sequence of the list we have. Raises `ListRefused`.

    1. A JWS in compact form, header and payload strict JSON, `alg` exactly ES256.
    2. The signature, by the key of `administrator`: the certificate behind `list_x5u`, whose own chain the
       caller has checked. Only now is the content looked at.
    3. Not expired, and not older than what we have.
    4. Every entry is a certificate: a list with one that is none is damaged, and none of it is taken.
    """
    # 1.
    message, _, payload, signature = _opened(token)
    # 2.
    key = administrator.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ListRefused("list-signer", "the administrator's key is not on P-256")
    try:
        verify_es256(key, message, signature)
    except InvalidSignature:
        raise ListRefused("list-signature", "not signed by the administrator's certificate") from None
    # 3.
    claims = _json(payload)
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


def _opened(token: str) -> tuple[bytes, str, str, bytes]:
    """Signing input, `x5u`, payload still in base64url, signature."""
    if len(token) > MAX_LIST:
        raise ListRefused("list-malformed", f"more than {MAX_LIST} characters")
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise ListRefused("list-malformed", "no JWS of three parts")
    header = _json(parts[0])
    if header.get("alg") != "ES256" or "crit" in header:
        raise ListRefused("list-algorithm", f"alg is {header.get('alg')!r}"[:80])
    x5u = header.get("x5u")
    if not isinstance(x5u, str) or not x5u:
        raise ListRefused("list-signer", "no x5u in the header")
    signature = _base64url(parts[2])
    if not token.isascii():
        raise ListRefused("list-malformed", "not ASCII")
    return f"{parts[0]}.{parts[1]}".encode("ascii"), x5u, parts[1], signature


def _json(text: str) -> dict[str, Any]:
    try:
        return jose.decode(_base64url(text), jose.PAYLOAD_DEPTH)
    except Refused as refused:
        raise ListRefused("list-malformed", str(refused)) from None


def _base64url(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError:
        raise ListRefused("list-malformed", "not base64url without padding") from None


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
