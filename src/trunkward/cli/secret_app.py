"""`trunkward secret ...`, as typer sees it; what it does is imported when asked for."""

from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths

secret_app = typer.Typer(
    no_args_is_help=True, help="Make, exchange, take back and list what PBXs prove by digest that they are."
)

TrunkArgument = Annotated[str, typer.Argument(metavar="TRUNK", help="A trunk with digest in identified_by.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="Write the secret to this new file, readable by you alone; else it is shown once."),
]


@secret_app.command("new")
def secret_new(trunk: TrunkArgument, output: OutputOption = None) -> None:
    """Make a trunk's secret, and show it this once; it is in force within a second."""
    from trunkward.cli.secret import run_new

    raise typer.Exit(run_new(Paths.from_environment(), trunk, output))


@secret_app.command("rotate")
def secret_rotate(
    trunk: TrunkArgument,
    overlap: Annotated[
        str, typer.Option(help="How long the one before is good beside it: 0s, 12h, 7d; at most 90d.")
    ] = "7d",
    output: OutputOption = None,
) -> None:
    """Make another secret, and show it this once; both are good until the old one's end."""
    from trunkward.cli.secret import run_rotate

    raise typer.Exit(run_rotate(Paths.from_environment(), trunk, overlap, output))


@secret_app.command("revoke")
def secret_revoke(trunk: TrunkArgument) -> None:
    """End all secrets of a trunk at once; calls that run go on."""
    from trunkward.cli.secret import run_revoke

    raise typer.Exit(run_revoke(Paths.from_environment(), trunk))


@secret_app.command("list")
def secret_list(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List secrets: whose, made when and by whom, good until when; none in clear, which nobody has."""
    from trunkward.cli.secret import run_list

    raise typer.Exit(run_list(Paths.from_environment(), as_json=as_json))
