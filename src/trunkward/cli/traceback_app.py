"""`trunkward traceback ...` as typer sees it; what it does is imported when it is asked for."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths

traceback_app = typer.Typer(
    help="Requests to trace a call back: opened, answered with proof, and watched until they are.",
    no_args_is_help=True,
)

RequestArgument = Annotated[
    str, typer.Argument(metavar="REQUEST", help='Who asks, and what he calls it: "ITG 2026-0417".')
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
#: Characters.
_MOST_ASKED_BY, _MOST_WHY = 120, 500


@traceback_app.command("open")
def open_request(
    request: RequestArgument,
    received: Annotated[str, typer.Option(help="When it came: a time, or 2h ago. Without it now.")] = "",
) -> None:
    """Write down that a request has come: from now on somebody is told when its 24 hours are nearly over."""
    from trunkward.cli.traceback_requests import run_open

    now_s = time.time()
    at = _past("--received", received, now_s) if received else now_s
    raise typer.Exit(run_open(Paths.from_environment(), _line("REQUEST", request, _MOST_ASKED_BY), at))


@traceback_app.command("answer")
def answer(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Calling or called number, such as +12025550101.")
    ],
    at: Annotated[
        str, typer.Option(help="When the call was: 2026-11-25T14:30:00Z; without a zone, this machine's.")
    ],
    within: Annotated[str, typer.Option(help="How far its time may be off, either way.")] = "5m",
    other: Annotated[str, typer.Option(help="The call's other number, where the request names both.")] = "",
    asked_by: Annotated[
        str,
        typer.Option(
            "--for",
            help="The request, as it was opened; or one that nobody has opened. Needed with --out.",
            metavar="REQUEST",
        ),
    ] = "",
    received: Annotated[
        str, typer.Option(help="Of a request that nobody has opened: when it came. Without it now.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the answer here, signed: a new directory, or FILE.zip. It is journaled."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a request: the calls of a number at a time, who they came from, and the proof."""
    from trunkward.cli.call_options import one_number, span_s
    from trunkward.cli.traceback import run
    from trunkward.control.traceback import Question

    if out is not None and not asked_by.strip():
        raise typer.BadParameter(
            "an answer that is written down says whose question it answers", param_hint="--for"
        )
    now_s = time.time()
    question = Question(
        number=one_number("NUMBER", number),
        other=one_number("--other", other) if other else None,
        at=_past("--at", at, now_s),
        within_s=span_s("--within", within),
        asked_by=_line("--for", asked_by, _MOST_ASKED_BY) if asked_by else "",
        received_at=_past("--received", received, now_s) if received else now_s,
        searched_at=now_s,
    )
    raise typer.Exit(
        run(Paths.from_environment(), question, received=bool(received), out=out, as_json=as_json)
    )


@traceback_app.command("close")
def close(
    request: RequestArgument,
    why: Annotated[str, typer.Option(help="For the journal, in one line, without numbers.", metavar="TEXT")],
) -> None:
    """Say why a request needs no answer of this node's: it was taken back, say, or answered elsewhere."""
    from trunkward.cli.traceback_requests import run_close

    paths = Paths.from_environment()
    its, because = _line("REQUEST", request, _MOST_ASKED_BY), _line("--why", why, _MOST_WHY)
    raise typer.Exit(run_close(paths, its, because))


@traceback_app.command("list")
def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Also what is answered or closed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List requests: when they came, when they are due, when and with what they were answered."""
    from trunkward.cli.traceback_requests import run_list

    raise typer.Exit(run_list(Paths.from_environment(), every=every, as_json=as_json))


@traceback_app.command("verify")
def verify(
    pack: Annotated[Path, typer.Argument(help="An answer: its directory, or FILE.zip.", metavar="PACK")],
    key: Annotated[
        Path | None, typer.Option(help="The public key.", metavar="PEM", show_default="the node's")
    ] = None,
) -> None:
    """Look whether an answer is as it was written."""
    from trunkward.cli.traceback import run_verify

    raise typer.Exit(run_verify(Paths.from_environment(), pack, key))


def _line(option: str, text: str, most: int) -> str:
    """One line that says something. Raises `typer.BadParameter`."""
    line = text.strip()
    if not line or len(line) > most or not line.isprintable():
        raise typer.BadParameter(f"one line of at most {most} characters", param_hint=option)
    return line


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
