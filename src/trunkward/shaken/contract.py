"""Contract tokens: that we may sign what an obligated provider supplies, under his own certificate.

Who has a third party perform the technical act of signing agrees on it with him in writing, decides each
level himself, and has it done under his own certificate (47 CFR 64.6301(b), FCC 24-120). `control` signs one
token for an identity whose contract one person has entered and another accepted. It is for one service
provider code: under another provider's certificate it is no contract. The form is that of all such tokens
(`shaken.control_token`), the payload has the keys of `Contract`.
"""

import re
from dataclasses import asdict, dataclass, fields

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trunkward.shaken import control_token
from trunkward.shaken.control_token import TokenRefused

PREFIX = "twc1"
#: Longest token read, in characters; ours have about 210.
MAX_TOKEN = 768

#: Names and identifiers: short, printable, nothing that needs escaping in JSON.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")


class ContractRefused(ValueError):
    """A token that allows nothing here; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A verified statement: by the record `id`, `identity` may sign what the provider of `spc` supplies.

    `not_after` is in seconds since the epoch, the first second at which it no longer holds; `version` is that
    of the configuration which accepted the record.
    """

    identity: str
    spc: str
    id: str
    not_after: int
    version: int

    def __post_init__(self) -> None:
        """Raise `ValueError` on values that could not be carried exactly."""
        names = (self.identity, self.spc, self.id)
        if not all(isinstance(name, str) for name in names):
            raise ValueError("identity, spc and id are text")
        if not all(_NAME.fullmatch(name) for name in names):
            raise ValueError("identity, spc or id is no plain name")
        for number in (self.not_after, self.version):
            if type(number) is not int or not 0 < number < 2**53:
                raise ValueError("not_after and version are positive whole numbers")


_KEYS = {field.name for field in fields(Contract)}


def issue(private_key: Ed25519PrivateKey, contract: Contract) -> str:
    """Sign one statement: the token in its text form."""
    return control_token.sign(private_key, PREFIX, asdict(contract))


def open_token(public_key: Ed25519PublicKey, token: str) -> Contract:
    """Check form and signature only; a caller may keep what was opened. Raises `ContractRefused`."""
    try:
        return _stated(control_token.opened(public_key, PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise ContractRefused(f"contract-{refused.reason}") from None


def read_token(token: str) -> Contract:
    """What a token says, its signature NOT looked at: for who signed it and kept it where no other writes.

    Raises `ContractRefused`.
    """
    try:
        return _stated(control_token.read(PREFIX, token, MAX_TOKEN))
    except TokenRefused as refused:
        raise ContractRefused(f"contract-{refused.reason}") from None


def require(said: Contract, *, identity: str, spc: str, now_s: int) -> Contract:
    """The contract, if it is this identity's with the provider of this code now, else raise.

    Raises `ContractRefused`.
    """
    if said.identity != identity:
        raise ContractRefused("contract-of-other-identity")
    if said.spc != spc:
        raise ContractRefused("contract-of-other-provider")
    if now_s >= said.not_after:
        raise ContractRefused("contract-expired")
    return said


def _stated(said: dict[str, object]) -> Contract:
    if set(said) != _KEYS:
        raise ContractRefused("contract-malformed")
    try:
        return Contract(**said)  # type: ignore[arg-type]  # `__post_init__` looks at each
    except (ValueError, TypeError):
        raise ContractRefused("contract-malformed") from None
