"""When somebody is told how much of a cap is spent: once for each level that is crossed upwards.

What is spent goes up and down: grants are taken and given back each minute. So a level that was told is armed
again only when what is spent has fallen some way below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trunkward.spend.money import shown
from trunkward.trunks.spending import Window

#: Percent of the cap below a level at which it is armed again.
FALLEN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One crossing."""

    owner: str
    window: Window
    #: The level, in percent of the cap.
    percent: int
    settled_micro: int
    granted_micro: int
    cap_micro: int
    currency: str
    #: Seconds since the epoch.
    at: float
    #: A call was refused for this cap: what it needs to begin is more than what is left.
    refused: bool = False


def crossed(told: int, levels: Sequence[int], spent_micro: int, cap_micro: int) -> tuple[int, int]:
    """The level that counts as told from now on, and the one to tell of, 0 for none.

    `told` is what counted so far, 0 for none. Of several levels crossed at once the highest is told.
    """
    reached = max((level for level in levels if spent_micro * 100 >= level * cap_micro), default=0)
    if reached > told:
        return reached, reached
    held = [
        level
        for level in levels
        if level <= told and spent_micro * 100 >= (level - FALLEN) * cap_micro and level > FALLEN
    ]
    return max([reached, *held]), 0


def in_words(alert: Alert) -> str:
    """One line for the log, and the subject of a mail."""
    spent, held = shown(alert.settled_micro), shown(alert.granted_micro)
    amounts = f"{spent} spent and {held} held for calls, of {shown(alert.cap_micro)} {alert.currency}"
    span = _SPAN[alert.window]
    if alert.refused:
        return f"{alert.owner}: a call was refused that needs more than is left for {span}: {amounts}"
    return f"{alert.owner} is at {alert.percent} % of what it may spend in {span}: {amounts}"


def event(alert: Alert, node: str, when: str) -> dict[str, object]:
    """The same for a program: amounts are text, exact; `when` is the time in ISO 8601."""
    return {
        "type": "spend.threshold",
        "timestamp": when,
        "data": {
            "node": node,
            "owner": alert.owner,
            "window": alert.window.value,
            "percent": alert.percent,
            "settled": shown(alert.settled_micro),
            "granted": shown(alert.granted_micro),
            "cap": shown(alert.cap_micro),
            "currency": alert.currency,
            "text": in_words(alert),
        },
    }


_SPAN = {
    Window.CALL: "a call",
    Window.HOUR: "an hour",
    Window.DAY: "24 hours",
    Window.MONTH: "30 days",
}
