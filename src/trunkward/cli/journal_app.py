"""`trunkward journal ...`, as typer sees it; what it does is imported when it is asked for."""

from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths

journal_app = typer.Typer(
    help="Journals of signatures and of acts, and their signed heads.", no_args_is_help=True
)

HeadsOption = Annotated[
    Path | None,
    typer.Option(
        help="Signed heads; a copy from elsewhere proves more.", metavar="FILE", show_default="the node's"
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(help="Public key they are signed with.", metavar="PEM", show_default="the node's"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


@journal_app.command("verify")
def verify(heads: HeadsOption = None, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Follow every journal line by line, against its signed heads; name what was changed, and when."""
    from trunkward.cli.journal import run_verify

    raise typer.Exit(run_verify(Paths.from_environment(), heads=heads, key=key, as_json=as_json))


@journal_app.command("heads")
def heads(as_json: JsonOption = False) -> None:
    """Show how far each journal is by its last signed head, and where the heads and their key are."""
    from trunkward.cli.journal import run_heads

    raise typer.Exit(run_heads(Paths.from_environment(), as_json=as_json))
