"""A whole gate on a node that runs: asked by a driver that speaks to its socket as the edge does.

The policy has as many trunks and destinations as `bench admission` says; calls come from a few trunks with
their own numbers, each recognised by network and certificate. What one call is, all of it in the gate's CPU:

1. The frame is read and decoded; whether the edge still waits is looked at twice.
2. It is screened and checked.
3. Valkey is asked, once, for its places.
4. The signer is asked for a signature of level A.
5. It is judged, the record appended and the disk waited for (fdatasync), the answer written.

Not in it: digest (two HMACs), and what comes later, of which the end is measured by itself: the gate is told
that a call is over, and tells Valkey. Nothing is sent: no call of these ever reaches Kamailio.

Each load is a table row. At a rate, calls start by a timetable, however slow the answers are; "at once" are
so many askers, each with its next call as soon as the last one is answered: then the gate has always work.
CPU is all the process used in that time (user and kernel, what it does beside calls included), by calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from bench import cpu
from bench.large import EXAMPLE, attempt_of, called_of, certificate_of_nobody, destinations, own_number
from trunkward.numbering.destinations import money
from trunkward.settings import Paths

_CALLERS = 20
_CONNECTIONS = 8  # as many workers as the edge has for calls being set up
_START_PATIENCE_S = 180.0
_WARM_UP_S = 3.0
#: Of each load before it counts.
_SETTLED_S = 0.5
_ENDS_A_SECOND = 200.0
_CUSTOMER = "    customer: {reference: KYC-2026-1, verified: 2026-01-15}\n"
_TRUNK = """\
      - name: pbx-{index}
        networks: [192.0.2.0/24]
        client_certificate: sha256:{shown}
        numbers: ["{number}"]
        destinations: {{allow: [US, CA, "+13035550{last:02d}"], max_rate: "0.{cents}"}}
"""
#: Calls are not ended here, so none may be refused for being one too many.
_LIMITS = (
    "        limits: {calls: 100000, international: 100000, per_second: 10000}\n"
    "        spend: {call: 100000, hour: 1000000, day: 1000000, month: 1000000}\n"
)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Prints tables; us of CPU the gate took per call, by load."""
    trunkward = str(Path(sys.executable).parent / "trunkward")
    with tempfile.TemporaryDirectory(prefix="twb-", dir="/tmp") as directory:
        home = Path(directory)
        home.chmod(0o755)
        pems = [certificate_of_nobody() for _ in range(_CALLERS)]
        shown = [pem.fingerprint(SHA256()).hex() for pem in pems]
        (home / "destinations.csv").write_text(_deck(options.prefixes))
        (home / "node.yaml").write_text(_file(home, shown, options.trunks))
        with (home / "up.log").open("wb") as log:
            up = subprocess.Popen(
                [trunkward, "up"], env=os.environ | {"TRUNKWARD_HOME": directory}, stdout=log, stderr=log
            )
        try:
            _until_ready(up, home)
            paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
            texts = [pem.public_bytes(Encoding.PEM).decode() for pem in pems]
            return asyncio.run(_drive(up.pid, paths, texts, options))
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(60)


async def _drive(root: int, paths: Paths, pems: list[str], options: argparse.Namespace) -> dict[str, float]:
    driver = _Driver(pems, options.prefixes)
    await driver.connect(paths)
    loads: dict[str, Callable[[float], Awaitable[int]]] = {
        **{f"{rate:g}/s": partial(driver.at_rate, rate) for rate in options.rates},
        **{f"{count} at once": partial(driver.at_once, count) for count in options.at_once},
    }
    await driver.at_once(_CONNECTIONS, _WARM_UP_S)
    (gate,) = (pid for pid in cpu.tree(root) if cpu.kind_of(pid) == "gate")
    rows, took_us = [], {}
    for name, load in loads.items():
        await load(_SETTLED_S)
        driver.took.clear()
        before, used_s, kernel_s, sleeps = cpu.snapshot(root), _cpu_s(gate), _kernel_s(gate), _sleeps(gate)
        began = time.perf_counter()
        count = await load(options.seconds)
        lasted_s = time.perf_counter() - began
        gate_us = (_cpu_s(gate) - used_s) / count * 1e6
        kernel_us = (_kernel_s(gate) - kernel_s) / count * 1e6
        sleeps = _sleeps(gate) - sleeps
        used = cpu.cpu_between(before, cpu.snapshot(root))
        us = {kind: used.get(kind, 0.0) / count * 1e6 for kind in ("signer", "valkey-server")}
        took_us[f"the whole gate, {name}"] = gate_us
        ms = sorted(seconds * 1000 for seconds in driver.took)
        rows.append(
            f"| {name} | {count / lasted_s:.0f} | **{gate_us:.0f}** | {kernel_us:.0f}"
            f" | {sleeps / count:.1f} | {us['signer']:.0f} | {us['valkey-server']:.0f}"
            f" | {statistics.median(ms):.2f} | {ms[int(len(ms) * 0.99)]:.2f} |"
        )
    print(f"\nThe whole gate, {options.trunks:,} trunks, each call admitted and signed A\n")
    print("| load | calls/s | gate, us | of it kernel | sleeps | signer, us | Valkey, us | p50 ms | p99 ms |")
    print("\n".join([f"|---|{'---:|' * 8}", *rows]))
    used_s = _cpu_s(gate)
    ends = await driver.end_all()
    end_us = (_cpu_s(gate) - used_s) / ends * 1e6
    used_s = _cpu_s(gate)
    await asyncio.sleep(_WARM_UP_S)
    at_rest_us = (_cpu_s(gate) - used_s) / _WARM_UP_S * 1e6
    print(f"\nThe end of a call, told at {_ENDS_A_SECOND:g}/s: {end_us:.0f} us more.", end=" ")
    print(f"At rest: {at_rest_us:.0f} us a second.\n")
    print("| memory of the gate | MB |\n|---|---:|")
    for name, size in _memory(gate).items():
        print(f"| {name} | {size / 1e6:.1f} |")
    return took_us


class _Driver:
    """The edge's workers, as the gate sees them."""

    def __init__(self, pems: list[str], prefixes: int) -> None:
        self._pems, self._prefixes, self._number = pems, prefixes, 0
        self._free = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
        self._running: list[tuple[str, list[str]]] = []
        #: Seconds from question to answer.
        self.took: list[float] = []

    async def connect(self, paths: Paths) -> None:
        for _ in range(_CONNECTIONS):
            self._free.put_nowait(await asyncio.open_unix_connection(paths.gate_socket(0)))

    async def at_rate(self, rate: float, seconds: float) -> int:
        """Calls by a timetable; how many."""
        start, count = time.perf_counter(), int(seconds * rate)
        async with asyncio.TaskGroup() as calls:
            for number in range(count):
                await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
                calls.create_task(self._call())
        return count

    async def at_once(self, askers: int, seconds: float) -> int:
        """Calls one after the other, by so many at once; how many."""
        end, first = time.perf_counter() + seconds, self._number

        async def asks() -> None:
            while time.perf_counter() < end:
                await self._call()

        async with asyncio.TaskGroup() as calls:
            for _ in range(askers):
                calls.create_task(asks())
        return self._number - first

    async def end_all(self) -> int:
        """Tells that calls are over, one in a frame, as the edge does; how many."""
        ended, self._running = self._running[: int(_ENDS_A_SECOND * _WARM_UP_S)], []
        _, writer = await self._free.get()
        start = time.perf_counter()
        for number, call in enumerate(ended):
            await asyncio.sleep(max(0.0, start + number / _ENDS_A_SECOND - time.perf_counter()))
            writer.write(_framed({"kind": "ended", "calls": [call]}))
        return len(ended)

    async def _call(self) -> None:
        self._number += 1
        caller = self._number % _CALLERS
        frame = _framed(attempt_of(caller, called_of(self._number, self._prefixes), self._pems[caller]))
        reader, writer = await self._free.get()
        began = time.perf_counter()
        writer.write(frame)
        verdict = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        self.took.append(time.perf_counter() - began)
        self._free.put_nowait((reader, writer))
        if b'"verdict":"admit"' not in verdict or b"Identity" not in verdict:
            raise SystemExit(f"not admitted, or not signed: {verdict.decode()}")
        read = json.loads(verdict)
        self._running.append((read["record_id"], read["counters"]))


def _framed(asked: dict[str, object]) -> bytes:
    body = json.dumps(asked).encode()
    return len(body).to_bytes(4, "big") + body


def _cpu_s(pid: int) -> float:
    """Of all its threads, to the nanosecond: /proc/PID/stat counts in hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def _kernel_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[12]) / os.sysconf("SC_CLK_TCK")


def _sleeps(pid: int) -> int:
    """Times the process has waited for something: each is a waking."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def _memory(gate: int) -> dict[str, int]:
    """Its part of what is shared counted in (PSS), and what is its own (USS)."""
    rollup = Path(f"/proc/{gate}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = {line.split(":")[0]: int(line.split()[1]) for line in rollup}
    return {"PSS": kib["Pss"] * 1024, "USS": (kib["Private_Clean"] + kib["Private_Dirty"]) * 1024}


def _until_ready(up: subprocess.Popen[bytes], home: Path) -> None:
    log, until = home / "up.log", time.monotonic() + _START_PATIENCE_S
    while "ready after" not in log.read_text(errors="replace"):
        if up.poll() is not None or time.monotonic() > until:
            raise SystemExit(log.read_text(errors="replace"))
        time.sleep(0.1)


def _deck(prefixes: int) -> str:
    lines = (
        f"+{digits},{place.country},{place.kind},{place.risk},{money(place.rate_micro or 0)}\n"
        for digits, place in destinations(prefixes).items()
    )
    return f"prefix,country,class,risk,rate\n{''.join(lines)}"


def _file(home: Path, shown: list[str], trunks: int) -> str:
    head, _, rest = EXAMPLE.read_text(encoding="utf-8").partition("tenants:\n")
    carriers = rest[rest.index("carriers:\n") :].replace('prefixes: ["+1202"]', 'prefixes: ["+1"]')
    head = head.replace("  gates: 2\n", f"  gates: 1\n  destinations: {home}/destinations.csv\n")
    text = []
    for index in range(trunks):
        if index % 100 == 0:
            text.append(f"  - name: tenant-{index // 100}\n{_CUSTOMER}    trunks:\n")
        values = {"index": index, "last": index % 100, "cents": 20 + index % 20, "number": own_number(index)}
        fingerprint = shown[index] if index < len(shown) else f"{index:064x}"
        text.append(_TRUNK.format(shown=fingerprint, **values) + _LIMITS)
    return f"{head}tenants:\n{''.join(text)}\n{carriers}"
