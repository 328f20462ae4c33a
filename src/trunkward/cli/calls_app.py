"""Calls that were judged, `trunkward calls` to `attestation`, as typer sees them.

What is shown of them is imported when asked for.
"""

import time
from typing import Annotated

import typer

from trunkward.settings import Paths

calls_app = typer.Typer(invoke_without_command=True, no_args_is_help=False, subcommand_metavar="[show ID]")


@calls_app.callback()
def calls(
    context: typer.Context,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant.")] = None,
    trunk: Annotated[str | None, typer.Option(help="From or to this trunk.")] = None,
    carrier: Annotated[str | None, typer.Option(help="Through this carrier.")] = None,
    sender: Annotated[
        str | None, typer.Option("--from", help="Calling number; `+1202*` is the beginning of many.")
    ] = None,
    called: Annotated[str | None, typer.Option("--to", help="Called number, likewise.")] = None,
    number: Annotated[
        str | None, typer.Option(help="Calling, shown, claimed or called number, likewise.")
    ] = None,
    verdict: Annotated[str | None, typer.Option(help="admit, reject or discard.")] = None,
    reason: Annotated[str | None, typer.Option(help="Reason code of the verdict.")] = None,
    ending: Annotated[str | None, typer.Option(help="bye, failed, cancelled or ended-unknown.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Started since: 2026-11-25, 2026-11-25T14:30, or 90s, 15m, 2h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Started before, likewise.")] = None,
    min_duration: Annotated[
        float | None, typer.Option(min=0, help="Talked at least this many seconds.")
    ] = None,
    emergency: Annotated[
        bool | None, typer.Option("--emergency/--no-emergency", help="Calls for help; or all but those.")
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Signed by us at level A, B or C; or by others, and verified.")
    ] = None,
    verstat: Annotated[
        str | None, typer.Option(help="What others' signatures were worth: passed, failed or none.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="How many, newest first; 0: all. Without it 20, with --csv all.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as calls come; Ctrl-C ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="With --csv: pseudonyms for numbers, and no addresses.")
    ] = False,
    keep_digits: Annotated[
        int, typer.Option(min=0, max=7, help="With --pseudonymise: digits of each number that stay.")
    ] = 0,
) -> None:
    """List calls, newest first, with verdict, reason and outcome; or show one as a ladder (`show ID`)."""
    if context.invoked_subcommand is not None:
        return
    from trunkward.cli.call_options import one_of, wanted_calls
    from trunkward.cli.calls import Listing, run

    wanted = wanted_calls(
        *(tenant, trunk, carrier, sender, called, number, verdict, reason, ending, since, until),
        *(min_duration, emergency),
    )
    if as_json and as_csv:
        raise typer.BadParameter("either one: --json or --csv")
    if (pseudonymise and not as_csv) or (keep_digits and not pseudonymise):
        raise typer.BadParameter("--pseudonymise needs --csv, and --keep-digits needs --pseudonymise")
    if limit is None:
        limit = 0 if as_csv and not follow else 20
    raise typer.Exit(
        run(
            Paths.from_environment(),
            wanted,
            limit=limit or (0 if follow else None),
            follow=follow,
            pseudonymise=keep_digits if pseudonymise else None,
            how=Listing(
                as_json=as_json,
                as_csv=as_csv,
                level=one_of("--level", level, ("A", "B", "C")) or "",
                verstat=one_of("--verstat", verstat, ("passed", "failed", "none")) or "",
            ),
        )
    )


@calls_app.command("show")
def show_call(
    name: Annotated[str, typer.Argument(metavar="ID", help="Record id, its beginning, or a Call-ID.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show one call: its facts, its messages as a ladder, its legs."""
    from trunkward.cli.calls import show

    raise typer.Exit(show(Paths.from_environment(), name, as_json=as_json))


def explain(
    name: Annotated[str, typer.Argument(metavar="ID", help="Record id, its beginning, or a Call-ID.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why one call was refused or let through: every check, what it saw, what would have changed it."""
    from trunkward.cli.explain import run

    raise typer.Exit(run(Paths.from_environment(), name, as_json=as_json))


def why(
    name: Annotated[str, typer.Argument(metavar="ID", help="Record id, its beginning, or a Call-ID.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why one call was signed as it was: by which rule, on whose word, what would have lowered it."""
    from trunkward.cli.why import run

    raise typer.Exit(run(Paths.from_environment(), name, as_json=as_json))


def verification(
    upstream: Annotated[
        str, typer.Option(help="One carrier, or one trunk that brings other providers' calls.")
    ] = "",
    since: Annotated[str, typer.Option(help="A time, or 2h, 7d ago.")] = "1d",
    until: Annotated[str | None, typer.Option(help="Up to then; now without it.")] = None,
    hosts: Annotated[
        bool,
        typer.Option("--hosts", help="Instead, how long the hosts of their certificates took to answer."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what others' signatures were worth, by who sent the calls: share, levels, causes, who signed."""
    from trunkward.cli.call_options import moment
    from trunkward.cli.verification import run
    from trunkward.records.filter import CallFilter

    now_s = time.time()
    if hosts:
        from trunkward.cli.certificate_hosts import run as run_hosts

        raise typer.Exit(run_hosts(Paths.from_environment(), of=upstream, as_json=as_json))
    wanted = CallFilter(since=moment("--since", since, now_s), until=moment("--until", until, now_s))
    raise typer.Exit(run(Paths.from_environment(), wanted, of=upstream, as_json=as_json))


def attestation(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Of this trunk.")] = None,
    since: Annotated[
        str, typer.Option(help="A time, or 2h, 7d ago. Beside it stands the time before, which is as long.")
    ] = "1d",
    until: Annotated[str | None, typer.Option(help="Up to then; now without it.")] = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed", help="Only trunks that are new, or whose mix has changed; exit code 1 if any is."
        ),
    ] = False,
    points: Annotated[
        float, typer.Option(min=0.1, max=100, help="By how many percentage points a share has to move.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
) -> None:
    """Show at which levels each trunk's calls were signed, and why: beside the time before it."""
    from trunkward.cli.attestation import How, run
    from trunkward.cli.call_options import moment
    from trunkward.records.filter import CallFilter

    if as_json and as_csv:
        raise typer.BadParameter("either one: --json or --csv")
    now_s = time.time()
    begins, ends = moment("--since", since, now_s), moment("--until", until, now_s) or now_s
    assert begins is not None
    if begins >= ends:
        raise typer.BadParameter("that time has no length", param_hint="--since")
    wanted = CallFilter(tenant=tenant, trunk=trunk, verdict="admit", since=begins, until=ends)
    how = How(as_json=as_json, as_csv=as_csv, only_changed=changed, moved=points)
    raise typer.Exit(run(Paths.from_environment(), wanted, how))
