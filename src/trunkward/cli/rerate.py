"""`trunkward rerate`: calls once more by a deck that was wrong; shown first, written down when asked."""

import json
import os
import time
from dataclasses import replace

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.billing import none_rated
from trunkward.cli.calls import with_records_database
from trunkward.cli.changing import configuration_store
from trunkward.cli.deck import declared_by, held_deck
from trunkward.cli.said import complain, say
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.rerating import Effect, Effects, corrected_by
from trunkward.records.billing import amount
from trunkward.records.rated import Corrected, RatedCall
from trunkward.settings import Paths
from trunkward.spend.rating import Charged
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.rated import RatedFilter, RatedStore
from trunkward.trunks.model import Declared


def run(paths: Paths, name: str, *, since: float, until: float, why: str | None, as_json: bool) -> int:
    """Shows what the deck does to calls that ended in this time; with `why`, writes it down.

    0 nothing changes, or it is done; 1 something would change; 2 it cannot be done.
    """
    if os.geteuid() != 0:
        complain("trunkward rerate needs root: the configuration is root's. Use sudo.")
        return 2
    with configuration_store(paths, make=False) as store:
        by = _corrected(store, name)
    if by is None:
        complain(f"there is no deck {name}; ./trunkward deck list shows those there are")
        return 2
    wanted = RatedFilter(since=since, until=until, by_end=True, charged=(Charged.YES,))

    def done(engine: sa.Engine) -> int:
        rated = RatedStore(engine)
        if not rated.is_there():
            return none_rated()
        effects = Effects(by=by)
        for page in rated.newest(wanted):
            for call in page:
                effects.add(call)
        _tell(effects, as_json=as_json)
        if not effects.calls or why is None:
            return 1 if effects.calls else 0
        return _write(paths, rated, wanted, effects, why)

    return with_records_database(paths, done)


def _corrected(store: SqlConfiguration, name: str) -> Corrected | None:
    held = held_deck(store, name)
    if held is None:
        return None
    kept, deck = held
    return corrected_by(kept, deck, declared_by(store))


def _write(paths: Paths, rated: RatedStore, wanted: RatedFilter, effects: Effects, why: str) -> int:
    """First the act, then the revisions, some at a time.

    Whoever is killed in between rates again: what has its revision does not change any more.
    """
    made: list[Version] = []
    actor = current_actor()
    command = f"rerate {effects.by.name}"

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        written = effects.act(wanted.since, wanted.until, why)
        made.append(put_down(store, written, actor=actor, command=command, at=now, beyond=beyond))
        return made[0]

    code = act(paths, command, decide)
    if not made:
        return code
    again, count = Effects(by=effects.by), 0
    for page in rated.newest(wanted):
        changed = [(call, after) for call in page if (after := again.add(call)) is not None]
        rated.add([_revision(call, after, made[0], actor.name, why) for call, after in changed])
        count += len(changed)
    say(f"{count:,} calls have another revision; export billing takes it", err=True)
    say(
        "caps still count what these calls were charged when they ran: ./trunkward spend shows who is near"
        " one, and spend raise is the way past it",
        err=True,
    )
    return code


def _revision(call: RatedCall, after: RatedCall, version: Version, actor: str, why: str) -> RatedCall:
    return replace(
        after,
        revision=call.revision + 1,
        version=version.number,
        actor=actor,
        revised_at=time.time(),
        why=why,
    )


def _tell(effects: Effects, *, as_json: bool) -> None:
    both = (("tenant", effects.tenants), ("carrier", effects.carriers))
    if as_json:
        owners = [_document(kind, name, one) for kind, of in both for name, one in sorted(of.items())]
        facts = {"deck": effects.by.name, "sha256": effects.by.sha256, "currency": effects.by.currency}
        print(json.dumps(facts | {"calls": effects.calls, "without_rate": effects.left, "owners": owners}))
        return
    if not effects.calls:
        print("no call gets another price")
    else:
        table = Table("", "calls", "before", "after", f"difference, {effects.by.currency}", box=None)
        for kind, of in both:
            for name, one in sorted(of.items()):
                cells = (f"{kind} {name}", f"{one.calls:,}", amount(one.before), amount(one.after))
                table.add_row(*(Text(cell) for cell in (*cells, amount(one.after - one.before))))
        Console(highlight=False, soft_wrap=True).print(table)
    if effects.left:
        why = "the deck has no rate for them, or another currency"
        print(f"{effects.left:,} calls keep a price of this deck: {why}")


def _document(kind: str, name: str, one: Effect) -> dict[str, object]:
    return {
        "kind": kind,
        "name": name,
        "calls": one.calls,
        "before": amount(one.before),
        "after": amount(one.after),
        "without_amount_before": one.found,
    }
