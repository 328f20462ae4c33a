"""Telling rtpengine that a call is over, for processes that are not the edge: ng over UDP, in JSON."""

import json
import os
import socket
from typing import Self

from trunkward.engines.kamailio import NG_PORT

#: Seconds; it answers in less than one millisecond, or stands still.
_DEADLINE_S = 0.5
_LARGEST_REPLY = 65_507


class MediaEngineSilent(Exception):
    """rtpengine has not answered; whether it did as told is not known."""


class MediaEngine:
    """One connection, for a few requests one after the other."""

    def __init__(self, port: int = NG_PORT) -> None:
        """Opens a socket; asks nothing yet."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_DEADLINE_S)
        self._socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the socket."""
        self._socket.close()

    def delete(self, name: str) -> None:
        """Ends a call of this name, if there is one. Raises `MediaEngineSilent`."""
        cookie = os.urandom(12).hex()  # it answers a cookie it has seen from its memory
        request = json.dumps({"command": "delete", "call-id": name})
        try:
            self._socket.send(f"{cookie} {request}".encode())
            while self._socket.recv(_LARGEST_REPLY).partition(b" ")[0].decode(errors="replace") != cookie:
                pass  # an answer to a request that was given up
        except ConnectionRefusedError:
            return  # nobody listens: what it knew is gone
        except OSError as problem:
            raise MediaEngineSilent(str(problem)) from problem
