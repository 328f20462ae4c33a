"""The gate's socket: attempts in, verdicts out; running calls in, time for them out; ends, and moves, in.

A frame is a 4-byte big-endian length and a JSON object. Attempts of one connection are judged one
after the other (the edge's workers each have one and wait); connections are judged side by side.
A frame of length zero asks whether anybody is alive here, and is answered at once by another.

An edge that has waited long enough closes its connection, and asks another gate or refuses the call by itself
(`edge/gate.py`). So whether a verdict is still wanted is read off the socket, whatever the clocks say.

A gate that is to stop takes no new connection, answers what it has begun to judge, and closes. What it has
not begun stands unread in a socket that is then reset (unix(7)), which tells the edge to ask another gate.
"""

import asyncio
import contextlib
import json
import os
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import msgspec
import structlog

from trunkward.admission.ports import Held
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.grant import CallsEnded, GrantsAsked, GrantsGiven
from trunkward.calls.orphan import CallLeft, OrphansAsked, OrphansGiven
from trunkward.calls.place import PlaceAsked, PlaceGiven
from trunkward.calls.registration import FlowEnded, RegisterAttempt, RegisterVerdict
from trunkward.calls.verdict import Verdict, Wait
from trunkward.engines.unix_door import listening_at
from trunkward.records.model import DecisionRecord

#: Bytes of one attempt: a SIP message is at most 64 KiB here, JSON makes up to six of one byte, and a
#: certificate stands beside it. A longer one would cost the edge its connection, and so others their calls.
MAX_FRAME = 1024 * 1024
# as a number: to join two of the library's flags costs as much as the call they are for
_SEND = int(socket.MSG_DONTWAIT) | int(socket.MSG_NOSIGNAL)
#: Seconds a gate that stops gives what it has begun to judge: all that waits for the signer is given up
#: long before (`gate.signing.DEADLINE_S`), and the supervisor kills only after more.
FINISH_S = 2.0


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of which only the id could be read."""

    id: str
    problem: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and its record, which is on the disk; None when the disk did not take it."""

    verdict: Verdict
    record: DecisionRecord | None
    #: The places an admitted call has.
    held: Held | None = None


class Judge(Protocol):
    """Who judges (`gate.line.Line`). No method raises: whatever goes wrong inside is a verdict."""

    async def judge(
        self, attempt: CallAttempt | Unreadable, waits: Callable[[], bool]
    ) -> Decision | Wait | None:
        """The decision on an attempt; None when `waits` says that nobody wants it any more."""

    def withdraw(self, decision: Decision) -> None:
        """A decision that is on record has not reached the edge."""

    async def grants(self, asked: GrantsAsked) -> GrantsGiven:
        """More time for running calls."""

    def ended(self, told: CallsEnded) -> None:
        """Calls are over."""

    def left(self, told: CallLeft) -> None:
        """What an answered call leaves."""

    async def orphans(self, asked: OrphansAsked) -> OrphansGiven:
        """Calls of a dead node that are to be ended."""

    async def register(self, attempt: RegisterAttempt) -> RegisterVerdict:
        """The verdict on a REGISTER."""

    async def place(self, asked: PlaceAsked) -> PlaceGiven:
        """Places of another trunk for a call in."""

    async def flow_ended(self, flow: FlowEnded) -> None:
        """A connection is gone over which a trunk was registered."""


_decode = msgspec.json.Decoder(
    CallAttempt
    | GrantsAsked
    | CallsEnded
    | CallLeft
    | OrphansAsked
    | RegisterAttempt
    | FlowEnded
    | PlaceAsked
).decode
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger("gate")


class AttemptProtocol(asyncio.Protocol):
    """One edge worker's connection."""

    def __init__(self, judge: Judge, connections: "set[AttemptProtocol]") -> None:
        """Keeps the judge, and itself among the `connections` for as long as it is one."""
        self._judge = judge
        self._connections = connections
        self._finishing = False
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._gone = select.poll()
        self._waiting: list[
            CallAttempt | GrantsAsked | OrphansAsked | RegisterAttempt | FlowEnded | PlaceAsked | Unreadable
        ] = []
        self._task: asyncio.Task[None] | None = None
        #: Of the verdict that was sent last, until a sign that it has been read.
        self._sent: Decision | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport, and a second hold on its socket to look at."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour only
        self._socket = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self._gone.register(self._socket, select.POLLRDHUP)
        self._connections.add(self)

    def finish(self) -> None:
        """Answers what is being judged, and closes."""
        self._finishing = True
        if self._transport is None:
            return
        if self._task is None or self._task.done():
            self._transport.close()
        else:
            self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off the buffer; a peer that speaks anything else is cut off."""
        self._sent = None  # who asks again has read the answer
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > MAX_FRAME:
                self.cut_off(f"a frame of {length} bytes, at most {MAX_FRAME} are taken")
                return
            if len(self._buffer) < 4 + length:
                return
            frame = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            if not length:
                self._send(b"")
                continue
            try:
                asked = _decode(frame)
                if isinstance(asked, CallsEnded):
                    self._judge.ended(asked)  # at once: it waits behind no judgement
                elif isinstance(asked, CallLeft):
                    self._judge.left(asked)
                else:
                    self._waiting.append(asked)
            except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
                # a peer may have chosen the bytes: its call is refused, the connection serves the next one
                attempt_id = _id_of(frame)
                if not attempt_id:
                    self.cut_off(f"not an attempt: {problem}")
                    return
                self._waiting.append(Unreadable(id=attempt_id, problem=str(problem)))
        if self._waiting and (self._task is None or self._task.done()):
            # eager: what needs nobody else is judged before this returns
            self._task = asyncio.Task(self._answer(), loop=asyncio.get_running_loop(), eager_start=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets what nobody waits for any more."""
        self._waiting.clear()
        self._connections.discard(self)
        self._transport = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if exc is not None:
            # a unix socket is reset when its peer closes it with something unread in it
            self._not_read()

    def waits(self) -> bool:
        """Whether the edge still listens."""
        if self._socket is None or self._transport is None or self._transport.is_closing():
            return False
        return not self._gone.poll(0)

    async def _answer(self) -> None:
        while self._waiting:
            asked = self._waiting.pop(0)
            match asked:
                case GrantsAsked():
                    self._send(_encode(await self._judge.grants(asked)))
                    continue
                case OrphansAsked():
                    self._send(_encode(await self._judge.orphans(asked)))
                    continue
                case RegisterAttempt():
                    self._send(_encode(await self._judge.register(asked)))
                    continue
                case PlaceAsked():
                    self._send(_encode(await self._judge.place(asked)))
                    continue
                case FlowEnded():
                    await self._judge.flow_ended(asked)  # nobody waits for an answer
                    continue
            decision = await self._judge.judge(asked, self.waits)
            if isinstance(decision, Wait):
                self._send(_encode(decision))
            elif decision is not None:
                self._sent = decision if decision.record is not None else None
                self._send(_encode(decision.verdict))
        if self._finishing and self._transport is not None:
            self._transport.close()

    def _send(self, frame: bytes) -> None:
        if self._socket is None:
            self._not_read()
            return
        answer = len(frame).to_bytes(4, "big") + frame
        try:
            # at once, and past the transport, which would do it later: an edge that waits has room for it all
            if self._socket.send(answer, _SEND) != len(answer):
                self.cut_off("it does not read its answers")
                self._not_read()
        except OSError:
            self._not_read()

    def _not_read(self) -> None:
        decision, self._sent = self._sent, None
        if decision is not None:
            self._judge.withdraw(decision)

    def cut_off(self, problem: str) -> None:
        """Ends the connection at once."""
        _log.error("edge connection cut off", problem=problem)
        if self._transport is not None:
            self._transport.abort()


def _id_of(frame: bytes) -> str:
    """The id of an attempt that is no good otherwise, "" for none.

    The standard library's reader, because it takes what msgspec refuses anywhere in a document: halves of
    surrogate pairs. The edge writes none (it refuses a message that is no UTF-8), and is not trusted in that.
    """
    try:
        attempt_id = json.loads(frame)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return attempt_id if isinstance(attempt_id, str) and attempt_id.isascii() else ""


async def serve(attempts: Path, judge: Judge, stop: asyncio.Event) -> None:
    """Listens until `stop`, then finishes what was begun; replaces the socket of a gate before this one."""
    connections: set[AttemptProtocol] = set()
    loop = asyncio.get_running_loop()
    door = listening_at(attempts, 0o660)  # the edge is in the directory's group
    server = await loop.create_unix_server(lambda: AttemptProtocol(judge, connections), sock=door)
    await stop.wait()
    attempts.unlink(missing_ok=True)  # noqa: ASYNC240  # who looks for a gate finds the others at once
    server.close()
    for connection in list(connections):
        connection.finish()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FINISH_S):
            while connections:  # noqa: ASYNC110  # each ends in its own time, and none tells
                await asyncio.sleep(0.005)
    for connection in list(connections):  # in the middle of a judgement that waits for nobody any more
        connection.cut_off("this gate stops")
