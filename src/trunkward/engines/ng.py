"""Telling rtpengine that a call is over, for processes that are not the edge: ng over UDP, in JSON."""

import json
import os
import socket
import time
from collections.abc import Iterable
from typing import Self

from trunkward.settings import NG_PORT

#: Seconds; it answers in less than one millisecond, or stands still.
_DEADLINE_S = 0.5
_LARGEST_REPLY = 65_507


class MediaEngineSilent(Exception):
    """rtpengine has not answered; whether it did as told is not known."""


class MediaEngine:
    """One connection, for a few requests."""

    def __init__(self, port: int = NG_PORT) -> None:
        """Opens a socket; asks nothing yet."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the socket."""
        self._socket.close()

    def delete(self, names: Iterable[str]) -> None:
        """Ends the calls of these names, where there are such. Raises `MediaEngineSilent`.

        All are asked for before the first answer is read, and share one deadline: a few dozen at most.
        """
        # a cookie of its own for each: it answers one it has seen from its memory
        asked = {os.urandom(12).hex(): json.dumps({"command": "delete", "call-id": name}) for name in names}
        until = time.monotonic() + _DEADLINE_S
        try:
            for cookie, request in asked.items():
                self._socket.send(f"{cookie} {request}".encode())
            while asked:
                self._socket.settimeout(max(until - time.monotonic(), 0.001))
                cookie = self._socket.recv(_LARGEST_REPLY).partition(b" ")[0].decode(errors="replace")
                asked.pop(cookie, None)  # or an answer to a request that was given up
        except ConnectionRefusedError:
            return  # nobody listens: what it knew is gone
        except OSError as problem:
            raise MediaEngineSilent(str(problem)) from problem
