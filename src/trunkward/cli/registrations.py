"""`trunkward registrations`: where trunks that register take their calls."""

import json
import time
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from trunkward.cli.calls import console, record_store
from trunkward.cli.events import sentence
from trunkward.cli.said import complain, say, wide
from trunkward.engines.in_force import read_in_force
from trunkward.records.model import Event, EventRecord
from trunkward.settings import Paths

#: Seconds after which what the edge has written is nothing to rely on; it writes every five.
_FRESH_S = 15.0
#: Seconds back, and events, that are shown of refused ones.
_REFUSED_S, _MOST_REFUSED = 86_400.0, 10
_HEADS = ("trunk", "contact", "source", "since (UTC)", "until (UTC)", "transport", "user agent")


def run(paths: Paths, wanted: str | None, *, as_json: bool) -> int:
    """0; 1 when a trunk that registers is registered nowhere, 2 when nobody can say."""
    try:
        in_force = read_in_force(paths.declared)
        registering = [t.name for t in in_force.declared().trunks if t.registers] if in_force else []
        told = json.loads(paths.registrations.read_bytes())
    except PermissionError:
        complain("registrations are for root to read: use sudo")
        return 2
    except FileNotFoundError:
        complain("nobody knows of registrations: the node is not up")
        return 2
    if wanted is not None and wanted not in registering:
        complain(f"there is no trunk {wanted!r} with host: registered")
        _show_refused(_refused(paths, wanted))
        return 2
    if (age_s := time.time() - told["at"]) > _FRESH_S:
        complain(f"Kamailio wrote this down {age_s:.0f} s ago, and has not since: is it running?")
        return 2
    names = [wanted] if wanted is not None else registering
    found = {name: told["trunks"].get(name, []) for name in names}
    refused = _refused(paths, wanted)
    if as_json:
        for name, bindings in found.items():
            of_it = [msgspec.to_builtins(one) for one in refused if name in (one.trunk, *one.claimed)]
            print(json.dumps({"trunk": name, "bindings": bindings, "refused": of_it}))
        return 0 if all(found.values()) else 1
    if found:
        _show(found)
    else:
        say("no trunk has host: registered")
    _show_refused(refused)
    return 0 if all(found.values()) else 1


def _refused(paths: Paths, trunk: str | None) -> list[EventRecord]:
    """The last of a day, where there are records to read."""
    try:
        if not paths.database and not paths.records_db.exists():
            return []
        store = record_store(paths)
        try:
            told = store.events.find(trunk=trunk, since=time.time() - _REFUSED_S)
            # a stranger's only where it says it is somebody
            kept = (one for one in told if one.event is Event.REGISTRATION_REFUSED or one.claimed)
            return list(islice(kept, _MOST_REFUSED))
        finally:
            store.disconnect()
    except (OSError, DBAPIError):
        return []


def _show_refused(refused: list[EventRecord]) -> None:
    if not refused:
        return
    say("refused within a day, the newest first; ./trunkward events has all:")
    for one in refused:
        # what a peer sent is text, not markup
        console.print(Text(sentence(one)), soft_wrap=True)


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    table = Table(*_HEADS, box=None)
    for name, bindings in found.items():
        for one in bindings:
            table.add_row(*(Text(cell) for cell in (name, *_cells(one))))
        if not bindings:
            table.add_row(Text(name), Text("not registered: calls to it get 480", style="yellow"))
    wide().print(table)


def _cells(one: dict[str, Any]) -> list[str]:
    until = datetime.fromtimestamp(one["expires_at"], UTC)
    since = datetime.fromtimestamp(one["since"], UTC)
    return [
        one["contact"],
        one["source"],
        f"{since:%Y-%m-%d %H:%M:%S}",
        f"{until:%Y-%m-%d %H:%M:%S}",
        one["transport"],
        one["user_agent"],
    ]
