"""`./trunkward bench configuration`: how long a change of one trunk among many takes on a running node.

A node is started on a file of `--trunks` trunks. In each round one trunk gets another network: `plan` is
run, then `apply`, as a person would run them, start of the program included. `apply` returns when every gate
decides by the new version. Printed: medians, and the worst of the rounds. Beside them stands a run of the
program that does nothing (`--version`), which is what this machine takes for starting it. 1 when a median is
over what is allowed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_EXAMPLE = Path(__file__).parents[1] / "examples" / "node.yaml"
_CUSTOMER = "    customer: {reference: KYC-2026-1, verified: 2026-01-15}\n"
_TRUNK = """\
      - name: pbx-{index}
        networks: [198.51.100.{last}/32]
        client_certificate: sha256:{index:064x}
        numbers: ["+1{number}"]
"""
_START_PATIENCE_S = 180.0


def main(arguments: list[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench configuration", description=__doc__)
    parser.add_argument("--trunks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most-plan", type=float, default=2.0, help="seconds the median of plan may take")
    parser.add_argument("--most-apply", type=float, default=3.0, help="the same of apply")
    options = parser.parse_args(arguments)
    trunkward = str(Path(sys.executable).parent / "trunkward")
    with tempfile.TemporaryDirectory(prefix="twb-", dir="/tmp") as directory:
        home = Path(directory)
        home.chmod(0o755)
        environment = os.environ | {"TRUNKWARD_HOME": str(home)}
        (home / "node.yaml").write_text(_file(options.trunks, 0))
        began = time.monotonic()
        with (home / "up.log").open("wb") as log:
            up = subprocess.Popen([trunkward, "up"], env=environment, stdout=log, stderr=log)
        try:
            while "ready after" not in (home / "up.log").read_text(errors="replace"):
                if up.poll() is not None or time.monotonic() - began > _START_PATIENCE_S:
                    print((home / "up.log").read_text(errors="replace"), file=sys.stderr)
                    return 1
                time.sleep(0.1)
            print(f"{options.trunks:,} trunks, {(home / 'node.yaml').stat().st_size / 1e6:.1f} MB of YAML, "
                  f"first start ready after {time.monotonic() - began:.1f} s\n")  # fmt: skip
            took: dict[str, list[float]] = {"--version": [], "plan": [], "apply": []}
            for number in range(1, options.rounds + 1):
                (home / "node.yaml").write_text(_file(options.trunks, number))
                for command, code in (("--version", 0), ("plan", 3), ("apply", 0)):
                    start = time.monotonic()
                    done = subprocess.run(
                        [trunkward, command], env=environment, capture_output=True, text=True, check=False
                    )
                    took[command].append(time.monotonic() - start)
                    if done.returncode != code:
                        print(done.stdout + done.stderr, file=sys.stderr)
                        return 1
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(60)
    print("| s | median | worst |\n|---|---:|---:|")
    for command, seconds in took.items():
        print(f"| {command} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")
    allowed = {"plan": options.most_plan, "apply": options.most_apply}
    missed = [command for command, most in allowed.items() if statistics.median(took[command]) > most]
    for command in missed:
        print(f"\nmissed: {command} is to take {allowed[command]:g} s at most")
    return int(bool(missed))


def _file(trunks: int, round_: int) -> str:
    head, _, rest = _EXAMPLE.read_text(encoding="utf-8").partition("tenants:\n")
    carriers = rest[rest.index("carriers:\n") :]
    text = []
    for index in range(trunks):
        if index % 100 == 0:
            text.append(f"  - name: tenant-{index // 100}\n{_CUSTOMER}    trunks:\n")
        last = 1 + (index + (round_ if index == trunks // 2 else 0)) % 250
        number = f"{202 + index // 10_000}555{index % 10_000:04d}"
        text.append(_TRUNK.format(index=index, last=last, number=number))
    return f"{head}tenants:\n{''.join(text)}\n{carriers}"
