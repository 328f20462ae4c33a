"""`./trunkward bench swap`: decisions of a real gate while it changes from one large policy to another.

One gate process, started as the supervisor would, decides calls at an even rate: each admitted, its record
on the disk, unsigned (there is no signer). The link to its policy is turned to and fro between two compiled
ones. Reported: the time of every decision, those begun in the second after a change beside all others, and
the worst of them. 1 when one beside a change was delayed by more than is allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bench.large import (
    attempt_of,
    called_of,
    certificate_of_nobody,
    destinations,
    large_declared,
    turn_to,
)
from sipkit.valkey import OwnValkey
from trunkward.admission.snapshot import compile_snapshot
from trunkward.settings import Paths, snapshot_name
from trunkward.trunks.spending import NO_CAPS

#: Seconds after a change in which a decision counts as one beside it.
BESIDE_S = 1.0

#: From when until when decisions are beside something (`time.perf_counter`), and what changes meanwhile.
type Span = tuple[float, float]
type Change = Callable[[], Coroutine[object, object, None]]
#: A decision: when it began, and how long it took (s).
type Decided = tuple[float, float]


def main(arguments: list[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench swap", description=__doc__)
    parser.add_argument("--prefixes", type=int, default=250_000)
    parser.add_argument("--trunks", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=200.0, help="decisions a second")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument(
        "--most", type=float, default=20.0, help="ms by which a change may delay a decision, the worst"
    )
    options = parser.parse_args(arguments)
    # not on a memory file system only because it is at hand: the records' disk is part of a decision
    with tempfile.TemporaryDirectory(prefix="twb-") as directory:
        return asyncio.run(_measure(Path(directory), options))


async def _measure(home: Path, options: argparse.Namespace) -> int:
    paths = places(home)
    certificate = certificate_of_nobody()
    declared = large_declared(options.prefixes, options.trunks, certificate)
    calling, *silent = declared.trunks
    # money nobody counts: a ledger that has just begun grants none yet
    declared = replace(declared, trunks=(replace(calling, spending=NO_CAPS), *silent))
    began = time.perf_counter()
    sizes = []
    for version in (1, 2):
        snapshot = compile_snapshot(declared, {}, version, destinations(options.prefixes))
        (paths.policy / snapshot_name(version)).write_bytes(snapshot)
        sizes.append(len(snapshot))
    compiled_s = (time.perf_counter() - began) / 2
    turn_to(paths, 1)

    spans: list[Span] = []

    async def change() -> None:
        for number in range(options.swaps):
            await asyncio.sleep(2 * BESIDE_S)
            now = time.perf_counter()
            spans.append((now, now + BESIDE_S))
            turn_to(paths, 2 - number % 2)
        await asyncio.sleep(2 * BESIDE_S)

    async with running_gate(home, paths):
        decided = await decide(paths, certificate, options.prefixes, options.rate, change)
    print(f"{options.prefixes:,} prefixes, {options.trunks:,} trunks: {sizes[0] / 1e6:.0f} MB,")
    print(f"compiled in {compiled_s:.1f} s; {options.swaps} changes, {options.rate:.0f} decisions/s\n")
    return told(decided, {"in the second after a change": spans}, options.most)


def told(decided: list[Decided], beside: dict[str, list[Span]], most: float) -> int:
    """Prints those beside each of several things, and all others.

    1 when one beside the first is more than `most` ms over the others' median.
    """
    rows = {name: [s for at, s in decided if _is_within(at, spans)] for name, spans in beside.items()}
    every = [span for spans in beside.values() for span in spans]
    rows["all others"] = [s for at, s in decided if not _is_within(at, every)]
    middle = statistics.median(rows["all others"]) * 1000
    print("| ms | decisions | p50 | p99 | worst | later than the others' median |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, took in rows.items():
        ms = sorted(t * 1000 for t in took)
        cells = (statistics.median(ms), ms[int(len(ms) * 0.99)], ms[-1], ms[-1] - middle)
        print(f"| {name} | {len(ms)} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    delayed = max(next(iter(rows.values()))) * 1000 - middle
    if delayed > most:
        print(f"missed: {most:g} ms at most")
    return int(delayed > most)


def _is_within(at: float, spans: list[Span]) -> bool:
    return any(begins <= at < ends for begins, ends in spans)


def places(home: Path) -> Paths:
    """Where a gate that is started alone finds what it needs."""
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    for place in (paths.policy, paths.gate_records(0), paths.gate_socket(0).parent, paths.pki, paths.log):
        place.mkdir(parents=True)
    for name in ("origid.secret", "digest.secret"):
        (paths.pki / name).write_text("00" * 32)
    return paths


@asynccontextmanager
async def running_gate(home: Path, paths: Paths) -> AsyncIterator[None]:
    """One that listens, with a Valkey of its own."""
    where = [f"--{name}={getattr(paths, name)}" for name in ("config", "state", "run", "log")]
    with closing(OwnValkey(home)), (paths.log / "gate.log").open("wb") as log:
        gate = subprocess.Popen(  # noqa: ASYNC220  # before there is anything to measure
            [sys.executable, "-m", "trunkward.gate", "--index=0", *where], stdout=log, stderr=log
        )
        try:
            while not paths.gate_socket(0).exists():
                if gate.poll() is not None:
                    raise SystemExit((paths.log / "gate.log").read_text())
                await asyncio.sleep(0.05)
            yield
        finally:
            gate.terminate()
            gate.wait()


async def decide(
    paths: Paths, certificate: x509.Certificate, prefixes: int, rate: float, change: Change
) -> list[Decided]:
    """Decisions at an even rate while something changes, without those of the first second."""
    free = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    for _ in range(8):  # as many workers as the edge has for calls being set up
        free.put_nowait(await asyncio.open_unix_connection(paths.gate_socket(0)))
    pem = certificate.public_bytes(Encoding.PEM).decode()
    took: list[Decided] = []
    refused: list[str] = []

    async def call(number: int) -> None:
        frame = json.dumps(attempt_of(0, called_of(number, prefixes), pem)).encode()
        began = time.perf_counter()
        reader, writer = await free.get()
        writer.write(len(frame).to_bytes(4, "big") + frame)
        verdict = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        took.append((began, time.perf_counter() - began))
        free.put_nowait((reader, writer))
        if b'"admit"' not in verdict:
            refused.append(verdict.decode())

    changing = asyncio.create_task(change())
    number, start, calls = 0, time.perf_counter(), set[asyncio.Task[None]]()
    while not changing.done():
        number += 1
        await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
        task = asyncio.create_task(call(number))
        calls.add(task)
        task.add_done_callback(calls.discard)
    await changing
    await asyncio.gather(*calls)
    if refused:
        raise SystemExit(f"not admitted: {refused[0]}\n{(paths.log / 'gate.log').read_text()[-2000:]}")
    return [one for one in took if one[0] > start + BESIDE_S]
