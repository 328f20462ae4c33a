"""What trunks may do and do now, `trunkward destinations` to `events`, as typer sees it.

How it is found is imported when asked for.
"""

from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths


def destinations(
    asked: Annotated[
        str,
        typer.Argument(metavar="[NUMBER|COUNTRY]", help="+442079460123, or GB; without it the table itself."),
    ] = "",
    overrides: Annotated[
        Path | None, typer.Option("--with", help="Lines of your own to put over the table.", metavar="FILE")
    ] = None,
    trunk: Annotated[
        str,
        typer.Option(
            "--trunk", help="What this trunk may call, and why; or whether the number, or what of a country."
        ),
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-f", help="With --trunk: a node file, in place of what is in force."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show where numbers lead: country, class, risk, indicative price; or what a trunk may call."""
    from trunkward.cli.destinations import run, run_trunk

    if trunk:
        raise typer.Exit(run_trunk(Paths.from_environment(), config, trunk, asked, as_json=as_json))
    raise typer.Exit(run(asked, overrides, as_json=as_json))


def limits(
    trunk: Annotated[str, typer.Argument(help="The trunk's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What is in use of each limit this trunk's calls count for: its own, its tenant's, its reseller's."""
    from trunkward.cli.limits import run

    raise typer.Exit(run(Paths.from_environment(), trunk, as_json=as_json))


def registrations(
    trunk: Annotated[str | None, typer.Option("--trunk", help="Of this trunk only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one line a trunk.")] = False,
) -> None:
    """Show where trunks with host: registered take their calls, and which of them nobody reaches."""
    from trunkward.cli.registrations import run

    raise typer.Exit(run(Paths.from_environment(), trunk, as_json=as_json))


def events(
    event: Annotated[
        str | None,
        typer.Option(
            help="Of this kind: strangers-refused, registration-refused, registered or registered-elsewhere."
        ),
    ] = None,
    trunk: Annotated[
        str | None, typer.Option("--trunk", help="Of this trunk, or of strangers who claimed to be it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From this time on: 2026-11-25T14:30:00Z, or 15m, 2h, 7d ago.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0: all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Show what is no call and may tell of an attack: strangers refused, registrations from elsewhere."""
    from trunkward.cli.events import run, wanted

    told = wanted(event, trunk, since, limit)
    raise typer.Exit(run(Paths.from_environment(), told, as_json=as_json))
