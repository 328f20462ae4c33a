"""Rating calls once more, because a deck was wrong: what it does to whom, and what is written down of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from trunkward.records.rated import Corrected, RatedCall, rerated
from trunkward.spend.deck import Deck
from trunkward.spend.kept import KeptDeck, Rerating
from trunkward.spend.money import shown
from trunkward.spend.table import DeckTable, compile_deck
from trunkward.trunks.model import Declared


def corrected_by(kept: KeptDeck, deck: Deck, declared: Declared) -> Corrected:
    """A deck that calls are rated by again, and whose it rates by the configuration in force."""
    return Corrected(
        name=kept.name,
        sha256=kept.sha256,
        currency=kept.currency,
        table=DeckTable(compile_deck(deck, 0)),
        tenants=frozenset(name for name, by in declared.selling_decks.items() if by == kept.name),
        carriers=frozenset(one.name for one in declared.carriers if one.deck == kept.name),
    )


@dataclass(slots=True, kw_only=True)
class Effect:
    """What it does to the calls of one tenant, or with one carrier; in micro-units."""

    calls: int = 0
    before: int = 0
    after: int = 0
    #: Calls that had no amount before, and have one now.
    found: int = 0


@dataclass(slots=True, kw_only=True)
class Effects:
    """What a corrected deck does; calls are added one by one."""

    by: Corrected
    calls: int = 0
    #: Calls it was asked for and has no rate for: they keep what they have.
    left: int = 0
    #: By name.
    tenants: dict[str, Effect] = field(default_factory=dict)
    carriers: dict[str, Effect] = field(default_factory=dict)

    def add(self, call: RatedCall) -> RatedCall | None:
        """One call's newest revision; gives it as it is rated now, or None where nothing changes."""
        done = rerated(call, self.by)
        self.left += done.left
        if done.after == call:
            return None
        self.calls += 1
        for name, was, now, by in (
            (call.tenant, call.sale, done.after.sale, self.tenants),
            (call.carrier, call.cost, done.after.cost, self.carriers),
        ):
            if was == now:
                continue
            effect = by.setdefault(name, Effect())
            effect.calls += 1
            effect.before += was.micro or 0
            effect.after += now.micro or 0
            effect.found += was.micro is None and now.micro is not None
        return done.after

    def act(self, since: float, until: float, why: str) -> Rerating:
        """What is written down."""
        sold, cost = self.tenants.values(), self.carriers.values()
        return Rerating(
            deck=self.by.name,
            sha256=self.by.sha256,
            since=since,
            until=until,
            calls=self.calls,
            sold_before=sum(one.before for one in sold),
            sold_after=sum(one.after for one in sold),
            cost_before=sum(one.before for one in cost),
            cost_after=sum(one.after for one in cost),
            why=why,
        )


def said(act: Rerating) -> str:
    """One line for the history."""
    sold, cost = _change(act.sold_before, act.sold_after), _change(act.cost_before, act.cost_after)
    return f"{act.calls:,} calls rated again by deck {act.deck}: sold {sold}, cost {cost}; {act.why}"


def _change(before: int, after: int) -> str:
    sign = "+" if after >= before else ""
    return f"{sign}{shown(after - before)}"


def journaled(act: Rerating) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    return {
        "deck": act.deck,
        "sha256": act.sha256,
        "since": f"{datetime.fromtimestamp(act.since, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{datetime.fromtimestamp(act.until, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "calls": act.calls,
        "sold_micro": [act.sold_before, act.sold_after],
        "cost_micro": [act.cost_before, act.cost_after],
        "why": act.why,
    }
