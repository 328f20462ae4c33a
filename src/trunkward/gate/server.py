"""The gate's sockets: attempts in and verdicts out on one, outcomes in on the other.

A frame is a 4-byte big-endian length and a JSON object. Attempts of one connection are judged one
after the other (the edge's workers each have one and wait); connections are judged side by side.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import msgspec
import structlog

from trunkward.calls.attempt import CallAttempt
from trunkward.calls.outcome import Outcome
from trunkward.calls.verdict import Verdict

#: Bytes of one attempt: a SIP message is at most 64 KiB here, JSON makes up to six of one byte, and a
#: certificate stands beside it. A longer one would cost the edge its connection, and so others their calls.
MAX_FRAME = 1024 * 1024
_MAX_DATAGRAM = 64 * 1024


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of which only the id could be read."""

    id: str
    problem: str = ""


type Judge = Callable[[CallAttempt | Unreadable], Awaitable[Verdict]]

_decode_attempt = msgspec.json.Decoder(CallAttempt).decode
_decode_outcome = msgspec.json.Decoder(Outcome).decode
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger("gate")


class AttemptProtocol(asyncio.Protocol):
    """One edge worker's connection."""

    def __init__(self, judge: Judge) -> None:
        """`judge` never raises: whatever goes wrong inside is a verdict."""
        self._judge = judge
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[CallAttempt | Unreadable] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour only

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off the buffer; a peer that speaks anything else is cut off."""
        self._buffer += data
        while len(self._buffer) >= 4:
            (length,) = struct.unpack_from(">I", self._buffer)
            if length > MAX_FRAME:
                self._cut_off(f"a frame of {length} bytes, at most {MAX_FRAME} are taken")
                return
            if len(self._buffer) < 4 + length:
                return
            frame = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            try:
                self._waiting.append(_decode_attempt(frame))
            except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
                # a peer may have chosen the bytes: its call is refused, the connection serves the next one
                attempt_id = _id_of(frame)
                if not attempt_id:
                    self._cut_off(f"not an attempt: {problem}")
                    return
                self._waiting.append(Unreadable(id=attempt_id, problem=str(problem)))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._answer())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets what nobody waits for any more."""
        self._waiting.clear()
        self._transport = None

    async def _answer(self) -> None:
        while self._waiting:
            verdict = _encode(await self._judge(self._waiting.pop(0)))
            if self._transport is not None:
                self._transport.write(struct.pack(">I", len(verdict)) + verdict)

    def _cut_off(self, problem: str) -> None:
        _log.error("edge connection cut off", problem=problem)
        if self._transport is not None:
            self._transport.abort()


def _id_of(frame: bytes) -> str:
    """The id of an attempt that is no good otherwise, "" for none.

    The standard library's reader, because it takes what msgspec refuses anywhere in a document: halves of
    surrogate pairs, which is how the edge writes bytes that are no UTF-8.
    """
    try:
        attempt_id = json.loads(frame)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return attempt_id if isinstance(attempt_id, str) and attempt_id.isascii() else ""


def _take_outcomes(datagrams: socket.socket, take: Callable[[Outcome], None]) -> None:
    """Takes every outcome that has come; says so when one is none."""
    while True:
        try:
            data = datagrams.recv(_MAX_DATAGRAM)
        except BlockingIOError:
            return
        try:
            take(_decode_outcome(data))
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            _log.error("not an outcome", problem=str(problem), data=data[:200].decode(errors="replace"))


async def serve(
    attempts: Path, outcomes: Path, judge: Judge, take: Callable[[Outcome], None], stop: asyncio.Event
) -> None:
    """Listens until `stop`; the sockets of a gate before this one are replaced."""
    loop = asyncio.get_running_loop()
    for path in (attempts, outcomes):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    old = os.umask(0o007)  # the edge is in the directory's group
    try:
        server = await loop.create_unix_server(lambda: AttemptProtocol(judge), attempts)
        datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        datagrams.bind(str(outcomes))
    finally:
        os.umask(old)
    loop.add_reader(datagrams, _take_outcomes, datagrams, take)
    await stop.wait()
    server.close()
    loop.remove_reader(datagrams)
    # nobody can send any more once the name is gone; what was sent before is still taken
    with contextlib.suppress(FileNotFoundError):
        os.unlink(outcomes)
    _take_outcomes(datagrams, take)
    datagrams.close()
