"""Valkey for those who may wait: the worker, which loads the functions, and commands of a person."""

import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hiredis

from trunkward.live import library
from trunkward.live.tls import trusting
from trunkward.live.wire import packed
from trunkward.settings import Place

#: Seconds Valkey may take for one answer.
ANSWERS_S = 1.0


class NotAnswered(Exception):
    """Valkey is not there, or refuses; the message says which."""


class Valkey:
    """One connection, for one question after the other."""

    def __init__(self, place: Place, user: str, secret: Path) -> None:
        """Connects as this user. Raises `NotAnswered`."""
        self._reader = hiredis.Reader()
        try:
            self._socket = _reached(place)
        except OSError as problem:
            raise NotAnswered(f"{place.where}: {problem.strerror or problem}") from None
        try:
            self.ask("AUTH", user, secret.read_text(encoding="ascii"))
        except OSError as problem:
            self.close()
            raise NotAnswered(f"{secret}: {problem.strerror or problem}") from None
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
        self._socket.setblocking(False)
        try:
            self._socket.recv(1)
            return False  # its end, or what nobody has asked for
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(ANSWERS_S)

    def load(self, *, users: bool) -> None:
        """Puts functions in force as this version has them, and the node's own `users`. Raises `NotAnswered`.

        Functions that are there are left: with each loading nonces are forgotten, and of several nodes the
        first has loaded them.
        """
        if users:
            self.ask("ACL", "LOAD")
        text = library.text()
        for found in self.ask("FUNCTION", "LIST", "LIBRARYNAME", library.NAME, "WITHCODE"):
            if text.encode() in found:
                return
        self.ask("FUNCTION", "LOAD", "REPLACE", text)

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()


def _reached(place: Place) -> socket.socket:
    if place.is_socket:
        reached = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        reached.settimeout(ANSWERS_S)
        try:
            reached.connect(place.where)
        except OSError:
            reached.close()
            raise
        return reached
    plain = socket.create_connection(place.host, ANSWERS_S)
    try:
        return trusting(place.authorities).wrap_socket(plain, server_hostname=place.host[0])
    except OSError:
        plain.close()
        raise
