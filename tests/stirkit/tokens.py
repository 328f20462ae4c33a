"""Tokens and Identity headers, byte by byte, by the standard library and `cryptography` alone."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from stirkit.pki import NOW_S, Key

X5U = "https://cert.example.com/709J/1.pem"
ORIGID = "123e4567-e89b-82d3-a456-426655440000"
CALLER, CALLED = "12025550100", "12025550110"
#: A value that takes a key out.
GONE = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def changed(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in (value | changes).items() if item is not GONE}


def header(**changes: Any) -> dict[str, Any]:
    return changed({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U}, changes)


def payload(**changes: Any) -> dict[str, Any]:
    claims = {
        "attest": "A",
        "dest": {"tn": [CALLED]},
        "iat": NOW_S,
        "orig": {"tn": CALLER},
        "origid": ORIGID,
    }
    return changed(claims, changes)


def div_payload(was: str, now: str, **changes: Any) -> dict[str, Any]:
    claims = {"dest": {"tn": [now]}, "div": {"tn": was}, "iat": NOW_S, "orig": {"tn": CALLER}}
    return changed(claims, changes)


def sign(key: Key, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def token(key: Key, head: dict[str, Any] | bytes, body: dict[str, Any] | bytes) -> str:
    parts = [b64(part if isinstance(part, bytes) else compact(part)) for part in (head, body)]
    return f"{'.'.join(parts)}.{b64(sign(key, '.'.join(parts).encode()))}"


def identity(
    key: Key,
    *,
    head: dict[str, Any] | bytes | None = None,
    body: dict[str, Any] | bytes | None = None,
    parameters: str | None = None,
) -> str:
    """A value of an Identity header; without changes a good `shaken` one."""
    head = header() if head is None else head
    if parameters is None:
        said = head if isinstance(head, dict) else header()
        ppt = f";ppt={said['ppt']}" if "ppt" in said else ""
        parameters = f";info=<{said.get('x5u', X5U)}>;alg=ES256{ppt}"
    return token(key, head, payload() if body is None else body) + parameters
