"""One request over HTTPS and its whole answer: over when its time is over, whatever stage it is at.

A socket's own time holds for one packet: who sends a byte now and then is waited for as long as he likes.
So before each wait the socket is told how much is left of the one time for all of it: name, connection, TLS,
what is sent, head and body. h11 parses (a protocol without a socket, so all limits and times are ours).
"""

import socket
import ssl
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import h11

#: Seconds for one of the addresses that a name has.
CONNECT_S = 10.0
#: Addresses of a name that are tried.
_MOST_ADDRESSES = 4
#: Bytes of an answer's head.
_MAX_HEAD = 16 * 1024
#: What may come for each byte of a body, its framing included; and what may always come.
_FRAMING = 4
_PIECE = 16 * 1024


class TooMuch(Exception):
    """More came than was to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request goes."""

    host: str
    port: int
    #: What its certificate has to be for; a name, or an address.
    name: str
    #: Vouches for it, and checks the name.
    tls: ssl.SSLContext


@dataclass(slots=True)
class Answer:
    """What came."""

    status: int = 0
    reason: str = ""
    #: In the order in which they came.
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left_s(self) -> float:
        """Raises `TimeoutError` when nothing is."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def exchange(place: Place, request: h11.Request, body: bytes, *, within_s: float, max_bytes: int) -> Answer:
    """Sends it once. Blocks for `within_s` seconds at most.

    Raises `TimeoutError`, `ssl.SSLError` or another `OSError`; `TooMuch` for a body of more than `max_bytes`;
    `h11.RemoteProtocolError` for an answer that is not HTTP, `h11.LocalProtocolError` for such a request.
    """
    deadline = _Deadline(within_s)
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    said = (request, h11.Data(data=body), h11.EndOfMessage())
    to_send = b"".join(http.send(event) or b"" for event in said)
    with (
        _connected(place, deadline) as plain,
        place.tls.wrap_socket(plain, server_hostname=place.name, do_handshake_on_connect=False) as connection,
    ):
        connection.settimeout(deadline.left_s())
        connection.do_handshake()  # of the whole of which that is the time (OpenSSL's steps share it)
        _send(connection, to_send, deadline)
        return _received(connection, http, deadline, max_bytes)


def _connected(place: Place, deadline: _Deadline) -> socket.socket:
    """To the first address that takes a connection; each has its share of what time is left."""
    found = _addresses(place, deadline)
    problem = OSError(f"{place.host} has no address")
    for tried, (family, _, _, _, address) in enumerate(found):
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(min(CONNECT_S, deadline.left_s() / (len(found) - tried)))
            plain.connect(address)
        except OSError as why:
            plain.close()
            problem = (
                ConnectionError(f"{address[0]} does not answer") if isinstance(why, TimeoutError) else why
            )
        else:
            return plain
    deadline.left_s()
    raise problem


def _addresses(place: Place, deadline: _Deadline) -> list[Any]:
    """As `getaddrinfo`, which takes no time limit: one that hangs is left to itself."""
    found: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            found.set_result(socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM))
        except BaseException as problem:  # whoever waits hears of it
            found.set_exception(problem)

    threading.Thread(target=ask, name="names", daemon=True).start()
    try:
        return found.result(deadline.left_s())[:_MOST_ADDRESSES]
    except UnicodeError as problem:  # of a label that is too long, say
        raise OSError(f"{place.host}: {problem}") from None


def _send(connection: ssl.SSLSocket, content: bytes, deadline: _Deadline) -> None:
    rest = memoryview(content)
    while rest:
        connection.settimeout(deadline.left_s())
        rest = rest[connection.send(rest) :]


def _received(connection: ssl.SSLSocket, http: h11.Connection, deadline: _Deadline, max_bytes: int) -> Answer:
    answer, received = Answer(), 0
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                connection.settimeout(deadline.left_s())
                piece = connection.recv(_PIECE)
                received += len(piece)
                if received > _MAX_HEAD + _FRAMING * max_bytes:
                    raise TooMuch
                http.receive_data(piece)
            case h11.Response() as head:
                answer.status, answer.reason = head.status_code, head.reason.decode("latin-1")
                answer.headers = [
                    (name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers
                ]
            case h11.Data() as data:
                answer.body += data.data
                if len(answer.body) > max_bytes:
                    raise TooMuch
            case h11.EndOfMessage():
                return answer
            case h11.InformationalResponse():
                pass  # bounded like everything that comes
            case _:
                raise ConnectionError("the connection ended before the answer")
