"""One run of the call test: place the calls, judge them, report, answer with an exit code."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from trunkward.calltest.baresip import PartyError, require_baresip
from trunkward.calltest.expectations import judge
from trunkward.calltest.parties import Lab, NotALabError
from trunkward.calltest.ports import RecordLookup
from trunkward.calltest.report import print_report, report_json
from trunkward.calltest.scenario import plan_calls, run_calls

EXIT_HELD = 0
EXIT_FAILED = 1
EXIT_CANNOT = 2

PROBE_DEADLINE_S = 2.0


class NodeDownError(Exception):
    """The node does not answer where its configuration says it listens."""


def call_test(
    read_lab: Callable[[], Lab], lookup: RecordLookup, *, as_json: bool, keep: Path | None = None
) -> int:
    """Run all calls and print the report: 0 all held, 1 something did not, 2 the test could not be made.

    `read_lab` may raise NotALabError. `keep` is a directory, not yet existing, for recordings, captures and
    traces; without it they are removed. Progress goes to stderr: `--json` leaves stdout to the report.
    """
    progress = Console(stderr=True, highlight=False)
    try:
        lab = read_lab()
        if os.geteuid() != 0:
            raise PartyError("call-test captures packets: run it as root or with sudo")
        require_baresip()
        asyncio.run(_require_node(lab))
        with tempfile.TemporaryDirectory(prefix="call-test-") as temporary:
            directory = Path(temporary)
            if keep is not None:
                keep.mkdir(mode=0o700)
                directory = keep.absolute()
            plans = plan_calls(lab)
            progress.print(f"{len(plans)} real calls, one after the other: this takes about a minute")
            began = time.monotonic()
            seen = asyncio.run(run_calls(plans, directory=directory, lookup=lookup, progress=progress.print))
            took_s = time.monotonic() - began
            judgements = [judge(evidence, lab) for evidence in seen]
    except (NotALabError, NodeDownError, PartyError, OSError) as error:
        progress.print(f"[bold red]call-test:[/] {error}")
        return EXIT_CANNOT
    report = report_json(judgements)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print_report(judgements, Console(highlight=False), took_s=took_s)
    return EXIT_HELD if report["passed"] else EXIT_FAILED


async def _require_node(lab: Lab) -> None:
    """The node's TLS listener must take a connection: all the rest is for the calls to find out."""
    host, port = lab.customer.sbc_host, lab.customer.sbc_port
    try:
        async with asyncio.timeout(PROBE_DEADLINE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise NodeDownError(
            f"the node is not up: nothing listens on {host}:{port} (./trunkward up)"
        ) from error
    writer.close()
