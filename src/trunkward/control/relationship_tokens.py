"""The tokens that say whose a trunk is, signed by `control`: one for each whose calls are signed at a level.

That is one whose tenant has a KYC record, and the switch of an obligated provider. Of a trunk in transit
nothing is said: what it brings is signed C, or not at all. They are renewed with those of inventories.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.evidence_tokens import LIFETIME_S
from trunkward.shaken.relationship import Relationship, RelationshipRefused, issue, open_token, read_token
from trunkward.trunks.model import Declared, Trunk
from trunkward.trunks.transit import OF_NODE


def relationships_of(
    declared: Declared,
    key: Ed25519PrivateKey,
    before: Mapping[str, str],
    *,
    now_s: int,
    signed_by_it: bool = False,
) -> dict[str, str]:
    """The token of each trunk that has one, by its name; good ones of `before` are kept.

    `now_s` in seconds since the epoch. `signed_by_it`: the caller knows that `key` signed those of `before`.
    """
    opened = read_token if signed_by_it else partial(open_token, key.public_key())
    found = {}
    for trunk in declared.trunks:
        if trunk.in_transit or (trunk.customer is None and not trunk.supplies_levels):
            continue
        said = _stated(trunk, declared, now_s)
        held = before.get(trunk.name, "")
        found[trunk.name] = held if _holds(held, said, opened) else issue(key, said)
    return found


def first_to_end(relationships: Mapping[str, str]) -> float | None:
    """When the first declaration ends, in seconds since the epoch; None when there is none.

    Their signature is the signer's to check.
    """
    return min((read_token(token).not_after for token in relationships.values()), default=None)


def _stated(trunk: Trunk, declared: Declared, now_s: int) -> Relationship:
    customer, name = trunk.customer, trunk.caller_name
    return Relationship(
        identity=trunk.reseller if trunk.reseller in declared.reseller_identities else OF_NODE,
        trunk=trunk.name,
        customer=customer.reference if customer else "",
        since=customer.since_s if customer else 0,
        until=customer.until_s if customer else 0,
        supplies_levels=trunk.supplies_levels,
        nam=name.name if name else "",
        crn=name.reason if name else "",
        not_after=now_s + LIFETIME_S,
        version=now_s,
    )


def _holds(token: str, said: Relationship, opened: Callable[[str], Relationship]) -> bool:
    """Whether a token says the same, for more than half of its time to come."""
    try:
        held = opened(token)
    except RelationshipRefused:
        return False  # there is none, or it was signed with a key that was replaced
    same = held == replace(said, not_after=held.not_after, version=held.version)
    return same and held.not_after - said.version > LIFETIME_S // 2
