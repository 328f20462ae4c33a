"""Starting, waiting for and stopping the processes of a measurement. Only processes started here are ever
stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from bench import TOOLKIT
from bench.system import SystemFailedError

_STOP_PATIENCE_S = 15.0
_LOG_TAIL_BYTES = 3000


class LoadProcess:
    """One process of `sipkit.load`, steered by JSON lines."""

    def __init__(self, role: str, process: asyncio.subprocess.Process, first: dict[str, Any]) -> None:
        self.role = role
        self.first = first
        self._process = process

    @classmethod
    async def start(cls, role: str, settings: dict[str, Any], directory: Path) -> LoadProcess:
        """Start a role and wait until it is ready; the first report is kept as `first`."""
        path = directory / f"{role}.json"
        path.write_text(json.dumps(settings))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sipkit.load", role, str(path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(TOOLKIT), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        started = cls(role, process, {})
        try:
            started.first = await started._read()
        except BaseException:
            await stop(process)
            raise
        return started

    async def command(self, **command: Any) -> dict[str, Any]:
        """Give a command and return its report."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self._read()

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemFailedError(
                f"the load's {self.role} process ended (exit {await self._process.wait()})"
            )
        report: dict[str, Any] = json.loads(line)
        return report

    async def stop(self) -> None:
        """End it."""
        await stop(self._process)


async def stop(process: asyncio.subprocess.Process, with_signal: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process of ours to end, then insist."""
    if process.returncode is not None:
        return
    process.send_signal(with_signal)
    try:
        await asyncio.wait_for(process.wait(), _STOP_PATIENCE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def until_listening(
    host: str, port: int, process: asyncio.subprocess.Process, log: Path, patience_s: float
) -> None:
    """Wait until a TCP port takes connections.

    Raises:
        SystemFailedError: the process ended first, or time is up.
    """
    for _ in range(int(patience_s / 0.1)):
        if process.returncode is not None:
            raise SystemFailedError(f"ended with exit {process.returncode}:\n{tail(log)}")
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.transport.abort()
        return
    raise SystemFailedError(f"nothing listens on {host}:{port} after {patience_s} s:\n{tail(log)}")


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else "(no log)"


def free_port(host: str) -> int:
    """Return a TCP port nobody listens on now."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
