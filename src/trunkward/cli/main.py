"""`trunkward`: the commands a person types."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trunkward import __version__
from trunkward.cli.billing_app import export_app, reconcile, rerate
from trunkward.cli.deck_app import deck_app
from trunkward.cli.evidence_app import evidence_app
from trunkward.cli.journal_app import journal_app
from trunkward.cli.spend_app import hold, release, spend_app
from trunkward.cli.traceback_app import traceback
from trunkward.settings import Paths, SettingsRefused

app = typer.Typer(
    help="The secure SIP trunk: TLS 1.3 and SRTP on every leg, every call judged, signed and recorded.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part of the node, where it listens, and deviations from the secure default."""
    from trunkward.cli.status import run

    raise typer.Exit(run(Paths.from_environment(), as_json=as_json))


@app.command()
def certs(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every certificate: what, whose, until when, published where; and the lists they stand on."""
    from trunkward.cli.certs import run

    raise typer.Exit(run(Paths.from_environment(), as_json=as_json))


@app.command("test-authority")
def authority_for_tests(
    spc: Annotated[str, typer.Option(help="The service provider code it certifies.")] = "000T",
    home: Annotated[Path | None, typer.Option(help="Where its keys are kept.")] = None,
    address: Annotated[str, typer.Option(help="Where its three servers listen.")] = "127.0.0.1",
    host: Annotated[str, typer.Option(help="The name certificates are published at.")] = "cert.example.com",
    hours: Annotated[float, typer.Option(min=0.01, help="How long certificates last.")] = 2160,
) -> None:
    """Run a TEST policy administrator and authority of SHAKEN; Ctrl-C ends them."""
    from trunkward.cli.sti_authority import run

    raise typer.Exit(
        run(Paths.from_environment(), spc=spc, home=home, address=address, host=host, hours=hours)
    )


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
    counts = ((len(declared.trunks), "trunk"), (len(declared.carriers), "carrier"))
    said = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
    typer.echo(f"{config}: good: {said}")


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
    full: Annotated[
        bool, typer.Option("--full", help="Their journal entries whole: sums, reasons, times, hashes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the configuration's versions: when, who, with what command, what changed; checks the journal."""
    from trunkward.cli.versions import run_history

    raise typer.Exit(run_history(Paths.from_environment(), limit, as_json=as_json, full=full))


@app.command()
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


app.add_typer(export_app, name="export")
app.command()(rerate)
app.command()(reconcile)


secret_app = typer.Typer(
    no_args_is_help=True, help="Make, exchange, take back and list what PBXs prove by digest that they are."
)
app.add_typer(secret_app, name="secret")

TrunkArgument = Annotated[str, typer.Argument(metavar="TRUNK", help="A trunk with digest in identified_by.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="Write the secret to this new file, readable by you alone; else it is shown once."),
]


@secret_app.command("new")
def secret_new(trunk: TrunkArgument, output: OutputOption = None) -> None:
    """Make a trunk's secret, and show it this once; it is in force within a second."""
    from trunkward.cli.secret import run_new

    raise typer.Exit(run_new(Paths.from_environment(), trunk, output))


@secret_app.command("rotate")
def secret_rotate(
    trunk: TrunkArgument,
    overlap: Annotated[
        str, typer.Option(help="How long the one before is good beside it: 0s, 12h, 7d; at most 90d.")
    ] = "7d",
    output: OutputOption = None,
) -> None:
    """Make another secret, and show it this once; both are good until the old one's end."""
    from trunkward.cli.secret import run_rotate

    raise typer.Exit(run_rotate(Paths.from_environment(), trunk, overlap, output))


@secret_app.command("revoke")
def secret_revoke(trunk: TrunkArgument) -> None:
    """End all secrets of a trunk at once; calls that run go on."""
    from trunkward.cli.secret import run_revoke

    raise typer.Exit(run_revoke(Paths.from_environment(), trunk))


@secret_app.command("list")
def secret_list(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List secrets: whose, made when and by whom, good until when; none in clear, which nobody has."""
    from trunkward.cli.secret import run_list

    raise typer.Exit(run_list(Paths.from_environment(), as_json=as_json))


calls_app = typer.Typer(invoke_without_command=True, no_args_is_help=False, subcommand_metavar="[show ID]")
app.add_typer(calls_app, name="calls")


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
    number: Annotated[str | None, typer.Option(help="Calling, shown or called number, likewise.")] = None,
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
    from trunkward.cli.call_options import wanted_calls
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
            how=Listing(as_json=as_json, as_csv=as_csv),
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


@app.command()
def verification(
    upstream: Annotated[
        str, typer.Option(help="One carrier, or one trunk that brings other providers' calls.")
    ] = "",
    since: Annotated[str, typer.Option(help="A time, or 2h, 7d ago.")] = "1d",
    until: Annotated[str | None, typer.Option(help="Up to then; now without it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what others' signatures were worth, by who sent the calls: share, levels, causes, who signed."""
    from trunkward.cli.call_options import moment
    from trunkward.cli.verification import run
    from trunkward.records.filter import CallFilter

    now_s = time.time()
    wanted = CallFilter(since=moment("--since", since, now_s), until=moment("--until", until, now_s))
    raise typer.Exit(run(Paths.from_environment(), wanted, of=upstream, as_json=as_json))


app.add_typer(deck_app, name="deck")
app.add_typer(evidence_app, name="evidence")
app.add_typer(journal_app, name="journal")
app.add_typer(spend_app, name="spend")
app.command()(hold)
app.command()(release)


number_app = typer.Typer(help="Numbers a trunk may show though they are not its own.", no_args_is_help=True)
app.add_typer(number_app, name="number")


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


@app.command()
def destinations(
    asked: Annotated[
        str,
        typer.Argument(metavar="[NUMBER|COUNTRY]", help="+442079460123, or GB; without it the table itself."),
    ] = "",
    overrides: Annotated[
        Path | None, typer.Option("--with", help="Lines of your own to put over the table.", metavar="FILE")
    ] = None,
    trunk: Annotated[
        str,
        typer.Option(
            "--trunk", help="What this trunk may call, and why; or whether the number, or what of a country."
        ),
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-f", help="With --trunk: a node file, in place of what is in force."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show where numbers lead: country, class, risk, indicative price; or what a trunk may call."""
    from trunkward.cli.destinations import run, run_trunk

    if trunk:
        raise typer.Exit(run_trunk(Paths.from_environment(), config, trunk, asked, as_json=as_json))
    raise typer.Exit(run(asked, overrides, as_json=as_json))


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="ID", help="Record id, its beginning, or a Call-ID.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why one call was refused or let through: every check, what it saw, what would have changed it."""
    from trunkward.cli.explain import run

    raise typer.Exit(run(Paths.from_environment(), name, as_json=as_json))


app.command()(traceback)


@app.command()
def why(
    name: Annotated[str, typer.Argument(metavar="ID", help="Record id, its beginning, or a Call-ID.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why one call was signed as it was: by which rule, on whose word, what would have lowered it."""
    from trunkward.cli.why import run

    raise typer.Exit(run(Paths.from_environment(), name, as_json=as_json))


@app.command("try")
def try_call(
    sender: Annotated[str | None, typer.Option("--from", help="Calling number, as it would be sent.")] = None,
    called: Annotated[str | None, typer.Option("--to", help="Called number, as it would be dialled.")] = None,
    trunk: Annotated[str | None, typer.Option(help="The trunk that would call.")] = None,
    carrier: Annotated[str | None, typer.Option(help="The carrier it would come from, in its place.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When: 2026-11-25T14:30, 2026-11-25T14:30:00Z. Without it now.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", help="Try a table: columns from, to[, trunk, carrier, at, expect]."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="By this node file, in place of the policy in force.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a call.")] = False,
) -> None:
    """Judge a call nobody places: its verdict, check by check. Nothing is recorded, signed or sent."""
    from trunkward.cli.trial import run, run_table
    from trunkward.cli.trial_table import Asked

    if (table is None) != (sender is not None and called is not None) or (table and (sender or called)):
        raise typer.BadParameter("either a call, --from and --to, or a table of them, --csv")
    asked = Asked(
        calling=sender or "", called=called or "", trunk=trunk or "", carrier=carrier or "", at=at or ""
    )
    paths = Paths.from_environment()
    if table is None:
        raise typer.Exit(run(paths, file, asked, as_json=as_json))
    raise typer.Exit(run_table(paths, file, table, asked, as_json=as_json))


@app.command()
def registrations(
    trunk: Annotated[str | None, typer.Option("--trunk", help="Of this trunk only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one line a trunk.")] = False,
) -> None:
    """Show where trunks with host: registered take their calls, and which of them nobody reaches."""
    from trunkward.cli.registrations import run

    raise typer.Exit(run(Paths.from_environment(), trunk, as_json=as_json))


@app.command()
def events(
    event: Annotated[
        str | None,
        typer.Option(
            help="Of this kind: strangers-refused, registration-refused, registered or registered-elsewhere."
        ),
    ] = None,
    trunk: Annotated[
        str | None, typer.Option("--trunk", help="Of this trunk, or of strangers who claimed to be it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From this time on: 2026-11-25T14:30:00Z, or 15m, 2h, 7d ago.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0: all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Show what is no call and may tell of an attack: strangers refused, registrations from elsewhere."""
    from trunkward.cli.events import run, wanted

    told = wanted(event, trunk, since, limit)
    raise typer.Exit(run(Paths.from_environment(), told, as_json=as_json))


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
def limits(
    trunk: Annotated[str, typer.Argument(help="The trunk's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What is in use of each limit this trunk's calls count for: its own, its tenant's, its reseller's."""
    from trunkward.cli.limits import run

    raise typer.Exit(run(Paths.from_environment(), trunk, as_json=as_json))


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
    """Write the systemd unit of a production node (Debian 13); starts nothing."""
    from trunkward.cli.install_units import run

    raise typer.Exit(run(Paths.from_environment(), directory))


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
