"""`trunkward deck ...`, as typer sees it; what it does is imported when it is asked for."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from trunkward.settings import Paths

deck_app = typer.Typer(help="Rate decks of carriers and tenants.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The deck's name, as the node file has it.")]
FileArgument = Annotated[Path, typer.Argument(help="CSV, as the trade exchanges it (docs/spend.md).")]
CurrencyOption = Annotated[
    str, typer.Option(help="ISO 4217, where the file has no column for it.", metavar="EUR")
]
IncrementsOption = Annotated[
    str, typer.Option(help="Where the file does not say them; 1/1 if nobody does.", metavar="SECONDS/SECONDS")
]
DatesOption = Annotated[
    Literal["day", "month", ""], typer.Option(help="What stands first in dates such as 03/04/2027.")
]
MergeOption = Annotated[
    bool, typer.Option("--merge", help="Prefixes that are not in the file keep what they have.")
]
EvenSoOption = Annotated[
    bool,
    typer.Option(
        "--even-so",
        help="What looks like a slip is meant: prefixes that go, prices, increments (docs/spend.md).",
    ),
]


@deck_app.command("import")
def import_deck(
    name: NameArgument,
    file: FileArgument,
    currency: CurrencyOption = "",
    increments: IncrementsOption = "",
    dates: DatesOption = "",
    merge: MergeOption = False,
    even_so: EvenSoOption = False,
) -> None:
    """Take a file in: whole, or nothing of it and every wrong line named; in force within seconds."""
    from trunkward.cli.deck import defaults_of, run_import

    defaults = defaults_of(currency, increments, dates)
    paths = Paths.from_environment()
    code = run_import(paths, name, file, defaults=defaults, whole=not merge, even_so=even_so)
    raise typer.Exit(code)


@deck_app.command("correct")
def correct_deck(
    name: NameArgument,
    file: FileArgument,
    since: Annotated[str, typer.Option(help="From when it is as the file says: 2027-01-31, in UTC.")],
    currency: CurrencyOption = "",
    increments: IncrementsOption = "",
    dates: DatesOption = "",
    merge: MergeOption = False,
    even_so: EvenSoOption = False,
) -> None:
    """Say what a deck should have said from a past moment on; calls of then are for `rerate`."""
    from trunkward.cli.deck import defaults_of, moment_of, run_import

    defaults = defaults_of(currency, increments, dates)
    at = moment_of(since)
    if at is None:
        raise typer.BadParameter("--since: write a day as 2027-01-31")
    paths = Paths.from_environment()
    code = run_import(paths, name, file, defaults=defaults, whole=not merge, even_so=even_so, since=at)
    raise typer.Exit(code)


@deck_app.command("diff")
def diff_deck(
    name: NameArgument,
    file: FileArgument,
    currency: CurrencyOption = "",
    increments: IncrementsOption = "",
    dates: DatesOption = "",
    merge: MergeOption = False,
) -> None:
    """Say all that taking a file in would change, and from when; changes nothing. Exit code 1: something."""
    from trunkward.cli.deck import defaults_of, run_diff

    defaults = defaults_of(currency, increments, dates)
    raise typer.Exit(run_diff(Paths.from_environment(), name, file, defaults=defaults, whole=not merge))


@deck_app.command("list")
def list_decks(
    every: Annotated[bool, typer.Option("--all", help="Also what was in force before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List decks: prefixes, states of them on record, who took them in when, whose calls they rate."""
    from trunkward.cli.deck import run_list

    raise typer.Exit(run_list(Paths.from_environment(), every=every, as_json=as_json))


@deck_app.command("show")
def show_deck(
    name: NameArgument,
    number: Annotated[str, typer.Argument(help="E.164 with +, or the beginning of a number.")],
    at: Annotated[str, typer.Option(help="By what holds then: 2027-01-31, or with a time, in UTC.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a call to a number costs, and all rates of its prefixes, past and future."""
    from trunkward.cli.deck import moment_of, run_show

    raise typer.Exit(run_show(Paths.from_environment(), name, number, at=moment_of(at), as_json=as_json))


@deck_app.command("export")
def export_deck(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(help="As of this version, as restore takes it.")] = None,
    sha256: Annotated[
        str, typer.Option(help="As a bill names it (price_deck_sha256), or the beginning of that.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Also rates that held before.")] = False,
) -> None:
    """Print what a deck says now and later, or said then, as CSV that import takes again: the same prices."""
    from trunkward.cli.deck_export import run

    if version is not None and sha256:
        raise typer.BadParameter("either one: --version or --sha256")
    raise typer.Exit(run(Paths.from_environment(), name, version=version, sha256=sha256, every=every))


@deck_app.command("restore")
def restore_deck(
    name: NameArgument,
    version: Annotated[
        int, typer.Option(help="The deck's newest state up to this version (deck list --all).")
    ],
) -> None:
    """Have a deck say from now on what it said as of a version, also one that was dropped."""
    from trunkward.cli.deck import run_restore

    raise typer.Exit(run_restore(Paths.from_environment(), name, version))


@deck_app.command("drop")
def drop_deck(name: NameArgument) -> None:
    """Drop a deck by which nobody is rated; what it said stays on record."""
    from trunkward.cli.deck import run_drop

    raise typer.Exit(run_drop(Paths.from_environment(), name))
