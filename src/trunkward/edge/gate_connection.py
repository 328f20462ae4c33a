"""A worker's connection to one gate: asked with a deadline, told without waiting, left alone after a silence.

A gate that was waited for in vain is left alone for a second, and knocked at: once it answers, which costs
nobody any waiting, it is asked again. It was late for a moment, as on a machine that stood still, and the
other gates may be gone, as they are one by one in an upgrade. One that is silent again before it has answered
anything else gets its whole second: what it says to a knock means nothing.
"""

import socket
import struct
import time

_MAX_FRAME = 256 * 1024
#: Bytes read at once.
_USUAL_FRAME = 64 * 1024
_REST_S = 1.0
#: Asks whether anybody is there, and is answered by the same (`gate/server.py`).
_KNOCK = struct.pack(">I", 0)
_AT_ONCE = int(socket.MSG_DONTWAIT) | int(socket.MSG_NOSIGNAL)


class GateConnection:
    """Made when it is first needed, and again after a loss."""

    def __init__(self, path: str) -> None:
        """Remembers where the gate listens; opens nothing."""
        self.path = path
        self.socket: socket.socket | None = None
        self._rests_until = 0.0
        #: It has been waited for in vain since its last answer.
        self._was_silent = False
        #: The answer to a knock is still to come.
        self._knocked = False

    def ask(self, frame: bytes, deadline: float) -> bytes:
        """What it answers before `deadline` (monotonic). Raises `OSError` or `ValueError`."""
        if self.socket is not None:
            try:
                return self._exchange(self.socket, frame, deadline)
            except ConnectionError:
                # kept since an earlier call, and of a gate that has gone: perhaps there is a new one. To be
                # asked twice is one attempt to a gate (the id is the record's)
                self.close()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(_left(deadline))
        self.socket.connect(self.path)
        return self._exchange(self.socket, frame, deadline)

    @staticmethod
    def _exchange(gate: socket.socket, frame: bytes, deadline: float) -> bytes:
        gate.settimeout(_left(deadline))
        gate.sendall(frame)
        # an answer is written whole and nearly always comes whole: one timeout set, one read
        received = gate.recv(_USUAL_FRAME)
        while received:
            wanted = 4 + int.from_bytes(received[:4], "big") if len(received) >= 4 else 4
            if wanted > _MAX_FRAME or wanted == 4 == len(received):
                raise ValueError(f"a frame of {wanted} bytes")
            if len(received) == wanted > 4:
                return received[4:]
            if len(received) > wanted > 4:
                raise ValueError("more than one frame for an answer")
            gate.settimeout(_left(deadline))
            part = gate.recv(_USUAL_FRAME)
            if not part:
                break
            received += part
        raise ConnectionResetError("closed by the gate")

    def tell(self, frame: bytes) -> None:
        """Says what nobody answers, without waiting for anything. Raises `OSError`."""
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.setblocking(False)
            self.socket.connect(self.path)
        if self.socket.send(frame, _AT_ONCE) != len(frame):
            raise BlockingIOError("the gate does not read")

    def answered(self) -> None:
        """It has answered what it was asked last, in time."""
        self._was_silent = False

    def leave_alone(self, *, silent: bool) -> None:
        """After it was waited for in vain (`silent`), or has said what is no answer; it is closed."""
        self.close()
        self._rests_until = time.monotonic() + _REST_S
        if silent and not self._was_silent:
            try:
                self.tell(_KNOCK)
                self._knocked = True
            except OSError:
                self.close()
        self._was_silent = silent

    def rests(self) -> bool:
        """Whether it is still to be left alone. Waits for nothing."""
        rests = time.monotonic() < self._rests_until
        if not self._knocked or self.socket is None:
            return rests
        try:
            answer = self.socket.recv(len(_KNOCK), _AT_ONCE)
        except BlockingIOError:
            if not rests:  # what is asked now is not to be answered by that
                self.close()
            return rests
        except OSError:
            answer = b""
        if answer == _KNOCK:
            self._knocked = False
        else:  # it has gone: perhaps there is a new one
            self.close()
        self._rests_until = 0.0
        return False

    def close(self) -> None:
        """Ends the connection: a gate sees that its answer is not wanted any more."""
        self._knocked = False
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline exceeded")
    return left
