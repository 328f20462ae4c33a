"""When somebody is told that a certificate, or a list it stands on, is about to fail calls: once a level.

`status` shows every problem at once. Whoever is woken wants those that time will not mend: a renewal that is
late, an end, a revocation, and what has been wrong for a while.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from trunkward.control.certificate_troubles import after_its_end
from trunkward.control.health_facts import CertificateFacts

#: Seconds a problem may last before somebody is told: a restart of an authority mends itself.
PATIENCE_S = 900.0


class Level(IntEnum):
    """How bad it is; each is told once, and again only after it was better."""

    FINE = 0
    #: Renewal is late, or something has been wrong for a while.
    SOON = 1
    #: There is none that could be used.
    GONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What there is to be told of one certificate or list."""

    name: str
    level: Level
    text: str


def alarms(facts: Iterable[CertificateFacts], wrong_for_s: dict[str, float], now: datetime) -> list[Alarm]:
    """One of each, the fine ones included. `wrong_for_s`: for how long each of them has had a problem."""
    return [_alarm(one, wrong_for_s.get(one.name, 0.0), now) for one in facts]


def _alarm(one: CertificateFacts, wrong_for_s: float, now: datetime) -> Alarm:
    means = after_its_end(one.of)
    if one.until is None:
        # one that was never there is waited for as long as any other problem
        level = Level.GONE if wrong_for_s >= PATIENCE_S else Level.FINE
        return Alarm(name=one.name, level=level, text=f"{one.name}: {one.problem or 'none'}: {means}")
    if one.until <= now:
        why = f": {one.problem}" if one.problem else ""
        return Alarm(name=one.name, level=Level.GONE, text=f"{one.name} ended {_at(one.until)}{why}: {means}")
    text = f"{one.name} ends {_at(one.until)}, from then on: {means}"
    if one.problem:
        text = f"{one.name}: {one.problem}; it ends {_at(one.until)}, from then on: {means}"
    # whatever is wrong, an end that is near does not wait for the patience with a problem: it may be nearer
    lasts = bool(one.problem) and wrong_for_s >= PATIENCE_S
    level = Level.SOON if one.late or lasts else Level.FINE
    return Alarm(name=one.name, level=level, text=text)


def event(alarm: Alarm, node: str, when: str) -> dict[str, object]:
    """The same for a program; `when` is the time in ISO 8601."""
    return {
        "type": "certificate.alarm",
        "timestamp": when,
        "data": {
            "node": node,
            "certificate": alarm.name,
            "level": alarm.level.name.lower(),
            "text": alarm.text,
        },
    }


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
