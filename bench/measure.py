"""Measures systems side by side: in each round every system in turn, started, warmed up, offered the load at
every rate, and stopped, so that what drifts on the machine meets all of them alike.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench import cpu
from bench.process import LoadProcess
from bench.system import FarEnd, Standing, SystemUnderTest
from sipkit.certificates import ThrowawayAuthority

CARRIER_HOST = "127.0.0.1"
#: Kamailio takes 1,024 connections from one address (tcp_accept_iplimit), and the callers have theirs.
IDLE_HOST = "127.0.0.2"
CARRIER_NAME = "carrier.example.com"

#: The highest rate is the one below which calls are answered at least this fast, p99.
HIGHEST_P99_MS = 500.0
_STEP = 1.3
_PRECISION = 0.06
#: A search takes a dozen runs.
_SEARCH_RUN_S = 5.0
#: Retransmissions and rests after a failure are over by then, seconds.
AFTER_OVERLOAD_S = 3.0
_WARM_UP = {"rate": 40.0, "seconds": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is offered to every system alike."""

    #: Calls per second; each rate is a run of its own.
    rates: tuple[float, ...]
    seconds: float
    #: How often every system has its turn.
    rounds: int
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
    tls: str = ""
    #: By rate, the rounds in order.
    runs: dict[float, list[Run]] = field(default_factory=dict)
    memory: dict[str, cpu.Memory] = field(default_factory=dict)
    #: What the carrier and the idle connections counted, round by round.
    carrier: list[dict[str, Any]] = field(default_factory=list)
    idle: list[dict[str, Any]] = field(default_factory=list)
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
async def stand(
    system: SystemUnderTest, load: Load, home: Path, directory: Path | None = None
) -> AsyncIterator[Stand]:
    """Start carrier, system, idle company and caller, and warm up; stop them all at the end.

    The system lives in `home`; the files of the load go to `directory`, or there too.
    """
    directory = directory or home
    async with contextlib.AsyncExitStack() as stack:
        carrier, far_end = await _carrier(stack, load, directory)
        stack.push_async_callback(system.stop)
        standing = await system.start(far_end, load.trunks)
        idle = await _idle(stack, load, standing, directory)
        caller = await _load(stack, "caller", _caller_settings(standing), directory)
        await caller.command(**_WARM_UP, with_sdp=load.with_sdp)
        yield Stand(standing=standing, caller=caller, carrier=carrier, idle=idle)


async def measure(
    systems: Sequence[tuple[SystemUnderTest, Path]],
    load: Load,
    *,
    find_max: bool,
    progress: Callable[[str], None],
) -> list[Measured]:
    """Measure each system, which has its directory beside it, in turn, as often as the load says."""
    measured = [Measured(title=system.title) for system, _ in systems]
    for number in range(1, load.rounds + 1):
        for (system, home), so_far in zip(systems, measured, strict=True):
            progress(f"round {number} of {load.rounds}: {system.title}")
            directory = home / f"load-{number}"
            directory.mkdir()
            async with stand(system, load, home, directory) as it:
                await _round(it, load, so_far)
                if find_max and number == load.rounds:
                    progress(f"highest rate: {system.title}")
                    short = replace(load, seconds=min(load.seconds, _SEARCH_RUN_S))
                    so_far.highest_rate = await highest_rate(it, short)
    return measured


async def _round(it: Stand, load: Load, measured: Measured) -> None:
    measured.tls = f"{it.caller.first['tls']} {it.caller.first['cipher']}"
    for rate in load.rates:
        measured.runs.setdefault(rate, []).append(await run(it, load, rate, load.held_s))
    measured.memory = cpu.memory(it.standing.root_pid)
    measured.carrier.append(await it.carrier.command(report=True))
    if it.idle is not None:
        measured.idle.append(await it.idle.command(report=True))


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
    rate, bad = load.rates[-1], None
    while bad is None or (good is not None and bad - good > _PRECISION * good):
        tried = await run(it, load, rate, load.held_s)
        if tried.is_clean:
            good = rate
        else:
            bad = rate
            if good is None and rate <= 1:
                return None
            await asyncio.sleep(AFTER_OVERLOAD_S)
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
    company = {
        "local_host": IDLE_HOST,
        "size": load.idle_connections,
        "reconnecting": load.reconnecting,
    }
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
