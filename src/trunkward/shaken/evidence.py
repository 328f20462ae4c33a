"""Evidence tokens: what lets the signer give level A without asking anybody.

`control` signs one when it declares a number part of a trunk's own inventory (Ed25519, RFC 8032).
The gate carries tokens and can neither make nor change them. Text form, all ASCII:

    twe1.<base64url payload>.<base64url signature>

The signature covers `twe1.<base64url payload>`, so a token of another kind or format never passes for this
one. The payload is JSON with the keys of `Evidence`, in lexicographic order and without white space.
"""

import json
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import base64url
from trunkward.shaken.number import NotANumber, canonical_tn

PREFIX = "twe1"
#: The only kind there is: the provider itself assigned the number to the trunk.
OWN_INVENTORY = "own-inventory"
#: Longest token read, in characters; ours have about 330.
MAX_TOKEN = 1024

_KEYS = {"id", "kind", "not_after", "tn", "trunk", "version"}
#: Names and identifiers: short, printable, nothing that needs escaping in JSON.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")


class EvidenceRefused(ValueError):
    """A token that proves nothing here; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A verified statement: `tn` belongs to `trunk`.

    `tn` is canonical; `not_after` is in seconds since the epoch, the first second at which it no longer
    holds; `version` counts declarations of this number, `id` names the record behind it.
    """

    trunk: str
    tn: str
    not_after: int
    version: int
    id: str
    kind: str = OWN_INVENTORY

    def __post_init__(self) -> None:
        """Raise `ValueError` on values that could not be carried exactly."""
        if not all(isinstance(text, str) for text in (self.trunk, self.tn, self.id, self.kind)):
            raise ValueError("trunk, tn, id and kind are text")
        if not (_NAME.fullmatch(self.trunk) and _NAME.fullmatch(self.id)):
            raise ValueError("trunk or id is no plain name")
        if canonical_tn(self.tn) != self.tn:
            raise ValueError("tn is not canonical")
        for number in (self.not_after, self.version):
            if type(number) is not int or not 0 < number < 2**53:
                raise ValueError("not_after and version are positive whole numbers")
        if self.kind != OWN_INVENTORY:
            raise ValueError("unknown kind of evidence")


def issue(private_key: Ed25519PrivateKey, evidence: Evidence) -> str:
    """Sign one statement: the token in its text form."""
    payload = json.dumps(
        {
            "id": evidence.id,
            "kind": evidence.kind,
            "not_after": evidence.not_after,
            "tn": evidence.tn,
            "trunk": evidence.trunk,
            "version": evidence.version,
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    signed = f"{PREFIX}.{base64url.encode(payload.encode())}"
    return f"{signed}.{base64url.encode(private_key.sign(signed.encode('ascii')))}"


def open_token(public_key: Ed25519PublicKey, token: str) -> Evidence:
    """Check form and signature only; who it is for and until when is `require`'s question.

    The split lets a caller keep opened tokens: the signature costs far more than the rest.
    Raises `EvidenceRefused`.
    """
    prefix, payload, signature = _parts(token)
    try:
        # Before a byte of the payload is interpreted.
        public_key.verify(signature, f"{prefix}.{payload}".encode("ascii"))
    except InvalidSignature:
        raise EvidenceRefused("evidence-signature-invalid") from None
    return _stated(payload)


def read_token(token: str) -> Evidence:
    """What a token says, its signature NOT looked at: for who signed it and kept it where no other writes.

    Raises `EvidenceRefused`.
    """
    return _stated(_parts(token)[1])


def _parts(token: str) -> tuple[str, str, bytes]:
    if len(token) > MAX_TOKEN or not token.isascii():
        raise EvidenceRefused("evidence-malformed")
    try:
        prefix, payload, signature = token.split(".")
        raw_signature = base64url.decode(signature)
    except ValueError:
        raise EvidenceRefused("evidence-malformed") from None
    if prefix != PREFIX:
        raise EvidenceRefused("evidence-malformed")
    return prefix, payload, raw_signature


def _stated(payload: str) -> Evidence:
    try:
        fields = json.loads(base64url.decode(payload))
        if not isinstance(fields, dict) or set(fields) != _KEYS:
            raise EvidenceRefused("evidence-malformed")
        return Evidence(**fields)
    except (ValueError, TypeError, NotANumber):
        raise EvidenceRefused("evidence-malformed") from None


def claimed_end(token: str) -> int | None:
    """When a token says it ends, its signature not looked at: to tell people, never to decide."""
    try:
        not_after = json.loads(base64url.decode(token.split(".")[1]))["not_after"]
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    return not_after if type(not_after) is int else None


def require(evidence: Evidence, *, trunk: str, tn: str, now_s: int) -> Evidence:
    """Return the evidence if it speaks for this trunk and number now, else raise `EvidenceRefused`."""
    if evidence.trunk != trunk:
        raise EvidenceRefused("evidence-of-other-trunk")
    if evidence.tn != tn:
        raise EvidenceRefused("evidence-for-other-number")
    if now_s >= evidence.not_after:
        raise EvidenceRefused("evidence-expired")
    return evidence


def verify(public_key: Ed25519PublicKey, token: str, *, trunk: str, tn: str, now_s: int) -> Evidence:
    """Check everything: form, signature, trunk, number (canonical), expiry. Raises `EvidenceRefused`."""
    return require(open_token(public_key, token), trunk=trunk, tn=tn, now_s=now_s)
