"""The signer's door: a unix socket that only the gate's user may speak through.

An empty frame asks whether anybody is alive here, and is answered at once by another. Root may ask that,
too, and nothing else.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import structlog

from trunkward.engines.denied_file import LOOK_S, DeniedFile
from trunkward.engines.exporter import BEAT_S
from trunkward.engines.signer_wire import (
    LENGTH_BYTES,
    Deframer,
    FrameTooLarge,
    Refused,
    Signed,
    frame,
)
from trunkward.engines.unix_door import listening_at
from trunkward.engines.whole_file import write_whole
from trunkward.journal.heads import Head
from trunkward.journal.segments import STARTED, STOPPED
from trunkward.signer.committing import Committing
from trunkward.signer.desk import SigningDesk
from trunkward.signer.forgetting import Forgetting, Retention
from trunkward.signer.identity import ENDS_WITH_THE_NEXT, Awaited, begin
from trunkward.signer.identity_files import IdentityFiles, IdentityUnfit
from trunkward.signer.journal import Journal, Line
from trunkward.signer.kept_certificates import keep
from trunkward.signer.looking import Looking
from trunkward.signer.metrics import SignerMetrics
from trunkward.trunks.transit import OF_NODE

log = structlog.get_logger("signer")

#: Seconds between two looks at all files of the identity; expiry itself is seen at once. Half of the minute
#: in which a certificate that is not fit any more has to be noticed.
RECHECK_S = 30.0
#: The same while it waits for the certificate that was ordered: calls go unsigned meanwhile.
AWAITED_S = 1.0
#: Seconds after its last one that a certificate has surely ended.
_ENDED_S = 0.1
#: Seconds between two looks whether the journal has grown, for whoever signs its head.
HEAD_S = 5.0
#: At most one journal line in so many seconds for each user that is not allowed, or it could fill the disk.
PEER_REFUSED_EVERY_S = 60.0
#: Users remembered for that; beyond it they share one entry.
_PEERS_REMEMBERED = 256
#: Ids of revoked evidence that one journal line names.
_MOST_NAMED = 100
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
    #: Directory of its segments.
    journal: Path
    #: Tells how far the journal is (`journal.heads.Head`).
    head: Path
    #: Where a gap of the journal outlives the process.
    gap: Path
    retention: Retention
    #: The only users (uids) that get an answer.
    allowed_uids: frozenset[int]
    name: str = OF_NODE
    #: Signs the levels that the obligated provider supplies, and no other.
    third_party: bool = False
    #: An inventory by itself is no evidence (`control.blocks.needs_blocks`).
    recorded_only: bool = False
    metrics_port: int | None = None


@dataclass(slots=True, kw_only=True)
class _Office:
    """What all connections of one signer share."""

    settings: SignerSettings
    desk: SigningDesk
    journal: Journal
    committing: Committing
    forgetting: Forgetting
    metrics: SignerMetrics
    clock: Callable[[], float]
    connections: set[asyncio.Transport] = field(default_factory=set)
    #: uid -> (time of its last journal line, connections since).
    _strangers: dict[int, tuple[float, int]] = field(default_factory=dict)
    _told: Head | None = None
    _not_taken: str = ""
    _looking: Looking = field(default_factory=Looking)
    _denied: DeniedFile = field(init=False)

    def __post_init__(self) -> None:
        """Looks at nothing yet."""
        files = self.settings.identity
        self._denied = DeniedFile(files.denied, files.evidence_key)

    def note(self, kind: str, **facts: object) -> None:
        """A line nobody waits for."""
        line = Line(facts={"kind": kind, "at": round(self.clock(), 3), **facts})
        self.committing.take([line], _nobody_waits)

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
        self.note("peer-refused", uid=uid, pid=pid, before=since)

    async def recheck(self) -> None:
        """Read and check the identity's files, and say when the result changed."""
        before, serial = self.desk.unfit, self.desk.identity.serial
        now, looked_s = datetime.fromtimestamp(self.clock(), UTC), self.desk.passing()
        found, wrong = await self._looking.again(self.desk.identity, now)
        self.desk.take(found, wrong, looked_s)
        if wrong is not None and wrong.reason == "identity-unreadable":
            self.metrics.failures.labels("look").inc()
        identity = self.desk.identity
        if isinstance(identity, Awaited):
            self.metrics.identity_awaited(self.desk.unfit)
            self._say_why_it_waits(wrong)
            return
        self.metrics.identity_checked(
            serial=identity.serial,
            unfit=self.desk.unfit,
            taken=wrong is None,
            not_after=identity.certificate.not_valid_after_utc,
            revocation=identity.revocation(now),
        )
        unfit = self.desk.unfit
        if unfit != before:
            log.error("signing-stopped", error=str(wrong)) if unfit else log.info("signing-resumed")
            self.note("signing-stopped" if unfit else "signing-resumed", error=unfit)
        # it signs with the certificate before
        not_taken = str(wrong) if wrong is not None and not unfit else ""
        if wrong is not None and not_taken not in ("", self._not_taken):
            log.error("certificate-not-taken", error=not_taken)
            self.note("certificate-not-taken", error=wrong.reason)
        if identity.serial != serial:
            log.info("certificate-changed", serial=identity.serial, x5u=identity.x5u)
            self.note("certificate-changed", serial=identity.serial, before=serial, x5u=identity.x5u)
        self._not_taken = not_taken
        try:
            keep(self.settings.journal.with_name("certificates"), identity)
        except OSError as problem:  # it signs all the same; the next look tries again
            log.error("certificate-not-kept", error=str(problem))

    def _say_why_it_waits(self, wrong: IdentityUnfit | None) -> None:
        """Once for each reason: it looks each second."""
        if str(wrong) != self._not_taken:
            self._not_taken = str(wrong)
            log.warning("waits-for-certificate", why=str(wrong))
            self.note("waits-for-certificate", error=self.desk.unfit)

    async def look(self, recheck_s: float) -> None:
        """Looks at the identity's files until the end of this process."""
        while True:
            await asyncio.sleep(self._next_look_s(recheck_s))
            await self.do("look", self.recheck)

    def _next_look_s(self, recheck_s: float) -> float:
        """Seconds: few while only the certificate of an order is wanting; else to its end at the latest.

        What is told of the signer is what its last look has found: not that it signs when it refuses.
        """
        identity = self.desk.identity
        if isinstance(identity, Awaited) or (
            identity.files.ordered and self.desk.unfit in ENDS_WITH_THE_NEXT
        ):
            return min(AWAITED_S, recheck_s)
        left_s = identity.certificate.not_valid_after_utc.timestamp() + _ENDED_S - self.clock()
        return min(left_s, recheck_s) if left_s > 0 else recheck_s

    def look_at_denied(self) -> None:
        """Takes over what was revoked, and says so."""
        before, changed = self._denied.ids, self._denied.refresh()
        self.metrics.denied.set(self._denied.taken)
        if not changed:
            return
        ids, problem = self._denied.ids, self._denied.problem
        self.desk.permits.denied = None if self._denied.unknown else ids
        if problem:
            log.error("denied-evidence-not-taken", error=problem)
        self.note("denied-evidence", denied=len(ids), added=sorted(ids - before)[:_MOST_NAMED], error=problem)

    def tell_head(self) -> None:
        """How far the journal is, for the worker, who signs it."""
        gap = self.committing.gap
        head = Head(journal=self.settings.name, seq=self.journal.seq, hash=self.journal.head, gap=gap)
        self.metrics.journal_is(head)
        if head != self._told:
            write_whole(self.settings.head, _encode(head), 0o640, durable=False)
            self._told = head

    def forget(self) -> None:
        """Deletes what is no longer kept."""
        self.forgetting.round(self.clock())

    async def do(self, what: str, act: Callable[[], Awaitable[None] | None]) -> None:
        """One of the things done again and again; whatever becomes of it, the next round comes."""
        try:
            under_way = act()
            if under_way is not None:
                await under_way
            self.metrics.failing.labels(what).set(0)
        except Exception as problem:  # a full disk, say: it is tried again
            self.metrics.failures.labels(what).inc()
            self.metrics.failing.labels(what).set(1)
            log.error("not-done", what=what, error=f"{type(problem).__name__}: {problem}")

    async def every(self, seconds: float, what: str, act: Callable[[], Awaitable[None] | None]) -> None:
        """Does it until the end."""
        while True:
            await asyncio.sleep(seconds)
            await self.do(what, act)

    def disk_lost(self, why: str) -> None:
        """The journal's disk takes nothing."""
        self.metrics.journal_failures.inc()
        log.error("journal-unavailable", error=why)


def _nobody_waits(_: Sequence[int | None]) -> None:
    """For lines that no answer stands for."""


class _Connection(asyncio.Protocol):
    """One peer. Requests that arrive together are journaled together and answered in one write."""

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
        allowed = uid in self._office.settings.allowed_uids
        self._only_looks = uid == 0 and not allowed
        if not allowed and not self._only_looks:
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
            office.note("stream-broken", announced=error.args[0])
            transport.abort()
            return
        if b"" in requests:
            transport.write(_ANYBODY * requests.count(b""))
            requests = [request for request in requests if request]
        if not requests:
            return
        now_s = office.clock()
        answered = [office.desk.answer(request, now_s) for request in requests]

        def kept(numbers: Sequence[int | None]) -> None:
            answers = [answer for answer, _ in answered]
            self._answer(transport, answers, numbers)

        office.committing.take([line for _, line in answered], kept)

    def _answer(
        self, transport: asyncio.Transport, answers: list[Signed | Refused], numbers: Sequence[int | None]
    ) -> None:
        """Their lines are on the disk, or the disk is lost: the answers may leave."""
        metrics, frames = self._office.metrics, []
        for answer, number in zip(answers, numbers, strict=True):
            if isinstance(answer, Signed):
                metrics.signatures.labels(answer.attest or "div").inc()
                frames.append(frame(_encode(msgspec.structs.replace(answer, journal=number))))
            else:
                metrics.refusals.labels(answer.error).inc()
                frames.append(frame(_encode(answer)))
        if not transport.is_closing():
            transport.write(b"".join(frames))


async def serve(
    settings: SignerSettings, *, stop: asyncio.Event, clock: Callable[[], float], recheck_s: float = RECHECK_S
) -> None:
    """Sign until `stop` is set.

    `clock` gives seconds since the epoch. Raises `IdentityUnfit`, `JournalError`, `SocketInUse` or
    `OSError` when it cannot start; nothing is listening then.
    """
    identity = begin(settings.identity, datetime.fromtimestamp(clock(), UTC))
    make_way(settings.socket)
    journal, metrics = Journal(settings.journal), SignerMetrics()

    def lost(why: str) -> None:
        office.disk_lost(why)

    committing = Committing(journal, settings.gap, clock, lost)
    office = _Office(
        settings=settings,
        desk=SigningDesk(
            identity,
            name=settings.name,
            third_party=settings.third_party,
            recorded_only=settings.recorded_only,
        ),
        journal=journal,
        committing=committing,
        forgetting=Forgetting(journal, committing, settings.retention),
        metrics=metrics,
        clock=clock,
    )
    try:
        if (torn := journal.torn) is not None:
            log.warning("journal-torn-line-moved-aside", file=torn.moved_to, size=torn.size)
            office.note("torn-line-moved-aside", moved_to=torn.moved_to, size=torn.size, sha256=torn.sha256)
        facts = {"pid": os.getpid(), "spc": settings.identity.spc, "x5u": identity.x5u}
        if not journal.ended_well:  # a power cut takes what a slow disk had not taken yet, and its count
            facts["unended"] = True
        office.note(STARTED, **facts, serial=identity.serial)
        # before anybody may ask
        office.look_at_denied()
        await office.recheck()
        await office.do("forget", office.forget)
        if settings.metrics_port is not None:
            _serve_metrics(office, settings.metrics_port)
        await _listen(office, stop, recheck_s)
        office.note(STOPPED)
    finally:
        await committing.finish()
        with suppress(OSError):
            office.tell_head()
        journal.close()
    log.info("stopped", journal_seq=journal.seq)


def _serve_metrics(office: _Office, port: int) -> None:
    try:
        office.metrics.serve(port)
    except OSError as problem:  # signatures are worth more than counters
        log.error("no-metrics", port=port, problem=str(problem))


async def _listen(office: _Office, stop: asyncio.Event, recheck_s: float) -> None:
    settings = office.settings
    # Whoever reaches the directory may knock; SO_PEERCRED decides who gets in.
    door = listening_at(settings.socket, 0o666)
    server = await asyncio.get_running_loop().create_unix_server(lambda: _Connection(office), sock=door)
    log.info(
        "ready", socket=str(settings.socket), spc=settings.identity.spc, serial=office.desk.identity.serial
    )
    tasks = [
        asyncio.create_task(office.look(recheck_s)),
        asyncio.create_task(office.every(recheck_s, "forget", office.forget)),
        asyncio.create_task(office.every(LOOK_S, "denied", office.look_at_denied)),
        asyncio.create_task(office.every(HEAD_S, "head", office.tell_head)),
        asyncio.create_task(office.every(BEAT_S, "heartbeat", office.metrics.heartbeat.beat)),
    ]
    try:
        await stop.wait()
    finally:
        server.close()
        await office.committing.settled()
        for transport in list(office.connections):
            # Answers already given are still delivered.
            transport.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        settings.socket.unlink(missing_ok=True)


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
