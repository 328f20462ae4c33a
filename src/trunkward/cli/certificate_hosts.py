"""`trunkward verification --hosts`: how long the hosts of others' certificates took to answer."""

import json
import os
from datetime import UTC, datetime

import msgspec
from rich.table import Table
from rich.text import Text

from trunkward.cli.said import complain, say, wide
from trunkward.engines.fetcher_hosts import HostSeen, read_hosts
from trunkward.settings import Paths


def run(paths: Paths, *, of: str, as_json: bool) -> int:
    """The slowest first, `of` one carrier or trunk, or of all (""): 0, or 2 where nobody can say."""
    if os.geteuid() != 0:
        complain("trunkward verification --hosts needs root: what hosts callers name is root's. Use sudo.")
        return 2
    seen = read_hosts(paths.fetcher_hosts)
    if seen is None:
        complain("no certificate was fetched since the fetcher was started: ./trunkward status, fetcher.log")
        return 2
    found = sorted(
        (one for one in seen.hosts if of in ("", one.sender)), key=lambda one: -one.total_s / one.asked
    )
    if as_json:
        print(json.dumps([msgspec.to_builtins(one) for one in found]))
        return 0
    say(f"since {_minute(seen.since)}, the slowest first")
    table = Table("upstream", "host", "fetched", "in vain", "mean", "slowest", "last", box=None)
    for one in found:
        table.add_row(*map(Text, _cells(one)))
    wide().print(table)
    return 0


def _cells(one: HostSeen) -> tuple[str, ...]:
    in_vain = ", ".join(f"{why} ({count})" for why, count in sorted(one.failed.items()))
    mean_s = one.total_s / one.asked
    times = (f"{mean_s * 1000:.0f} ms", f"{one.slowest_s * 1000:.0f} ms")
    return one.sender, one.host, str(one.fetched), in_vain, *times, _minute(one.at)


def _minute(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
