"""`trunkward`: the commands a person types."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trunkward import __version__
from trunkward.settings import Paths

app = typer.Typer(
    help="The secure SIP trunk: TLS 1.3 and SRTP on every leg, every call judged, signed and recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Options before any command."""
    if show:
        typer.echo(f"trunkward {__version__}")
        raise typer.Exit


@app.command()
def up(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-f", help="Node file; without it /etc/trunkward/node.yaml, made from the example."
        ),
    ] = None,
) -> None:
    """Start the node in the foreground; Ctrl-C stops everything."""
    from trunkward.cli.up import run

    raise typer.Exit(run(_paths(config), example=config is None))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part of the node, where it listens, and deviations from the secure default."""
    from trunkward.cli.status import run

    raise typer.Exit(run(Paths.from_environment(), as_json=as_json))


@app.command("call-test")
def call_test(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep captures, traces and recordings here.")] = None,
) -> None:
    """Place real encrypted calls through the running node, both ways, and report what was seen."""
    from trunkward.cli.call_test import run
    from trunkward.cli.calls import record_store
    from trunkward.cli.host_paths import hint
    from trunkward.cli.lab import read_lab
    from trunkward.cli.said import complain

    if keep is not None and (why := hint(keep)):
        complain(f"{keep}: what is written there is lost{why}")
        raise typer.Exit(2)
    paths = Paths.from_environment()
    raise typer.Exit(
        run(
            lambda: read_lab(paths),
            lambda call_id: record_store(paths).call(call_id),
            as_json=as_json,
            keep=keep,
        )
    )


@app.command("check-config")
def check_config(
    config: Annotated[Path, typer.Argument(help="Node file to look at; nothing is changed.")],
) -> None:
    """Say whether a node file would be accepted, and if not, every line that is wrong and why."""
    from trunkward.cli.up import read_config

    _, declared = read_config(config)
    typer.echo(f"{config}: good: {len(declared.trunks)} trunks, {len(declared.carriers)} carriers")


@app.command()
def calls(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the newest calls with verdict, reason and outcome."""
    from trunkward.cli.calls import run

    raise typer.Exit(run(Paths.from_environment(), limit=limit, as_json=as_json))


def _paths(config: Path | None) -> Paths:
    paths = Paths.from_environment()
    if config is None:
        return paths
    return Paths(config=config.absolute(), state=paths.state, run=paths.run, log=paths.log)


def main() -> None:
    """The entry point of the installed command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
