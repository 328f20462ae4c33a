"""A long run at one rate: no failed call, and no process that grows.

Growth is the median size in the last tenth of the run beside the median in its third tenth: the first fifth
is not looked at, single samples decide nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import cpu
from bench.measure import Load, Run, Stand, highest_rate, run, stand
from bench.node import TrunkwardNode

_SAMPLE_S = 5.0
#: Bytes. 2 % of the smallest process (a waiting `unshare`) are less than a page.
_A_FEW_PAGES = 64 * 1024
#: topos keeps a transaction's row three minutes, rtpengine its answers one: memory is level after that.
_LEVEL_AFTER_S = 240.0
_SEARCH = 40.0
_SEARCH_RUN_S = 8.0

type Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of a soak."""

    rate: float
    seconds: float
    highest_rate: float | None
    counted: Run
    #: Program -> (bytes in the third tenth, bytes in the last).
    sizes: dict[str, tuple[float, float]]
    #: Processes that were not there all the time.
    changed: list[str]

    def growth(self) -> dict[str, float]:
        """Return the growth of each program, 0.02 for 2 %; a few pages more are none."""
        return {
            name: (after - before) / before if after - before > _A_FEW_PAGES else 0.0
            for name, (before, after) in self.sizes.items()
        }

    def line(self) -> str:
        """Return the run as a row of a markdown table: `HEAD`."""
        caller = self.counted.caller
        worst, growth = max(self.growth().items(), key=lambda item: item[1])
        total_mb = sum(after for _, after in self.sizes.values()) / 1e6
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
        rate=rate or _SEARCH,
        seconds=_SEARCH_RUN_S,
        runs=1,
        held_s=held_s,
        trunks=20,
        idle_connections=0,
        reconnecting=0.0,
        ring_s=None,
    )
    home = _home(directory)
    async with stand(TrunkwardNode("node", home), load, home) as it:
        highest = None if rate else await highest_rate(it, load)
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
        sizes={name: _early_and_late(name, samples) for name in sorted(everywhere)},
        changed=sorted(anywhere - everywhere),
    )


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


def _early_and_late(name: str, samples: Sequence[Sizes]) -> tuple[float, float]:
    sizes = [sample[name] for sample in samples]
    tenth = max(1, len(sizes) // 10)
    return statistics.median(sizes[2 * tenth : 3 * tenth]), statistics.median(sizes[-tenth:])
