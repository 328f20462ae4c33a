"""`trunkward deck`: rates of carriers and tenants; taken in from files, listed, asked, dropped."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.csv_file import read_csv, tell_problems
from trunkward.cli.said import complain, say, wide
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.decks import (
    DeckActRefused,
    all_lines,
    corrected,
    dropped,
    imported,
    in_force,
    in_lines,
    prefixes_in,
    restored,
    state_of,
    unpacked,
    unused,
    users_of,
    would_be,
)
from trunkward.control.node_file import read_node_file
from trunkward.engines.behind_calls import stand_back
from trunkward.settings import Paths
from trunkward.spend.deck import MOST_DIGITS, Deck, Rate
from trunkward.spend.deck_csv import DeckCsvRefused, Defaults, Read, read_deck
from trunkward.spend.doubts import doubts
from trunkward.spend.kept import KeptDeck
from trunkward.spend.money import CURRENCY, shown, shown_nano
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared

_INCREMENTS = re.compile(r"([0-9]{1,4})/([0-9]{1,4})", re.ASCII)
#: Bytes of a file; a deck of 250,000 prefixes has some ten million.
_MOST_BYTES = 256 << 20


def defaults_of(currency: str, increments: str, dates: str) -> Defaults:
    """What the options say of a file; an exit when they cannot be right."""
    found = _INCREMENTS.fullmatch(increments or "1/1")
    if found is None or not int(found[1]) or not int(found[2]):
        raise typer.BadParameter(f"{increments!r}: write two numbers of seconds, as 60/6")
    if currency and not CURRENCY.fullmatch(currency):
        raise typer.BadParameter(f"{currency!r}: write a currency as ISO 4217 does, as EUR")
    return Defaults(
        currency=currency,
        first_s=int(found[1]),
        next_s=int(found[2]),
        increments_said=bool(increments),
        dates=dates,
    )


def moment_of(text: str) -> float | None:
    """A day, or a day and a time, in UTC, as seconds since the epoch; None for no text."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write a day as 2027-01-31, or 2027-01-31T18:00") from None


def run_import(
    paths: Paths,
    name: str,
    file: Path,
    *,
    defaults: Defaults,
    whole: bool,
    even_so: bool,
    since: float | None = None,
) -> int:
    """Takes a file in: 0 done, 1 not everywhere in force, 2 nothing was changed.

    `since`: it corrects what the deck says from that moment on, in seconds since the epoch; `even_so`: also
    what looks like a slip.
    """
    if not _root():
        return 2
    stand_back()
    found = _read(file, defaults)
    if found is None:
        return 2
    read, raw = found
    told: list[str] = []
    command = f"deck import {name}" if since is None else f"deck correct {name}"

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        held = held_deck(store, name)
        if since is None:
            change, effect = imported(
                name, held, read.deck, raw, int(now), whole=whole, even_so=even_so, assumed=read.assumed
            )
        else:
            change, effect = corrected(
                name,
                held,
                read.deck,
                raw,
                int(since),
                int(now),
                whole=whole,
                even_so=even_so,
                assumed=read.assumed,
            )
        told.extend([*in_lines(effect), *unused(name, declared, store.decks())])
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    code = act(paths, command, decide)
    if code != 2:
        for line in told:
            print(line)
        if read.ignored:
            print(f"not read: {', '.join(read.ignored)}")
    return code


def run_diff(paths: Paths, name: str, file: Path, *, defaults: Defaults, whole: bool) -> int:
    """What a file would change; changes nothing. 0 nothing, 1 something, 2 it cannot be taken in."""
    if not _root():
        return 2
    found = _read(file, defaults)
    if found is None:
        return 2
    with configuration_store(paths, make=False) as store:
        held = held_deck(store, name)
    now = int(time.time())
    try:
        was, after = would_be(name, held, found[0].deck, now, whole=whole)
    except DeckActRefused as refused:
        complain(str(refused))
        return 2
    for line in all_lines(was, after, now):
        print(line)
    for doubt in doubts(was, after, now, found[0].assumed):
        print(f"looks like a slip, and needs --even-so: {doubt}")
    return 0 if held and after == was else 1


def run_restore(paths: Paths, name: str, version: int) -> int:
    """Has a deck say what it said as of a version; exit codes as of `run_import`."""
    if not _root():
        return 2
    command = f"deck restore {name}"
    told: list[str] = []

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        kept = state_of(name, version, store.decks())
        if kept.version != version:
            say(
                f"version {version} did not change deck {name}: its newest state up to then is that of "
                f"version {kept.version}",
                err=True,
            )
        state = (kept, unpacked(kept, store.packed_deck(kept)))
        change, effect = restored(name, held_deck(store, name), state, int(now))
        told.extend(in_lines(effect))
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    code = act(paths, command, decide)
    for line in told if code != 2 else ():
        print(line)
    return code


def run_drop(paths: Paths, name: str) -> int:
    """Ends a deck nobody is rated by; exit codes as of `run_import`."""
    if not _root():
        return 2
    command = f"deck drop {name}"

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        change = dropped(name, store.decks(), declared)
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    return act(paths, command, decide)


def run_list(paths: Paths, *, every: bool, as_json: bool) -> int:
    """Decks that are in force, or all states there ever were, the newest first."""
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        kept = store.decks()
        versions = {version.number: version for version in store.versions()}
        users = users_of(declared_by(store))
        found = [one for one in kept if every or not one.ended]
        # of a state that has ended, too: as it was when it was taken in
        counts = [prefixes_in(one, store.packed_deck(one), versions[one.version].at) for one in found]
    if as_json:
        for one, prefixes in zip(found, counts, strict=True):
            print(json.dumps(_document(one, prefixes, versions, users)))
        return 0
    if not found:
        print("there is no deck yet: ./trunkward deck import NAME FILE")
        return 0
    columns = (
        "deck",
        "version",
        "currency",
        "prefixes",
        "states",
        "taken in (UTC)",
        "by",
        "rates calls of",
        "",
    )
    table = Table(*columns, box=None)
    for one, prefixes in zip(found, counts, strict=True):
        made = versions[one.version]
        whose = ", ".join(users.get(one.name, [])) or "nobody"
        state = f"until version {one.ended}" if one.ended else ""
        first = (one.name, str(one.version), one.currency, f"{prefixes:,}", f"{one.rates:,}")
        cells = (*first, _moment(made.at), made.actor.name, whose, state)
        table.add_row(*(Text(cell) for cell in cells))
    wide().print(table)
    return 0


def run_show(paths: Paths, name: str, number: str, *, at: float | None, as_json: bool) -> int:
    """What a call to a number costs by a deck: 0 it has a price, 1 none, 2 there is no such deck."""
    if not _root():
        return 2
    digits = number.removeprefix("+")
    if not (number.startswith("+") and digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        complain(f"{number}: write a number, or its beginning, as +442079460123")
        return 2
    with configuration_store(paths, make=False) as store:
        held = held_deck(store, name)
    if held is None:
        complain(f"there is no deck {name}; ./trunkward deck list shows those there are")
        return 2
    kept, deck = held
    moment = time.time() if at is None else at
    fits = (rate for rate in deck.rates if digits.startswith(rate.prefix))
    rates = sorted(fits, key=lambda rate: (len(rate.prefix), rate.since))
    best = max((r for r in rates if r.holds(moment)), key=lambda r: len(r.prefix), default=None)
    if as_json:
        found = _rate(best, kept.currency) if best else None
        print(json.dumps({"deck": name, "number": f"+{digits}", "rate": found}))
        return 0 if best else 1
    price = f"{kept.currency} a minute"
    table = Table("prefix", "name", price, "increments", "fee", "from (UTC)", "until", "", box=None)
    for rate in rates:
        tariff = rate.tariff
        cells = (
            rate.prefix,
            rate.name,
            shown_nano(tariff.rate_nano),
            f"{tariff.first_s}/{tariff.next_s}",
            shown_nano(tariff.connect_nano),
            _moment(rate.since),
            "" if rate.until is None else _moment(rate.until),
            "this one" if rate is best else "",
        )
        table.add_row(*(Text(cell) for cell in cells))
    Console(highlight=False, soft_wrap=True).print(table)
    if best is None:
        print(f"no price for +{digits} in deck {name}: a call there is refused")
        return 1
    lasting = ", ".join(f"{s} s: {shown(best.tariff.price_micro(s))}" for s in (1, 30, 60, 300, 3600))
    print(f"a call that lasts {lasting} {kept.currency}")
    return 0


def _read(file: Path, defaults: Defaults) -> tuple[Read, bytes] | None:
    """The deck in a file and its bytes; None when it is refused, and why has been said."""
    found = read_csv(
        file, most_bytes=_MOST_BYTES, too_large="that is no deck", before="nothing was changed: "
    )
    if found is None:
        return None
    text, raw = found
    try:
        with _progress(text.count("\n") + 1) as told:
            return read_deck(text, defaults, told), raw
    except DeckCsvRefused as refused:
        tell_problems(file, refused.problems, refused.more, "nothing was changed")
        return None


@contextmanager
def _progress(lines: int) -> Iterator[Callable[[int], None]]:
    """Shows how far it is, to a person who waits."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), TextColumn("{task.completed:,} lines"))
    # a pipe or a log gets no empty line for it
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=lines)
        yield lambda line: progress.update(task, completed=line)


def held_deck(store: SqlConfiguration, name: str) -> tuple[KeptDeck, Deck] | None:
    """What is in force of that name, and its rates."""
    kept = in_force(store.decks()).get(name)
    return (kept, unpacked(kept, store.packed_deck(kept))) if kept else None


def declared_by(store: SqlConfiguration) -> Declared:
    """What the newest version says. Raises `NoSuchVersion`."""
    head = configuration.get_version(store, None)
    return read_node_file(store.text(head), f"version {head.number}")


def _document(
    one: KeptDeck, prefixes: int, versions: dict[int, Version], users: dict[str, list[str]]
) -> dict[str, object]:
    made, ended = versions[one.version], versions.get(one.ended)
    return {
        "deck": one.name,
        "currency": one.currency,
        "prefixes": prefixes,
        "rates": one.rates,
        "sha256": one.sha256,
        "file_sha256": one.file_sha256,
        "version": one.version,
        "at": made.at,
        "by": made.actor.name,
        "ended_at": ended.at if ended else None,
        "ended_by": ended.actor.name if ended else None,
        "users": users.get(one.name, []),
    }


def _rate(rate: Rate, currency: str) -> dict[str, object]:
    return {
        "prefix": rate.prefix,
        "name": rate.name,
        "currency": currency,
        "rate": shown_nano(rate.tariff.rate_nano),
        "connect": shown_nano(rate.tariff.connect_nano),
        "first_s": rate.tariff.first_s,
        "next_s": rate.tariff.next_s,
        "since": rate.since,
        "until": rate.until,
    }


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" if at else "ever"


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("trunkward deck needs root: the configuration is root's. Use sudo.")
    return False
