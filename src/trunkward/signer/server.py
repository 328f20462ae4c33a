"""The signer's door: a unix socket that only the gate's user may speak through.

An empty frame asks whether anybody is alive here, and is answered at once by another. Root may ask that,
too, and nothing else.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import structlog

from trunkward.engines.exporter import BEAT_S
from trunkward.engines.signer_wire import LENGTH_BYTES, Deframer, FrameTooLarge, Refused, Signed, frame
from trunkward.signer.desk import SigningDesk
from trunkward.signer.identity import IdentityFiles, load_identity
from trunkward.signer.journal import Journal, JournalError
from trunkward.signer.metrics import SignerMetrics

log = structlog.get_logger("signer")

#: Seconds between checks of key file and certificate; expiry itself is seen at once.
RECHECK_S = 60.0
#: Seconds of journal lines a loss of power may cost.
SYNC_S = 1.0
#: At most one journal line in so many seconds for each user that is not allowed, or it could fill the disk.
PEER_REFUSED_EVERY_S = 60.0
#: Users remembered for that; beyond it they share one entry.
_PEERS_REMEMBERED = 256
#: `struct ucred` (unix(7)): pid, uid, gid.
_UCRED = struct.Struct("iII")

#: An empty frame.
_ANYBODY = bytes(LENGTH_BYTES)

_encode = msgspec.json.Encoder().encode


class SocketInUse(RuntimeError):
    """Another process listens at the socket path, or something that is no socket stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSettings:
    """What one signer is started with."""

    socket: Path
    identity: IdentityFiles
    journal: Path
    #: The only users (uids) that get an answer.
    allowed_uids: frozenset[int]
    metrics_port: int | None = None


@dataclass(slots=True, kw_only=True)
class _Office:
    """What all connections of one signer share."""

    desk: SigningDesk
    journal: Journal
    metrics: SignerMetrics
    allowed_uids: frozenset[int]
    clock: Callable[[], float]
    connections: set[asyncio.Transport] = field(default_factory=set)
    #: uid -> (time of its last journal line, connections since).
    _strangers: dict[int, tuple[float, int]] = field(default_factory=dict)

    def peer_refused(self, uid: int, pid: int) -> None:
        """Count a stranger; journal the first of a minute with the number of the ones before."""
        self.metrics.refused_peers.inc()
        now_s = self.clock()
        key = uid if uid in self._strangers or len(self._strangers) < _PEERS_REMEMBERED else -1
        last_s, since = self._strangers.get(key, (0.0, 0))
        if now_s - last_s < PEER_REFUSED_EVERY_S:
            self._strangers[key] = (last_s, since + 1)
            return
        self._strangers[key] = (now_s, 0)
        log.warning("peer-refused", uid=uid, pid=pid, before=since)
        entry = {"kind": "peer-refused", "at": round(now_s, 3), "uid": uid, "pid": pid, "before": since}
        self.record([entry])

    def record(self, entries: list[dict[str, object]]) -> bool:
        """Journal the entries; False when that failed, and then nothing may be signed."""
        try:
            self.journal.append(entries)
        except (JournalError, OSError) as error:
            self.metrics.journal_failures.inc()
            log.error("journal-unavailable", error=str(error))
            return False
        return True

    def recheck(self) -> None:
        """Check the identity and say when the result changed."""
        before = self.desk.unfit
        unfit = self.desk.recheck(self.clock())
        self.metrics.certificate_checked(
            fit=unfit is None,
            not_after=self.desk.identity.certificate.not_valid_after_utc,
        )
        self.metrics.journal_lines.set(self.journal.seq)
        if self.desk.unfit != before:
            log.error("signing-stopped", error=str(unfit)) if unfit else log.info("signing-resumed")
            kind = "signing-stopped" if unfit else "signing-resumed"
            self.record([{"kind": kind, "at": round(self.clock(), 3), "error": self.desk.unfit}])


class _Connection(asyncio.Protocol):
    """One peer. Requests are answered in batches: one journal write, one socket write."""

    def __init__(self, office: _Office) -> None:
        self._office = office
        self._frames = Deframer()
        self._transport: asyncio.Transport | None = None
        self._peer = (0, 0)
        #: Root looks whether we are alive; for anything else it is a stranger.
        self._only_looks = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        # The kernel vouches for the peer (unix(7), SO_PEERCRED); nothing it says itself counts.
        raw = transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size
        )
        pid, uid, _ = _UCRED.unpack(raw)
        self._peer = (uid, pid)
        self._only_looks = uid == 0 and uid not in self._office.allowed_uids
        if uid not in self._office.allowed_uids and not self._only_looks:
            self._office.peer_refused(uid, pid)
            transport.abort()
            return
        self._transport = transport
        self._office.connections.add(transport)
        self._office.metrics.connections.set(len(self._office.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._office.connections.discard(self._transport)
            self._office.metrics.connections.set(len(self._office.connections))
            self._transport = None

    def pause_writing(self) -> None:
        # A peer that does not read its answers asks no further questions.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        transport, office = self._transport, self._office
        if transport is None:
            return
        if self._only_looks:
            if data == _ANYBODY:
                transport.write(_ANYBODY)
            else:
                office.peer_refused(*self._peer)
                transport.abort()
            return
        try:
            requests = self._frames.feed(data)
        except FrameTooLarge as error:
            office.metrics.broken_streams.inc()
            log.warning("frame-too-large", announced=error.args[0])
            office.record(
                [{"kind": "stream-broken", "at": round(office.clock(), 3), "announced": error.args[0]}]
            )
            transport.abort()
            return
        if b"" in requests:
            transport.write(_ANYBODY * requests.count(b""))
            requests = [request for request in requests if request]
        if not requests:
            return
        now_s = office.clock()
        answers: list[Signed | Refused] = []
        entries: list[dict[str, object]] = []
        for request in requests:
            answer, entry = office.desk.answer(request, now_s)
            answers.append(answer)
            entries.append(entry)
        if not office.record(entries):
            # No line, no signature.
            answers = [Refused(id=answer.id, error="journal-unavailable") for answer in answers]
        for answer in answers:
            if isinstance(answer, Signed):
                office.metrics.signatures.labels(answer.attest or "div").inc()
            else:
                office.metrics.refusals.labels(answer.error).inc()
        transport.write(b"".join([frame(_encode(answer)) for answer in answers]))


async def serve(
    settings: SignerSettings, *, stop: asyncio.Event, clock: Callable[[], float], recheck_s: float = RECHECK_S
) -> None:
    """Sign until `stop` is set.

    `clock` gives seconds since the epoch. Raises `IdentityUnfit`, `JournalError`, `SocketInUse` or
    `OSError` when it cannot start; nothing is listening then.
    """
    identity = load_identity(settings.identity, datetime.fromtimestamp(clock(), UTC))
    make_way(settings.socket)
    journal = Journal(settings.journal)
    try:
        if journal.torn:
            log.warning("journal-torn-line-moved-aside", file=journal.torn.moved_to, size=journal.torn.size)
        office = _Office(
            desk=SigningDesk(identity),
            journal=journal,
            metrics=SignerMetrics(),
            allowed_uids=settings.allowed_uids,
            clock=clock,
        )
        journal.append([_started(settings, office)])
        office.recheck()
        if settings.metrics_port is not None:
            _serve_metrics(office, settings.metrics_port)
        await _listen(settings, office, stop, recheck_s)
        journal.append([{"kind": "stopped", "at": round(clock(), 3)}])
    finally:
        journal.close()
    log.info("stopped", journal_seq=journal.seq)


def _serve_metrics(office: _Office, port: int) -> None:
    try:
        office.metrics.serve(port)
    except OSError as problem:  # signatures are worth more than counters
        log.error("no-metrics", port=port, problem=str(problem))


async def _listen(settings: SignerSettings, office: _Office, stop: asyncio.Event, recheck_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: _Connection(office), str(settings.socket))
    # Whoever reaches the directory may knock; SO_PEERCRED decides who gets in.
    settings.socket.chmod(0o666)
    log.info(
        "ready", socket=str(settings.socket), spc=settings.identity.spc, serial=office.desk.identity.serial
    )
    tasks = [
        asyncio.create_task(_every(recheck_s, office.recheck)),
        asyncio.create_task(_every(BEAT_S, office.metrics.heartbeat.beat)),
        asyncio.create_task(_every_in_thread(SYNC_S, office.journal.sync)),
    ]
    try:
        await stop.wait()
    finally:
        server.close()
        for transport in list(office.connections):
            # Answers already given are still delivered.
            transport.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        settings.socket.unlink(missing_ok=True)


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        act()


async def _every_in_thread(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(act)
        except OSError as error:
            log.error("journal-not-synced", error=str(error))


def make_way(path: Path) -> None:
    """Remove a socket that a killed process left behind; raise `SocketInUse` for anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(f"{path}: exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SocketInUse(f"{path}: {error.strerror or error}") from error
    raise SocketInUse(f"{path}: another process listens there")


def _started(settings: SignerSettings, office: _Office) -> dict[str, object]:
    return {
        "kind": "started",
        "at": round(office.clock(), 3),
        "pid": os.getpid(),
        "spc": settings.identity.spc,
        "x5u": settings.identity.x5u,
        "serial": office.desk.identity.serial,
    }
