"""Standing on rtpengine's port beside it: answering in its place, or handing on what comes with a delay.

Both sockets allow another one on their port (SO_REUSEADDR), and Linux gives what comes to the younger. To hand a
request on it goes away for that moment, and what comes then reaches rtpengine at once.
"""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

_NG = ("127.0.0.1", 2223)
_STEP_S = 0.005


class BesideRtpengine:
    """Takes all that is asked of rtpengine, as long as it is entered."""

    def __init__(self, answer: Callable[[bytes], bytes] | None, *, after_s: float) -> None:
        """Answers `after_s` seconds after each request: what `answer` says, or with None what rtpengine does."""
        self._answer = answer
        self._after_s = after_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        """Is there."""
        self._port = _listening()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Is gone, when all that came has been handed on."""
        self._over.set()
        self._thread.join()
        self._port.close()

    def _serve(self) -> None:
        came: deque[tuple[float, bytes, Any]] = deque()
        while came or not self._over.is_set():
            while select.select([self._port], [], [], _STEP_S)[0]:
                data, client = self._port.recvfrom(65_535)
                came.append((time.monotonic() + self._after_s, data, client))
            while came and came[0][0] <= time.monotonic():
                _, data, client = came.popleft()
                cookie, _, request = data.partition(b" ")
                answered = cookie + b" " + self._answer(request) if self._answer else self._handed_on(data)
                self._port.sendto(answered, client)

    def _handed_on(self, data: bytes) -> bytes:
        self._port.close()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.settimeout(5)
                own.connect(_NG)
                own.send(data)
                return own.recv(65_535)
        finally:
            self._port = _listening()


def _listening() -> socket.socket:
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind(_NG)
    return port
