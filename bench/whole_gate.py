"""A whole gate on a node that runs: asked by a driver that speaks to its socket as the edge does.

The policy has as many trunks and destinations as `bench admission` says; calls come from a few trunks with
their own numbers, so each is signed at level A. CPU is that of the gate process for one call, all it does
beside included (the kernel's part, too); what stands beside it is that of the processes it asks. Nothing is
sent: no call of these ever reaches Kamailio.
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


def measure(options: argparse.Namespace) -> float:
    """Prints a table; us of CPU the gate took per call."""
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
            return asyncio.run(
                _drive(up.pid, home, [pem.public_bytes(Encoding.PEM).decode() for pem in pems], options)
            )
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(60)


async def _drive(root: int, home: Path, pems: list[str], options: argparse.Namespace) -> float:
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    free = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_unix_connection(paths.gate_socket(0)))
    refused: list[str] = []
    took: list[float] = []

    async def call(number: int) -> None:
        caller = number % _CALLERS
        attempt = attempt_of(caller, called_of(number, options.prefixes), pems[caller])
        frame = json.dumps(attempt).encode()
        reader, writer = await free.get()
        began = time.perf_counter()
        writer.write(len(frame).to_bytes(4, "big") + frame)
        verdict = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        took.append(time.perf_counter() - began)
        free.put_nowait((reader, writer))
        if b'"verdict":"admit"' not in verdict or b"Identity" not in verdict:
            refused.append(verdict.decode())

    async def calls(first: int, seconds: float) -> int:
        start, tasks = time.perf_counter(), set[asyncio.Task[None]]()
        count = int(seconds * options.rate)
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / options.rate - time.perf_counter()))
            task = asyncio.create_task(call(first + number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return count

    warm = await calls(0, _WARM_UP_S)
    idle = cpu.snapshot(root)
    await asyncio.sleep(_WARM_UP_S)
    before = cpu.snapshot(root)
    (gate,) = (pid for pid in before.pids if cpu.kind_of(pid) == "gate")
    kernel_s = -_kernel_s(gate)
    took.clear()
    count = await calls(warm, options.seconds)
    after = cpu.snapshot(root)
    kernel_s += _kernel_s(gate)
    if refused:
        raise SystemExit(f"not admitted, or not signed: {refused[0]}")
    used = {kind: seconds / count * 1e6 for kind, seconds in cpu.cpu_between(before, after).items()}
    at_rest = cpu.cpu_between(idle, before)["gate"] / _WARM_UP_S * 1e6 / options.rate
    print(f"\n{count:,} calls at {options.rate:g}/s, {options.trunks:,} trunks, each admitted and signed A\n")
    print("| whole gate | |\n|---|---:|")
    for kind in ("gate", "signer", "valkey-server"):
        if kind in used:
            print(f"| CPU us per call: {kind} | {used[kind]:.0f} |")
    print(f"| of the gate's: in the kernel (sockets, the disk) | {kernel_s / count * 1e6:.0f} |")
    print(f"| of the gate's: what it takes at rest | {at_rest:.0f} |")
    ms = sorted(seconds * 1000 for seconds in took)
    print(f"| answered in, ms, p50 | {statistics.median(ms):.2f} |")
    print(f"| answered in, ms, p99 | {ms[int(len(ms) * 0.99)]:.2f} |")
    for name, size in _memory(gate).items():
        print(f"| memory of the gate, {name}, MB | {size / 1e6:.1f} |")
    return used["gate"]


def _kernel_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[12]) / os.sysconf("SC_CLK_TCK")


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
            text.append(f"  - name: tenant-{index // 100}\n    trunks:\n")
        values = {"index": index, "last": index % 100, "cents": 20 + index % 20, "number": own_number(index)}
        fingerprint = shown[index] if index < len(shown) else f"{index:064x}"
        text.append(_TRUNK.format(shown=fingerprint, **values) + _LIMITS)
    return f"{head}tenants:\n{''.join(text)}\n{carriers}"
