"""Measures one system: carrier, system, trunks, idle company; a warm-up; then the counted runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import cpu
from bench.process import LoadProcess
from bench.system import FarEnd, Standing, SystemUnderTest
from sipkit.certificates import ThrowawayAuthority

CARRIER_HOST = "127.0.0.1"
CARRIER_NAME = "carrier.example.com"

#: The highest rate is the one below which calls are answered at least this fast, p99.
HIGHEST_P99_MS = 500.0
_STEP = 1.3
_PRECISION = 0.06
#: Retransmissions and rests after a failure are over by then, seconds.
_AFTER_OVERLOAD_S = 3.0
_WARM_UP = {"rate": 40.0, "seconds": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is offered to every system alike."""

    rate: float
    seconds: float
    runs: int
    held_s: float
    trunks: int
    idle_connections: int
    #: Share of the idle connections renewed per minute.
    reconnecting: float
    ring_s: float | None
    with_sdp: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One counted run: the caller's report, CPU seconds and whether a process came or went meanwhile."""

    caller: dict[str, Any]
    cpu_s: dict[str, float]
    processes_changed: bool

    @property
    def is_clean(self) -> bool:
        """No call failed and answers came in time."""
        p99 = self.caller["to_answer_ms"]["p99"]
        return self.caller["failures"] == 0 and p99 is not None and p99 < HIGHEST_P99_MS


@dataclass(slots=True, kw_only=True)
class Measured:
    """All that was measured of one system."""

    title: str
    tls: str
    runs: list[Run] = field(default_factory=list)
    memory: dict[str, cpu.Memory] = field(default_factory=dict)
    carrier: dict[str, Any] = field(default_factory=dict)
    idle: dict[str, Any] = field(default_factory=dict)
    highest_rate: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A system that is up, with its load processes around it."""

    standing: Standing
    caller: LoadProcess
    carrier: LoadProcess
    idle: LoadProcess | None


@contextlib.asynccontextmanager
async def stand(system: SystemUnderTest, load: Load, directory: Path) -> AsyncIterator[Stand]:
    """Start carrier, system, idle company and caller, and warm up; stop them all at the end."""
    async with contextlib.AsyncExitStack() as stack:
        carrier, far_end = await _carrier(stack, load, directory)
        stack.push_async_callback(system.stop)
        standing = await system.start(far_end, load.trunks)
        idle = await _idle(stack, load, standing, directory)
        caller = await _load(stack, "caller", _caller_settings(standing), directory)
        await caller.command(**_WARM_UP, with_sdp=load.with_sdp)
        yield Stand(standing=standing, caller=caller, carrier=carrier, idle=idle)


async def measure(system: SystemUnderTest, load: Load, directory: Path, *, find_max: bool) -> Measured:
    """Start a system, measure it, stop it."""
    async with stand(system, load, directory) as it:
        measured = Measured(title=system.title, tls=f"{it.caller.first['tls']} {it.caller.first['cipher']}")
        for _ in range(load.runs):
            measured.runs.append(await run(it, load, load.rate, load.held_s))
        measured.memory = cpu.memory(it.standing.root_pid)
        measured.carrier = await it.carrier.command(report=True)  # before a search that overloads on purpose
        if find_max:
            measured.highest_rate = await highest_rate(it, load)
        if it.idle is not None:
            measured.idle = await it.idle.command(report=True)
    return measured


async def run(it: Stand, load: Load, rate: float, held_s: float) -> Run:
    """Offer the load once, at this rate, and count."""
    before = cpu.snapshot(it.standing.root_pid)
    report = await it.caller.command(rate=rate, seconds=load.seconds, held_s=held_s, with_sdp=load.with_sdp)
    after = cpu.snapshot(it.standing.root_pid)
    return Run(
        caller=report,
        cpu_s=cpu.cpu_between(before, after),
        processes_changed=before.pids != after.pids,
    )


async def highest_rate(it: Stand, load: Load) -> float | None:
    """Step up until a run is not clean, then halve the interval; every rate returned was run clean."""
    good: float | None = None
    rate, bad = load.rate, None
    while bad is None or (good is not None and bad - good > _PRECISION * good):
        tried = await run(it, load, rate, load.held_s)
        if tried.is_clean:
            good = rate
        else:
            bad = rate
            if good is None and rate <= 1:
                return None
            await asyncio.sleep(_AFTER_OVERLOAD_S)
        if good is None:
            rate /= 2
        else:
            rate = good * _STEP if bad is None else (good + bad) / 2
    return good


async def _load(
    stack: contextlib.AsyncExitStack, role: str, settings: dict[str, Any], directory: Path
) -> LoadProcess:
    process = await LoadProcess.start(role, settings, directory)
    stack.push_async_callback(process.stop)
    return process


async def _carrier(
    stack: contextlib.AsyncExitStack, load: Load, directory: Path
) -> tuple[LoadProcess, FarEnd]:
    authority = ThrowawayAuthority(directory / "carrier-pki", "bench carrier")
    own = authority.issue(CARRIER_NAME, hosts=(CARRIER_NAME, CARRIER_HOST))
    settings = {
        "host": CARRIER_HOST,
        "port": 0,
        "contact_host": CARRIER_HOST,
        "credential": {"certificate": str(own.certificate), "key": str(own.key)},
        "trust": None,
        "ring_s": load.ring_s,
    }
    carrier = await _load(stack, "carrier", settings, directory)
    far_end = FarEnd(
        host=CARRIER_HOST, port=carrier.first["port"], server_name=CARRIER_NAME, trust=authority.trust
    )
    return carrier, far_end


async def _idle(
    stack: contextlib.AsyncExitStack, load: Load, standing: Standing, directory: Path
) -> LoadProcess | None:
    if not load.idle_connections:
        return None
    company = {"size": load.idle_connections, "reconnecting": load.reconnecting}
    return await _load(stack, "idle", _caller_settings(standing) | company, directory)


def _caller_settings(standing: Standing) -> dict[str, Any]:
    return {
        "host": standing.host,
        "port": standing.port,
        "server_name": standing.server_name,
        "trust": str(standing.trust),
        "trunks": [
            {"certificate": str(t.certificate), "key": str(t.key), "caller": t.caller, "called": t.called}
            for t in standing.trunks
        ],
    }


@contextlib.asynccontextmanager
async def one_at_a_time(systems: list[SystemUnderTest]) -> AsyncIterator[list[SystemUnderTest]]:
    """Make sure that no system survives the measurement, whatever happens in it."""
    try:
        yield systems
    finally:
        for system in systems:
            await system.stop()
