"""PASSporTs as other providers send them: of any form, made by nobody who could be trusted."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ORIGID = "8e3d7b0a-5f0c-4c80-9b6a-7d6f0f6f2f10"
X5U = "https://certificates.example.net/shaken.pem"
#: R and S, 64 bytes of nothing: no key has made it.
SIGNATURE = base64.urlsafe_b64encode(bytes(range(64))).rstrip(b"=").decode()


def identity(
    ppt: str, claims: dict[str, Any], *, header: dict[str, Any] | None = None, padded: int = 0
) -> str:
    """An Identity value in full form; `padded`: bytes its claims are made longer by, in a claim nobody knows."""
    head = {"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": X5U} | (header or {})
    more = {"zzz": "x" * padded} if padded else {}
    token = ".".join((_part(head), _part(claims | more), SIGNATURE))
    return f"{token};info=<{X5U}>;alg=ES256;ppt={ppt}"


def shaken(orig: str, dest: str, *, iat: int, attest: str = "A", **more: Any) -> str:
    """A `shaken` one."""
    claims = {
        "attest": attest,
        "dest": {"tn": [dest]},
        "iat": iat,
        "orig": {"tn": orig},
        "origid": ORIGID,
    }
    return identity("shaken", claims, **more)


def div(orig: str, dest: str, was: str, *, iat: int) -> str:
    """A `div` one: the call for `was` goes on to `dest`."""
    claims = {"dest": {"tn": [dest]}, "div": {"tn": was}, "iat": iat, "orig": {"tn": orig}}
    return identity("div", claims)


def claims_of(value: str) -> dict[str, Any]:
    """What an Identity value claims, its signature not looked at."""
    return dict(json.loads(_decoded(value.split(".")[1])))


def head_of(value: str) -> dict[str, Any]:
    """Its JOSE header."""
    return dict(json.loads(_decoded(value.split(".")[0])))


def verified(value: str, certificate: Path) -> dict[str, Any]:
    """The claims of an Identity value (full form), once the certificate's key has verified it (RFC 7518 3.4)."""
    token = value.partition(";")[0]
    signed, _, signature = token.rpartition(".")
    raw = _decoded(signature)
    assert len(raw) == 64
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    numbers = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    key.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(SHA256()))
    return claims_of(value)


def by_ppt(values: Sequence[str], ppt: str) -> list[dict[str, Any]]:
    """The claims of those with this `ppt`, in their order."""
    return [claims_of(value) for value in values if head_of(value)["ppt"] == ppt]


def _part(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
