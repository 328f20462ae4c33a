"""The tokens level A stands on, signed by `control`: of inventories, and of records somebody has accepted.

A token is for the signer of one identity, the node's or a reseller's, and speaks for a run of numbers, so an
inventory of a hundred thousand in a row takes one. It names the customer by the reference of his KYC record:
a tenant without one has no token, and one whose record is another has new ones.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.evidence import evidence_id
from trunkward.shaken.evidence import (
    MOST_NUMBERS,
    Evidence,
    EvidenceRefused,
    Kind,
    issue,
    open_token,
    read_token,
)
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import Declared, Trunk
from trunkward.trunks.transit import OF_NODE

#: Seconds the declaration of an inventory holds; it is renewed when less than half of that is left.
LIFETIME_S = 90 * 86_400
#: Seconds before its end from which on a record is told of.
SOON_S = 30 * 86_400


def tokens_of(
    declared: Declared,
    records: Iterable[EvidenceRecord],
    key: Ed25519PrivateKey,
    before: dict[str, list[str]],
    *,
    now_s: int,
    signed_by_it: bool = False,
) -> dict[str, list[str]]:
    """Every token of each trunk, by its name; good ones of `before` are kept.

    A number that is no longer declared has no token, and so no level A from the next call on. `records`: all
    there ever were. `signed_by_it`: the caller knows that `key` signed those of `before`.
    """
    opened = read_token if signed_by_it else partial(open_token, key.public_key())
    by_trunk: dict[str, list[EvidenceRecord]] = {}
    for record in records:
        if record.in_force(now_s):
            by_trunk.setdefault(record.trunk, []).append(record)
    return {
        trunk.name: [
            *_inventory(trunk, identity, key, _held(before.get(trunk.name, ()), opened), now_s),
            *_accepted(trunk, identity, by_trunk.get(trunk.name, ()), key),
        ]
        for trunk in declared.trunks
        for identity in [trunk.reseller if trunk.reseller in declared.reseller_identities else OF_NODE]
    }


def runs(numbers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """First and last of each run of E.164 numbers with `+`, as canonical numbers, in order."""
    first = last = 0
    for number in sorted(int(number) for number in numbers):
        whole = number == last + 1 and len(str(number)) == len(str(first)) and number - first < MOST_NUMBERS
        if first and not whole:
            yield str(first), str(last)
        if not whole:
            first = number
        last = number
    if first:
        yield str(first), str(last)


def first_to_end(evidence: dict[str, list[str]]) -> float | None:
    """When the first of the inventories' tokens ends, in seconds since the epoch; None when there is none.

    Those of records end when their record does, and nobody renews them. The tokens are our own, out of the
    configuration in force: their signature is the signer's to check.
    """
    said = (read_token(token) for tokens in evidence.values() for token in tokens)
    return min((one.not_after for one in said if one.kind is Kind.OWN_INVENTORY), default=None)


def ending(evidence: dict[str, list[str]], now: float) -> list[tuple[str, str]]:
    """Records whose end is near, or just over, by their names, and what that does; the first to end first.

    `now` in seconds since the epoch. Tokens of inventories are renewed, and not told of; nor are records in
    whose place there is a later one.
    """
    found = []
    for one in _last_of_records(evidence):
        if one.not_after - now >= SOON_S:
            continue
        # the last day on which it holds, not the midnight after it
        last = f"{datetime.fromtimestamp(one.not_after - 1, UTC):%Y-%m-%d}"
        numbers = f"+{one.first}" if one.first == one.last else f"+{one.first}-+{one.last}"
        ends = f"ends on {last}: from then on its" if now < one.not_after else f"has ended on {last}: its"
        what = (
            f"{one.kind} for {numbers} of trunk {one.trunk} {ends} calls are signed B; enter a new document"
        )
        found.append((one.id, what))
    return found


def records_until(evidence: dict[str, list[str]]) -> dict[str, float]:
    """When the first record of each kind ends, in seconds since the epoch; of those with no later one."""
    found: dict[str, float] = {}
    for one in _last_of_records(evidence):
        found.setdefault(one.kind.value, one.not_after)
    return found


def _last_of_records(evidence: dict[str, list[str]]) -> list[Evidence]:
    """Records, none of which has a later one in its place; the first to end first."""
    records = [
        said
        for tokens in evidence.values()
        for token in tokens
        if (said := read_token(token)).kind is not Kind.OWN_INVENTORY
    ]
    return sorted(
        (one for one in records if not any(_replaces(other, one) for other in records)),
        key=lambda one: one.not_after,
    )


def _replaces(later: Evidence, one: Evidence) -> bool:
    """Whether it says the same for longer."""
    same = (later.trunk, later.customer) == (one.trunk, one.customer)
    return same and later.not_after > one.not_after and later.covers(one.first) and later.covers(one.last)


def _held(
    tokens: Iterable[str], opened: Callable[[str], Evidence]
) -> dict[tuple[str, str], tuple[Evidence, str]]:
    """By first and last number, those of inventories that this key has signed."""
    found = {}
    for token in tokens:
        try:
            said = opened(token)
        except EvidenceRefused:
            continue  # signed with a key that was replaced, or of another form: declared anew
        if said.kind is Kind.OWN_INVENTORY:
            found[said.first, said.last] = said, token
    return found


def _inventory(
    trunk: Trunk,
    identity: str,
    key: Ed25519PrivateKey,
    held: dict[tuple[str, str], tuple[Evidence, str]],
    now_s: int,
) -> Iterator[str]:
    if trunk.customer is None:
        return
    customer = trunk.customer.reference
    for first, last in runs(trunk.numbers):
        said, token = held.get((first, last), (None, ""))
        same = said is not None and (said.identity, said.customer) == (identity, customer)
        if said and same and said.not_after - now_s > LIFETIME_S // 2:
            yield token
            continue
        statement = Evidence(
            kind=Kind.OWN_INVENTORY,
            identity=identity,
            customer=customer,
            trunk=trunk.name,
            first=first,
            last=last,
            not_after=now_s + LIFETIME_S,
            version=now_s,
            id=f"inventory-{trunk.name}",
        )
        yield issue(key, statement)


def _accepted(
    trunk: Trunk, identity: str, records: Iterable[EvidenceRecord], key: Ed25519PrivateKey
) -> Iterator[str]:
    """Not of one named like a trunk that is gone, and that is another tenant's, or another customer's."""
    for record in records:
        if trunk.customer is None or record.tenant != trunk.tenant:
            continue
        if record.customer == trunk.customer.reference:
            statement = Evidence(
                kind=Kind(record.kind),
                identity=identity,
                customer=trunk.customer.reference,
                trunk=trunk.name,
                first=record.first.removeprefix("+"),
                last=record.last.removeprefix("+"),
                not_after=int(record.until),
                version=record.reviewed,
                id=evidence_id(record.version),
            )
            # the same statement gives the same token (RFC 8032)
            yield issue(key, statement)
