"""Blocks of numbers that are ours to give: what level A for a number of an inventory rests on.

`trunks[].numbers` says which of our customers a number was given to, and whoever edits the node file writes
it alone. That the number is ours to give is said by the document of a block (an assignment by the
administrator of the plan, or by a carrier), which one person entered and another accepted
(`control.evidence`). A number that lies in no block of the identity that signs its calls is signed B. It was
given to a provider, whose code the record has: under another provider's certificate it counts for nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from trunkward.shaken.evidence import MOST_NUMBERS
from trunkward.trunks.evidence import BLOCK, PORT, EvidenceRecord, NumberBlock, State
from trunkward.trunks.model import Declared, Trunk
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE

#: Numbers that are named of those in no block.
_NAMED = 3


class Run(NamedTuple):
    """Numbers in a row, read as whole ones: the first, and the last."""

    first: int
    last: int


class Stretch(NamedTuple):
    """Numbers in a row for which one block speaks."""

    first: int
    last: int
    block: NumberBlock


class Claim(NamedTuple):
    """Numbers in a row that an accepted record of a trunk gives to a tenant."""

    first: int
    last: int
    tenant: str


#: By trunk and reference of its customer, numbers that other records give it: E.164 with `+`, first and last.
type Given = Mapping[tuple[str, str], Iterable[tuple[str, str]]]


def needs_blocks(declared: Declared, identity: str) -> bool:
    """Whether an inventory alone gives no A to the calls an identity signs.

    Signatures under the node's own TEST authority convince nobody, so there a trial goes without documents.
    """
    source = _source(declared, identity)
    return source is not None and source.certificates is not Certificates.TEST


def signs_for(declared: Declared, trunk: Trunk) -> str:
    """Whose certificate signs a trunk's calls, by its name (`shaken.evidence.Evidence.identity`)."""
    return trunk.reseller if trunk.reseller in declared.reseller_identities else OF_NODE


def provider_of(declared: Declared, record: EvidenceRecord) -> tuple[str, str]:
    """Whose certificate a record would be entered for now, by its name, and under which code.

    Of a block or contract its own identity; of a port whose certificate signs its trunk's calls. The code is
    "" where there is no such identity; of all others, and a trunk that is gone, it is what the record says.
    """
    if record.of_identity:
        return record.identity, declared.spc_of(record.identity)
    return _providers(declared, [record]).get(record.trunk, (record.identity, record.spc))


def _providers(declared: Declared, records: Iterable[EvidenceRecord]) -> dict[str, tuple[str, str]]:
    """Of each trunk that numbers were ported for: whose certificate signs its calls, and under which code."""
    ported = {one.trunk for one in records if one.kind == PORT}
    return {
        trunk.name: (name, declared.spc_of(name))
        for trunk in declared.trunks
        if trunk.name in ported
        for name in [signs_for(declared, trunk)]
    }


def ported_here(declared: Declared, records: Iterable[EvidenceRecord]) -> list[EvidenceRecord]:
    """Records, without those of a port to another provider than whose certificate signs the calls now."""
    records = list(records)
    providers = _providers(declared, records)

    def is_here(record: EvidenceRecord) -> bool:
        its = record.identity, record.spc
        return record.kind != PORT or providers.get(record.trunk, its) == its

    return [one for one in records if is_here(one)]


def blocks_of(declared: Declared, records: Iterable[EvidenceRecord], now: float) -> list[NumberBlock]:
    """What inventories rest on: blocks that were accepted, of identities whose inventories need them.

    Each for the provider whose code it was entered for. `now` in seconds since the epoch. One that has ended
    is known as such for its grace, as other records are.
    """
    return sorted(
        (
            NumberBlock(
                record=one.version,
                accepted=one.reviewed,
                identity=one.identity,
                first=one.first,
                last=one.last,
                until=one.until,
            )
            for one in records
            if one.kind == BLOCK
            and one.in_force(now)
            and needs_blocks(declared, one.identity)
            and one.spc == declared.spc_of(one.identity)
        ),
        key=lambda block: block.record,
    )


def stretches(blocks: Iterable[NumberBlock], identity: str) -> list[Stretch]:
    """An identity's blocks in order, none over another: of several the one that holds longest."""
    its = sorted((one for one in blocks if one.identity == identity), key=lambda one: int(one.first))
    cuts = sorted({at for one in its for at in (int(one.first), int(one.last) + 1)})
    found: list[Stretch] = []
    # of those that have begun the one that holds longest is on top; what is over below it goes when it is
    begun: list[tuple[float, int, NumberBlock]] = []
    waiting = iter(its)
    coming = next(waiting, None)
    for first, after in pairwise(cuts):
        while coming is not None and int(coming.first) == first:
            heappush(begun, (-coming.until, -coming.record, coming))
            coming = next(waiting, None)
        while begun and int(begun[0][2].last) < first:
            heappop(begun)
        if begun:
            found.append(Stretch(first, after - 1, begun[0][2]))
    return found


def runs(numbers: Iterable[str]) -> Iterator[Run]:
    """Each run of E.164 numbers with `+`, in order, none longer than a token may be."""
    first = last = 0
    for number in sorted(map(int, numbers)):
        whole = number == last + 1 and len(str(number)) == len(str(first)) and number - first < MOST_NUMBERS
        if first and not whole:
            yield Run(first, last)
        if not whole:
            first = number
        last = number
    if first:
        yield Run(first, last)


def claims_of(records: Iterable[EvidenceRecord], now: float) -> list[Claim]:
    """What accepted records give to whom, in order, and disjoint; `now` in seconds since the epoch."""
    return _disjoint(
        Claim(int(one.first), int(one.last), one.tenant)
        for one in records
        if not one.of_identity and one.state(now) is State.ACCEPTED
    )


def _disjoint(claims: Iterable[Claim]) -> list[Claim]:
    """In order; two tenants' never overlap (`control.evidence`), and if they do the first one's counts."""
    found: list[Claim] = []
    for one in sorted(claims):
        begin = max(one.first, found[-1].last + 1) if found else one.first
        if begin <= one.last:
            found.append(one._replace(first=begin))
    return found


def contested(declared: Declared, records: Iterable[EvidenceRecord]) -> set[str]:
    """Trunks with a number that a record, whatever has become of it, has given to anybody."""
    claims = _disjoint(
        Claim(int(one.first), int(one.last), one.tenant) for one in records if not one.of_identity
    )
    return {
        trunk.name
        for trunk in (declared.trunks if claims else ())
        if any(its for _, its in within(runs(trunk.numbers), claims))
    }


def of_others(run: Run, claims: Sequence[Claim], tenant: str) -> list[Claim]:
    """What other tenants have been given of a run."""
    return [its for _, its in within([run], claims) if its is not None and its.tenant != tenant]


def within[T: (Run, Stretch, Claim)](
    numbers: Iterable[Run], held: Sequence[T]
) -> Iterator[tuple[Run, T | None]]:
    """Runs cut at the edges of what is held, which is in order and disjoint; in which of it each piece is."""
    for first, last in numbers:
        at, begin = bisect_left(held, first, key=lambda one: one.last), first
        while at < len(held) and held[at].first <= last:
            its = held[at]
            if begin < its.first:
                yield Run(begin, its.first - 1), None
            yield Run(max(begin, its.first), min(last, its.last)), its
            at, begin = at + 1, its.last + 1
        if begin <= last:
            yield Run(begin, last), None


def concerned(declared: Declared, before: Iterable[NumberBlock], after: Iterable[NumberBlock]) -> set[str]:
    """Trunks with a number in a block that was not there before, or is not any more."""
    changed = set(before) ^ set(after)
    held = {name: stretches(changed, name) for name in {one.identity for one in changed}}
    return {
        trunk.name
        for trunk in (declared.trunks if changed else ())
        for its in [held.get(signs_for(declared, trunk), [])]
        if its and any(one for _, one in within(runs(trunk.numbers), its))
    }


def wanting_by(declared: Declared, records: Sequence[EvidenceRecord], now: float) -> list[tuple[str, str]]:
    """`wanting` by the records there are, of a file that need not be in force."""
    given = _given_by(ported_here(declared, records), now)
    return wanting(declared, blocks_of(declared, records, now), given, now)


def _given_by(records: Iterable[EvidenceRecord], now: float) -> Given:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in records:
        if not one.of_identity and one.state(now) is State.ACCEPTED:
            found.setdefault((one.trunk, one.customer), []).append((one.first, one.last))
    return found


def wanting(
    declared: Declared, blocks: Iterable[NumberBlock], given: Given, now: float
) -> list[tuple[str, str]]:
    """Trunks whose inventory has numbers nothing speaks for, and what to do: name, and a sentence.

    `now` in seconds since the epoch. Nothing of trunks in transit, or of an unknown customer: what these are
    signed rests on no inventory.
    """
    live = [one for one in blocks if now < one.until]
    held: dict[str, list[Stretch]] = {}
    found = []
    for trunk in declared.trunks:
        name = signs_for(declared, trunk)
        if trunk.in_transit or trunk.customer is None or not needs_blocks(declared, name):
            continue
        if name not in held:
            held[name] = stretches(live, name)
        outside = _outside(runs(trunk.numbers), held[name])
        others = _united(given.get((trunk.name, trunk.customer.reference), ()))
        if nobodys := _outside(outside, others):
            found.append((trunk.name, _said(nobodys, declared, name)))
    return [*found, *_claimed(declared, given)]


def _claimed(declared: Declared, given: Given) -> list[tuple[str, str]]:
    """Trunks whose inventory has numbers that a record gives to another tenant."""
    tenants = {trunk.name: trunk.tenant for trunk in declared.trunks}
    claims = _disjoint(
        Claim(int(first), int(last), tenants.get(trunk, ""))
        for (trunk, _), ranges in given.items()
        for first, last in ranges
    )
    found = []
    for trunk in declared.trunks if claims else ():
        its = [
            Run(max(run.first, one.first), min(run.last, one.last))
            for run in runs(trunk.numbers)
            for one in of_others(run, claims, trunk.tenant)
        ]
        if its and trunk.customer is not None and not trunk.in_transit:
            found.append((trunk.name, _said_of_others(its)))
    return found


def _outside[T: (Run, Stretch, Claim)](numbers: Iterable[Run], held: Sequence[T]) -> list[Run]:
    return [run for run, its in within(numbers, held) if its is None]


def _united(ranges: Iterable[tuple[str, str]]) -> list[Run]:
    """In order, and disjoint."""
    found: list[Run] = []
    for first, last in sorted((int(first), int(last)) for first, last in ranges):
        if found and first <= found[-1].last:
            found[-1] = Run(found[-1].first, max(last, found[-1].last))
        else:
            found.append(Run(first, last))
    return found


def _named(numbers: list[Run]) -> str:
    many = sum(run.last - run.first + 1 for run in numbers)
    named = [f"+{run.first}" if run.first == run.last else f"+{run.first}-+{run.last}" for run in numbers]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"{many} of its numbers ({', '.join(named[:_NAMED])}{more})"


def _said_of_others(numbers: list[Run]) -> str:
    return (
        f"{_named(numbers)} are another tenant's by a record of evidence: its calls that show them are not "
        "signed A; find out whose they are (./trunkward evidence list): take them out of its numbers, or "
        "./trunkward evidence revoke the record"
    )


def _said(nobodys: list[Run], declared: Declared, identity: str) -> str:
    third_party = _third_party(declared, identity)
    what = "a call they divert has no div" if third_party else "their calls are signed B"
    return (
        f"{_named(nobodys)} lie in no block of identity {identity}, SPC {declared.spc_of(identity)}: "
        f"{what}; enter the document of the block (./trunkward evidence add --kind block), or of a number "
        "that was ported to you (--kind port)"
    )


def _third_party(declared: Declared, identity: str) -> bool:
    return identity != OF_NODE and declared.reseller_identities[identity].third_party


def _source(declared: Declared, identity: str) -> SigningSource | None:
    """Where an identity's certificate is from; None: the file declares no such one."""
    if identity == OF_NODE:
        return declared.node.signing
    its = declared.reseller_identities.get(identity)
    return its.signing if its is not None else None
