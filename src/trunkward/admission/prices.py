"""What an outbound call is sold for, and what each carrier that may take it asks for it.

1. The selling price: by the tenant's deck, or its reseller's; where neither has one, the indicative price of
   its destination, a minute at a time.
2. What each carrier asks, by its own deck.
3. The carriers that are left: none below the margin, none that has a deck and no rate for the number; in the
   file's order, or the cheapest first.
4. An indicative price is no less than what any of them asks: caps hold for what a call costs for sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trunkward.admission.snapshot import Snapshot
from trunkward.numbering.destinations import Destination
from trunkward.numbering.e164 import E164
from trunkward.routing.choose import Way
from trunkward.spend.money import shown, shown_nano
from trunkward.spend.table import DeckTable
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import Carrier, NodeSettings, Routing, Trunk

#: What the indicative prices of the table of destinations are in, and how they are charged.
INDICATIVE_CURRENCY = "EUR"
_INDICATIVE_S = 60
#: Seconds carriers are compared by: connect fees and increments count as they do in a call of a usual length.
_COMPARED_S = 180
#: Seconds after which a call has to be sold for its cost and the margin, besides its carrier's first
#: increment: fees and increments weigh most in short calls.
_LOOKED_AT_S = (60, _COMPARED_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one deck says of one number."""

    tariff: Tariff
    #: Digits of the prefix.
    prefix: str
    #: Name of the deck and SHA-256 of its text; "" for the indicative price.
    deck: str = ""
    sha256: str = ""
    #: Of an indicative price: the carrier that asks more than it, so that this is what it asks; "" for none.
    asked_by: str = ""

    @property
    def indicative(self) -> bool:
        """Whether nobody has agreed on it."""
        return not self.deck


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Why a carrier does not take a call, and what would have it take one."""

    why: str
    remedy: str
    #: It is known what it asks, and that is too much; else nobody knows.
    too_dear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of one call."""

    #: None: there is none, or nobody asks for one.
    sale: Price | None = None
    #: Why there is none, where one is needed; "".
    missing: str = ""
    #: By carrier, where it is known.
    costs: Mapping[str, Price] = field(default_factory=dict, hash=False)
    #: Carriers that are left out.
    left_out: Mapping[str, LeftOut] = field(default_factory=dict, hash=False)


#: Of a call that asks for no money: inbound ones, emergencies.
NO_PRICES = Prices()


def prices_of(
    called: E164,
    trunk: Trunk,
    ways: tuple[Way, ...],
    place: tuple[str, Destination],
    policy: Snapshot,
    at: float,
) -> tuple[Prices, tuple[Way, ...]]:
    """The prices of a trunk's call, and the ways that are left to it, in order.

    `place`: the prefix (with `+`) and what the table of destinations says of it; `at` in seconds since the
    epoch.
    """
    node = policy.node
    # 1.
    sale, missing = _sold(called, trunk, place, policy, at)
    # 2.
    costs, left_out = dict[str, Price](), dict[str, LeftOut]()
    for carrier in dict.fromkeys(way.carrier for way in ways):
        cost = _found(called, policy.buying(carrier), policy.bought_by(carrier), node, at)
        if cost is not None:
            costs[carrier.name] = cost
        # 3.
        if (found := _left_out(called, carrier, sale, cost, policy)) is not None:
            left_out[carrier.name] = found
    left = [way for way in ways if way.carrier.name not in left_out]
    if node.routing is Routing.LEAST_COST:
        left.sort(key=lambda way: _compared(costs.get(way.carrier.name)))
    # 4.
    if sale is not None and sale.indicative:
        for name in {way.carrier.name: None for way in left if way.carrier.name in costs}:
            tariff = sale.tariff.or_more(costs[name].tariff)
            if tariff != sale.tariff:
                sale = replace(sale, tariff=tariff, asked_by=name)
    return Prices(sale=sale, missing=missing, costs=costs, left_out=left_out), tuple(left)


def _sold(
    called: E164, trunk: Trunk, place: tuple[str, Destination], policy: Snapshot, at: float
) -> tuple[Price | None, str]:
    node, (name, sha256) = policy.node, policy.sold_by(trunk)
    if name:
        deck = policy.selling(trunk)
        price = _found(called, deck, (name, sha256), node, at)
        if price is not None:
            return price, ""
        if deck is not None and deck.currency != node.currency:
            return None, f"deck {name} is in {deck.currency}, and node.currency is {node.currency}"
        return None, f"deck {name} has no rate for {called}"
    prefix, destination = place
    if destination.rate_micro is not None and node.currency == INDICATIVE_CURRENCY:
        tariff = Tariff(rate_nano=destination.rate_micro * 1000, first_s=_INDICATIVE_S, next_s=_INDICATIVE_S)
        return Price(tariff=tariff, prefix=prefix.lstrip("+")), ""
    if not policy.spending(trunk):
        return None, ""  # nobody counts what it costs
    if destination.rate_micro is None:
        return None, f"tenant {trunk.tenant} has no deck, and what a minute to {prefix} costs is not known"
    return None, f"tenant {trunk.tenant} has no deck in {node.currency}; indicative prices are in euro"


def _found(
    called: E164, deck: DeckTable | None, named: tuple[str, str], node: NodeSettings, at: float
) -> Price | None:
    """What a deck says; nothing by one in another currency."""
    if deck is None or deck.currency != node.currency:
        return None
    found = deck.find(called.lstrip("+"), at)
    if found is None:
        return None
    prefix, tariff = found
    return Price(tariff=tariff, prefix=prefix, deck=named[0], sha256=named[1])


def _left_out(
    called: E164, carrier: Carrier, sale: Price | None, cost: Price | None, policy: Snapshot
) -> LeftOut | None:
    node = policy.node
    if cost is None:
        name, _ = policy.bought_by(carrier)
        return _no_rate(called, name, policy.buying(carrier), node) if name else None
    if sale is None or sale.indicative:
        return None
    why = _below(sale.tariff, cost.tariff, node.margin_nano)
    if not why:
        return None
    compare = f"./trunkward deck show {sale.deck} {called}, and deck show {cost.deck} {called}"
    return LeftOut(
        why=why, remedy=f"sell it dearer, buy it cheaper ({compare}) or lower node.margin", too_dear=True
    )


def _no_rate(called: E164, name: str, deck: DeckTable | None, node: NodeSettings) -> LeftOut:
    if deck is None:
        return LeftOut(
            why=f"there is no deck {name}",
            remedy=f"./trunkward deck import {name} FILE, or name one that is there (./trunkward deck list)",
        )
    if deck.currency != node.currency:
        return LeftOut(
            why=f"its deck {name} is in {deck.currency}, and node.currency is {node.currency}",
            remedy=f"name a deck in {node.currency}",
        )
    return LeftOut(
        why=f"its deck {name} has no rate for this number",
        remedy=f"a rate for {called}: ./trunkward deck import {name} FILE --merge",
    )


def _below(sale: Tariff, cost: Tariff, margin_nano: int) -> str:
    """Why a call is sold for too little, by the minute or when it ends after some time; "" if it is not."""
    least = shown_nano(margin_nano)
    left = sale.rate_nano - cost.rate_nano
    if left < margin_nano:
        return f"a minute is sold for {shown_nano(left)} more than it costs, and at least {least} is wanted"
    for seconds in (cost.first_s, *_LOOKED_AT_S):
        if sale.exact(seconds) - cost.exact(seconds) < margin_nano * seconds:
            sold, asked = shown(sale.price_micro(seconds)), shown(cost.price_micro(seconds))
            wanted = f", and at least {least} more a minute is wanted" if margin_nano else ""
            return f"a call of {seconds} s is sold for {sold} and costs {asked}{wanted}"
    return ""


def _compared(cost: Price | None) -> tuple[bool, int]:
    """Whose cost is not known comes last."""
    return (True, 0) if cost is None else (False, cost.tariff.price_micro(_COMPARED_S))
