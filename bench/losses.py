"""`./trunkward bench losses`: what an attack costs under each way of counting money.

A simulation (`against/`) of the same calls under the same caps: an office's from Friday to Monday, and a
thief's on the same trunk from Friday evening on. For each family of attacks and each way, by `--seeds`:

1. lost: what the thief's calls have cost, by the carrier's increments; median and worst.
2. beyond: the most that was spent in any 24 hours, the office's calls included, less the cap; the same.
3. the office's calls that were refused or cut, of all it made.

1 when the product has spent more than its caps, in a call, an hour or a day, in any run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from bench.against.cnxcc import Cnxcc
from bench.against.hang_up import HangUp, Nothing
from bench.against.reserved import Reserved
from bench.against.thresholds import TIGHT, USUAL, FraudDetection
from bench.against.traffic import ABROAD, FAMILIES, HOME, Family
from bench.against.trial import Outcome, Trial, Way
from trunkward.trunks.spending import TRUNK_CAPS, Window

_RESERVED = "reserved (Trunkward)"
#: The runs of one family: of each way, by seed.
type Runs = dict[str, list[Outcome]]


def main(arguments: list[str]) -> int:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench losses", description=__doc__)
    parser.add_argument("--seeds", type=int, default=15, help="runs of each family and way")
    options = parser.parse_args(arguments)
    print(
        "| attack | counted by | lost EUR, median | worst "
        "| beyond the day's cap, median | worst | office's calls refused or cut |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    missed = False
    families: list[Family | None] = [None, *FAMILIES]
    with ProcessPoolExecutor(max_workers=2) as pool:
        for family, runs in zip(
            families, pool.map(_runs, families, [options.seeds] * len(families)), strict=True
        ):
            for name, outcomes in runs.items():
                print(_row(family, name, outcomes), flush=True)
            missed |= any(most > 0 for one in runs[_RESERVED] for most in one.beyond.values())
    print(f"\n{'missed' if missed else 'kept'}: reserved, no call, hour or day has cost more than its cap")
    print()
    for one in FAMILIES:
        print(f"{one.name}: {one.source}")
    return int(missed)


def _runs(family: Family | None, seeds: int) -> Runs:
    reserved, at_home = Reserved(TRUNK_CAPS), dict.fromkeys(HOME, USUAL)
    ways: dict[str, Way] = {
        _RESERVED: reserved,
        "at hang-up, which ends all": HangUp(TRUNK_CAPS, ends=True),
        "at hang-up": HangUp(TRUNK_CAPS, ends=False),
        "Kamailio cnxcc": Cnxcc(TRUNK_CAPS),
        "OpenSIPS fraud_detection, tight abroad": FraudDetection(at_home | dict.fromkeys(ABROAD, TIGHT)),
        "OpenSIPS fraud_detection": FraudDetection(at_home | dict.fromkeys(ABROAD, USUAL)),
        "nothing": Nothing(),
    }
    try:
        runs: Runs = {name: [] for name in ways}
        for seed in range(seeds):
            for name, way in ways.items():
                runs[name].append(Trial(way, family, seed).run(TRUNK_CAPS))
            print(
                f"losses: {family.name if family else 'no attack'}, seed {seed}", file=sys.stderr, flush=True
            )
        return runs
    finally:
        reserved.close()


def _row(family: Family | None, name: str, outcomes: Sequence[Outcome]) -> str:
    lost = [one.lost / 10**6 for one in outcomes]
    beyond = [one.beyond[Window.DAY] / 10**6 for one in outcomes]
    hurt = sum(one.refused + one.cut for one in outcomes) / sum(one.honest for one in outcomes)
    return (
        f"| {family.name if family else 'none'} | {name} | {statistics.median(lost):,.2f} | {max(lost):,.2f} "
        f"| {_beyond(statistics.median(beyond))} | {_beyond(max(beyond))} | {hurt:.1%} |"
    )


def _beyond(amount: float) -> str:
    return f"{max(amount, 0):,.2f}"
