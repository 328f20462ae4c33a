"""`trunkward traceback open|close|list`: the register of requests, and who is to answer what until when."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store, is_root
from trunkward.cli.said import complain, say, wide
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import (
    Request,
    State,
    TracebackAct,
    closed,
    duration,
    opened,
)
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared

#: Characters of an answer's hash in the table; `--json` has all of it.
_HASH_SHOWN = 16


def run_open(paths: Paths, asked_by: str, received_at: float) -> int:
    """Writes a request down: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    return _act(paths, "traceback open", lambda requests: opened(requests, asked_by, received_at))


def run_close(paths: Paths, asked_by: str, why: str) -> int:
    """Ends one without an answer; exit codes as of `run_open`."""
    return _act(paths, "traceback close", lambda requests: closed(requests, asked_by, why))


def run_list(paths: Paths, *, every: bool, as_json: bool) -> int:
    """Those that are to be answered, the first that is due first; or `every` one, the newest first."""
    if not is_root("traceback"):
        return 2
    with configuration_store(paths, make=False) as store:
        requests, doubt = register(store)
        versions = {version.number: version for version in store.versions()}
    if doubt:
        complain(doubt)
    shown = requests if every else [one for one in requests if one.state is State.OPEN]
    if not every:
        shown.sort(key=lambda one: one.due_at)
    now = time.time()
    if as_json:
        for one in shown:
            print(json.dumps(described(one, versions, now)))
        return 0
    if not shown:
        say("no request is waiting; --all shows those that did" if requests else "no request yet")
        return 0
    table = Table("request", "received", "due", "state", "answered", "by", "calls", "pack", box=None)
    for one in shown:
        told = described(one, versions, now)
        first = told["answers"][0] if told["answers"] else {}
        cells = (
            *(one.asked_by, _minute(told["received_at"]), _minute(told["due_at"]), _state(told)),
            *(_minute(first.get("at")), first.get("by", ""), str(first.get("calls", ""))),
            first.get("manifest_sha256", "")[:_HASH_SHOWN],
        )
        table.add_row(*map(Text, cells))
    wide().print(table)
    return 0


def described(one: Request, versions: Mapping[int, Version], now: float) -> dict[str, Any]:
    """One request for programs; times are ISO 8601, UTC. `now` in seconds since the epoch."""

    def act_of(number: int) -> dict[str, Any]:
        version = versions.get(number)
        by = str(version.actor) if version else ""
        return {"version": number, "at": _iso(version.at if version else None), "by": by}

    ended = versions.get(one.answers[0].version if one.answers else one.closed)
    over_at = ended.at if ended else now
    return {
        "request": one.asked_by,
        "state": one.state.value,
        "received_at": _iso(one.received_at),
        "due_at": _iso(one.due_at),
        # what is left of its time, or was when it was answered or closed; below 0: too late
        "left_s": round(one.due_at - over_at),
        "written_down": act_of(one.version),
        "answers": [
            act_of(each.version) | {"calls": each.calls, "manifest_sha256": each.manifest_sha256}
            for each in one.answers
        ],
        "closed": act_of(one.closed) | {"why": one.close_why} if one.closed else None,
    }


def _state(told: Mapping[str, Any]) -> str:
    left_s = told["left_s"]
    late = f" {duration(-left_s)} late" if left_s < 0 else ""
    if told["state"] == State.CLOSED:
        return f"closed{late}: {told['closed']['why']}"
    if told["state"] == State.ANSWERED:
        return f"answered{late}"
    return f"{duration(left_s)} left" if left_s >= 0 else f"{duration(-left_s)} overdue"


def _act(paths: Paths, command: str, change: Callable[[list[Request]], TracebackAct]) -> int:
    if not is_root("traceback"):
        return 2

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        its = change(register(store)[0])
        return put_down(store, its, actor=current_actor(), command=command, at=now, beyond=beyond)

    return act(paths, command, decide)


def _iso(at: float | None) -> str | None:
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _minute(iso: str | None) -> str:
    return iso[:16].replace("T", " ") if iso else ""
