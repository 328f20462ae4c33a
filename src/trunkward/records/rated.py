"""Rated calls: what each call that is over was sold for and has cost, in revisions that are never changed.

The first is made when a call's outcome is shipped, by the tariffs it carried from its beginning. A deck that
was wrong gives another one (`rerated`), with who said so and why; the newest counts.
"""

from dataclasses import dataclass, replace

from trunkward.calls.outcome import Ending, Outcome
from trunkward.records.model import DecisionRecord, RatedBy
from trunkward.records.view import is_emergency
from trunkward.spend.rating import Basis, Charged, Side, Terms, lasted_ms, margin, side
from trunkward.spend.table import DeckTable
from trunkward.spend.tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedCall:
    """One revision of one call."""

    record_id: str
    #: From 1; the newest counts.
    revision: int = 1
    #: Seconds since the epoch, of the decision.
    at: float
    tenant: str
    trunk: str
    reseller: str
    #: Whose caps it counts under (`trunk:acme-hq`, `carrier:north`), in the order of its decision.
    owners: tuple[str, ...] = ()
    #: Who took it on the way out, or brought it on the way in; empty for nobody.
    carrier: str
    #: E.164 with `+`; an emergency number as dialled.
    calling_number: str
    called_number: str
    #: None: no answer, or nobody knows of one.
    answered_at: float | None
    #: When it was over; of one nobody knows the end of, the moment it was found gone.
    ended_at: float
    #: None: not known.
    lasted_ms: int | None
    charged: Charged
    #: ISO 4217; empty where nothing was said about money.
    currency: str
    sale: Side
    cost: Side
    #: Of a revision after the first: the version of the configuration it is an act of, who, when and why.
    version: int = 0
    actor: str = ""
    revised_at: float | None = None
    why: str = ""

    @property
    def margin_micro(self) -> int | None:
        """What is left; None where either side is not known."""
        return margin(self.sale, self.cost)


def rated(decision: DecisionRecord, outcome: Outcome) -> RatedCall:
    """The first revision of a call that is over."""
    outbound = decision.direction == "outbound"
    carrier = (outcome.peer or "") if outbound else decision.source_name
    money = decision.money
    charged = _charged(decision, outcome, outbound=outbound)
    lasted = _lasted_ms(outcome)
    sale = _terms(money.sale) if money else None
    cost = _terms(money.costs.get(carrier)) if money else None
    return RatedCall(
        record_id=decision.record_id,
        at=decision.at,
        tenant=decision.tenant,
        trunk=decision.trunk,
        reseller=money.reseller if money else "",
        owners=tuple(money.owners) if money else (),
        carrier=carrier,
        calling_number=decision.calling_number,
        called_number=decision.called_number,
        answered_at=outcome.answered_at,
        ended_at=_ended_at(decision, outcome, lasted),
        lasted_ms=lasted,
        charged=charged,
        currency=money.currency if money else "",
        sale=side(charged, sale, lasted),
        cost=side(charged, cost, lasted),
    )


def with_end(call: RatedCall, decision: DecisionRecord, outcome: Outcome, *, at: float) -> RatedCall | None:
    """Another revision of a call whose end is known otherwise now, by the tariffs it was rated by last.

    `at`: seconds since the epoch. None where that is the revision there is.
    """
    now = rated(decision, outcome)
    of_sale = call.sale.terms or now.sale.terms
    of_cost = (call.cost.terms if call.carrier == now.carrier else None) or now.cost.terms
    if (now.charged, now.ended_at, now.lasted_ms) == (call.charged, call.ended_at, call.lasted_ms):
        return None
    return replace(
        now,
        revision=call.revision + 1,
        currency=call.currency or now.currency,
        sale=side(now.charged, of_sale, now.lasted_ms),
        cost=side(now.charged, of_cost, now.lasted_ms),
        actor=f"node {outcome.survivor}" if outcome.survivor else "the call's own node",
        revised_at=at,
        why="its end is known",
    )


def _charged(decision: DecisionRecord, outcome: Outcome, *, outbound: bool) -> Charged:
    if not outbound:
        return Charged.INBOUND
    if is_emergency(decision.called_number):
        return Charged.EMERGENCY
    if outcome.ending is Ending.ENDED_UNKNOWN:
        return Charged.END_UNKNOWN
    return Charged.YES if outcome.answered_at else Charged.UNANSWERED


def _lasted_ms(outcome: Outcome) -> int | None:
    if outcome.ending is Ending.ENDED_UNKNOWN:
        return None
    if outcome.answered_ms is not None:
        return outcome.answered_ms
    if not outcome.answered_at:
        return 0
    return lasted_ms(outcome.answered_at, outcome.ended_at) if outcome.ended_at else None


def _ended_at(decision: DecisionRecord, outcome: Outcome, lasted: int | None) -> float:
    if outcome.ended_at is not None:
        return outcome.ended_at
    return (outcome.answered_at or decision.at) + (lasted or 0) / 1000


def _terms(price: RatedBy | None) -> Terms | None:
    if price is None:
        return None
    try:
        tariff = Tariff.from_compact(price.tariff)
    except ValueError:  # one record must not hold up all that come after it: its price is not known
        return None
    return Terms(
        tariff=tariff,
        prefix=price.prefix,
        deck=price.deck,
        deck_sha256=price.deck_sha256,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A deck as it is now said to have been, and whose calls it rates."""

    name: str
    sha256: str
    currency: str
    table: DeckTable
    #: Those it rates by the configuration in force: their calls without an agreed price get one, too.
    tenants: frozenset[str]
    carriers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerated:
    """What a corrected deck does to one call."""

    #: The same where nothing changes.
    after: RatedCall
    #: The corrected deck has no rate for the number, or is in another currency: the price is left as it is.
    left: bool = False


def rerated(call: RatedCall, by: Corrected) -> Rerated:
    """A call once more, by a corrected deck, as of the moment it was judged."""
    if call.charged is not Charged.YES:
        return Rerated(after=call)
    asked = [
        _asked(call.sale, by, rates=call.tenant in by.tenants),
        _asked(call.cost, by, rates=call.carrier in by.carriers),
    ]
    found = by.table.find(call.called_number.lstrip("+"), call.at)
    if not any(asked) or found is None or call.currency not in ("", by.currency):
        return Rerated(after=call, left=any(asked))
    prefix, tariff = found
    terms = Terms(tariff=tariff, prefix=prefix, deck=by.name, deck_sha256=by.sha256)
    now = side(call.charged, terms, call.lasted_ms)
    sale, cost = (
        now if of_it and (now.micro, now.basis) != (was.micro, was.basis) else was
        for of_it, was in zip(asked, (call.sale, call.cost), strict=True)
    )
    if (sale, cost) == (call.sale, call.cost):
        return Rerated(after=call)
    return Rerated(after=replace(call, currency=by.currency, sale=sale, cost=cost))


def _asked(was: Side, by: Corrected, *, rates: bool) -> bool:
    """Whether a side is that deck's: it was rated by it, or has no agreed price and would be by now."""
    if was.terms is not None and was.terms.deck == by.name:
        return True
    return rates and was.basis in (Basis.UNKNOWN, Basis.INDICATIVE)
