"""Messages on their way to webhooks and mail servers: kept until they are there, or too old to matter.

Each channel has a thread of its own, so one that does not answer delays no other, and nothing else. What
waits is in one small file, together with what was told already: whoever is started anew goes on from there.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from trunkward.engines.alerts_file import Message, read_kept
from trunkward.engines.whole_file import write_whole
from trunkward.fetch.webhook import NotDelivered

#: Seconds after the first try, doubled for each further one, up to the second number.
FIRST_RETRY_S, LAST_RETRY_S = 5.0, 1800.0
#: Seconds after which a message is given up: what it says has passed.
TOO_OLD_S = 86_400.0
#: Messages that wait; of more the oldest is given up.
MOST_WAITING = 1000


#: Sends one message; raises `NotDelivered`.
type Send = Callable[[Message], None]


class Outbox:
    """All channels, and what waits for them."""

    def __init__(self, path: Path, log: Callable[..., Any], now: Callable[[], float] = time.time) -> None:
        """`log` hears when a channel stops taking messages, and when it takes them again."""
        self._path, self._log, self._now = path, log, now
        self._kept = read_kept(path)
        self._changed = threading.Condition()
        self._channels: dict[str, Send] = {}
        self._stopped = False
        self.delivered = self.given_up = self.failures = 0

    @property
    def told(self) -> dict[str, int]:
        """As it was kept; written by its one reader, and put on the disk by `put`."""
        return self._kept.told

    @property
    def waiting(self) -> int:
        """Messages that are not there yet."""
        return len(self._kept.waiting)

    def channels(self, channels: Mapping[str, Send]) -> None:
        """These there are from now on; what waits for others is given up."""
        with self._changed:
            before, self._channels = self._channels, dict(channels)
            gone = [one for one in self._kept.waiting if one.channel not in channels]
            self._give_up(gone, "nobody is to be told there any more")
            self._changed.notify_all()
        for name in channels.keys() - before.keys():
            threading.Thread(target=partial(self._serve, name), name="alerts", daemon=True).start()

    def put(self, messages: Sequence[tuple[str, str]]) -> None:
        """Subjects and bodies for each channel; on the disk with `told` when it returns.

        Raises `OSError`: they are sent all the same, and whoever is started anew tells of them again.
        """
        with self._changed:
            for subject, body in messages:
                for channel in self._channels:
                    message_id = f"msg_{uuid.uuid4().hex}"
                    self._kept.waiting.append(
                        Message(id=message_id, channel=channel, subject=subject, body=body, at=self._now())
                    )
            self._give_up(self._kept.waiting[: max(self.waiting - MOST_WAITING, 0)], "too many wait")
            try:
                self._keep()
            finally:
                # with a full disk, too: what was told just now is told to nobody in the next round
                self._changed.notify_all()

    def _keep(self) -> None:
        write_whole(self._path, msgspec.json.encode(self._kept), 0o640)

    def stop(self) -> None:
        """Ends its threads, each after what it is doing."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _serve(self, channel: str) -> None:
        """Delivers what is due, the oldest first, until there is no such channel any more."""
        while (message := self._next(channel)) is not None:
            with self._changed:
                send = self._channels.get(channel)
            problem = ""
            if send is not None:
                try:
                    send(message)
                except NotDelivered as why:
                    problem = str(why)
                except Exception as why:  # a fault of ours must not silence the channel
                    problem = repr(why)
                self._done(message, problem)

    def _next(self, channel: str) -> Message | None:
        with self._changed:
            while channel in self._channels and not self._stopped:
                mine = [one for one in self._kept.waiting if one.channel == channel]
                first = min(mine, key=lambda one: one.next_at, default=None)
                wait_s = first.next_at - self._now() if first else None
                # by more than it is ever put off, a clock did that which was wrong
                if first is not None and wait_s is not None and not 0 < wait_s <= LAST_RETRY_S:
                    return first
                self._changed.wait(wait_s)
        return None

    def _done(self, message: Message, problem: str) -> None:
        with self._changed:
            if message not in self._kept.waiting:
                return  # given up meanwhile
            if not problem:
                self.delivered += 1
                self._kept.waiting.remove(message)
                if message.tries:
                    self._log("alert delivered", channel=message.channel, tries=message.tries + 1)
            else:
                self.failures += 1
                if problem != message.problem:
                    self._log("alert not delivered: tried again", channel=message.channel, problem=problem)
                wait_s = min(FIRST_RETRY_S * 2**message.tries, LAST_RETRY_S)
                message.tries, message.problem = message.tries + 1, problem
                message.next_at = self._now() + wait_s
                if message.next_at - message.at > TOO_OLD_S:
                    self._give_up([message], problem)
            try:
                self._keep()
            except OSError as full:
                self._log("alerts not kept", problem=str(full))

    def _give_up(self, messages: list[Message], why: str) -> None:
        for message in list(messages):
            self._kept.waiting.remove(message)
            self.given_up += 1
            self._log("alert given up", channel=message.channel, subject=message.subject, problem=why)
