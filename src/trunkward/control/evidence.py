"""Declaring a trunk's own numbers: the evidence level A stands on, signed by `control`."""

from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.shaken.evidence import (
    Evidence,
    EvidenceRefused,
    claimed_end,
    issue,
    open_token,
    read_token,
    require,
)
from trunkward.shaken.number import canonical_tn
from trunkward.trunks.model import Declared

#: Seconds a declaration holds; it is renewed when less than half of that is left.
LIFETIME_S = 90 * 86_400


def inventory_evidence(
    declared: Declared,
    key: Ed25519PrivateKey,
    before: dict[str, dict[str, str]],
    *,
    now_s: int,
    signed_by_it: bool = False,
) -> dict[str, dict[str, str]]:
    """Evidence tokens by trunk and number for every number declared; good ones of `before` are kept.

    A number that is no longer declared has no token, and so no level A from the next call on. `signed_by_it`:
    the caller knows that `key` signed those of `before`.
    """
    return {
        trunk.name: {
            number: _token(
                trunk.name,
                number,
                key,
                before.get(trunk.name, {}).get(number),
                now_s,
                read_token if signed_by_it else partial(open_token, key.public_key()),
            )
            for number in trunk.numbers
        }
        for trunk in declared.trunks
    }


def first_to_end(evidence: dict[str, dict[str, str]]) -> float | None:
    """When the first of these tokens ends, in seconds since the epoch; None when there is none.

    The tokens are our own, out of the configuration in force: their signature is the signer's to check.
    """
    ends = (claimed_end(token) for tokens in evidence.values() for token in tokens.values())
    return min((end for end in ends if end is not None), default=None)


def _token(
    trunk: str,
    number: str,
    key: Ed25519PrivateKey,
    before: str | None,
    now_s: int,
    opened: Callable[[str], Evidence],
) -> str:
    tn = canonical_tn(number)
    version = 1
    if before is not None:
        try:
            held = require(opened(before), trunk=trunk, tn=tn, now_s=now_s)
        except EvidenceRefused:
            pass  # expired, or signed with a key that was replaced: declared anew
        else:
            if held.not_after - now_s > LIFETIME_S // 2:
                return before
            version = held.version + 1
    statement = Evidence(
        trunk=trunk, tn=tn, not_after=now_s + LIFETIME_S, version=version, id=f"inventory-{trunk}-{tn}"
    )
    return issue(key, statement)
