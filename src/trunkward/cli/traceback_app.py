"""`trunkward traceback`, as typer sees it; what it does is imported when it is asked for."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths


def traceback(
    number: Annotated[
        str, typer.Argument(metavar="[NUMBER]", help="Calling or called number, such as +12025550101.")
    ] = "",
    at: Annotated[
        str, typer.Option(help="When the call was: 2026-11-25T14:30:00Z; without a zone, this machine's.")
    ] = "",
    within: Annotated[str, typer.Option(help="How far its time may be off, either way.")] = "5m",
    other: Annotated[str, typer.Option(help="The call's other number, where the request names both.")] = "",
    asked_by: Annotated[
        str,
        typer.Option("--for", help='Who asked, and what he calls it: "ITG 2026-0417". Needed with --out.'),
    ] = "",
    received: Annotated[
        str, typer.Option(help="When the request came; 24 hours later the answer is due. Without it now.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the answer here, signed: a new directory, or FILE.zip. It is journaled."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    verify: Annotated[
        Path | None, typer.Option(help="Look whether an answer is as it was written.", metavar="PACK")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="With --verify: the public key.", metavar="PEM", show_default="the node's"),
    ] = None,
) -> None:
    """Answer a traceback request: the calls of a number at a time, who they came from, and the proof."""
    from trunkward.cli.call_options import one_number, span_s
    from trunkward.cli.traceback import run, run_verify
    from trunkward.control.traceback import Question

    if (verify is None) == (not number) or (number and not at) or (key and verify is None):
        raise typer.BadParameter("either NUMBER and --at, or --verify PACK (with --key)")
    paths = Paths.from_environment()
    if verify is not None:
        raise typer.Exit(run_verify(paths, verify, key))
    if out is not None and not asked_by.strip():
        raise typer.BadParameter(
            "an answer that is written down says whose question it answers", param_hint="--for"
        )
    if len(asked_by) > _MOST_ASKED_BY or not asked_by.isprintable():
        raise typer.BadParameter(f"one line of at most {_MOST_ASKED_BY} characters", param_hint="--for")
    now_s = time.time()
    question = Question(
        number=one_number("NUMBER", number),
        other=one_number("--other", other) if other else None,
        at=_past("--at", at, now_s),
        within_s=span_s("--within", within),
        asked_by=asked_by.strip(),
        received_at=_past("--received", received, now_s) if received else now_s,
    )
    raise typer.Exit(run(paths, question, out=out, as_json=as_json))


#: Characters.
_MOST_ASKED_BY = 120


def _past(option: str, text: str, now_s: float) -> float:
    """A time that has been, in seconds since the epoch. Raises `typer.BadParameter`."""
    from trunkward.cli.call_options import moment

    at = moment(option, text, now_s)
    assert at is not None
    if at > now_s:
        now = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
        raise typer.BadParameter(
            f"{text!r} is still to come: by this machine it is {now}; write the zone, too, such as Z for UTC",
            param_hint=option,
        )
    return at
