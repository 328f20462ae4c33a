"""Looking each minute whether a certificate from elsewhere, or a list of SHAKEN, needs a person."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from trunkward.control.certificate_alarms import Alarm, Level, alarms, event
from trunkward.control.health_facts import CertificateFacts
from trunkward.control.shown import identity_sources
from trunkward.engines.certificate_state import IdentitiesState, read_state
from trunkward.engines.certificates import identity_facts, shown, shown_facts
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.worker.outbox import Outbox

ROUND_S = 60.0


class CertificateAlarms:
    """Which of them were told. Called by the thread that tells of money, too."""

    def __init__(
        self,
        outbox: Outbox,
        look: Callable[[datetime], list[CertificateFacts]],
        node: Callable[[], str],
        log: Callable[..., Any],
    ) -> None:
        """`look`: what is to be seen; `node`: the node's name; `log` hears each alarm."""
        self._outbox, self._look, self._node, self._log = outbox, look, node, log
        self._pause = NO_PAUSE
        self._wrong_since: dict[str, float] = {}

    def round(self, now: float) -> None:
        """Once a minute. Raises `OSError`. `now` in seconds since the epoch."""
        if not self._pause.is_over(now):
            return
        self._pause = Pause(now, ROUND_S)
        at = datetime.fromtimestamp(now, UTC)
        facts = self._look(at)
        wrong = {one.name for one in facts if one.problem or one.until is None}
        self._wrong_since = {name: min(self._wrong_since.get(name, now), now) for name in wrong}
        wrong_for_s = {name: now - since for name, since in self._wrong_since.items()}
        told, before = self._outbox.told, dict(self._outbox.told)
        fresh: list[Alarm] = []
        for alarm in alarms(facts, wrong_for_s, at):
            name = f"certificate {alarm.name}"
            if alarm.level > told.get(name, Level.FINE):
                fresh.append(alarm)
            told[name] = int(alarm.level)
            if not alarm.level:
                del told[name]
        for alarm in fresh:
            self._log(alarm.text, certificate=alarm.name, level=alarm.level.name.lower())
        if told != before:
            self._outbox.put([self._message(alarm, at) for alarm in fresh])

    def _message(self, alarm: Alarm, at: datetime) -> tuple[str, str]:
        """Subject and body."""
        when = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        body = msgspec.json.encode(event(alarm, self._node(), when)).decode()
        return f"[{self._node()}] {alarm.text}", body


def seen(paths: Paths, declared: Declared | None, now: datetime) -> list[CertificateFacts]:
    """What comes from elsewhere, as this process may see it."""
    if declared is None:
        return []
    state = read_state(paths.identities_state, IdentitiesState)
    return [
        *shown_facts(shown(declared, paths), now),
        *identity_facts(identity_sources(declared), state, paths.held_lists, now),
    ]
