"""Asking the gate: one connection for each worker and gate, a deadline, and no waiting on the dead.

A frame is a 4-byte big-endian length and a JSON object. A worker that waited in vain leaves that
gate alone for a while, so that a frozen gate costs one deadline a second, not one a call.
"""

import json
import os
import socket
import struct
import time
from typing import Any

_MAX_FRAME = 256 * 1024
_REST_S = 1.0


class GateUnavailable(Exception):
    """No gate gave a verdict that can be used, within the deadline."""


class _Connection:
    def __init__(self, path: str) -> None:
        self.path = path
        self.socket: socket.socket | None = None
        self.rests_until = 0.0

    def ask(self, frame: bytes, deadline: float) -> bytes:
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(_left(deadline))
            self.socket.connect(self.path)
        self.socket.settimeout(_left(deadline))
        self.socket.sendall(frame)
        (length,) = struct.unpack(">I", self._read(4, deadline))
        if length > _MAX_FRAME:
            raise OSError(f"a frame of {length} bytes")
        return self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        assert self.socket is not None
        parts: list[bytes] = []
        while count:
            self.socket.settimeout(_left(deadline))
            part = self.socket.recv(count)
            if not part:
                raise OSError("closed by the gate")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class GateClient:
    """The gates of this node, asked in turn; a connection is made lazily in each process."""

    def __init__(self, paths: list[str], deadline_s: float) -> None:
        """Remembers where the gates listen; touches nothing yet."""
        self._paths = paths
        self._deadline_s = deadline_s
        self._pid = 0
        self._connections: list[_Connection] = []
        self._turn = 0

    def ask(self, attempt: dict[str, Any]) -> dict[str, Any]:
        """The verdict on an attempt. Raises `GateUnavailable` within the deadline."""
        if self._pid != os.getpid():  # forked since: a socket must not be shared by two workers
            self._pid = os.getpid()
            self._connections = [_Connection(path) for path in self._paths]
            self._turn = self._pid
        body = json.dumps(attempt, separators=(",", ":")).encode()
        frame = struct.pack(">I", len(body)) + body
        deadline = time.monotonic() + self._deadline_s
        why = "every gate rests after a failure"
        for _ in self._connections:
            self._turn += 1
            connection = self._connections[self._turn % len(self._connections)]
            if connection.rests_until > time.monotonic():
                continue
            try:
                return _verdict(connection.ask(frame, deadline), attempt["id"])
            except (OSError, ValueError) as problem:
                why = f"{connection.path}: {problem}"
                connection.close()
                connection.rests_until = time.monotonic() + _REST_S
        raise GateUnavailable(why)


def _verdict(body: bytes, attempt_id: str) -> dict[str, Any]:
    verdict = json.loads(body)
    if not isinstance(verdict, dict) or verdict.get("id") != attempt_id:
        raise ValueError("the answer is not a verdict on this attempt")
    if verdict.get("verdict") not in ("admit", "reject", "discard"):
        raise ValueError(f"no such verdict: {verdict.get('verdict')!r}")
    return verdict


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline exceeded")
    return left
