"""How much at once, and how fast: what a call asks of what all nodes count, and what the answer means for it.

A call in counts for the trunk it is sent to: first the one that would take it, and where that does not, for
the next one before it goes there (`moved`).

A line is taken by calls in both directions; calls a second are counted for each direction by itself, so that
a flood of calls in leaves the customer his own. Of outbound calls those abroad and those to a class of
numbers count too; for each calling number of a customer's calls, and each called number of calls to him. An
emergency call is counted nowhere.
"""

from copy import replace

from trunkward.admission.ceilings import Ceilings, limit_name, rate
from trunkward.admission.money import GUARD_S
from trunkward.admission.ports import Asked, Counter, Over, Rate, VerificationFact
from trunkward.admission.screen import Case, Direction
from trunkward.admission.snapshot import Snapshot
from trunkward.admission.verified import passports_of
from trunkward.calls.place import PlaceAsked
from trunkward.numbering.e164 import E164
from trunkward.trunks.model import NodeSettings, Trunk


def hold_s(node: NodeSettings) -> float:
    """Seconds a place is held from the verdict, or from a renewal, on."""
    return node.grant_s + GUARD_S


def asked_of(case: Case, policy: Snapshot, record_id: str, verification: VerificationFact = None) -> Asked:
    """What the call of a case asks for, once its other checks have found nothing against it."""
    nothing = Asked(record_id=record_id, hold_s=hold_s(case.node))
    if case.direction is Direction.INBOUND:
        first = next(iter(case.targets), None)
        if first is None or not isinstance(case.called, E164):
            return nothing
        counters, rates = _of_a_call_in(policy.ceilings(first.name), case.called)
        passports, mark = passports_of(case, verification)
        return replace(nothing, counters=counters, rates=rates, passports=passports, call_mark=mark)
    trunk = case.source
    if not isinstance(trunk, Trunk) or case.emergency:
        return nothing
    ceilings = policy.ceilings(trunk.name)
    counters, rates = ceilings.calls, ceilings.rates
    if case.abroad:
        counters += ceilings.international
    counters += ceilings.classes.get(case.place.kind, ())
    if isinstance(case.calling, E164):
        counters, rates = _with_number(ceilings, counters, rates, "rate", case.calling)
    use = case.nonce.use if case.nonce else None
    passports, mark = passports_of(case, verification)
    return replace(
        nothing,
        counters=counters,
        rates=rates,
        nonce=use,
        passports=passports,
        call_mark=mark,
        money=case.charge,
    )


def moved(asked: PlaceAsked, policy: Snapshot) -> tuple[Asked, list[str]]:
    """What a call in asks for to be sent to another trunk, and the keys of what it has there already.

    Of what both trunks have in common, their tenant and reseller, it goes on holding its places.
    """
    counters, rates = _of_a_call_in(policy.ceilings(asked.trunk), asked.called)
    _, passed = _of_a_call_in(policy.ceilings(asked.instead_of), asked.called)
    kept = [counter.key for counter in counters if counter.key in asked.counters]
    return (
        Asked(
            record_id=asked.id,
            hold_s=hold_s(policy.node),
            counters=tuple(counter for counter in counters if counter.key not in kept),
            rates=tuple(one for one in rates if one not in passed),
        ),
        kept,
    )


def _of_a_call_in(ceilings: Ceilings, called: str) -> tuple[tuple[Counter, ...], tuple[Rate, ...]]:
    return _with_number(ceilings, ceilings.calls, ceilings.rates_in, "rate-in", called)


def _with_number(
    ceilings: Ceilings, counters: tuple[Counter, ...], rates: tuple[Rate, ...], kind: str, number: str
) -> tuple[tuple[Counter, ...], tuple[Rate, ...]]:
    for one in ceilings.numbers:
        if one.calls is not None:
            counters += (Counter(key=f"calls:{one.of}:number:{number}", most=one.calls),)
        if one.per_second is not None:
            rates += (rate(f"{kind}:{one.of}:number:{number}", one.per_second),)
    return counters, rates


def over_in_words(over: Over) -> tuple[str, str]:
    """What is full and how much there is of it; and what would have let the call pass."""
    limit = limit_name(over.key)
    most = f"{over.most:g}"
    if over.most == 0:
        return f"{limit.whose} may have no {limit.what}", f"raise {limit.key} of {limit.whose}, which is 0"
    return (
        f"{limit.whose} has {most} {limit.what}, and all are in use",
        f"wait until one is free, or raise {limit.key} of {limit.whose}, which is {most}",
    )
