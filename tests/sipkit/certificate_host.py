"""An HTTPS server for certificate chains, honest or hostile: one path for each way to misbehave. It counts requests."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

from sipkit.certificates import Credential
from sipkit.transport import Address, stop_listening

#: Bytes of the long body; nobody reads it to its end.
GIGABYTE = 1 << 30

type Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def context_of(credential: Credential) -> ssl.SSLContext:
    """What it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credential.certificate, credential.key)
    return context


class CertificateHost:
    """Serves paths from a table; what is not in it is 404."""

    def __init__(self, at: Address | Sequence[Address], credential: Credential) -> None:
        """`async with` starts and ends it."""
        self.at = [at] if isinstance(at, Address) else list(at)
        self._context = context_of(credential)
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.answers: dict[str, Answer] = {}
        #: How often each path was asked for.
        self.asked: Counter[str] = Counter()
        #: Bytes that were written of hostile bodies, until somebody had enough.
        self.written = 0

    def publish(self, path: str, chain: bytes, **headers: str) -> None:
        """A chain at a path, with more headers (`cache_control=...`)."""
        self.answers[path] = plain(chain, **headers)

    async def __aenter__(self) -> CertificateHost:
        """Starts to listen."""
        self._servers = [
            await asyncio.start_server(self._connected, at.host, at.port, ssl=self._context) for at in self.at
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops, whoever is still being answered."""
        for server in self._servers:
            await stop_listening(server)
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port it has (0 was asked for)."""
        port: int = self._servers[0].sockets[0].getsockname()[1]
        return port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            self.asked[path] += 1
            await self.answers.get(path, nothing)(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(task)
            with contextlib.suppress(OSError):
                writer.transport.abort()


def plain(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    """One whole answer."""
    lines = {"content-type": "application/pem-certificate-chain", "content-length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)
        await writer.drain()
        await asyncio.sleep(0.05)  # to be read before the connection goes

    return answer


nothing = plain(b"", "404 Not Found")


def raw(*pieces: bytes, every_s: float = 0.0, times: int = 1) -> Answer:
    """Bytes as they are, `times` times over, with a pause after each piece."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)
        await asyncio.sleep(60)

    return answer


def hostile(chain: bytes) -> dict[str, Answer]:
    """Ways to misbehave, by path; most would serve the good `chain` in the end, to whoever has no limits."""
    head = b"HTTP/1.1 200 OK\r\n"
    bomb = gzip.compress(bytes(10 << 20), 9)
    return {
        "/redirect.pem": plain(b"", "302 Found", location="https://127.0.0.1/x.pem"),
        "/moved.pem": plain(b"", "301 Moved Permanently", location="/good.pem"),
        "/not-modified.pem": plain(b"", "304 Not Modified"),
        "/slow-body.pem": raw(
            head + b"content-length: %d\r\n\r\n" % len(chain),
            *(chain[at : at + 1] for at in range(len(chain))),
            every_s=0.1,
        ),
        "/slow-head.pem": raw(head, *(b"x-%d: y\r\n" % n for n in range(1000)), every_s=0.1),
        "/slow-status.pem": raw(*(bytes([byte]) for byte in head), every_s=0.3),
        "/never.pem": raw(b"", every_s=60),
        "/gigabyte.pem": raw(head + b"content-length: %d\r\n\r\n" % GIGABYTE, chain * 100, times=1 << 14),
        "/endless.pem": raw(head + b"\r\n", chain * 100, times=1 << 14),
        "/endless-chunks.pem": raw(
            head + b"transfer-encoding: chunked\r\n\r\n", *([b"1;%s\r\na\r\n" % (b"x" * 1000)] * 1000)
        ),
        "/huge-head.pem": raw(head + b"x: " + b"y" * (1 << 20)),
        "/many-heads.pem": raw(head, *([b"x-header: %s\r\n" % (b"y" * 100)] * 10_000)),
        "/continued.pem": raw(*([b"HTTP/1.1 103 Early Hints\r\nx: %s\r\n\r\n" % (b"y" * 500)] * 10_000)),
        "/bomb.pem": plain(bomb, content_encoding="gzip"),
        "/deflated.pem": plain(chain, content_encoding="deflate"),
        "/gzip-chunked.pem": raw(head + b"transfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n"),
        "/two-lengths.pem": raw(head + b"content-length: 5\r\ncontent-length: 6\r\n\r\n" + chain),
        "/negative.pem": raw(head + b"content-length: -5\r\n\r\n" + chain),
        "/short.pem": raw(head + b"content-length: 100000\r\n\r\n" + chain[:100]),
        "/not-http.pem": raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
        "/no-pem.pem": plain(b"\x00" * 1000),
        "/empty.pem": plain(b""),
        "/more-than-pem.pem": plain(chain + b"\xff" * 10_000),
        "/text.pem": plain(b"subject=CN = SHAKEN\n" + chain),
        "/key-too.pem": plain(chain + chain.replace(b"CERTIFICATE", b"PRIVATE KEY")),
        "/seven.pem": plain(chain * 7),
        "/server-error.pem": plain(chain, "500 Internal Server Error"),
        "/partial.pem": plain(chain, "206 Partial Content"),
    }
