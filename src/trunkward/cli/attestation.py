"""`trunkward attestation`: at which levels each trunk's calls were signed, why, and what has changed."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
from rich.text import Text

from trunkward.cli.call_options import one_known
from trunkward.cli.calls import console, with_records
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.in_force import read_in_force
from trunkward.records.attested import LEVELS, Attested, Mix, attested
from trunkward.records.filter import CallFilter
from trunkward.settings import Paths
from trunkward.store.records import RecordStore
from trunkward.trunks.model import Declared

_COLUMNS = (
    *("trunk", "tenant"),
    *(f"{time}_{what}" for time in ("now", "before") for what in ("calls", *LEVELS)),
    "changed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What is shown, and as what."""

    as_json: bool
    as_csv: bool
    #: Only trunks whose mix has changed, or that are new.
    only_changed: bool
    #: Percentage points.
    moved: float


def run(paths: Paths, wanted: CallFilter, how: How) -> int:
    """Prints it: 0; 1 asked for what has changed, and something has; 2 there is no records database.

    `wanted` has both its times. Raises `typer.BadParameter` for a trunk or a tenant nobody knows.
    """
    assert wanted.since is not None
    assert wanted.until is not None
    since = wanted.since
    both = replace(wanted, since=since - (wanted.until - since))

    def told(store: RecordStore) -> int:
        found = attested((kept.view for kept in store.find(both)), since, how.moved)
        if not found:
            _check_names(paths, wanted)
        if how.only_changed:
            found = [one for one in found if one.changed]
        if how.as_json:
            print(json.dumps([msgspec.to_builtins(one) for one in found]))
        elif how.as_csv:
            writer = csv.writer(sys.stdout)  # RFC 4180, as `calls --csv`
            writer.writerow(_COLUMNS)
            writer.writerows(map(_row, found))
        else:
            for line in lines(found, only_changed=how.only_changed):
                console.print(Text(line), soft_wrap=True)
        return int(how.only_changed and bool(found))

    return with_records(paths, told)


def lines(found: list[Attested], *, only_changed: bool) -> Iterator[str]:
    """For a person: a few lines each, which sum up to the calls."""
    if not found:
        yield "no trunk's mix has changed" if only_changed else "no calls of trunks went out in that time"
    for one in found:
        before = f"{one.before.calls} in the time before{': NEW' if one.new else ''}"
        yield f"trunk {one.trunk} of {one.tenant or 'nobody'}: {one.now.calls} calls out, {before}"
        for level in LEVELS:
            if one.now.levels[level] or one.before.levels[level]:
                yield _level(one, level)
        yield ""


def _level(one: Attested, level: str) -> str:
    share = f"{_share(one.now, level)}, before {_share(one.before, level)}"
    mark = f"CHANGED by {one.moved[level]:+.1f} points" if level in one.moved else ""
    why = ", ".join(f"{why} ({count})" for why, count in one.now.why.get(level, {}).items())
    said = "  ".join(filter(None, (f"{share:<24}", mark, why)))
    return f"  {level:<5} {one.now.levels[level]:>7}  {said}".rstrip()


def _share(mix: Mix, level: str) -> str:
    return f"{mix.share(level):.1f} %" if mix.calls else "-"


def _row(one: Attested) -> list[str | int]:
    counts = [[mix.calls, *(mix.levels[level] for level in LEVELS)] for mix in (one.now, one.before)]
    changed = " ".join(f"{level}{points:+.1f}" for level, points in one.moved.items())
    return [one.trunk, one.tenant, *counts[0], *counts[1], "new" if one.new else changed]


def _check_names(paths: Paths, wanted: CallFilter) -> None:
    in_force = read_in_force(paths.declared)
    try:
        declared: Declared | None = in_force.declared() if in_force is not None else None
    except NodeFileRefused:  # of another release
        declared = None
    if declared is not None and wanted.trunk is not None:
        one_known("--trunk", wanted.trunk, (trunk.name for trunk in declared.trunks))
    if declared is not None and wanted.tenant is not None:
        one_known("--tenant", wanted.tenant, declared.tenants)
