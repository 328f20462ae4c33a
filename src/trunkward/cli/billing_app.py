"""`trunkward export`, `rerate`, `reconcile`, as typer sees them; what they do is imported when asked for."""

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from trunkward.settings import Paths

EndedFromOption = Annotated[
    str,
    typer.Option("--from", help="Calls that ended since, as 2026-11-01, 2026-11-01T00:00Z, or 7d ago."),
]
EndedToOption = Annotated[
    str | None, typer.Option("--to", help="Calls that ended before, likewise; now without it.")
]
BegunFromOption = Annotated[
    str,
    typer.Option(
        "--from", help="Calls that began since (carriers' files are by that), as 2026-11-01, or 7d ago."
    ),
]
BegunToOption = Annotated[
    str | None, typer.Option("--to", help="Calls that began before, likewise; now without it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]


class _VersionByDefault(TyperGroup):
    """`export` and `export 3` are about versions, as they have been from the beginning."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words after `export`."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["version", *args]
        return super().parse_args(ctx, args)


export_app = typer.Typer(
    cls=_VersionByDefault,
    help="Print a version's node file, word for word (export [N]); or rated calls (export billing).",
)


@export_app.command("version")
def export_version(
    number: Annotated[int | None, typer.Argument(help="A version; the newest without it.")] = None,
) -> None:
    """Print a version's node file, word for word as it was accepted; also `export N`."""
    from trunkward.cli.versions import run_export

    raise typer.Exit(run_export(Paths.from_environment(), number))


@export_app.command("billing")
def export_billing(
    since: EndedFromOption,
    until: EndedToOption = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant.")] = None,
    carrier: Annotated[str | None, typer.Option(help="By this carrier.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also calls nobody answered, and calls that came in: all of them 0.")
    ] = False,
    revised_since: Annotated[
        str | None, typer.Option(help="Only calls that were rated again since then: for credit notes.")
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Comma-separated values; what is said without it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json-lines", help="One JSON object a line.")] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="On standard error: what they add up to, and their SHA-256.")
    ] = False,
) -> None:
    """Print rated calls with price, cost and margin as exact decimals, in the order of their time."""
    from trunkward.cli.billing import run
    from trunkward.spend.rating import Charged
    from trunkward.store.rated import RatedFilter

    if as_csv and as_json:
        raise typer.BadParameter("either one: --csv or --json-lines")
    begins, ends = _period(since, until)
    wanted = RatedFilter(
        since=begins,
        until=ends,
        by_end=True,
        tenant=tenant,
        carrier=carrier,
        charged=() if every else (Charged.YES, Charged.EMERGENCY, Charged.END_UNKNOWN),
        revised_since=None if revised_since is None else _period(revised_since, None)[0],
    )
    raise typer.Exit(run(Paths.from_environment(), wanted, as_json=as_json, summary=summary))


def rerate(
    deck: Annotated[str, typer.Option(help="The deck that was wrong, as it is now said to have been.")],
    since: EndedFromOption,
    until: EndedToOption = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the new revisions; else they are shown.")
    ] = False,
    why: Annotated[str, typer.Option(help="With --apply: the reason that stands beside each.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Rate calls once more by a deck that was wrong (`deck correct`); their first price stays on record."""
    from trunkward.cli.rerate import run

    if apply != bool(why.strip()):
        raise typer.BadParameter("--apply needs --why TEXT, and --why needs --apply")
    begins, ends = _period(since, until)
    reason = why.strip() if apply else None
    raise typer.Exit(
        run(Paths.from_environment(), deck, since=begins, until=ends, why=reason, as_json=as_json)
    )


def reconcile(
    carrier: Annotated[str, typer.Argument(help="The carrier whose file it is.")],
    file: Annotated[Path, typer.Argument(help="Its call records as CSV (docs/billing.md).")],
    since: BegunFromOption,
    until: BegunToOption = None,
    zone: Annotated[
        str, typer.Option(help="The time zone of its times, as Europe/Berlin.", metavar="ZONE")
    ] = "UTC",
    dates: Annotated[
        Literal["day", "month", ""], typer.Option(help="What stands first in dates such as 03/04/2027.")
    ] = "",
    country: Annotated[
        str, typer.Option(help="Whose national numbers stand in it, by its code, as 44.", metavar="CODE")
    ] = "",
    window: Annotated[float, typer.Option(min=1, max=600, help="Seconds by which starts may differ.")] = 30,
    every: Annotated[
        bool, typer.Option("--all", help="List every difference, not the largest 20 of a kind.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a carrier's own call records with ours, call by call: every difference explained or listed."""
    from trunkward.cli.reconcile import run

    begins, ends = _period(since, until)
    raise typer.Exit(
        run(
            *(Paths.from_environment(), carrier, file),
            since=begins,
            until=ends,
            zone=zone,
            dates=dates,
            country=country.removeprefix("+"),
            window_s=window,
            every=every,
            as_json=as_json,
        )
    )


def _period(since: str, until: str | None) -> tuple[float, float]:
    """In seconds since the epoch."""
    from trunkward.cli.call_options import moment

    now = time.time()
    begins, ends = moment("--from", since, now), moment("--to", until, now)
    ends = now if ends is None else ends
    if begins is None or begins >= ends:
        raise typer.BadParameter("--from is before --to")
    return begins, ends
