"""`trunkward calls`: the newest calls with verdict, reason and outcome."""

import json
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from trunkward.cli.said import complain
from trunkward.settings import Paths
from trunkward.store.database import open_database
from trunkward.store.records import RecordStore

console = Console(highlight=False)


def run(paths: Paths, *, limit: int, as_json: bool) -> int:
    """Prints the newest calls; 2 when there is no records database."""
    try:
        if not paths.database and not paths.records_db.exists():
            complain(f"no records yet: {paths.records_db} is made by the first ./trunkward up")
            return 2
        calls = record_store(paths).newest(limit)
    except PermissionError:
        complain("the node's records are for root to read: use sudo")
        return 2
    except DBAPIError as problem:
        complain(f"{paths.records_url}: cannot be read: {problem.orig}")
        return 2
    if as_json:
        for call in calls:
            print(json.dumps(call))
        return 0
    table = Table("when", "trunk", "from", "to", "verdict", "reason", "level", "by", "outcome", "s", box=None)
    for call in calls:
        # what a peer sent is text, not markup
        table.add_row(*(Text(cell) for cell in _row(call)))
    console.print(table)
    return 0


def record_store(paths: Paths) -> RecordStore:
    """The node's records, for reading."""
    return RecordStore(open_database(paths.records_url))


def _row(call: dict[str, Any]) -> list[str]:
    return [
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(call["started_at"])),
        call.get("trunk", ""),
        call.get("calling_number", ""),
        call.get("called_number", ""),
        call["verdict"],
        call["reason"],
        call.get("attest", ""),
        call["peer"] or "",
        f"{call['ending'] or ''} {call['end_code'] or ''}".strip(),
        f"{call['duration_s']:.1f}" if call["duration_s"] is not None else "",
    ]
