"""`trunkward number ...`, as typer sees it; what it does is imported when asked for."""

from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths

number_app = typer.Typer(help="Numbers a trunk may show though they are not its own.", no_args_is_help=True)


@number_app.command("verify")
def verify_number(
    number: Annotated[str, typer.Argument(help="E.164 with +, such as +12025550150.")],
    trunk: Annotated[str, typer.Option(help="The trunk that may show it.")],
    evidence: Annotated[str, typer.Option(help="What was seen, and where it is kept.")],
    until: Annotated[str, typer.Option(help="Last day on which it holds, such as 2027-06-30.")],
    file: Annotated[
        Path | None, typer.Option(help="A file that shows it; its SHA-256 is kept, not the file.")
    ] = None,
) -> None:
    """Write down that a trunk may show a number which is not its own; in force within a second."""
    from trunkward.cli.number import run_verify

    paths = Paths.from_environment()
    raise typer.Exit(run_verify(paths, number, trunk=trunk, evidence=evidence, file=file, until=until))


@number_app.command("list")
def list_numbers(
    every: Annotated[bool, typer.Option("--all", help="Also what is over or was taken back.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List verified numbers: who found what, on what evidence, until when."""
    from trunkward.cli.number import run_list

    raise typer.Exit(run_list(Paths.from_environment(), every=every, as_json=as_json))


@number_app.command("withdraw")
def withdraw_number(
    number: Annotated[str, typer.Argument(help="E.164 with +.")],
    trunk: Annotated[str | None, typer.Option(help="Of this trunk, where several may show it.")] = None,
) -> None:
    """Take it back: the next call that shows the number is refused."""
    from trunkward.cli.number import run_withdraw

    raise typer.Exit(run_withdraw(Paths.from_environment(), number, trunk=trunk))
