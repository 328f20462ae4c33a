"""`python -m trunkward.engines.supervisord`: supervisord, awake as soon as something happens.

By itself (4.3) it looks once a second whether a process has ended or a signal has come: it relies on
signals to end its wait, and since PEP 475 they do not. Nothing is started in its first second then, what has
died lies for one or two more, and at the end, where one part is stopped after the other, each costs another.
Whoever has a part stopped through its socket hears of the end a second late, and starts it as late again.
"""

import os
import signal
from contextlib import closing, suppress
from typing import Any

from supervisor import supervisord  # type: ignore[import-untyped]
from supervisor.medusa.asyncore_25 import socket_map  # type: ignore[import-untyped]
from supervisor.poller import PollPoller  # type: ignore[import-untyped]

#: Seconds between two looks for an answer that takes time; a supervisor that nobody asks looks once a second.
_LOOK_S = 0.05


class _Alarm:
    """A pipe among what it waits for. Has what it asks of a dispatcher (`supervisor.dispatchers`)."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        # full: then it is awake in any case
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        socket_map[self._reader] = self

    def ring(self) -> None:
        """Ends its wait."""
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def readable(self) -> bool:
        """It waits for this one."""
        return True

    def writable(self) -> bool:
        """It does not."""
        return False

    def handle_read_event(self) -> None:
        """It is awake; what has happened it finds out by itself."""
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)

    def close(self) -> None:
        """Gives both ends back."""
        signal.set_wakeup_fd(-1)
        del socket_map[self._reader]
        os.close(self._reader)
        os.close(self._writer)


class _Poller(PollPoller):  # type: ignore[misc]
    """Waits no longer than somebody does for an answer."""

    def poll(self, timeout: float) -> Any:
        """What can be read, and written."""
        # a channel has a delay as long as the answer to it is not there (`supervisor.http`)
        asked = any(getattr(each, "delay", 0) for each in socket_map.values())
        return super().poll(_LOOK_S if asked else timeout)


class Supervisor(supervisord.Supervisor):  # type: ignore[misc]
    """The supervisor that does not sleep over what it is there for."""

    def runforever(self) -> None:
        """Until it is told to stop, and everything has."""
        self.options.poller = _Poller(self.options)
        with closing(_Alarm()) as self._alarm:
            self._alarm.ring()  # the first round starts everything
            super().runforever()

    def reap(self, once: bool = False, recursionguard: int = 0) -> None:
        """Takes note of what has ended; the round after this one starts it again."""
        running = len(self.options.pidhistory)
        super().reap(once, recursionguard)
        if len(self.options.pidhistory) < running:
            self._alarm.ring()


def main() -> None:
    """As `supervisord`, with its options."""
    supervisord.Supervisor = Supervisor
    supervisord.main()


if __name__ == "__main__":
    main()
