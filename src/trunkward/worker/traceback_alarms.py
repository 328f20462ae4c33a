"""Looking each minute whether a request to trace a call back is to be answered soon, or is too late."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from trunkward.control.traceback_requests import OpenRequest, Urgency, event, in_words
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.worker.outbox import Outbox

ROUND_S = 60.0
#: What is told of them begins so in `Outbox.told`.
_KIND = "traceback "


class TracebackAlarms:
    """Which of them were told. Called by the thread that tells of money, too."""

    def __init__(
        self,
        outbox: Outbox,
        look: Callable[[], Iterable[OpenRequest]],
        node: Callable[[], str],
        log: Callable[..., Any],
    ) -> None:
        """`look`: those that are not answered; `node`: the node's name; `log` hears each alarm."""
        self._outbox, self._look, self._node, self._log = outbox, look, node, log
        self._pause = NO_PAUSE

    def round(self, now: float) -> None:
        """Once a minute. Raises `OSError`. `now` in seconds since the epoch."""
        if not self._pause.is_over(now):
            return
        self._pause = Pause(now, ROUND_S)
        told = self._outbox.told
        before = {name: level for name, level in told.items() if name.startswith(_KIND)}
        urgent = {
            f"{_KIND}{one.asked_by}": one for one in self._look() if one.urgency(now) is not Urgency.FINE
        }
        levels = {name: int(one.urgency(now)) for name, one in urgent.items()}
        fresh = [one for name, one in urgent.items() if levels[name] > before.get(name, Urgency.FINE)]
        for one in fresh:
            self._log(in_words(one, now), request=one.asked_by, level=one.urgency(now).name.lower())
        if levels == before:
            return
        for name in before:
            del told[name]
        told.update(levels)
        self._outbox.put([self._message(one, now) for one in fresh])

    def _message(self, one: OpenRequest, now: float) -> tuple[str, str]:
        """Subject and body."""
        when = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        body = msgspec.json.encode(event(one, self._node(), now, when)).decode()
        return f"[{self._node()}] {in_words(one, now)}", body
