"""`./trunkward bench [signalling]`: the systems one after another on the same load, and a table of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.baseline.proxy import BareProxy
from bench.measure import Load, Measured, measure, one_at_a_time
from bench.node import TrunkwardNode
from bench.system import SystemFailedError, SystemUnderTest
from bench.table import table

#: Name on the command line -> made in a directory of its own. The first is the yardstick.
SYSTEMS: dict[str, Callable[[Path], SystemUnderTest]] = {
    "bare": BareProxy,
    "no-media": lambda home: TrunkwardNode("node, no media", home, anchored=False),
    "node": lambda home: TrunkwardNode("node", home),
    "redis": lambda home: TrunkwardNode(
        "node, no media, topos on Valkey", home, anchored=False, on_redis=True
    ),
}
#: What is measured when nothing is said; the storage comparison is asked for.
_USUAL = ["bare", "no-media", "node"]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 when calls failed or a system did not start, 2 for wrong arguments."""
    options = _options(arguments)
    load = Load(
        rate=options.rate,
        seconds=options.seconds,
        runs=options.runs,
        held_s=options.held_seconds,
        trunks=options.trunks,
        idle_connections=options.idle_connections,
        reconnecting=options.reconnecting / 100,
        ring_s=options.ringing,
        with_sdp=not options.without_sdp,
    )
    try:
        measured = _in_a_directory(options, load)
    except SystemFailedError as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(table(measured, load))
    if options.json:
        options.json.write_text(json.dumps([m.to_json() for m in measured], indent=1, default=str))
    return int(any(run.caller["failures"] for m in measured for run in m.runs))


def _in_a_directory(options: argparse.Namespace, load: Load) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="twb-", delete=not options.keep) as directory:
        Path(directory).chmod(0o755)  # a node's users must reach its home
        if options.keep:
            print(f"bench: logs stay in {directory}", file=sys.stderr)
        return asyncio.run(_measure_all(options, load, Path(directory)))


async def _measure_all(options: argparse.Namespace, load: Load, directory: Path) -> list[Measured]:
    homes = [directory / name for name in options.systems]
    for home in homes:
        home.mkdir()
    systems = [SYSTEMS[name](home) for name, home in zip(options.systems, homes, strict=True)]
    measured = []
    async with one_at_a_time(systems):
        for system, home in zip(systems, homes, strict=True):
            print(f"bench: {system.title} ...", file=sys.stderr, flush=True)
            measured.append(await measure(system, load, home, find_max=options.find_max))
    return measured


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trunkward bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["signalling"], default="signalling")
    parser.add_argument("--rate", type=_positive, default=50.0, help="calls per second offered")
    parser.add_argument("--seconds", type=_positive, default=10.0, help="length of a run")
    parser.add_argument("--runs", type=int, default=1, choices=range(1, 101), metavar="N")
    parser.add_argument("--held-seconds", type=float, default=0.0, help="how long a call is held")
    parser.add_argument("--ringing", type=float, metavar="SECONDS", help="180 first, 200 after so long")
    parser.add_argument("--trunks", type=int, default=20, help="TLS connections that call")
    parser.add_argument("--idle-connections", type=int, default=0)
    parser.add_argument("--reconnecting", type=float, default=5.0, help="percent of the idle, per minute")
    parser.add_argument(
        "--without-sdp", action="store_true", help="for the bare proxy only: nodes refuse that"
    )
    parser.add_argument("--find-max", action="store_true", help="search the highest rate without a failure")
    parser.add_argument("--systems", nargs="+", choices=sorted(SYSTEMS), default=_USUAL)
    parser.add_argument("--keep", action="store_true", help="leave the systems' directories, logs in them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything measured, run by run")
    return parser.parse_args(arguments)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be above 0: {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
