"""A long run at one rate: no failed call, and no process that grows.

Growth is over the last 80 % of the run; the first fifth is not looked at, and single samples decide nothing.
It is the larger of two: what a line through the samples gains (Theil-Sen: the median of the slopes of all
pairs), which sees a slow leak through noise; and the last tenth's median over the first's of these 80 %,
which sees a step.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import cpu
from bench.measure import AFTER_OVERLOAD_S, Load, Run, Stand, highest_rate, run, stand
from bench.node import TrunkwardNode

_SAMPLE_S = 5.0
#: Bytes. 2 % of the smallest process (a waiting `unshare`) are less than a page.
_A_FEW_PAGES = 64 * 1024
#: Of the run, before growth is looked at.
_NOT_LOOKED_AT = 0.2
#: topos keeps a transaction's row three minutes, rtpengine its answers one: memory is level after that.
_LEVEL_AFTER_S = 240.0
_SEARCH = 40.0
_SEARCH_RUN_S = 8.0
#: A rate that short runs bear is held only if it is borne for longer than tm keeps a transaction, 33 s.
_HELD_RUN_S = 45.0
_STEP_DOWN = 0.9

type Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Of one program over the last 80 % of a run: bytes at its beginning, and how many more at its end."""

    start: float
    grown: float

    @property
    def share(self) -> float:
        """0.02 for 2 %; a few pages more are none."""
        return self.grown / self.start if self.grown > _A_FEW_PAGES else 0.0


def growth_of(sizes: Sequence[float]) -> Growth:
    """The growth in evenly spaced samples of a whole run."""
    looked_at = sizes[int(len(sizes) * _NOT_LOOKED_AT) :]
    span = len(looked_at) - 1
    slope = statistics.median(
        (b - a) / (j - i) for (i, a), (j, b) in itertools.combinations(enumerate(looked_at), 2)
    )
    tenth = max(1, len(looked_at) // 10)
    start, end = statistics.median(looked_at[:tenth]), statistics.median(looked_at[-tenth:])
    return Growth(start=start, grown=max(slope * span, end - start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of a soak."""

    rate: float
    seconds: float
    highest_rate: float | None
    counted: Run
    #: By program.
    growth: dict[str, Growth]
    #: Processes that were not there all the time.
    changed: list[str]

    def line(self) -> str:
        """Return the run as a row of a markdown table: `HEAD`."""
        caller = self.counted.caller
        worst, growth = max(((n, g.share) for n, g in self.growth.items()), key=lambda item: item[1])
        total_mb = sum(g.start + g.grown for g in self.growth.values()) / 1e6
        cpu_ms = sum(self.counted.cpu_s.values()) * 1000 / max(1, caller["answered"])
        highest = "-" if self.highest_rate is None else f"{self.highest_rate:.0f}"
        return (
            f"| {self.seconds:.0f} s | {self.rate:.1f} | {highest} | {caller['attempts']} "
            f"| {caller['failures']} | {caller['to_answer_ms']['p99']} | {cpu_ms:.2f} | {total_mb:.0f} "
            f"| {worst.split()[0]} {growth:+.1%} |"
        )


HEAD = (
    "| length | calls/s | highest clean | calls | failed | INVITE to 200, p99 ms | CPU ms a call | memory MB "
    "| grew most |\n|---|---:|---:|---:|---:|---:|---:|---:|---|"
)


async def soak(
    directory: Path, *, seconds: float, rate: float | None, held_s: float = 2.0, level_s: float | None = None
) -> Soaked:
    """Soak a whole node. Without `rate`: at 70 % of the highest clean rate, found first.

    `level_s` is how long the rate is held before the run that counts, by default until memory is level.
    """
    load = Load(
        rates=(rate or _SEARCH,),
        seconds=_SEARCH_RUN_S,
        rounds=1,
        held_s=held_s,
        trunks=20,
        idle_connections=0,
        reconnecting=0.0,
        ring_s=None,
    )
    home = _home(directory)
    async with stand(TrunkwardNode("node", home), load, home) as it:
        highest = None if rate else await highest_held_rate(it, load)
        wanted = rate or 0.7 * (highest or 1.0)
        if level_s is None or level_s > 0:
            level = replace(load, seconds=_LEVEL_AFTER_S if level_s is None else level_s)
            await run(it, level, wanted, held_s)
        counted, samples = await _sampled(it, replace(load, seconds=seconds), wanted)
    everywhere = set.intersection(*(set(sizes) for sizes in samples))
    anywhere = set.union(*(set(sizes) for sizes in samples))
    return Soaked(
        rate=wanted,
        seconds=seconds,
        highest_rate=highest,
        counted=counted,
        growth={name: growth_of([sample[name] for sample in samples]) for name in sorted(everywhere)},
        changed=sorted(anywhere - everywhere),
    )


async def highest_held_rate(it: Stand, load: Load) -> float | None:
    """The highest rate the system holds: the highest of short runs, lowered until a long run is clean too."""
    rate = await highest_rate(it, load)
    while (
        rate is not None
        and not (await run(it, replace(load, seconds=_HELD_RUN_S), rate, load.held_s)).is_clean
    ):
        await asyncio.sleep(AFTER_OVERLOAD_S)
        rate *= _STEP_DOWN
    return rate


def _home(directory: Path) -> Path:
    directory.chmod(0o755)  # a node's users must reach its home
    home = directory / "node"
    home.mkdir()
    return home


async def _sampled(it: Stand, load: Load, rate: float) -> tuple[Run, Sequence[Sizes]]:
    samples: list[Sizes] = []

    async def sample() -> None:
        while True:
            samples.append(cpu.memory_by_process(it.standing.root_pid))
            await asyncio.sleep(min(_SAMPLE_S, load.seconds / 30))

    sampling = asyncio.create_task(sample())
    try:
        counted = await run(it, load, rate, load.held_s)
    finally:
        sampling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampling
    return counted, samples
