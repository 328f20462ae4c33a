"""Which evidence holds no more, whatever the policy in force still says.

A token is good until its own end, and a policy may not be put in force for reasons of its own. So what was
revoked is on a list, too, that `control` signs (Ed25519, RFC 8032) with the key of evidence, and that gates
and signers read by themselves. Text form, all ASCII:

    twd1.<base64url payload>.<base64url signature>

The signature covers `twd1.<base64url payload>`, so neither passes for the other: tokens are `twe2`
and `twr1`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import base64url

PREFIX = "twd1"
#: Longest list read, in bytes: some fifty thousand records that were revoked before their end.
MOST_BYTES = 4 << 20


class DenyListRefused(ValueError):
    """A list that cannot be believed; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyList:
    """Ids of evidence (`shaken.evidence.Evidence.id`) that nothing is to be signed by."""

    #: Counts up with each list; an older one never follows a newer one.
    sequence: int = 0
    #: By id, from when on it need not be named any more, in seconds since the epoch.
    until: Mapping[str, int] = field(default_factory=dict)


NOTHING = DenyList()


def issue(private_key: Ed25519PrivateKey, denied: DenyList) -> str:
    """Sign a list: its text form. Raises `DenyListRefused` for one that is longer than what is read."""
    payload = json.dumps(
        {"sequence": denied.sequence, "until": dict(denied.until)}, sort_keys=True, separators=(",", ":")
    )
    signed = f"{PREFIX}.{base64url.encode(payload.encode())}"
    text = f"{signed}.{base64url.encode(private_key.sign(signed.encode('ascii')))}"
    if len(text) > MOST_BYTES:
        raise DenyListRefused(f"{len(denied.until)} revoked records make a longer list than anybody reads")
    return text


def open_list(public_key: Ed25519PublicKey, text: bytes) -> DenyList:
    """A list whose signature is good. Raises `DenyListRefused`."""
    payload, signature = _parts(text)
    try:
        # before a byte of the payload is interpreted
        public_key.verify(signature, f"{PREFIX}.{payload}".encode("ascii"))
    except InvalidSignature:
        raise DenyListRefused("not signed with the key of evidence") from None
    return _stated(payload)


def read_list(text: bytes) -> DenyList:
    """What a list says, its signature NOT looked at: for who wrote it. Raises `DenyListRefused`."""
    return _stated(_parts(text)[0])


def _parts(text: bytes) -> tuple[str, bytes]:
    try:
        prefix, payload, signature = text.decode("ascii").strip().split(".")
        raw_signature = base64url.decode(signature)
    except ValueError:
        raise DenyListRefused("no list of denied evidence") from None
    if prefix != PREFIX or len(text) > MOST_BYTES:
        raise DenyListRefused("no list of denied evidence")
    return payload, raw_signature


def _stated(payload: str) -> DenyList:
    try:
        said = json.loads(base64url.decode(payload))
        sequence, until = said["sequence"], said["until"]
        if type(sequence) is not int or not all(type(at) is int for at in until.values()):
            raise DenyListRefused("no list of denied evidence")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DenyListRefused("no list of denied evidence") from None
    return DenyList(sequence=sequence, until=until)
