"""A gate's connection to Valkey: many questions on their way in it, a deadline for each, and it never raises.

Valkey is told the deadline, too, in its own time: what a frozen one finds in its connections when it goes on
was asked by somebody who is gone. Its time is asked for when a connection is made, before any question, and
told again by an answer that was late by it: then its clock was set, and the question is asked once more.

On `hiredis` (the parser) instead of redis-py's client, because that has a connection for each question on its
way, gives one up when its question is late, and costs more. Measured with uvloop and functions like those of
`library.lua` on two cores: 28 microseconds of CPU a question one after the other and 6 of fifty at once;
redis-py 8.1 takes 68 and 34 (61 and 69 on one connection, which it gives to one question at a time). A gate
has 350 for a whole call, and asks twice in it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hiredis

from trunkward.admission.ports import Unavailable
from trunkward.live.tls import trusting
from trunkward.settings import Place

#: Seconds; Valkey answers in less than one millisecond, and no call waits longer than this for it.
DEADLINE_S = 0.1
#: Seconds without an answer after which a connection is given up, and a new one tried.
GIVE_UP_S = 2.0
#: Questions on their way at once; beyond it Valkey is too slow to be asked (our limit).
MAX_PENDING = 1024

type Command = tuple[str, ...]
#: Hears the answer, an error or `Unavailable` among them.
type Answered = Callable[[Any], None]


class _Connected(asyncio.Protocol):
    """One connection, as long as it lasts."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._reader = hiredis.Reader()
        self._pending: deque[tuple[float, Answered]] = deque()
        self._transport: asyncio.Transport | None = None
        #: Why; "" while it stands.
        self.closed = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour only

    def connection_lost(self, exc: Exception | None) -> None:
        self.close("redis-lost")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                self._pending.popleft()[1](answer)  # answers come in the order of the questions
        except (hiredis.ProtocolError, IndexError):
            self.close("redis-garbled")

    def send(self, command: Command, answered: Answered) -> None:
        assert self._transport is not None
        self._pending.append((time.monotonic(), answered))
        self._transport.write(packed(command))

    def is_stuck(self) -> bool:
        """Whether whoever asks now would wait in vain: others do already."""
        if not self._pending:
            return False
        waited_s = time.monotonic() - self._pending[0][0]
        if waited_s > GIVE_UP_S:
            self.close("redis-timeout")
        return waited_s > self._deadline_s or len(self._pending) >= MAX_PENDING

    def close(self, why: str) -> None:
        self.closed = self.closed or why
        pending, self._pending = self._pending, deque()
        for _, answered in pending:
            answered(_lost(why))
        if self._transport is not None:
            self._transport.abort()


class Wire:
    """Asks one Valkey; belongs to one event loop. Connects when it is asked, and again after a loss."""

    #: The answer to a question that Valkey read after its end (`library.lua`).
    LATE = b"late"

    def __init__(
        self, place: Place, user: str, secret: Path, connected: Callable[[], None], deadline_s: float
    ) -> None:
        """`secret` is the file with the user's password; `connected` hears of each connection there is."""
        self._deadline_s = deadline_s
        self._place, self._user, self._secret, self._tell_connected = place, user, secret, connected
        self._connected: _Connected | None = None
        self._connecting: asyncio.Task[_Connected | None] | None = None
        #: When that began, on our clock; and how far Valkey's may be ahead of ours, in seconds.
        self._began_s = self._ahead_s = 0.0

    async def ask(self, command: Command, late: Answered | None = None, *, dated: bool = True) -> Any:
        """The answer within the deadline, else `Unavailable`. `late` hears one that comes after that.

        `dated`: the question's end is its last argument.
        """
        asked_s = time.monotonic()
        answer = await self._ask(command, late, dated=dated)
        match answer:
            case [self.LATE, int(now_ms)]:
                self._ahead_s = now_ms / 1000 - asked_s
                return await self._ask(command, late, dated=dated)
        return answer

    async def _ask(self, command: Command, late: Answered | None, *, dated: bool) -> Any:
        wire = self._connected
        if wire is None or wire.closed:
            connecting = self._connect()
            # who comes later does not wait for what others wait for in vain
            left_s = self._began_s + self._deadline_s - time.monotonic()
            await asyncio.wait({connecting}, timeout=max(left_s, 0))
            wire = connecting.result() if connecting.done() and not connecting.cancelled() else None
            if wire is None:
                return _lost("redis-unreachable")
            if wire.closed:  # refused before this one got its turn
                return _lost(wire.closed)
        if wire.is_stuck():
            return _lost("redis-timeout")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def answered(answer: Any) -> None:
            if not future.done():
                future.set_result(answer)
            elif late is not None:
                late(answer)

        if dated:
            command = (*command, str(round((time.monotonic() + self._ahead_s + self._deadline_s) * 1000)))
        wire.send(command, answered)
        timer = loop.call_later(self._deadline_s, _too_late, future)
        try:
            return await future
        finally:
            timer.cancel()

    def tell(self, command: Command, answered: Answered) -> None:
        """Sends what nobody waits for; `answered` hears at once when it cannot be sent."""
        wire = self._connected
        if wire is None or wire.closed:
            _ = self._connect()
            answered(_lost("redis-lost"))
        elif wire.is_stuck():
            answered(_lost("redis-timeout"))
        else:
            wire.send(command, answered)

    def close(self) -> None:
        """Ends the connection; questions on their way are answered with `redis-lost`."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connected is not None:
            self._connected.close("redis-lost")

    def _connect(self) -> "asyncio.Task[_Connected | None]":
        if self._connecting is None or self._connecting.done():
            self._began_s = time.monotonic()
            self._connecting = asyncio.create_task(self._open())
        return self._connecting

    async def _open(self) -> _Connected | None:
        try:
            secret = self._secret.read_text(encoding="ascii")
            async with asyncio.timeout(GIVE_UP_S):
                wire = await self._reach()
        except OSError:  # a certificate that is not right, and what took too long, are such, too
            return None

        def let_in(answer: Any) -> None:
            if isinstance(answer, hiredis.ReplyError):
                wire.close("redis-refused")

        # nobody waits for it: it is answered before the next one is
        wire.send(("AUTH", self._user, secret), let_in)
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asked_s = time.monotonic()
        wire.send(("TIME",), lambda answer: None if told.done() else told.set_result(answer))
        try:
            answer = await asyncio.wait_for(told, GIVE_UP_S)
        except TimeoutError:
            wire.close("redis-timeout")
            return None
        match answer:
            case [bytes(seconds), bytes(micros)]:
                self._ahead_s = int(seconds) + int(micros) / 1e6 - asked_s
            case _:
                wire.close("redis-refused")
                return wire
        self._connected = wire
        self._tell_connected()
        return wire

    async def _reach(self) -> _Connected:
        loop, place = asyncio.get_running_loop(), self._place
        if place.is_socket:
            _, wire = await loop.create_unix_connection(lambda: _Connected(self._deadline_s), place.where)
        else:
            host, port = place.host
            _, wire = await loop.create_connection(
                lambda: _Connected(self._deadline_s),
                host,
                port,
                ssl=trusting(place.authorities),
                server_hostname=host,
            )
        return wire


def packed(command: Command) -> bytes:
    """A command as Valkey reads it."""
    # its types know commands of one word only
    return bytes(hiredis.pack_command(command))  # type: ignore[arg-type]


def _too_late(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(_lost("redis-timeout"))


def _lost(why: str) -> Unavailable:
    return Unavailable(what="redis", why=why)
