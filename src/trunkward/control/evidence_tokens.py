"""The tokens level A stands on, signed by `control`: of inventories, and of records somebody has accepted.

A token is for the signer of one identity, the node's or a reseller's, and speaks for a run of numbers, so an
inventory of a hundred thousand in a row takes one. Of an inventory only numbers within a block that was
accepted have one, which is that record's (`control.blocks`), unless the identity is a TEST one. It names the
customer by the reference of his KYC record: a tenant without one has no token, and one whose record is
another has new ones.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.blocks import (
    Claim,
    Given,
    Run,
    Stretch,
    blocks_of,
    claims_of,
    needs_blocks,
    of_others,
    ported_here,
    runs,
    signs_for,
    stretches,
    wanting,
    within,
)
from trunkward.control.contracts import read_contracts
from trunkward.control.evidence_journal import evidence_id
from trunkward.shaken.evidence import (
    UNRECORDED,
    Evidence,
    EvidenceRefused,
    Kind,
    issue,
    open_token,
    read_token,
)
from trunkward.trunks.evidence import BLOCK, CONTRACT, EvidenceRecord, NumberBlock
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
    but: Collection[str] = (),
) -> dict[str, list[str]]:
    """Every token of each trunk, by its name, `but` of those; good ones of `before` are kept.

    A number that is no longer declared has no token, and so no level A from the next call on. `records`: all
    there ever were. `signed_by_it`: the caller knows that `key` signed those of `before`.
    """
    opened = read_token if signed_by_it else partial(open_token, key.public_key())
    records = ported_here(declared, records)
    by_trunk: dict[str, list[EvidenceRecord]] = {}
    for record in records:
        if record.in_force(now_s):
            by_trunk.setdefault(record.trunk, []).append(record)
    blocks = blocks_of(declared, records, now_s)
    claims = claims_of(records, now_s)
    # None: the inventory stands by itself
    blocks_by = {
        name: stretches(blocks, name) if needs_blocks(declared, name) else None
        for name in (OF_NODE, *declared.reseller_identities)
    }
    return {
        trunk.name: [
            *_inventory(
                trunk,
                (identity, declared.spc_of(identity)),
                _pieces(trunk, blocks_by[identity], claims),
                key,
                _held(before.get(trunk.name, ()), opened),
                now_s,
            ),
            *_accepted(trunk, (identity, declared.spc_of(identity)), by_trunk.get(trunk.name, ()), key),
        ]
        for trunk in declared.trunks
        if trunk.name not in but
        for identity in [signs_for(declared, trunk)]
    }


def for_signers(declared: Declared, evidence: dict[str, list[str]]) -> Iterator[str]:
    """Tokens that a signer takes: where inventories need blocks, those with a record behind them.

    By others (of the time of the TEST authority, or of a version before blocks) a gate would ask for A, and
    the call would go unsigned; without them it asks for B.
    """
    recorded_only = {
        name for name in (OF_NODE, *declared.reseller_identities) if needs_blocks(declared, name)
    }
    for tokens in evidence.values():
        for token in tokens:
            said = read_token(token)
            if said.is_recorded or said.identity not in recorded_only:
                yield token


def first_to_end(evidence: dict[str, list[str]], blocks: Iterable[NumberBlock]) -> float | None:
    """When the first of the inventories' tokens ends, in seconds since the epoch; None when there is none.

    Those of records, and of blocks that end before, end when their record does, and nobody renews them. The
    tokens are our own, out of the configuration in force: their signature is the signer's to check.
    """
    ends = {evidence_id(one.record): int(one.until) for one in blocks}
    said = (read_token(token) for tokens in evidence.values() for token in tokens)
    return min(
        (
            one.not_after
            for one in said
            if one.kind is Kind.OWN_INVENTORY and one.not_after != ends.get(one.id)
        ),
        default=None,
    )


def ending(
    evidence: dict[str, list[str]],
    blocks: Iterable[NumberBlock],
    contracts: Mapping[str, str],
    now: float,
) -> list[tuple[str, str]]:
    """Records whose end is near, or just over, by their names, and what that does; the first to end first.

    `now` in seconds since the epoch; `contracts` are tokens, by identity. Those of inventories are renewed,
    and not told of; nor are records in whose place there is a later one.
    """
    found = []
    for one in _last_of_records(evidence, blocks, contracts):
        if one.ends - now >= SOON_S:
            continue
        # the last day on which it holds, not the midnight after it
        last = f"{datetime.fromtimestamp(one.ends - 1, UTC):%Y-%m-%d}"
        numbers = f"+{one.first}" if one.first == one.last else f"+{one.first}-+{one.last}"
        ends = f"ends on {last}: from then on its" if now < one.ends else f"has ended on {last}: its"
        does = "go unsigned" if one.kind == CONTRACT else "are signed B"
        said = f"{one.kind}{f' for {numbers}' if one.first else ''} of {one.of}"
        found.append((one.id, f"{said} {ends} calls {does}; enter a new document"))
    return found


def records_until(
    evidence: dict[str, list[str]], blocks: Iterable[NumberBlock], contracts: Mapping[str, str]
) -> dict[str, float]:
    """When the first record of each kind ends, in seconds since the epoch; of those with no later one."""
    found: dict[str, float] = {}
    for one in _last_of_records(evidence, blocks, contracts):
        found.setdefault(one.kind, one.ends)
    return found


def wanting_in_force(
    declared: Declared, evidence: dict[str, list[str]], blocks: Sequence[NumberBlock], now: float
) -> list[tuple[str, str]]:
    """`control.blocks.wanting` by what is in force; `now` in seconds since the epoch."""
    return wanting(declared, blocks, _given(evidence, now), now)


def _given(evidence: dict[str, list[str]], now: float) -> Given:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in _of_records(evidence):
        if now < one.not_after:
            found.setdefault((one.trunk, one.customer), []).append((one.first, one.last))
    return found


class _Record(NamedTuple):
    id: str
    kind: str
    #: For a person, and for comparing.
    of: str
    owner: str
    #: 0 of a contract, which is of no numbers.
    first: int
    last: int
    ends: int


def _last_of_records(
    evidence: dict[str, list[str]], blocks: Iterable[NumberBlock], contracts: Mapping[str, str]
) -> list[_Record]:
    """Records, none of which has a later one in its place; the first to end first."""
    records = [
        *(
            _Record(
                id=one.id,
                kind=one.kind.value,
                of=f"trunk {one.trunk}",
                owner=one.customer,
                first=int(one.first),
                last=int(one.last),
                ends=one.not_after,
            )
            for one in _of_records(evidence)
        ),
        *(
            _Record(
                id=evidence_id(one.record),
                kind=BLOCK,
                of=f"identity {one.identity}",
                owner="",
                first=int(one.first),
                last=int(one.last),
                ends=int(one.until),
            )
            for one in blocks
        ),
        *(
            _Record(
                id=one.id,
                kind=CONTRACT,
                of=f"identity {one.identity}",
                owner=CONTRACT,
                first=0,
                last=0,
                ends=one.not_after,
            )
            for one in read_contracts(contracts).values()
        ),
    ]
    its: dict[tuple[str, str], list[_Record]] = {}
    for one in records:
        its.setdefault((one.of, one.owner), []).append(one)
    return sorted((one for group in its.values() for one in _last_of(group)), key=lambda one: one.ends)


def _last_of(records: list[_Record]) -> Iterator[_Record]:
    """Of records that say the same, those whose numbers are not all said for longer by another one.

    There are thousands: the longest first, each is asked of the one before it that reaches farthest.
    """
    firsts: list[int] = []
    lasts: list[int] = []
    for _, equal in groupby(sorted(records, key=lambda one: -one.ends), key=lambda one: one.ends):
        together = list(equal)
        for one in together:
            at = bisect_right(firsts, one.first)
            if not at or lasts[at - 1] < one.last:
                yield one
        for one in together:
            _reach(firsts, lasts, one.first, one.last)


def _reach(firsts: list[int], lasts: list[int], first: int, last: int) -> None:
    """Adds a range to those none of which lies in another: both lists rise."""
    at = bisect_right(firsts, first)
    if at and lasts[at - 1] >= last:
        return
    begin = bisect_left(firsts, first)
    end = begin
    while end < len(lasts) and lasts[end] <= last:
        end += 1
    firsts[begin:end], lasts[begin:end] = [first], [last]


def _of_records(evidence: dict[str, list[str]]) -> Iterator[Evidence]:
    for tokens in evidence.values():
        for token in tokens:
            if (said := read_token(token)).kind is not Kind.OWN_INVENTORY:
                yield said


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
    provider: tuple[str, str],
    pieces: Iterable[tuple[Run, NumberBlock | None]],
    key: Ed25519PrivateKey,
    held: dict[tuple[str, str], tuple[Evidence, str]],
    now_s: int,
) -> Iterator[str]:
    if trunk.customer is None:
        return
    identity, spc = provider
    for run, block in pieces:
        ends = now_s + LIFETIME_S
        statement = Evidence(
            kind=Kind.OWN_INVENTORY,
            identity=identity,
            customer=trunk.customer.reference,
            trunk=trunk.name,
            first=str(run.first),
            last=str(run.last),
            not_after=min(ends, int(block.until)) if block else ends,
            version=block.accepted if block else now_s,
            id=evidence_id(block.record) if block else f"{UNRECORDED}{trunk.name}",
            spc=spc,
        )
        said, token = held.get((statement.first, statement.last), (None, ""))
        yield token if said and _is_as_good(said, statement, now_s) else issue(key, statement)


def _pieces(
    trunk: Trunk, blocks: list[Stretch] | None, claims: Sequence[Claim]
) -> Iterator[tuple[Run, NumberBlock | None]]:
    """Runs of an inventory that speak for themselves, or those of it that lie in blocks.

    Without what an accepted record gives to another tenant: who has proved that it is his keeps it.
    """
    own = (
        free
        for run in runs(trunk.numbers)
        for free, its in within([run], of_others(run, claims, trunk.tenant))
        if its is None
    )
    if blocks is None:
        yield from ((run, None) for run in own)
        return
    yield from ((run, its.block) for run, its in within(own, blocks) if its)


def _is_as_good(said: Evidence, new: Evidence, now_s: int) -> bool:
    """Whether it says the same as a new one, for at least half as long."""
    its, wanted = ((one.identity, one.spc, one.customer, one.id) for one in (said, new))
    return its == wanted and 2 * (said.not_after - now_s) > new.not_after - now_s


def _accepted(
    trunk: Trunk, provider: tuple[str, str], records: Iterable[EvidenceRecord], key: Ed25519PrivateKey
) -> Iterator[str]:
    """Not of one named like a trunk that is gone, and that is another tenant's, or another customer's."""
    identity, spc = provider
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
                spc=spc,
            )
            # the same statement gives the same token (RFC 8032)
            yield issue(key, statement)
