"""`trunkward certs`, as typer sees it; what is done is imported when asked for."""

from typing import Annotated

import typer

from trunkward.settings import Paths

certs_app = typer.Typer(
    help="Show every certificate: what, whose, until when, published where; and the lists they stand on.",
    invoke_without_command=True,
)


@certs_app.callback()
def certs(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every certificate: what, whose, until when, published where; and the lists they stand on."""
    if context.invoked_subcommand is None:
        from trunkward.cli.certs import run

        raise typer.Exit(run(Paths.from_environment(), as_json=as_json))


@certs_app.command("renew")
def renew() -> None:
    """Ask for signing certificates and both lists now, however long the next try would be away."""
    from trunkward.cli.certs_renew import run

    raise typer.Exit(run(Paths.from_environment()))
