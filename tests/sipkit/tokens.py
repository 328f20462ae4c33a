"""Tokens for policies that tests compile: good in form, signed with a key nobody asks for."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.relationship_tokens import relationships_of
from trunkward.shaken.evidence import Evidence, Kind, issue
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE

KEY = Ed25519PrivateKey.generate()
#: The reference of the customer of examples/node.yaml.
CUSTOMER = "KYC-2026-17"
#: Seconds since the epoch.
UNTIL = 1_900_000_000


def token(
    number: str,
    *,
    trunk: str = "acme-hq",
    last: str = "",
    kind: Kind = Kind.OWN_INVENTORY,
    customer: str = CUSTOMER,
    identity: str = OF_NODE,
    until: int = UNTIL,
    name: str = "",
) -> str:
    """A token for an E.164 number with `+`, or for those from it to `last`."""
    first, end = number.removeprefix("+"), (last or number).removeprefix("+")
    statement = Evidence(
        kind=kind,
        identity=identity,
        customer=customer,
        trunk=trunk,
        first=first,
        last=end,
        not_after=until,
        version=1,
        id=name or f"{kind}-{trunk}-{first}",
        spc="000T",
    )
    return issue(KEY, statement)


def whose(declared: Declared, now_s: int = UNTIL + 86_400) -> dict[str, str]:
    """Whose its trunks are, declared so late that it ends after everything else."""
    return relationships_of(declared, KEY, {}, now_s=now_s)
