"""The form of what `control` signs, gates carry and signers believe (Ed25519, RFC 8032).

All ASCII:

    PREFIX.<base64url payload>.<base64url signature>

The signature covers `PREFIX.<base64url payload>`, so a token of one kind or format never passes for another.
The payload is a JSON object, its keys in lexicographic order, without white space.
"""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import base64url


class TokenRefused(ValueError):
    """No token of this kind, or not signed with this key; `reason` is `malformed` or `signature-invalid`."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, which is also the message."""
        super().__init__(reason)
        self.reason = reason


def sign(private_key: Ed25519PrivateKey, prefix: str, said: Mapping[str, object]) -> str:
    """The token of a statement; equal statements give equal tokens."""
    payload = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signed = f"{prefix}.{base64url.encode(payload.encode())}"
    return f"{signed}.{base64url.encode(private_key.sign(signed.encode('ascii')))}"


def opened(public_key: Ed25519PublicKey, prefix: str, token: str, most: int) -> dict[str, Any]:
    """What a token says whose signature is good; `most` characters long. Raises `TokenRefused`."""
    payload, signature = _parts(prefix, token, most)
    try:
        # before a byte of the payload is interpreted
        public_key.verify(signature, f"{prefix}.{payload}".encode("ascii"))
    except InvalidSignature:
        raise TokenRefused("signature-invalid") from None
    return _stated(payload)


def read(prefix: str, token: str, most: int) -> dict[str, Any]:
    """What a token says, its signature NOT looked at. Raises `TokenRefused`."""
    return _stated(_parts(prefix, token, most)[0])


def _parts(wanted: str, token: str, most: int) -> tuple[str, bytes]:
    if len(token) > most or not token.isascii():
        raise TokenRefused("malformed")
    try:
        prefix, payload, signature = token.split(".")
        raw_signature = base64url.decode(signature)
    except ValueError:
        raise TokenRefused("malformed") from None
    if prefix != wanted:
        raise TokenRefused("malformed")
    return payload, raw_signature


def _stated(payload: str) -> dict[str, Any]:
    try:
        said = json.loads(base64url.decode(payload))
    except (ValueError, RecursionError):
        raise TokenRefused("malformed") from None
    if not isinstance(said, dict):
        raise TokenRefused("malformed")
    return said
