"""What `trunkward status` says of money: who is held, what is raised, and alerts that are not there yet."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from trunkward.control.declared import InForce
from trunkward.control.spending import raises_now
from trunkward.engines.alerts_file import Kept, Message, read_kept
from trunkward.settings import Paths
from trunkward.spend.money import shown
from trunkward.trunks.spending import Window


def waiting_alerts(paths: Paths) -> dict[str, list[Message]]:
    """By channel, messages that are not there yet."""
    try:
        kept = read_kept(paths.alerts)
    except OSError:
        kept = Kept()
    found: dict[str, list[Message]] = {}
    for message in kept.waiting:
        found.setdefault(message.channel, []).append(message)
    return found


def document(in_force: InForce, waiting: dict[str, list[Message]], now: float) -> dict[str, Any]:
    """For programs; `now` in seconds since the epoch."""
    return {
        "held": {hold.owner: hold.scope.value for hold in in_force.holds},
        "raised": [
            {"owner": one.owner, "window": one.window.value, "to": shown(one.to_micro), "until": one.until}
            for one in raises_now(in_force.raises, now)
        ],
        "alerts_waiting": {
            channel: {"messages": len(messages), "problem": messages[0].problem}
            for channel, messages in waiting.items()
        },
    }


def lines(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same for a person: a word, and what is said of it."""
    for owner, scope in told["held"].items():
        yield "held", f"{owner}: {scope} calls; ./trunkward release {owner} takes them again"
    for one in told["raised"]:
        until = f"{datetime.fromtimestamp(one['until'], UTC):%Y-%m-%d %H:%M} UTC"
        window = "an hour" if one["window"] == Window.HOUR else f"a {one['window']}"
        yield "raised", f"{one['owner']}: {one['to']} {window}, until {until}"
    for channel, its in told["alerts_waiting"].items():
        problem = f": {its['problem']}" if its["problem"] else ""
        yield "alerts", f"{its['messages']} wait for {channel}{problem}"
