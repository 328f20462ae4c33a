"""Relationship tokens: whose customer a trunk is, and what may be signed of it beside a number.

Neither A nor B without a direct authenticated relationship with a customer who can be identified
(ATIS-1000074); where only the technical act is ours, no level but the obligated provider's (47 CFR
64.6301(b)); no name but one somebody has looked at (RFC 9795). `control` signs one token for each trunk when
a version is put in force; the gate carries it and can neither make nor change one. The form is that of all
such tokens (`shaken.control_token`), the payload has the keys of `Relationship`.
"""

import re
from dataclasses import asdict, dataclass, fields

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import control_token
from trunkward.shaken.caller_name import is_caller_name
from trunkward.shaken.control_token import TokenRefused

PREFIX = "twr1"
#: Longest token read, in characters; ours have about 450. The longest name and reason take 700 of them.
MAX_TOKEN = 2048

#: Names and identifiers: short, printable, nothing that needs escaping in JSON.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")


class RelationshipRefused(ValueError):
    """A token that allows nothing here; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A verified statement: whoever calls by `trunk` is `customer`, and `identity` may sign for him.

    `identity` is the node (`node`), or a reseller by his name. All times are in seconds since the epoch.
    """

    identity: str
    trunk: str
    #: Reference of the customer's KYC record; "": nobody has said who he is.
    customer: str
    #: The first second at which that record holds, and the first at which it does not any more.
    since: int
    until: int
    #: It is the switch of the obligated provider whose identity this is: he says the level of its calls.
    supplies_levels: bool
    #: The name its users may be shown by, with the reason of their calls (RFC 9795); "": none.
    nam: str
    crn: str
    #: The first second at which the declaration itself no longer holds.
    not_after: int
    #: The second at which it was declared.
    version: int

    def __post_init__(self) -> None:
        """Raise `ValueError` on values that could not be carried exactly."""
        texts = (self.identity, self.trunk, self.customer, self.nam, self.crn)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("identity, trunk, customer, nam and crn are text")
        named = (self.identity, self.trunk, *([self.customer] if self.customer else []))
        if not all(_NAME.fullmatch(name) for name in named):
            raise ValueError("identity, trunk or customer is no plain name")
        if type(self.supplies_levels) is not bool:
            raise ValueError("supplies_levels is true or false")
        # a record may be of a day before 1970, and nobody's is of none
        if not all(type(number) is int and abs(number) < 2**53 for number in (self.since, self.until)):
            raise ValueError("since and until are whole numbers")
        for number in (self.not_after, self.version):
            if type(number) is not int or not 0 < number < 2**53:
                raise ValueError("not_after and version are positive whole numbers")
        if (self.nam or self.crn) and not is_caller_name(self.nam, self.crn):
            raise ValueError("nam and crn are no name and reason that can be signed")


_KEYS = {field.name for field in fields(Relationship)}


def issue(private_key: Ed25519PrivateKey, relationship: Relationship) -> str:
    """Sign one statement: the token in its text form."""
    return control_token.sign(private_key, PREFIX, asdict(relationship))


def open_token(public_key: Ed25519PublicKey, token: str) -> Relationship:
    """Check form and signature only; a caller may keep what was opened. Raises `RelationshipRefused`."""
    try:
        return _stated(control_token.opened(public_key, PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise RelationshipRefused(f"relationship-{refused.reason}") from None


def read_token(token: str) -> Relationship:
    """What a token says, its signature NOT looked at: for who signed it and kept it where no other writes.

    Raises `RelationshipRefused`.
    """
    try:
        return _stated(control_token.read(PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise RelationshipRefused(f"relationship-{refused.reason}") from None


def require(said: Relationship, *, identity: str, trunk: str, now_s: int) -> None:
    """Raise `RelationshipRefused` unless it is of this trunk, for this certificate, and declared now."""
    if said.identity != identity:
        raise RelationshipRefused("relationship-of-other-identity")
    if said.trunk != trunk:
        raise RelationshipRefused("relationship-of-other-trunk")
    if now_s >= said.not_after:
        raise RelationshipRefused("relationship-expired")


def require_customer(said: Relationship, now_s: int) -> str:
    """The reference of the customer's KYC record, which holds now. Raises `RelationshipRefused`."""
    if not said.customer:
        raise RelationshipRefused("customer-not-known")
    if now_s < said.since:
        raise RelationshipRefused("customer-not-yet-verified")
    if now_s >= said.until:
        raise RelationshipRefused("customer-verified-too-long-ago")
    return said.customer


def _stated(said: dict[str, object]) -> Relationship:
    if set(said) != _KEYS:
        raise RelationshipRefused("relationship-malformed")
    try:
        return Relationship(**said)  # type: ignore[arg-type]  # `__post_init__` looks at each
    except (ValueError, TypeError):
        raise RelationshipRefused("relationship-malformed") from None
