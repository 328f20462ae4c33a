"""The gate's side of the fetcher's socket: one connection, and many questions on their way."""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from trunkward.engines.fetcher_wire import (
    MAX_FRAME,
    TOO_MANY,
    ChainAnswer,
    ChainAsked,
    Garbled,
    NoChain,
    decode_answer,
    encode,
    frame,
    read_frame,
)
from trunkward.engines.shares import Shares

#: Seconds after which it is asked whether it is there, while it owes an answer; and how often without a word,
#: after which it is taken for lost. A call waits longer than that (`trunks.verification.WAIT_MS`). No seconds
#: are counted: a gate that is busy itself has not read yet what was said.
ALIVE_S = 0.25
UNHEARD = 4
#: Seconds for which one that was lost in this way is left alone: calls that waited ask again within half of
#: it, and hear why.
ALONE_S = 1.0
#: URLs asked for at once, of which each sender has a share; beyond it the fetcher is too slow to be asked.
MAX_PENDING = 512


class FetcherLost(Exception):
    """The fetcher does not take questions; the message is a kebab-case reason."""


class FetcherBusy(FetcherLost):
    """It is there, and owes this sender all the answers it may."""


class FetcherClient:
    """Asks one fetcher. Belongs to one event loop; connects at the first question and again after a loss."""

    def __init__(self, path: Path) -> None:
        """`path` is the fetcher's socket. Nothing is opened yet."""
        self._path = str(path)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[ChainAnswer]] = {}
        self._shares = Shares(MAX_PENDING)
        self._count = 0
        #: Looks since it has said something, or was asked while it owed nothing.
        self._unheard = 0
        self._watch: asyncio.TimerHandle | None = None
        self._alone_until_s = 0.0

    async def ask(self, url: str, sender: str) -> ChainAnswer:
        """The answer, whenever it comes, on a URL of a call of `sender`. Raises `FetcherLost`."""
        if time.monotonic() < self._alone_until_s:
            raise FetcherLost("fetcher-timeout")
        if self._writer is None or self._writer.is_closing():
            await self._connect()
        if self._writer is None or not self._shares.take(sender):
            raise FetcherBusy("fetcher-overloaded")
        if not self._pending:
            self._unheard = 0
        if self._watch is None:
            self._look_later()
        self._count += 1
        number = self._count
        answer: asyncio.Future[ChainAnswer] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        self._writer.write(frame(encode(ChainAsked(id=number, url=url, sender=sender))))
        try:
            answered = await answer
        finally:
            self._pending.pop(number, None)
            self._shares.give_back(sender)
        if isinstance(answered, NoChain) and answered.why == TOO_MANY:
            raise FetcherBusy(TOO_MANY)
        return answered

    async def close(self) -> None:
        """Ends the connection; questions on their way end with `fetcher-lost`."""
        for task in (self._connecting, self._reading):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, FetcherLost):
                    await task

    def _look_later(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(ALIVE_S, self._look)

    def _look(self) -> None:
        """Whether it is still there, for as long as it owes an answer."""
        self._watch = None
        if not self._pending or self._writer is None:
            return
        self._unheard += 1
        if self._unheard >= UNHEARD:
            self._alone_until_s = time.monotonic() + ALONE_S
            self._lose("fetcher-timeout")
            self._writer.transport.abort()
            return
        self._writer.write(frame(b""))
        self._look_later()

    def _lose(self, why: str) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(FetcherLost(why))

    async def _connect(self) -> None:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._connecting)

    async def _open(self) -> None:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # at once or not at all: how long the rest takes says how busy we are, and nothing of the fetcher
            door.connect(self._path)
            reader, self._writer = await asyncio.open_unix_connection(sock=door)
        except OSError:
            door.close()
            raise FetcherLost("fetcher-unreachable") from None
        self._unheard = 0
        self._reading = asyncio.create_task(self._read(reader, self._writer))

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (payload := await read_frame(reader, MAX_FRAME)) is not None:
                self._unheard = 0
                if not payload:  # it is there
                    continue
                answer = decode_answer(payload)
                future = self._pending.get(answer.id)
                if future is not None and not future.done():
                    future.set_result(answer)
        except (Garbled, msgspec.MsgspecError):
            pass  # whoever garbles is as good as lost
        finally:
            writer.transport.abort()
            self._lose("fetcher-lost")
