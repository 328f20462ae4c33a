"""`trunkward call-test`: real calls through the running node, and a report of what was seen."""

from collections.abc import Callable
from pathlib import Path

from trunkward.calltest.parties import Lab
from trunkward.calltest.ports import RecordLookup
from trunkward.calltest.run import call_test


def run(read_lab: Callable[[], Lab], lookup: RecordLookup, *, as_json: bool, keep: Path | None = None) -> int:
    """Place the calls and report; the exit code (0 all held, 1 something did not, 2 not possible)."""
    return call_test(read_lab, lookup, as_json=as_json, keep=keep)
