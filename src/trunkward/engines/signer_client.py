"""The gate's side of the signer's socket: one connection, many requests on their way, a deadline for each.

A signer that has missed a deadline is left alone for a second, so that one that hangs costs one deadline a
second, not one a call. Its next answer, however late, lets the next call ask at once; one in time lets all.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec

from trunkward.engines.signer_wire import Deframer, FrameTooLarge, Refused, Signed, SignRequest, frame

#: Requests on their way at once; beyond it the signer is too slow to be asked (our limit).
MAX_PENDING = 1024
#: Seconds a signer that has missed a deadline is not asked.
LEFT_ALONE_S = 1.0

_encode = msgspec.json.Encoder().encode


_decode_signed = msgspec.json.Decoder(Signed).decode
_decode_refused = msgspec.json.Decoder(Refused).decode


class SignerUnavailable(Exception):
    """No answer; `reason` is a code of this file. The posture table says what the call does then."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


class SignerRefused(Exception):
    """The signer answered that it will not sign; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


class _Wire(asyncio.Protocol):
    """One connection and the requests on their way in it."""

    def __init__(self, too_late: Callable[[], None]) -> None:
        #: Hears of answers nobody waits for any more.
        self._too_late = too_late
        self._frames = Deframer()
        self._pending: dict[str, asyncio.Future[Signed]] = {}
        self._transport: asyncio.Transport | None = None
        self.closed = False

    async def ask(self, request_id: str, framed: bytes, within_s: float) -> Signed:
        if self._transport is None or self.closed:
            raise SignerUnavailable("signer-lost")
        # A signer that does not read: its backlog is bounded by bytes as well as by count.
        backlog = self._transport.get_write_buffer_size()
        if len(self._pending) >= MAX_PENDING or backlog > MAX_PENDING * 1024:
            raise SignerUnavailable("signer-overloaded")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Signed] = loop.create_future()
        self._pending[request_id] = future
        self._transport.write(framed)
        # a timer and an exception: `asyncio.timeout` does the same with more steps
        too_late = loop.call_later(within_s, _give_up_on, future)
        try:
            return await future
        finally:
            too_late.cancel()
            # Also after a timeout; the late answer then finds nobody.
            self._pending.pop(request_id, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                self._deliver(payload)
        except (FrameTooLarge, msgspec.MsgspecError, UnicodeDecodeError):
            self._give_up("signer-garbled")

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up("signer-lost")

    def close(self) -> None:
        self._give_up("signer-lost")

    def _deliver(self, payload: bytes) -> None:
        answer: Signed | Refused
        try:
            answer = _decode_signed(payload)
        except msgspec.ValidationError:
            answer = _decode_refused(payload)
        future = self._pending.get(answer.id)
        if future is None or future.done():
            self._too_late()
            return
        if isinstance(answer, Refused):
            future.set_exception(SignerRefused(answer.error))
        else:
            future.set_result(answer)

    def _give_up(self, reason: str) -> None:
        self.closed = True
        for future in self._pending.values():
            if not future.done():
                future.set_exception(SignerUnavailable(reason))
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _give_up_on(future: asyncio.Future[Signed]) -> None:
    if not future.done():
        future.set_exception(SignerUnavailable("signer-timeout"))


class SignerClient:
    """Asks one signer. Belongs to one event loop; connects at the first request and again after a loss."""

    def __init__(self, path: Path) -> None:
        """`path` is the signer's socket. Nothing is opened yet."""
        self._path = str(path)
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[_Wire] | None = None
        self._count = 0
        #: When one that has missed a deadline is asked again, by the monotonic clock; None: it answers.
        self._again_at: float | None = None

    async def sign(self, request: SignRequest, deadline_s: float) -> Signed:
        """Get a signature within `deadline_s` seconds from now, connecting included.

        Raises `SignerRefused` with the signer's reason, or `SignerUnavailable`: `signer-timeout`,
        `signer-silent` (it is left alone after one), `signer-unreachable`, `signer-lost`, `signer-garbled`,
        `signer-overloaded`.
        """
        if self._again_at is not None:
            if time.monotonic() < self._again_at:
                raise SignerUnavailable("signer-silent")
            self._leave_alone()  # the others: this one tries
        self._count += 1
        request_id = str(self._count)
        try:
            framed = frame(_encode(msgspec.structs.replace(request, id=request_id)))
        except FrameTooLarge:
            raise SignerRefused("request-too-large") from None
        try:
            signed = await self._asked(request_id, framed, deadline_s)
        except SignerUnavailable as lost:
            if lost.reason == "signer-timeout":
                self._leave_alone()
            else:
                self._again_at = None  # to hear that costs nothing, and it may be back with the next call
            raise
        except SignerRefused:
            self._again_at = None
            raise
        self._again_at = None
        return signed

    async def _asked(self, request_id: str, framed: bytes, deadline_s: float) -> Signed:
        wire = self._wire
        if wire is None or wire.closed:
            began = time.monotonic()
            try:
                async with asyncio.timeout(deadline_s):
                    wire = await self._connect()
            except TimeoutError:
                raise SignerUnavailable("signer-timeout") from None
            except OSError:
                raise SignerUnavailable("signer-unreachable") from None
            deadline_s -= time.monotonic() - began
        return await wire.ask(request_id, framed, deadline_s)

    async def close(self) -> None:
        """Close the connection; requests on their way end with `signer-lost`."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _connect(self) -> _Wire:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._open())
            # Nobody may be left to look at a failure: every asker can have timed out.
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: one asker's deadline does not undo the connection of the others.
        return await asyncio.shield(self._connecting)

    async def _open(self) -> _Wire:
        loop = asyncio.get_running_loop()
        _, self._wire = await loop.create_unix_connection(lambda: _Wire(self._heard_late), self._path)
        return self._wire

    def _leave_alone(self) -> None:
        self._again_at = time.monotonic() + LEFT_ALONE_S

    def _heard_late(self) -> None:
        """It lives. Whether it is fast enough again, one call finds out, and not all."""
        if self._again_at is not None:
            self._again_at = time.monotonic()
