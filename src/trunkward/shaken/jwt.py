"""JSON Web Tokens signed with ES256 (RFC 7519, RFC 7515): those of SHAKEN's authorities, not of calls.

Authority tokens (RFC 9447) and the list of trusted authorities (ATIS-1000084) come in this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken import base64url, jose
from trunkward.shaken.es256 import sign_es256, verify_es256
from trunkward.shaken.passport import deterministic_json, signing_input


class TokenMalformed(ValueError):
    """No token; the message says why."""


class AlgorithmRefused(TokenMalformed):
    """A token that is not signed with ES256, or asks for what nobody here understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One that was read, and not yet believed."""

    header: Mapping[str, Any]
    signed: bytes
    signature: bytes
    _payload: str

    def claims(self) -> Mapping[str, Any]:
        """What it says; who must know first who signed it asks then. Raises `TokenMalformed`."""
        return _object(self._payload)

    def is_signed_by(self, key: object) -> bool:
        """Whether this public key's owner signed what was read, byte for byte."""
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            verify_es256(key, self.signed, self.signature)
        except InvalidSignature:
            return False
        return True


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    """The token of these claims in compact form; `alg` is ES256 whatever the header says."""
    signed = signing_input(deterministic_json({**header, "alg": "ES256"}), deterministic_json(claims))
    return f"{signed.decode('ascii')}.{base64url.encode(sign_es256(key, signed))}"


def read(text: str) -> Token:
    """A token, whoever signed it; of its payload nothing is looked at. Raises `TokenMalformed`."""
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenMalformed("not three parts with dots between them")
    header = _object(parts[0])
    # RFC 8725 section 3.1: the algorithm is ours to say, before any key is touched
    if header.get("alg") != "ES256":
        raise AlgorithmRefused(f"signed with {header.get('alg')!r}, not with ES256"[:80])
    # RFC 7515 section 4.1.11: what is critical and not understood is refused; nothing is understood here
    if "crit" in header:
        raise AlgorithmRefused("has critical parameters nobody here understands")
    try:
        signature = base64url.decode(parts[2])
    except ValueError as problem:
        raise TokenMalformed(str(problem)) from None
    signed = text.rpartition(".")[0].encode()
    return Token(header=header, signed=signed, signature=signature, _payload=parts[1])


def _object(part: str) -> dict[str, Any]:
    try:
        return jose.decode(base64url.decode(part), jose.PAYLOAD_DEPTH)
    except ValueError as problem:
        raise TokenMalformed(str(problem)) from None
