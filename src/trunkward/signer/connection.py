"""One connection to the signer: what is read of it, when, and what leaves by it.

Requests that arrive together are journaled together and answered in one write. Whoever asks more than the
journal takes is not read any further until his lines are on the disk: what he sends waits with him, not here.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from trunkward.engines.signer_wire import (
    LENGTH_BYTES,
    Deframer,
    FrameTooLarge,
    Refused,
    Signed,
    frame,
)
from trunkward.signer.committing import Committing
from trunkward.signer.desk import MALFORMED, SigningDesk, request_id
from trunkward.signer.journal import Line
from trunkward.signer.metrics import SignerMetrics
from trunkward.signer.sparing import Sparing

#: Lines of one connection that wait for the disk before no more is read of it, and requests that one turn of
#: the loop hears of it: a write takes milliseconds, so a gate with 64 on their way (10,000 a second) never
#: comes near, and 256 hold another's up for some 15 ms.
MOST_WAITING = 256
#: Why nothing is signed while more lines wait than the journal takes.
BUSY = "journal-busy"
#: `struct ucred` (unix(7)): pid, uid, gid.
_UCRED = struct.Struct("iII")
#: An empty frame.
_ANYBODY = bytes(LENGTH_BYTES)

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all connections of one signer share."""

    #: The only users (uids) that get an answer.
    allowed_uids: frozenset[int]
    desk: SigningDesk
    committing: Committing
    metrics: SignerMetrics
    sparing: Sparing
    clock: Callable[[], float]
    open: set[asyncio.Transport] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """One peer."""

    def __init__(self, shared: Shared) -> None:
        """Nobody is there yet."""
        self._shared = shared
        self._frames = Deframer()
        self._transport: asyncio.Transport | None = None
        self._uid = self._pid = 0
        #: Root looks whether we are alive; for anything else it is a stranger.
        self._only_looks = False
        #: Requests that are read and not heard yet; beyond `MOST_WAITING` of them nothing more is read.
        self._unheard: list[bytes] = []
        #: Requests whose lines wait for the disk.
        self._waiting = 0
        #: Answers wait for the peer to read them.
        self._unsent = False
        #: It ends when what waits is answered.
        self._ends = False
        self._reads = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes in who may ask, and ends for all others."""
        transport, shared = cast("asyncio.Transport", transport), self._shared
        # The kernel vouches for the peer (unix(7), SO_PEERCRED); nothing it says itself counts.
        raw = transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size
        )
        self._pid, self._uid, _ = _UCRED.unpack(raw)
        allowed = self._uid in shared.allowed_uids
        self._only_looks = self._uid == 0 and not allowed
        if not allowed and not self._only_looks:
            shared.sparing.stranger(self._uid, self._pid)
            transport.abort()
            return
        self._transport = transport
        shared.open.add(transport)
        shared.metrics.connections.set(len(shared.open))

    def connection_lost(self, exc: Exception | None) -> None:
        """What waits of it is written all the same."""
        if self._transport is not None:
            self._shared.open.discard(self._transport)
            self._shared.metrics.connections.set(len(self._shared.open))
            self._transport = None
        self._unheard.clear()

    def pause_writing(self) -> None:
        """A peer that does not read its answers asks no further questions."""
        self._unsent = True
        self._read_on_or_not()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unsent = False
        self._read_on_or_not()

    def data_received(self, data: bytes) -> None:
        """Questions whether anybody is alive, and requests."""
        transport, shared = self._transport, self._shared
        if transport is None or self._ends:
            return
        if self._only_looks:
            if data == _ANYBODY and shared.committing.answers_leave:
                transport.write(_ANYBODY)
                return
            if data != _ANYBODY:
                shared.sparing.stranger(self._uid, self._pid)
            transport.abort()
            return
        try:
            requests = self._frames.feed(data)
        except FrameTooLarge as error:
            shared.sparing.broken(self._uid, self._pid, "frame-too-large", error.args[0])
            transport.abort()
            return
        if b"" in requests:
            if not shared.committing.answers_leave:
                transport.abort()
                return
            transport.write(_ANYBODY * requests.count(b""))
            requests = [request for request in requests if request]
        if requests:
            self._unheard += requests
            self._hear()

    def _hear(self) -> None:
        """Answers what may be answered now; the rest waits until others have had their turn."""
        if self._transport is None or self._ends:
            return
        share = MOST_WAITING - self._waiting
        requests, self._unheard = self._unheard[:share], self._unheard[share:]
        at_once, answers, lines = self._judged(requests)
        if at_once:
            self._write(at_once, [None] * len(at_once))
        if lines:
            self._waiting += len(lines)
            self._shared.committing.take(lines, lambda numbers: self._kept(answers, numbers))
        self._go_on()

    def _judged(self, requests: list[bytes]) -> tuple[list[Refused], list[Signed | Refused], list[Line]]:
        """Refusals that nobody journals; answers whose lines have to be on the disk first, and these."""
        desk, sparing, uid = self._shared.desk, self._shared.sparing, self._uid
        at_once: list[Refused] = []
        answers: list[Signed | Refused] = []
        lines: list[Line] = []
        now_s = self._shared.clock()
        if self._shared.committing.busy:
            for request in requests:
                sparing.counted(uid, BUSY, now_s)
                at_once.append(Refused(id=request_id(request), error=BUSY))
            return at_once, answers, lines
        for request in requests:
            answer, line = desk.answer(request, now_s)
            if isinstance(answer, Refused):
                if answer.error == MALFORMED and not answer.id:  # no gate, of whatever version
                    sparing.broken(uid, self._pid, MALFORMED, len(request))
                    at_once.append(answer)
                    self._ends = True
                    break
                if not sparing.has_line(uid):
                    sparing.counted(uid, answer.error, now_s)
                    at_once.append(answer)
                    continue
            answers.append(answer)
            lines.append(line)
        return at_once, answers, lines

    def _kept(self, answers: Sequence[Signed | Refused], numbers: Sequence[int | None]) -> None:
        """Their lines are on the disk, or the disk is lost: the answers may leave."""
        self._waiting -= len(answers)
        self._write(answers, numbers)
        self._go_on()

    def _go_on(self) -> None:
        """Ends, hears the next, or reads more: as it is now."""
        if self._ends:
            self._unheard.clear()
            if self._transport is not None and not self._waiting:
                self._transport.close()  # what was answered is still delivered
        elif self._unheard and self._waiting < MOST_WAITING:
            asyncio.get_running_loop().call_soon(self._hear)
        self._read_on_or_not()

    def _read_on_or_not(self) -> None:
        wanted = not (self._unheard or self._unsent or self._ends or self._waiting >= MOST_WAITING)
        transport = self._transport
        if wanted is self._reads or transport is None or transport.is_closing():
            return
        self._reads = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _write(self, answers: Sequence[Signed | Refused], numbers: Sequence[int | None]) -> None:
        metrics, frames = self._shared.metrics, []
        for answer, number in zip(answers, numbers, strict=True):
            if isinstance(answer, Signed):
                metrics.signatures.labels(answer.attest or "div").inc()
                frames.append(frame(_encode(msgspec.structs.replace(answer, journal=number))))
            else:
                metrics.refusals.labels(answer.error).inc()
                frames.append(frame(_encode(answer)))
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frames))
