"""`./trunkward bench [signalling|record]`: systems side by side on the same load, and tables of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.baseline.proxy import BareProxy
from bench.measure import Load, Measured, measure
from bench.node import TrunkwardNode
from bench.record import RECORD, USUAL, Measurement
from bench.system import SystemFailedError, SystemUnderTest
from bench.table import tables

#: Name on the command line -> made in a directory of its own. The first is the yardstick.
SYSTEMS: dict[str, Callable[[Path], SystemUnderTest]] = {
    "bare": BareProxy,
    "no-media": lambda home: TrunkwardNode("node, no media", home, anchored=False),
    "node": lambda home: TrunkwardNode("node", home),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 when calls failed or a system did not start, 2 for wrong arguments."""
    options = _options(arguments)
    # what is started inherits it: the bare proxy holds as many connections as the node
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    wanted = RECORD if options.what == "record" else (_asked_for(options),)
    began, failures, kept = time.monotonic(), 0, []

    def progress(what: str) -> None:
        print(f"bench: {time.monotonic() - began:4.0f} s  {what}", file=sys.stderr, flush=True)

    for number, measurement in enumerate(wanted, 1):
        progress(f"{number} of {len(wanted)}: {measurement.title}")
        try:
            measured = _in_a_directory(measurement, keep=options.keep, progress=progress)
        except SystemFailedError as failure:
            print(f"bench: {failure}", file=sys.stderr)
            return 1
        print(f"\n### {measurement.title}\n\n{tables(measured, measurement.load)}", flush=True)
        failures += sum(r.caller["failures"] for m in measured for runs in m.runs.values() for r in runs)
        kept.append({"title": measurement.title, "systems": [m.to_json() for m in measured]})
    progress("done")
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1, default=str))
    return int(failures > 0)


def _in_a_directory(
    measurement: Measurement, *, keep: bool, progress: Callable[[str], None]
) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="twb-", delete=not keep) as directory:
        Path(directory).chmod(0o755)  # a node's users must reach its home
        if keep:
            progress(f"logs stay in {directory}")
        systems = []
        for name in measurement.systems:
            home = Path(directory) / name
            home.mkdir()
            systems.append((SYSTEMS[name](home), home))
        return asyncio.run(
            measure(systems, measurement.load, find_max=measurement.find_max, progress=progress)
        )


def _asked_for(options: argparse.Namespace) -> Measurement:
    load = Load(
        rates=tuple(options.rates),
        seconds=options.seconds,
        rounds=options.rounds,
        held_s=options.held_seconds,
        trunks=options.trunks,
        idle_connections=options.idle_connections,
        reconnecting=options.reconnecting / 100,
        ring_s=options.ringing,
        with_sdp=not options.without_sdp,
    )
    return Measurement(
        title="As asked for", systems=tuple(options.systems), load=load, find_max=options.find_max
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trunkward bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["signalling", "record"], default="signalling",
        help="record: all measurements of record, whatever else is said",
    )  # fmt: skip
    parser.add_argument(
        "--rates",
        type=_positive,
        nargs="+",
        default=[50.0],
        help="calls per second, a table for each",
    )
    parser.add_argument("--seconds", type=_positive, default=10.0, help="length of a run")
    parser.add_argument(
        "--rounds", type=int, default=1, choices=range(1, 101), metavar="N", help="turns of each system"
    )
    parser.add_argument("--held-seconds", type=float, default=0.0, help="how long a call is held")
    parser.add_argument("--ringing", type=float, metavar="SECONDS", help="180 first, 200 after so long")
    parser.add_argument("--trunks", type=int, default=20, help="TLS connections that call")
    parser.add_argument("--idle-connections", type=int, default=0)
    parser.add_argument("--reconnecting", type=float, default=5.0, help="percent of the idle, per minute")
    parser.add_argument(
        "--without-sdp", action="store_true", help="for the bare proxy only: nodes refuse that"
    )
    parser.add_argument("--find-max", action="store_true", help="search the highest rate without a failure")
    parser.add_argument("--systems", nargs="+", choices=sorted(SYSTEMS), default=list(USUAL))
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
