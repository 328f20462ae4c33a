"""`trunkward events`: what is no call and may tell of an attack, newest first."""

import time
from typing import TypedDict

import msgspec
from rich.text import Text

from trunkward.cli.call_options import moment, one_of
from trunkward.cli.calls import console, with_records
from trunkward.cli.said import say
from trunkward.records.model import Event, EventRecord
from trunkward.settings import Paths
from trunkward.sip.text import shown
from trunkward.store.records import RecordStore


class Wanted(TypedDict):
    """Which events."""

    event: str | None
    trunk: str | None
    #: Seconds since the epoch.
    since: float | None
    limit: int | None


def wanted(event: str | None, trunk: str | None, since: str | None, limit: int) -> Wanted:
    """What these options mean. Raises `typer.BadParameter`."""
    kind = one_of("--event", event, tuple(one.value for one in Event))
    return Wanted(event=kind, trunk=trunk, since=moment("--since", since, time.time()), limit=limit or None)


def run(paths: Paths, chosen: Wanted, *, as_json: bool) -> int:
    """Prints them; 2 when there is no records database."""

    def told(store: RecordStore) -> int:
        found = list(store.events.find(**chosen))
        for one in found:
            if as_json:
                print(msgspec.json.encode(one).decode())
            else:
                console.print(Text(sentence(one)), soft_wrap=True)
        if not found and not as_json:
            say("none")
        return 0

    return with_records(paths, told)


def sentence(one: EventRecord) -> str:
    """One event in a line; times are the machine's."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.at))
    if one.event in (Event.REGISTERED, Event.REGISTERED_ELSEWHERE):
        what = f" ({one.user_agent})" if one.user_agent else ""
        where = ", where it was not before" if one.event is Event.REGISTERED_ELSEWHERE else ""
        return f"{when}  {one.trunk} registered from {one.source}{what}{where}"
    if one.event is Event.JOURNALS_HOLD:
        return f"{when}  the journals are as they were written: {one.detail}"
    if one.event is Event.JOURNALS_CHANGED:
        return f"{when}  the journals are NOT as they were written: {shown(one.detail, 1000)}"
    began = time.strftime("%H:%M:%S", time.localtime(one.since))
    where = one.source if one.count == 1 else one.network or "many networks"
    what = f"{one.count} REGISTER of {one.trunk}" if one.trunk else str(one.count)
    said = f"{when}  {where}: {what} refused since {began}, {one.reason}"
    if claimed := ", ".join(f"{name} ({count})" for name, count in one.claimed.items()):
        said += f"; said to be {claimed}"
    said += f": {shown(one.detail, 300)}" if one.detail else ""
    return f"{said}\n{' ' * len(when)}  to let it pass: {shown(one.remedy, 300)}" if one.remedy else said
