"""`trunkward`: the commands a person types."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trunkward import __version__
from trunkward.settings import Paths, SettingsRefused

app = typer.Typer(
    help="The secure SIP trunk: TLS 1.3 and SRTP on every leg, every call judged, signed and recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-f", help="Node file; without it the node's own, /etc/trunkward/node.yaml."),
]
DeleteOption = Annotated[bool, typer.Option("--delete", help="Delete without asking.")]
RestartOption = Annotated[bool, typer.Option("--restart", help="Restart parts without asking.")]
ExpectOption = Annotated[
    int | None, typer.Option(min=0, help="Refuse unless this is the newest version (0: none yet).")
]


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
    from trunkward.cli.changing import read_config

    declared = read_config(config).declared
    typer.echo(f"{config}: good: {len(declared.trunks)} trunks, {len(declared.carriers)} carriers")


@app.command()
def plan(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what applying a node file would change, and what that does to running things; changes nothing."""
    from trunkward.cli.apply import run_plan

    raise typer.Exit(run_plan(Paths.from_environment(), config, as_json=as_json))


@app.command()
def apply(
    config: ConfigOption = None,
    delete: DeleteOption = False,
    restart: RestartOption = False,
    expect: ExpectOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; asks nothing.")] = False,
) -> None:
    """Put a node file in force, whole or not at all; a running node takes it while it runs."""
    from trunkward.cli.apply import run_apply

    raise typer.Exit(
        run_apply(
            Paths.from_environment(),
            config,
            may_delete=delete,
            may_restart=restart,
            expected=expect,
            as_json=as_json,
        )
    )


@app.command()
def rollback(
    number: Annotated[int, typer.Argument(min=1, help="The version whose file to put in force again.")],
    delete: DeleteOption = False,
    restart: RestartOption = False,
    expect: ExpectOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; asks nothing.")] = False,
) -> None:
    """Put an earlier version's node file in force again, as a new version."""
    from trunkward.cli.apply import run_rollback

    raise typer.Exit(
        run_rollback(
            Paths.from_environment(),
            number,
            may_delete=delete,
            may_restart=restart,
            expected=expect,
            as_json=as_json,
        )
    )


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the configuration's versions: when, who, with what command, what changed; checks the journal."""
    from trunkward.cli.versions import run_history

    raise typer.Exit(run_history(Paths.from_environment(), limit, as_json=as_json))


@app.command()
def get(
    kind: Annotated[
        str, typer.Argument(help="node, tenants, trunks, numbers or carriers; all without it.")
    ] = "",
    name: Annotated[str, typer.Argument(help="One object; all of the kind without it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what the newest version declares, defaults filled in."""
    from trunkward.cli.versions import run_get

    raise typer.Exit(run_get(Paths.from_environment(), kind, name, as_json=as_json))


@app.command()
def diff(
    old: Annotated[
        int | None, typer.Argument(help="A version; the one before the newest without it.")
    ] = None,
    new: Annotated[int | None, typer.Argument(help="Another one; the newest without it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what changed between two versions, object by object."""
    from trunkward.cli.versions import run_diff

    raise typer.Exit(run_diff(Paths.from_environment(), old, new, as_json=as_json))


@app.command()
def export(
    number: Annotated[int | None, typer.Argument(help="A version; the newest without it.")] = None,
) -> None:
    """Print a version's node file, word for word as it was accepted."""
    from trunkward.cli.versions import run_export

    raise typer.Exit(run_export(Paths.from_environment(), number))


@app.command()
def calls(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the newest calls with verdict, reason and outcome."""
    from trunkward.cli.calls import run

    raise typer.Exit(run(Paths.from_environment(), limit=limit, as_json=as_json))


@app.command()
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


@app.command()
def backup(
    file: Annotated[str, typer.Argument(help="Archive to write, private; - for standard output.")],
) -> None:
    """Write everything this node is into one file, keys included; also while it runs."""
    from trunkward.cli.backup import run_backup

    raise typer.Exit(run_backup(Paths.from_environment(), file))


@app.command()
def restore(
    file: Annotated[str, typer.Argument(help="Archive to restore; - for standard input.")],
    replace: Annotated[bool, typer.Option("--replace", help="There is a node here: put it aside.")] = False,
) -> None:
    """Make this machine's node the one of a backup, whole or not at all; not under a running node."""
    from trunkward.cli.backup import run_restore

    raise typer.Exit(run_restore(Paths.from_environment(), file, replace=replace))


@app.command()
def drain(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until the running calls have ended.", metavar="S")
    ] = 0,
) -> None:
    """Take no new calls: they get 503 and are asked to come back later; emergency and running calls go on."""
    from trunkward.cli.drain import run

    raise typer.Exit(run(Paths.from_environment(), wait_s=wait))


@app.command()
def undrain() -> None:
    """Take new calls again."""
    from trunkward.cli.drain import undo

    raise typer.Exit(undo(Paths.from_environment()))


@app.command("install-units")
def install_units(
    directory: Annotated[Path, typer.Option(help="Where units go.")] = Path("/etc/systemd/system"),
) -> None:
    """Write the systemd unit of a production node; starts nothing."""
    from trunkward.cli.install_units import run

    raise typer.Exit(run(directory))


def _paths(config: Path | None) -> Paths:
    paths = Paths.from_environment()
    if config is None:
        return paths
    return replace(paths, config=config.absolute())


def main() -> None:
    """The entry point of the installed command."""
    try:
        app()
    except SettingsRefused as refused:
        from trunkward.cli.said import complain

        complain(str(refused))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
