"""One run of the call test: place the calls, judge them, report, answer with an exit code."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from trunkward.calltest.baresip import PartyError, require_baresip
from trunkward.calltest.evidence import CallPlan
from trunkward.calltest.expectations import judge
from trunkward.calltest.parties import Lab, NotALabError
from trunkward.calltest.ports import RecordLookup
from trunkward.calltest.report import print_report, report_json
from trunkward.calltest.scenario import plan_calls, run_calls
from trunkward.calltest.signed_call import Lay, Wanted, place_signed
from trunkward.calltest.signed_report import lines, signed_json

EXIT_HELD = 0
EXIT_FAILED = 1
EXIT_CANNOT = 2

PROBE_DEADLINE_S = 2.0

type Tell = Callable[[Mapping[str, Any]], Iterable[str]]
"""Lines on a call from the node's record of it."""


class NodeDownError(Exception):
    """The node does not answer where its configuration says it listens."""


def call_test(
    read_lab: Callable[[], Lab],
    lookup: RecordLookup,
    *,
    as_json: bool,
    keep: Path | None = None,
    plan: Callable[[Lab], tuple[CallPlan, ...]] = plan_calls,
    tell: Tell = lambda _: (),
) -> int:
    """Run all calls and print the report: 0 all held, 1 something did not, 2 the test could not be made.

    `read_lab` may raise NotALabError. `keep` is a directory, not yet existing, for recordings, captures and
    traces; without it they are removed. `tell` is asked about each call after the report. Progress goes to
    stderr: `--json` leaves stdout to the report.
    """
    progress = Console(stderr=True, highlight=False)
    try:
        with _made_ready(read_lab, keep) as (lab, directory):
            plans = plan(lab)
            if len(plans) > 1:
                progress.print(f"{len(plans)} real calls, one after the other: this takes about a minute")
            began = time.monotonic()
            seen = asyncio.run(run_calls(plans, directory=directory, lookup=lookup, progress=progress.print))
            took_s = time.monotonic() - began
            judgements = [judge(evidence, lab) for evidence in seen]
    except CANNOT as error:
        progress.print(f"[bold red]call-test:[/] {error}")
        return EXIT_CANNOT
    report = report_json(judgements)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print_report(judgements, Console(highlight=False), took_s=took_s)
        for record in filter(None, (evidence.record for evidence in seen)):
            _print_lines(tell(record))
    return EXIT_HELD if report["passed"] else EXIT_FAILED


def signed_call_test(
    read_lab: Callable[[], Lab],
    lookup: RecordLookup,
    lay: Lay,
    tell: Tell,
    wanted: Wanted,
    *,
    as_json: bool,
    keep: Path | None = None,
) -> int:
    """Place a call from the carrier that another provider has signed, and print what became of it.

    0: the node found of the signature what it is; 1: something else; 2: not possible. See `call_test`.
    """
    progress = Console(stderr=True, highlight=False)
    place = partial(place_signed, wanted=wanted, lay=lay, lookup=lookup, progress=progress.print)
    try:
        with _made_ready(read_lab, keep) as (lab, directory):
            calls = asyncio.run(place(lab, directory=directory))
    except CANNOT as error:
        progress.print(f"[bold red]call-test:[/] {error}")
        return EXIT_CANNOT
    if as_json:
        print(json.dumps(signed_json(calls), indent=2))
    else:
        for call in calls:
            _print_lines(lines(call, tell(call.record) if call.record else ()))
    return EXIT_HELD if all(call.as_expected for call in calls) else EXIT_FAILED


CANNOT = (NotALabError, NodeDownError, PartyError, OSError)
"""Why no test can be made."""


@contextmanager
def _made_ready(read_lab: Callable[[], Lab], keep: Path | None) -> Iterator[tuple[Lab, Path]]:
    """The lab, whose node is up, and a directory for what is recorded. Raises what is in `CANNOT`."""
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
        yield lab, directory


def _print_lines(told: Iterable[str]) -> None:
    console = Console(highlight=False)
    for line in told:
        console.print(Text(line), soft_wrap=True)  # what a peer sent is text, not markup


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
