"""`./trunkward bench losses`: what an attack costs under each way of counting money.

A simulation (`against/`) of the same calls under the same caps: an office's from Friday to Monday, and a
thief's on the same trunk from Friday evening on. Reserved runs on a real Valkey, `cnxcc` in a real Kamailio.
For each family of attacks and each way, by `--seeds`:

1. EUR lost: what the thief's calls have cost, by the carrier's increments; the median, in brackets the worst.
2. After the +, the most that was spent in any 24 hours, the office's calls included, less the cap; the worst.
3. The office's calls that were refused or cut, of all it made.

1 when the product has spent more than its caps, in a call, an hour or a day, in any run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing

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
    families: list[Family | None] = [*FAMILIES, None]
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(_runs, families, [options.seeds] * len(families)))
    names = [family.name if family else "no attack: office's calls refused or cut" for family in families]
    print(f"| | {' | '.join(names)} |")
    print(f"|---|{'---:|' * len(names)}")
    for name in found[0]:
        cells = [*(_cell(runs[name]) for runs in found[:-1]), f"{_hurt(found[-1][name]):.1%}"]
        print(f"| {name} | {' | '.join(cells)} |")
    missed = any(most > 0 for runs in found for one in runs[_RESERVED] for most in one.beyond.values())
    print(f"\n{'missed' if missed else 'kept'}: reserved, no call, hour or day has cost more than its cap")
    print()
    for one in FAMILIES:
        print(f"{one.name}: {one.source}")
    return int(missed)


def _runs(family: Family | None, seeds: int) -> Runs:
    at_home = dict.fromkeys(HOME, USUAL)
    with closing(Reserved(TRUNK_CAPS)) as reserved, closing(Cnxcc(TRUNK_CAPS)) as cnxcc:
        ways: dict[str, Way] = {
            _RESERVED: reserved,
            "at hang-up, which ends all": HangUp(TRUNK_CAPS, ends=True),
            "at hang-up": HangUp(TRUNK_CAPS, ends=False),
            "Kamailio cnxcc": cnxcc,
            "OpenSIPS fraud_detection, tight abroad": FraudDetection(at_home | dict.fromkeys(ABROAD, TIGHT)),
            "OpenSIPS fraud_detection": FraudDetection(at_home | dict.fromkeys(ABROAD, USUAL)),
            "nothing": Nothing(),
        }
        runs: Runs = {name: [] for name in ways}
        for seed in range(seeds):
            for name, way in ways.items():
                runs[name].append(Trial(way, family, seed).run(TRUNK_CAPS))
            told = family.name if family else "no attack"
            print(f"losses: {told}, seed {seed}", file=sys.stderr, flush=True)
        return runs


def _cell(outcomes: Sequence[Outcome]) -> str:
    """Lost (median, worst), beyond the cap (worst), the office's calls that were refused or cut."""
    lost = [one.lost / 10**6 for one in outcomes]
    beyond = max(*(one.beyond[Window.DAY] for one in outcomes), 0) / 10**6
    return f"{statistics.median(lost):,.0f} ({max(lost):,.0f}), +{beyond:,.2f}, {_hurt(outcomes):.0%}"


def _hurt(outcomes: Sequence[Outcome]) -> float:
    return sum(one.refused + one.cut for one in outcomes) / sum(one.honest for one in outcomes)
