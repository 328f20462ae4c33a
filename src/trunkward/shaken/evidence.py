"""Evidence tokens: what lets the signer give level A without asking anybody.

`control` signs them (Ed25519, RFC 8032): one for each run of numbers in a trunk's own inventory, and one for
each record of evidence that was entered by one person and accepted by another. The gate carries tokens and
can neither make nor change them. Their form is that of all such tokens (`shaken.control_token`), the payload
has the keys of `Evidence`.
"""

import re
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import control_token
from trunkward.shaken.control_token import TokenRefused
from trunkward.shaken.number import NotANumber, canonical_tn

PREFIX = "twe2"
#: Longest token read, in characters; ours have about 500.
MAX_TOKEN = 1536
#: Numbers one token may speak for: a thousand of the thousands-blocks US numbers are given out in.
MOST_NUMBERS = 1_000_000

#: What the id of a token begins with behind which there is no record: of an inventory that needs no block.
UNRECORDED = "inventory-"
#: Names and identifiers: short, printable, nothing that needs escaping in JSON.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")


class Kind(StrEnum):
    """What the association of a number with a customer rests on (ATIS-1000074, ATIS-1000089, RFC 9060)."""

    #: The provider itself assigned the number to the trunk, out of a block it holds.
    OWN_INVENTORY = "own-inventory"
    #: Letter of authorisation of whom the number was assigned to.
    LOA = "loa"
    #: It was ported to us for this customer.
    PORT = "port"
    #: Delegate certificate whose TNAuthList holds the number (RFC 9060).
    DELEGATE = "delegate"
    #: The customer's right to it was found by vetting (ATIS-1000089).
    VETTED = "vetted"


#: Numbers that are called here, so that a call to them can be diverted from here: what a customer may show
#: by a letter is somebody else's to be called at.
CALLED_HERE = frozenset({Kind.OWN_INVENTORY, Kind.PORT})


class EvidenceRefused(ValueError):
    """A token that proves nothing here; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A verified statement: the numbers `first` to `last` belong to `customer`, who calls by `trunk`.

    `first` and `last` are canonical and of one length; `not_after` is in seconds since the epoch, the first
    second at which it no longer holds; `id` names the record behind it, and no number, because journals keep
    it for longer than numbers; `version` says which state of that record: the version of the configuration
    that accepted it, or, of an inventory that needs none (`UNRECORDED`), the second at which it was declared.
    `customer` is the reference of the customer's KYC record, `identity` whose certificate alone may say so:
    the node's (`node`), or a reseller's by his name; `spc` the code it was under then, "" in tokens of before
    there was one in them: under another provider's certificate it is no evidence.
    """

    kind: Kind
    identity: str
    customer: str
    trunk: str
    first: str
    last: str
    not_after: int
    version: int
    id: str
    spc: str = ""

    def __post_init__(self) -> None:
        """Raise `ValueError` on values that could not be carried exactly."""
        texts = (
            self.kind,
            self.identity,
            self.customer,
            self.trunk,
            self.first,
            self.last,
            self.id,
            self.spc,
        )
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("kind, identity, customer, trunk, first, last, id and spc are text")
        if self.kind not in Kind:
            raise ValueError("unknown kind of evidence")
        if not all(_NAME.fullmatch(name) for name in (self.identity, self.customer, self.trunk, self.id)):
            raise ValueError("identity, customer, trunk or id is no plain name")
        if self.spc and not _NAME.fullmatch(self.spc):
            raise ValueError("spc is no plain name")
        if not (_is_tn(self.first) and _is_tn(self.last)):
            raise ValueError("first or last is not canonical")
        if len(self.first) != len(self.last) or not 0 < self.numbers <= MOST_NUMBERS:
            raise ValueError("first to last is no range, or too long a one")
        for number in (self.not_after, self.version):
            if type(number) is not int or not 0 < number < 2**53:
                raise ValueError("not_after and version are positive whole numbers")

    @property
    def numbers(self) -> int:
        """How many numbers it speaks for."""
        return int(self.last) - int(self.first) + 1

    @property
    def is_recorded(self) -> bool:
        """Whether there is a record behind it, which may have been revoked."""
        return not self.id.startswith(UNRECORDED)

    def covers(self, tn: str) -> bool:
        """Whether it speaks for a canonical number."""
        return len(tn) == len(self.first) and self.first <= tn <= self.last


_KEYS = {field.name for field in fields(Evidence)}


def issue(private_key: Ed25519PrivateKey, evidence: Evidence) -> str:
    """Sign one statement: the token in its text form."""
    return control_token.sign(private_key, PREFIX, asdict(evidence))


def open_token(public_key: Ed25519PublicKey, token: str) -> Evidence:
    """Check form and signature only; who it is for and until when is `require`'s question.

    The split lets a caller keep opened tokens: the signature costs far more than the rest.
    Raises `EvidenceRefused`.
    """
    try:
        return _stated(control_token.opened(public_key, PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise EvidenceRefused(f"evidence-{refused.reason}") from None


def read_token(token: str) -> Evidence:
    """What a token says, its signature NOT looked at: for who signed it and kept it where no other writes.

    Raises `EvidenceRefused`.
    """
    try:
        return _stated(control_token.read(PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise EvidenceRefused(f"evidence-{refused.reason}") from None


def require(evidence: Evidence, *, identity: str, trunk: str, customer: str, tn: str, now_s: int) -> Evidence:
    """Return the evidence if it speaks for all of these now, else raise.

    `identity` is whose certificate is asked for, `tn` canonical, `customer` the reference of a KYC record.
    Raises `EvidenceRefused`.
    """
    if evidence.identity != identity:
        raise EvidenceRefused("evidence-of-other-identity")
    if evidence.trunk != trunk:
        raise EvidenceRefused("evidence-of-other-trunk")
    if evidence.customer != customer:
        raise EvidenceRefused("evidence-of-other-customer")
    if not evidence.covers(tn):
        raise EvidenceRefused("evidence-for-other-number")
    if now_s >= evidence.not_after:
        raise EvidenceRefused("evidence-expired")
    return evidence


def verify(
    public_key: Ed25519PublicKey,
    token: str,
    *,
    identity: str,
    trunk: str,
    customer: str,
    tn: str,
    now_s: int,
) -> Evidence:
    """Check form, signature, identity, trunk, customer, number, expiry. Raises `EvidenceRefused`."""
    opened = open_token(public_key, token)
    return require(opened, identity=identity, trunk=trunk, customer=customer, tn=tn, now_s=now_s)


def _is_tn(text: str) -> bool:
    # digits alone: a range of service codes means nothing
    return text.isascii() and text.isdigit() and canonical_tn(text) == text


def _stated(said: dict[str, Any]) -> Evidence:
    if set(said) | {"spc"} != _KEYS:
        raise EvidenceRefused("evidence-malformed")
    try:
        return Evidence(**said | {"kind": Kind(said["kind"])})
    except (ValueError, TypeError, NotANumber):
        raise EvidenceRefused("evidence-malformed") from None
