"""`trunkward verification`: what others' signatures were worth over a time, from the records."""

import json
from collections.abc import Iterator

import msgspec
from rich.text import Text

from trunkward.calls.unverified import in_words
from trunkward.cli.calls import console, with_records
from trunkward.records.filter import CallFilter
from trunkward.records.verified import Summary, summaries
from trunkward.settings import Paths
from trunkward.store.records import RecordStore


def run(paths: Paths, wanted: CallFilter, *, of: str, as_json: bool) -> int:
    """Prints it, `of` one carrier or trunk, or of all (""); 2 when there is no records database."""

    def told(store: RecordStore) -> int:
        calls = (kept.view for kept in store.find(wanted))
        found = summaries(call for call in calls if of in ("", call["source_name"]))
        if as_json:
            print(json.dumps([msgspec.to_builtins(summary) for summary in found]))
            return 0
        for line in lines(found):
            console.print(Text(line), soft_wrap=True)
        return 0

    return with_records(paths, told)


def lines(found: list[Summary]) -> Iterator[str]:
    """For a person: a few lines each."""
    if not found:
        yield "no calls that others signed in that time"
    for summary in found:
        share = _share(summary.signed, summary.calls)
        yield f"{summary.kind} {summary.upstream}: {summary.calls} calls, {share} signed"
        levels = ", ".join(
            f"{level} {_share(n, summary.passed)}" for level, n in sorted(summary.levels.items())
        )
        yield f"  passed  {summary.passed:>8}  {levels}".rstrip()
        yield f"  failed  {summary.failed:>8}  {_counted(summary.errors)}".rstrip()
        if summary.replays:
            yield f"  of them {summary.replays:>8}  came with another call before"
        for why, count in summary.unverified.items():
            yield f"  not verified {count:>3}  {why}: {in_words(why)}"
        if summary.codes:
            yield f"  signed by         {_counted(summary.codes)}"
        yield ""


def _share(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.1f} %" if whole else "none"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} ({count})" for what, count in counts.items())
