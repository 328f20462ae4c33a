"""`trunkward history`, `get`, `diff` and `export`: reading the configuration back."""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from trunkward.cli.changing import configuration_store
from trunkward.cli.plan_shown import DIFFERENT, change_document, change_lines
from trunkward.cli.said import complain, say, wide
from trunkward.control import configuration
from trunkward.control.configuration import HistoryBroken, NoSuchVersion, Version
from trunkward.control.decks import in_lines, in_short, unpacked
from trunkward.control.difference import Action, Change
from trunkward.control.objects import KINDS, Objects, effective
from trunkward.control.unwritten import unwritten
from trunkward.engines.in_force import read_in_force
from trunkward.journal.chain import ChainBroken, Entry
from trunkward.settings import Paths
from trunkward.spend.deck import difference as decks_difference
from trunkward.store.configuration import SqlConfiguration, TextDamaged

#: Of a trunk, in a line for people; `get numbers` and --json have all.
_NUMBERS = 12


def run_history(paths: Paths, limit: int, *, as_json: bool, full: bool = False) -> int:
    """The newest versions: 0, 1 when the journal does not hold, 2 when there are none.

    `full`: their entries of the journal, whole.
    """
    if not _root():
        return 2
    in_force = read_in_force(paths.declared)
    number = in_force.version if in_force else None
    with configuration_store(paths, make=False) as store:
        try:
            pairs, broken = configuration.with_entries(store)[:limit], ""
            found = [version for version, _ in pairs]
            entries = [entry for _, entry in pairs]
        except (ChainBroken, HistoryBroken) as why:
            found, broken = store.versions(limit), str(why)
            entries = store.history()[1][: -limit - 1 : -1]
    if not found and not broken:
        complain(str(configuration.no_version_yet()))
        return 2
    if full:
        for entry in entries:
            # word for word for programs: it is this text the hash is of
            print(entry.text if as_json else _whole(entry))
    elif as_json:
        for version in found:
            print(json.dumps(asdict(version) | {"in_force": version.number == number}))
    else:
        table = Table("version", "when (UTC)", "who", "command", "what", box=None)
        for version in found:
            table.add_row(*(Text(cell) for cell in _row(version, number)))
        wide().print(table)
        if found and found[0].number != number:
            say(
                f"in force is version {number or 'none'}: apply, or the next up, puts the newest in force",
                "yellow",
            )
    if broken:
        complain(f"the journal does not hold: {broken}")
        return 1
    return 0


def run_get(paths: Paths, kind: str, name: str, *, as_json: bool) -> int:
    """What the newest version declares: 0, 2 when there is no such thing."""
    if not _root():
        return 2
    # as the other commands write it: trunk acme-hq
    kind = f"{kind}s" if f"{kind}s" in KINDS else kind
    if kind and kind not in KINDS:
        complain(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
        return 2
    with configuration_store(paths, make=False) as store:
        try:
            newest = configuration.get_version(store, None)
            objects = effective(configuration.objects_of_version(store, newest))
        except (NoSuchVersion, TextDamaged) as why:
            complain(str(why))
            return 2
    if name and name not in objects[kind]:
        there = [one for one in KINDS if name in objects[one]]
        said = f"; it is a {there[0].removesuffix('s')}" if there else f"; ./trunkward get {kind} lists them"
        complain(f"there is no {kind.removesuffix('s')} {name!r}{said}")
        return 2
    wanted: Any = objects if not kind else objects[kind] if not name else objects[kind][name]
    if as_json:
        print(json.dumps(wanted, indent=1))
        return 0
    for one_kind in [kind] if kind else KINDS:
        for one, fields in objects[one_kind].items():
            if not name or one == name:
                say(f"{one_kind.removesuffix('s')} {one}" if one != one_kind else one)
                for key, value in fields.items():
                    say(f"  {key}: {unwritten(one_kind, key) if value is None else _written(value)}")
                if one_kind == "trunks":
                    say(f"  numbers: {_numbers_of(one, objects)}")
    return 0


def run_diff(paths: Paths, old: int | None, new: int | None, *, as_json: bool) -> int:
    """What changed between two versions: 0 nothing, 2 no such version, 3 something."""
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        try:
            if old is None:
                newest = store.versions(2)
                if not newest:
                    raise configuration.no_version_yet()
                if len(newest) < 2:
                    raise NoSuchVersion("there is no version before the newest yet")
                old = newest[1].number
            changes = configuration.diff(store, old, new)
            # by what holds at the later one: a deck knows what it said before, not what it will
            at = max(configuration.get_version(store, number).at for number in (old, new))
            prices = [] if as_json else list(_prices(store, changes, int(at)))
        except (NoSuchVersion, TextDamaged) as why:
            complain(str(why))
            return 2
    if as_json:
        print(json.dumps([change_document(change) for change in changes], indent=1))
    else:
        for line in (*change_lines(changes), *prices):
            say(line, {"+": "green", "-": "red", "~": "yellow"}.get(line[:1], ""))
    return DIFFERENT if changes else 0


def _prices(store: SqlConfiguration, changes: list[Change], at: int) -> Iterator[str]:
    """What changes of decks do to prices at a time, in seconds since the epoch."""
    states = {one.version: one for one in store.decks()}
    for change in changes:
        if change.kind != "decks" or change.action is not Action.CHANGE:
            continue
        versions = next(key for key in change.keys if key.key == "version")
        was, now = (
            unpacked(states[number], store.packed_deck(states[number]))
            for number in (versions.old, versions.new)
        )
        told = decks_difference(was, now, at)
        yield f"prices of deck {change.name}: {in_short(told, now, at)}"
        yield from (f"    {line}" for line in in_lines(told))


def run_export(paths: Paths, number: int | None) -> int:
    """A version's node file: 0, 2 when there is no such version."""
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        try:
            sys.stdout.write(configuration.export(store, number))
        except (NoSuchVersion, TextDamaged) as why:
            complain(str(why))
            return 2
    sys.stdout.flush()
    return 0


def _whole(entry: Entry) -> str:
    """An entry for people: what it says, a key a line, but for what it says nothing of."""
    facts = msgspec.json.decode(entry.text)
    lines = [f"entry {entry.seq}, sha256 {entry.hash}"]
    for key, value in facts.items():
        if key in ("kind", "seq") or value in (None, [], {}):
            continue
        inner = value if isinstance(value, dict) else None
        lines.append(f"  {key}: {_journaled(key, value)}" if inner is None else f"  {key}:")
        lines += [
            f"    {name}: {_journaled(name, its)}"
            for name, its in (inner or {}).items()
            if its not in (None, [], {})
        ]
    return "\n".join(lines)


def _journaled(key: str, value: Any) -> str:
    if key in ("at", "until") and isinstance(value, int | float):
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(value))} UTC"
    return json.dumps(value) if isinstance(value, dict) else _written(value)


def _row(version: Version, in_force: int | None) -> list[str]:
    mark = " *" if version.number == in_force else ""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(version.at))
    return [f"{version.number}{mark}", when, str(version.actor), version.command, version.summary]


def _numbers_of(trunk: str, objects: Objects) -> str:
    own = [number for number, fields in objects["numbers"].items() if fields["trunk"] == trunk]
    more = f" and {len(own) - _NUMBERS} more" if len(own) > _NUMBERS else ""
    return (", ".join(own[:_NUMBERS]) or "none") + more


def _written(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("the node's configuration is root's: use sudo")
    return False
