"""`trunkward check-config`, `plan`, `apply`, `rollback`, and versions, as typer sees them.

What they do is imported when asked for.
"""

from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-f", help="Node file; without it the node's own, /etc/trunkward/node.yaml."),
]
DeleteOption = Annotated[bool, typer.Option("--delete", help="Delete without asking.")]
RestartOption = Annotated[bool, typer.Option("--restart", help="Restart parts without asking.")]
ExpectOption = Annotated[
    int | None, typer.Option(min=0, help="Refuse unless this is the newest version (0: none yet).")
]


def check_config(
    config: Annotated[Path, typer.Argument(help="Node file to look at; nothing is changed.")],
) -> None:
    """Say whether a node file would be accepted, and if not, every line that is wrong and why."""
    from trunkward.cli.changing import read_config
    from trunkward.cli.said import say
    from trunkward.cli.unfit_keys import unfit_key
    from trunkward.control.silent import silent
    from trunkward.engines.named_passwords import missing_passwords

    declared = read_config(config).declared
    if why := unfit_key(Paths.from_environment(), declared):
        typer.echo(f"{config}: {why}", err=True)
        raise typer.Exit(2)
    for said in (*silent(None, declared), *missing_passwords(declared)):
        say(f"warning: {said}", "yellow", err=True)
    counts = ((len(declared.trunks), "trunk"), (len(declared.carriers), "carrier"))
    said = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
    typer.echo(f"{config}: good: {said}")


def plan(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what applying a node file would change, and what that does to running things; changes nothing."""
    from trunkward.cli.plan import run_plan

    raise typer.Exit(run_plan(Paths.from_environment(), config, as_json=as_json))


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


def history(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    full: Annotated[
        bool, typer.Option("--full", help="Their journal entries whole: sums, reasons, times, hashes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the configuration's versions: when, who, with what command, what changed; checks the journal."""
    from trunkward.cli.versions import run_history

    raise typer.Exit(run_history(Paths.from_environment(), limit, as_json=as_json, full=full))


def get(
    kind: Annotated[
        str, typer.Argument(help="node, resellers, tenants, trunks, numbers or carriers; all without it.")
    ] = "",
    name: Annotated[str, typer.Argument(help="One object; all of the kind without it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what the newest version declares: what holds, defaults filled in."""
    from trunkward.cli.versions import run_get

    raise typer.Exit(run_get(Paths.from_environment(), kind, name, as_json=as_json))


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
