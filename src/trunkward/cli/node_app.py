"""Running a node, `trunkward up` to `undrain`, as typer sees it; what is done is imported when asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths


def up(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-f",
            help="Node file; without it /etc/trunkward/node.yaml, at first made from the example.",
        ),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete what the newest version has and the node file has not.")
    ] = False,
) -> None:
    """Start the node in the foreground; Ctrl-C stops everything."""
    from trunkward.cli.up import run

    raise typer.Exit(run(_paths(config), may_delete=delete, example=config is None))


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part of the node, where it listens, and deviations from the secure default."""
    from trunkward.cli.status import run

    raise typer.Exit(run(Paths.from_environment(), as_json=as_json))


def upgrade(
    back: Annotated[bool, typer.Option("--back", help="To the version it ran before.")] = False,
    backup: Annotated[
        str | None, typer.Option(help="Write a backup first; without it nothing is changed.", metavar="FILE")
    ] = None,
    going_back: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Bring the running node to this version, with calls running; what fails goes back by itself."""
    from trunkward.cli.upgrade import run

    raise typer.Exit(run(Paths.from_environment(), backup_to=backup, back=back, going_back=going_back))


def backup(
    file: Annotated[str, typer.Argument(help="Archive to write, private; - for standard output.")],
) -> None:
    """Write everything this node is into one file, keys included; also while it runs."""
    from trunkward.cli.backup import run_backup

    raise typer.Exit(run_backup(Paths.from_environment(), file))


def restore(
    file: Annotated[str, typer.Argument(help="Archive to restore; - for standard input.")],
    replace: Annotated[bool, typer.Option("--replace", help="There is a node here: put it aside.")] = False,
) -> None:
    """Make this machine's node the one of a backup, whole or not at all; not under a running node."""
    from trunkward.cli.backup import run_restore

    raise typer.Exit(run_restore(Paths.from_environment(), file, replace=replace))


def drain(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until the running calls have ended.", metavar="S")
    ] = 0,
) -> None:
    """Take no new calls: they get 503 and are asked to come back later; emergency and running calls go on."""
    from trunkward.cli.drain import run

    raise typer.Exit(run(Paths.from_environment(), wait_s=wait))


def undrain() -> None:
    """Take new calls again."""
    from trunkward.cli.drain import undo

    raise typer.Exit(undo(Paths.from_environment()))


def install_units(
    directory: Annotated[Path, typer.Option(help="Where units go.")] = Path("/etc/systemd/system"),
) -> None:
    """Write the systemd unit of a production node (Debian 13); starts nothing."""
    from trunkward.cli.install_units import run

    raise typer.Exit(run(Paths.from_environment(), directory))


def _paths(config: Path | None) -> Paths:
    paths = Paths.from_environment()
    if config is None:
        return paths
    return replace(paths, config=config.absolute())
