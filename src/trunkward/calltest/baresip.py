"""A party of the call test: one headless baresip process, steered over ctrl_tcp."""

import asyncio
import contextlib
import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from trunkward.calltest.baresip_config import PartyRole, write_config
from trunkward.calltest.ctrl import CtrlDecoder, CtrlEvent, CtrlResponse, encode_command
from trunkward.calltest.parties import LabParty
from trunkward.calltest.sip_trace import SipMessage, read_trace

START_DEADLINE_S = 8.0
COMMAND_DEADLINE_S = 3.0
STOP_DEADLINE_S = 3.0
LOG_LIMIT_BYTES = 8 << 20
"""One call's trace is about 30 kB; a user agent gone wild must not fill the memory."""


_DTLS_PROFILE = re.compile(rb"DTLS-SRTP complete \(audio/RTP\) Profile=(\S+)")


class PartyError(Exception):
    """A party could not be started, steered, or did not do in time what the call needs."""


def require_baresip() -> str:
    """Return the path of baresip or say how to get it."""
    path = shutil.which("baresip")
    if path is None:
        raise PartyError("baresip is missing: install baresip-core (./trunkward call-test does it)")
    return path


class Baresip:
    """One running user agent. Use as an async context manager; it ends only the process it started."""

    def __init__(self, party: LabParty, role: PartyRole, directory: Path) -> None:
        """Prepare; nothing is started yet. `directory` must not exist."""
        self.party = party
        self.role = role
        self.directory = directory
        self.events: list[CtrlEvent] = []
        self._log = bytearray()
        self._arrived = asyncio.Condition()
        self._responses: dict[str, CtrlResponse] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._commands = 0
        self._seen = 0

    async def __aenter__(self) -> Self:
        """Write the configuration, start the process, connect to it. Raises PartyError."""
        program = require_baresip()
        _require_free(self.party)
        self.directory.mkdir(mode=0o700)
        ctrl_port = _free_port()
        write_config(self.directory, party=self.party, role=self.role, ctrl_port=ctrl_port)
        self._process = await asyncio.create_subprocess_exec(
            program, "-f", str(self.directory), "-v", "-s",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            self._tasks.append(asyncio.create_task(self._read_log()))
            reader = await self._connect(ctrl_port)
            self._tasks.append(asyncio.create_task(self._read_ctrl(reader)))
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ask it to quit, then end it; keep the log beside the recordings."""
        await self._stop()

    async def command(self, name: str, params: str = "") -> CtrlResponse:
        """Send one command and wait for its answer. Raises PartyError if there is none in time."""
        if self._writer is None:
            raise PartyError(f"{self._who}: not started")
        self._commands += 1
        token = f"c{self._commands}"
        self._writer.write(encode_command(name, params, token))
        await self._writer.drain()
        await self._until(lambda: token in self._responses, COMMAND_DEADLINE_S, f"an answer to {name}")
        return self._responses[token]

    async def dial(self, uri: str) -> None:
        """Place the call. Raises PartyError if the user agent refuses to try."""
        response = await self.command("dial", uri)
        if not response.ok:
            raise PartyError(f"{self._who}: dial {uri}: {response.data}")

    async def hold(self) -> None:
        """Send the re-INVITE that puts the other side on hold."""
        await self._reinvite("hold")

    async def resume(self) -> None:
        """Send the re-INVITE that takes the other side back."""
        await self._reinvite("resume")

    async def hangup(self) -> None:
        """Send BYE (or CANCEL)."""
        await self.command("hangup")

    async def wait_event(self, *types: str, deadline_s: float) -> CtrlEvent:
        """Wait for the next event of these types. Raises PartyError at the deadline or if the call closed."""
        start = self._seen
        ending = (*types, "CALL_CLOSED")

        def found() -> bool:
            return any(event.type in ending for event in self.events[start:])

        await self._until(found, deadline_s, " or ".join(types))
        at, event = next((n, e) for n, e in enumerate(self.events[start:], start) if e.type in ending)
        self._seen = at + 1
        if event.type not in types:
            raise PartyError(
                f"{self._who}: call closed ({event.param}) while waiting for {' or '.join(types)}"
            )
        return event

    def forget_events(self) -> None:
        """Let the next wait_event look only at what comes after now."""
        self._seen = len(self.events)

    @property
    def log(self) -> bytes:
        """Everything the user agent printed."""
        return bytes(self._log)

    def trace(self) -> tuple[SipMessage, ...]:
        """Every SIP message so far, decrypted."""
        return read_trace(
            self.log,
            own=(self.party.sip_host, self.party.sip_port),
            sbc=(self.party.sbc_host, self.party.sbc_port),
        )

    def media_encryption(self) -> tuple[str, ...]:
        """The suites this endpoint said it negotiated, one per (re-)negotiation."""
        # With DTLS-SRTP the event only names the component ("0,audio,RTP"); the log names the suite.
        if profiles := _DTLS_PROFILE.findall(self.log):
            return tuple(profile.decode() for profile in profiles)
        # The parameter reads "0,audio,AES_CM_128_HMAC_SHA1_80".
        return tuple(e.param.rsplit(",", 1)[-1] for e in self.events if e.type == "CALL_MENC")

    def recordings(self, direction: str) -> tuple[Path, ...]:
        """The recordings of what was heard ("dec") or said ("enc"), in order of time."""
        return tuple(sorted(self.directory.glob(f"rec/*-{direction}.wav")))

    @property
    def _who(self) -> str:
        return f"{self.party.kind} {self.party.name}"

    async def _reinvite(self, name: str) -> None:
        # The answer is not looked at: "resume" says "Invalid argument" because the aubridge player does not
        # start a second time, though the re-INVITE was sent. Whether it worked is seen on the wire.
        self.forget_events()
        await self.command(name)

    async def _connect(self, port: int) -> asyncio.StreamReader:
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self._process is not None and self._process.returncode is not None:
                break
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                if b"baresip is ready" in self._log:
                    return reader
                self._writer.close()
            await asyncio.sleep(0.05)
        tail = self.log.decode("utf-8", "replace").splitlines()[-5:]
        raise PartyError(f"{self._who}: baresip did not start: " + " | ".join(tail))

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(65536):
            if len(self._log) < LOG_LIMIT_BYTES:
                self._log += chunk

    async def _read_ctrl(self, reader: asyncio.StreamReader) -> None:
        decoder = CtrlDecoder()
        while chunk := await reader.read(65536):
            messages = decoder.feed(chunk, time.time())
            async with self._arrived:
                for message in messages:
                    if isinstance(message, CtrlEvent):
                        self.events.append(message)
                    else:
                        self._responses[message.token] = message
                self._arrived.notify_all()

    async def _until(self, condition: Callable[[], bool], deadline_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(deadline_s), self._arrived:
                await self._arrived.wait_for(condition)
        except TimeoutError:
            raise PartyError(f"{self._who}: no {what} within {deadline_s:g} s") from None

    async def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None and self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write(encode_command("quit", "", "quit"))
                await self._writer.drain()
        for end in (None, process.terminate, process.kill):
            if process.returncode is None:
                if end is not None:
                    with contextlib.suppress(ProcessLookupError):
                        end()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
        if self._writer is not None:
            self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*self._tasks, return_exceptions=True), STOP_DEADLINE_S)
        (self.directory / "log").write_bytes(self.log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _require_free(party: LabParty) -> None:
    """Refuse clearly if something listens where the party should: a real PBX, or another call test."""
    kinds = (socket.SOCK_DGRAM,) if party.transport.value == "udp" else (socket.SOCK_STREAM,)
    for kind in kinds:
        with socket.socket(type=kind) as probe:
            # As baresip does: a connection of the last call in TIME_WAIT is no obstacle.
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((party.sip_host, party.sip_port))
            except OSError as error:
                raise PartyError(
                    f"{party.kind} {party.name}: {party.sip_host}:{party.sip_port} cannot be used "
                    f"({error.strerror}): "
                    "does a real party or another call-test run there?"
                ) from error
