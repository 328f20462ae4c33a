"""`trunkward verification`: what others' signatures were worth over a time, from the records."""

import json
from collections.abc import Iterator

import msgspec
from rich.text import Text

from trunkward.calls.unverified import in_words
from trunkward.cli.call_options import one_known
from trunkward.cli.calls import console, with_records
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.in_force import read_in_force
from trunkward.records.filter import CallFilter
from trunkward.records.verified import Summary, summaries
from trunkward.settings import Paths
from trunkward.store.records import RecordStore


def run(paths: Paths, wanted: CallFilter, *, of: str, as_json: bool) -> int:
    """Prints it, `of` one carrier or trunk, or of all (""); 2 when there is no records database.

    Raises `typer.BadParameter` for one nobody knows.
    """

    def told(store: RecordStore) -> int:
        found = summaries(kept.view for kept in store.find(wanted))
        if of:
            found = [one for one in found if one.upstream == of]
            if not found:
                one_known("--upstream", of, _senders(paths))
        if as_json:
            print(json.dumps([msgspec.to_builtins(summary) for summary in found]))
            return 0
        for line in lines(found):
            console.print(Text(line), soft_wrap=True)
        return 0

    return with_records(paths, told)


def _senders(paths: Paths) -> list[str]:
    """Who may send calls by the configuration in force."""
    in_force = read_in_force(paths.declared)
    try:
        declared = in_force.declared() if in_force is not None else None
    except NodeFileRefused:  # of another release
        declared = None
    if declared is None:
        return []
    return [carrier.name for carrier in declared.carriers] + [trunk.name for trunk in declared.trunks]


def lines(found: list[Summary]) -> Iterator[str]:
    """For a person: a few lines each, which sum up to the calls."""
    if not found:
        yield "no calls that others signed in that time"
    for summary in found:
        share = _share(summary.signed, summary.calls)
        yield f"{summary.kind} {summary.upstream}: {summary.calls} calls, {share} signed"
        levels = ", ".join(
            f"{level} {count} ({_share(count, summary.passed)})"
            for level, count in sorted(summary.levels.items())
        )
        yield _row("passed", summary.passed, levels)
        yield _row("failed", summary.failed, _counted(summary.errors))
        for why, count in summary.unverified.items():
            yield _row("not verified", count, f"{why}: {in_words(why)}")
        yield _row("unsigned", summary.unsigned, "")
        if summary.replays:
            yield f"  {summary.replays} came with another call before"
        if summary.codes:
            yield f"  signed by {_counted(summary.codes)}"
        yield ""


def _row(what: str, count: int, of: str) -> str:
    return f"  {what:<12} {count:>7}  {of}".rstrip()


def _share(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.1f} %" if whole else "none"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} ({count})" for what, count in counts.items())
