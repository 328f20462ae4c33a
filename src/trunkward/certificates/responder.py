"""Answers the one question of HTTP-01, and only while an order runs.

A port below 1024 is open to the whole Internet: so nobody listens but while an authority is expected, a
request has a few seconds and a few bytes, and whatever is not the path of a running order's token gets a 404
that says nothing.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence

#: RFC 8555 section 8.3.
_REQUEST = re.compile(rb"GET /\.well-known/acme-challenge/([A-Za-z0-9_-]{22,128}) HTTP/1\.[01]\r\n", re.ASCII)
#: Bytes of a request's head.
MAX_HEAD_BYTES = 4096
#: Seconds from connecting to having said everything.
PATIENCE_S = 5.0
#: Connections at the same time; an authority looks from five places or so, and others may come to disturb.
MAX_CONNECTIONS = 256


class Responder:
    """Listens on sockets somebody else has bound."""

    def __init__(self, bound: Sequence[socket.socket], answer: Callable[[str], bytes | None]) -> None:
        """`answer`: what a token is answered with, None for one that is nobody's."""
        self._bound = bound
        self._answer = answer
        self._connections = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Somebody listens on all of them as long as this lasts. Raises `OSError`."""
        async with contextlib.AsyncExitStack() as open_now:
            for bound in self._bound:
                await open_now.enter_async_context(self._listening_on(bound))
            yield

    @contextlib.asynccontextmanager
    async def _listening_on(self, bound: socket.socket) -> AsyncIterator[None]:
        # asyncio closes its own; the bound one stays, so that the port stays ours
        server = await asyncio.start_server(
            self._serve, sock=bound.dup(), limit=MAX_HEAD_BYTES, backlog=MAX_CONNECTIONS
        )
        try:
            yield
        finally:
            server.close()
            # Linux: a listening socket that is shut down listens no more and stays bound to the port it asked
            # for; listen(2) opens it again
            with contextlib.suppress(OSError):
                bound.shutdown(socket.SHUT_RD)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS:
                async with asyncio.timeout(PATIENCE_S):
                    writer.write(self._reply(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever does not speak HTTP gets no answer
        finally:
            self._connections -= 1
            writer.close()

    def _reply(self, head: bytes) -> bytes:
        asked = _REQUEST.match(head)
        answer = self._answer(asked[1].decode("ascii")) if asked else None
        status, body = ("200 OK", answer) if answer is not None else ("404 Not Found", b"")
        fields = [
            f"HTTP/1.1 {status}",
            "Content-Type: application/octet-stream",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        return "\r\n".join([*fields, "", ""]).encode("ascii") + body
