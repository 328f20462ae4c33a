"""Valkey for those who may wait: the worker, which loads the functions, and commands of a person."""

import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hiredis

from trunkward.live import library
from trunkward.live.wire import packed

#: Seconds Valkey may take for one answer.
ANSWERS_S = 1.0


class NotAnswered(Exception):
    """Valkey is not there, or refuses; the message says which."""


class Valkey:
    """One connection, for one question after the other."""

    def __init__(self, path: Path, user: str, secret: Path) -> None:
        """Connects as this user. Raises `NotAnswered`."""
        self._reader = hiredis.Reader()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWERS_S)
        try:
            self._socket.connect(str(path))
            self.ask("AUTH", user, secret.read_text(encoding="ascii"))
        except OSError as problem:
            self.close()
            raise NotAnswered(f"{path}: {problem.strerror or problem}") from None
        except NotAnswered:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, *command: str) -> Any:
        """The answer. Raises `NotAnswered`."""
        try:
            self._socket.sendall(packed(command))
            while (answer := self._reader.gets()) is False:
                if not (data := self._socket.recv(1 << 16)):
                    raise NotAnswered("Valkey has closed the connection")
                self._reader.feed(data)
        except (OSError, hiredis.ProtocolError) as problem:
            raise NotAnswered(f"Valkey: {problem}") from None
        if isinstance(answer, hiredis.ReplyError):
            raise NotAnswered(f"Valkey: {answer}")
        return answer

    def is_there(self) -> bool:
        """Whether the connection stands; asks nobody, and does not wait."""
        self._socket.setblocking(False)  # with a timeout the library would wait, whatever the flags say
        try:
            return self._socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(ANSWERS_S)

    def load(self) -> None:
        """Puts users and functions in force as this version has them. Raises `NotAnswered`."""
        self.ask("ACL", "LOAD")
        self.ask("FUNCTION", "LOAD", "REPLACE", library.text())

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()
