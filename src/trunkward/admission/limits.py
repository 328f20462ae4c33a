"""How much at once, and how fast: what a call asks of what all nodes count, and what the answer means for it.

A line is taken by calls in both directions; calls a second are counted for each direction by itself, so that
a flood of calls in leaves the customer his own. Of outbound calls those abroad and those to a class of
numbers count too; for each calling number of a customer's calls, and each called number of calls to him. An
emergency call is counted nowhere.
"""

from trunkward.admission.ceilings import limit_name, rate
from trunkward.admission.ports import Asked, Counter, NonceUse, Over
from trunkward.admission.screen import Case, Direction
from trunkward.admission.snapshot import Snapshot
from trunkward.numbering.e164 import E164
from trunkward.trunks.destinations import is_home
from trunkward.trunks.model import NodeSettings, Trunk

#: Seconds a place is held longer than a call's grant lasts: for the edge to end one whose grant is over.
GUARD_S = 2


def hold_s(node: NodeSettings) -> float:
    """Seconds a place is held from the verdict, or from a renewal, on."""
    return node.grant_s + GUARD_S


def asked_of(case: Case, policy: Snapshot, record_id: str) -> Asked:
    """What the call of a case asks for, once its other checks have found nothing against it."""
    trunk = case.source if case.direction is Direction.OUTBOUND else case.destination
    if not isinstance(trunk, Trunk) or case.emergency:
        return Asked(record_id=record_id, hold_s=hold_s(case.node))
    ceilings = policy.ceilings(trunk.name)
    counters, rates, kind, number = ceilings.calls, ceilings.rates_in, "rate-in", case.called
    if case.direction is Direction.OUTBOUND:
        rates, kind, number = ceilings.rates, "rate", case.calling
        if is_international(case):
            counters += ceilings.international
        counters += ceilings.classes.get(case.place.kind.value, ())
    if ceilings.numbers and isinstance(number, E164):
        for one in ceilings.numbers:
            if one.calls is not None:
                counters += (Counter(key=f"calls:{one.of}:number:{number}", most=one.calls),)
            if one.per_second is not None:
                rates += (rate(f"{kind}:{one.of}:number:{number}", one.per_second),)
    return Asked(
        record_id=record_id, hold_s=hold_s(case.node), counters=counters, rates=rates, nonce=nonce_of(case)
    )


def nonce_of(case: Case) -> NonceUse | None:
    """The use of a nonce that must be the first of its count."""
    used = case.nonce
    return (
        NonceUse(nonce=used.nonce, nc=used.nc, until=used.until, epoch=used.epoch)
        if used is not None
        else None
    )


def is_international(case: Case) -> bool:
    """Whether an outbound call leaves the country; what no row of the table fits does."""
    region = case.node.region
    return case.place.country != region and not is_home(case.place, region)


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
