"""The full-form `shaken` PASSporT: exact bytes, signature, Identity header (RFC 8225, RFC 8588, RFC 8224)."""

import json
import re
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from trunkward.shaken import base64url
from trunkward.shaken.attest import Attestation
from trunkward.shaken.number import canonical_tn

#: Bytes of R and of S for P-256 (RFC 7518 section 3.4).
COORDINATE_BYTES = 32
#: Our limit; a SHAKEN call names one destination, a few only after parallel targets.
MAX_DESTINATIONS = 10

#: RFC 9562 text form, lower case (ATIS-1000074 asks for a UUID; RFC 8588 section 5).
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: What may stand inside `info=<...>` and a JSON string without any escaping.
_X5U = re.compile(r"https://[A-Za-z0-9.\-]+(?::(?:443|8443))?/[A-Za-z0-9._~!$&'()*+,=:@/%\-]*")
#: Longest certificate URL we emit, in characters (the longest published ones have about 100).
MAX_X5U = 256

_ECDSA_SHA256 = ec.ECDSA(SHA256())
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class PassportError(ValueError):
    """Claims or a header that must not be signed; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShakenClaims:
    """The five claims of a `shaken` PASSporT (RFC 8588 section 6).

    Numbers are canonical (`canonical_tn`), `iat` is whole seconds since the epoch, `origid` a UUID
    in lower-case text. Raises `PassportError` on anything else, so that a value of this type
    can always be signed.
    """

    orig_tn: str
    dest_tns: tuple[str, ...]
    attest: Attestation
    iat: int
    origid: str

    def __post_init__(self) -> None:
        """Refuse what a strict verifier would refuse."""
        for number in (self.orig_tn, *self.dest_tns):
            if canonical_tn(number) != number:
                raise PassportError("number-not-canonical", repr(number))
        if not self.dest_tns:
            raise PassportError("dest-missing")
        if len(self.dest_tns) > MAX_DESTINATIONS:
            raise PassportError("dest-too-many")
        if not isinstance(self.attest, Attestation):
            raise PassportError("attest-invalid", repr(self.attest))
        # RFC 8225 errata 5985: an integer, not the quoted string of the examples. bool is an int to Python.
        if type(self.iat) is not int or not 0 < self.iat < 2**53:
            raise PassportError("iat-invalid", repr(self.iat))
        if not _UUID.fullmatch(self.origid):
            raise PassportError("origid-invalid", repr(self.origid))


def check_x5u(url: str) -> str:
    """Return the URL if a strict verifier would fetch it: https, port 443 or 8443, a path, nothing else.

    Raises `PassportError("x5u-invalid")` for user information, a query, a fragment, other ports,
    characters that need quoting, or more than 256 characters.
    """
    if len(url) > MAX_X5U or not _X5U.fullmatch(url):
        raise PassportError("x5u-invalid", repr(url[:MAX_X5U]))
    return url


def deterministic_json(value: object) -> bytes:
    """Keys in order of their code points, no white space, UTF-8 (RFC 8225 section 9)."""
    return _encode(value).encode()


def serialise_header(x5u: str) -> bytes:
    """JOSE header with exactly `alg`, `ppt`, `typ` and `x5u` (RFC 8225 section 4, RFC 8588 section 4)."""
    return deterministic_json({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": check_x5u(x5u)})


def serialise_claims(claims: ShakenClaims) -> bytes:
    """Payload with exactly `attest`, `dest`, `iat`, `orig` and `origid`."""
    return deterministic_json(
        {
            "attest": claims.attest.value,
            # One order for one set of destinations, so that equal calls give equal bytes.
            "dest": {"tn": sorted(set(claims.dest_tns))},
            "iat": claims.iat,
            "orig": {"tn": claims.orig_tn},
            "origid": claims.origid,
        }
    )


def signing_input(header: bytes, payload: bytes) -> bytes:
    """`BASE64URL(header) . BASE64URL(payload)` (RFC 7515 section 5.1)."""
    return f"{base64url.encode(header)}.{base64url.encode(payload)}".encode("ascii")


def sign_es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ES256 signature as 64 bytes R then S, big-endian (RFC 7518 section 3.4), never DER.

    Raises `PassportError("key-not-p256")` for a key on another curve.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise PassportError("key-not-p256", key.curve.name)
    r, s = decode_dss_signature(key.sign(message, _ECDSA_SHA256))
    return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")


def verify_es256(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> None:
    """Raise `cryptography.exceptions.InvalidSignature` unless the 64 bytes R, S sign the message."""
    if len(signature) != 2 * COORDINATE_BYTES or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidSignature
    r = int.from_bytes(signature[:COORDINATE_BYTES], "big")
    s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
    key.verify(encode_dss_signature(r, s), message, _ECDSA_SHA256)


@dataclass(frozen=True, slots=True)
class PassportSigner:
    """Signs claims with one key under one certificate URL; the encoded header is made once."""

    _key: ec.EllipticCurvePrivateKey
    _header: str
    _parameters: str

    @classmethod
    def create(cls, key: ec.EllipticCurvePrivateKey, x5u: str) -> Self:
        """Pin key and URL. Raises `PassportError` for a key not on P-256 or a URL verifiers refuse."""
        if not isinstance(key.curve, ec.SECP256R1):
            raise PassportError("key-not-p256", key.curve.name)
        # RFC 8224 section 4.1: `info` is the same URL as `x5u`, byte for byte; `ppt` is a token (RFC 8588
        # section 4).
        return cls(key, base64url.encode(serialise_header(x5u)), f";info=<{x5u}>;alg=ES256;ppt=shaken")

    def identity(self, claims: ShakenClaims) -> str:
        """Value of the Identity header in full form (RFC 8224 section 4.1), about 600 characters."""
        token = f"{self._header}.{base64url.encode(serialise_claims(claims))}"
        return f"{token}.{base64url.encode(sign_es256(self._key, token.encode('ascii')))}{self._parameters}"
