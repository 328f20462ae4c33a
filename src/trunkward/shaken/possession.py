"""Proof that somebody has the key of a delegate certificate: a challenge of ours, signed with it.

The chain itself is public, it lies at its `x5u`: whoever has it has nothing. So `control` makes a challenge,
which says for whom and for which numbers it is, and signs it (Ed25519) with the key of evidence, so that
nothing needs to be kept meanwhile:

    twc1.<base64url payload>.<base64url signature>

Whoever has the delegate's key signs that text: a JWS in compact form (RFC 7515 section 7.1), `alg` ES256,
whose payload is the challenge, byte for byte.
"""

import json
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import base64url, jose
from trunkward.shaken.causes import Refused
from trunkward.shaken.es256 import verify_es256

PREFIX = "twc1"
#: Seconds a challenge may be answered: it goes to another company and back. Our judgement.
LIFETIME_S = 7 * 86_400
#: Longest proof read, in characters; ours have about 900.
MOST_PROOF = 8192


class PossessionRefused(ValueError):
    """What proves nothing; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a challenge is for: a proof for one thing is none for another."""

    #: SHA-256 of the chain as it was handed in, lower-case hex.
    chain_sha256: str
    #: Reference of the customer's KYC record, and the trunk he calls by.
    customer: str
    trunk: str
    #: E.164 with `+`.
    first: str
    last: str


def challenge(key: Ed25519PrivateKey, purpose: Purpose, now_s: int) -> str:
    """The text that is to be signed with the delegate's key, by `now_s` + `LIFETIME_S`."""
    payload = json.dumps(asdict(purpose) | {"made": now_s}, sort_keys=True, separators=(",", ":"))
    signed = f"{PREFIX}.{base64url.encode(payload.encode())}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode('ascii')))}"


def require(
    proof: str,
    *,
    ours: Ed25519PublicKey,
    delegate: ec.EllipticCurvePublicKey,
    purpose: Purpose,
    now_s: float,
) -> None:
    """Raise `PossessionRefused` unless `proof` is our challenge for this, signed with the delegate's key.

    1. A compact JWS by ES256, of the delegate's key.
    2. What it signs is a challenge that our key has signed,
    3. for this chain, customer, trunk and numbers,
    4. made within the last seven days.
    """
    # 1.
    try:
        head, payload, signature = proof.strip().split(".")
        header, text = jose.decode(base64url.decode(head)), base64url.decode(payload)
        raw = base64url.decode(signature)
    except (ValueError, Refused):
        raise PossessionRefused("no JWS in compact form") from None
    if len(proof) > MOST_PROOF or header.get("alg") != "ES256" or "crit" in header or "b64" in header:
        raise PossessionRefused("no JWS by ES256 with nothing critical")
    try:
        verify_es256(delegate, f"{head}.{payload}".encode("ascii"), raw)
    except InvalidSignature:
        raise PossessionRefused("not signed with the certificate's key") from None
    # 2.
    try:
        prefix, said, its = text.decode("ascii").split(".")
        ours.verify(base64url.decode(its), f"{prefix}.{said}".encode("ascii"))
        stated = json.loads(base64url.decode(said))
    except (ValueError, InvalidSignature):
        raise PossessionRefused("what it signs is no challenge of this node's") from None
    if prefix != PREFIX:
        raise PossessionRefused("what it signs is no challenge of this node's")
    # 3.
    made = stated.pop("made")
    if stated != asdict(purpose):
        raise PossessionRefused("the challenge was for another certificate, customer, trunk or other numbers")
    # 4.
    if not made <= now_s < made + LIFETIME_S:
        raise PossessionRefused("the challenge is older than seven days")
