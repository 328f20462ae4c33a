"""`trunkward spend ...`, `hold`, `release`, as typer sees them; what they do is imported when asked for."""

from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from trunkward.settings import Paths


class _ShowsByDefault(TyperGroup):
    """`spend trunk:acme-hq` is `spend show trunk:acme-hq`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is no command of its own belongs to `show`."""
        if not args or args[0] not in (*self.commands, "--help", "-h"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


spend_app = typer.Typer(
    help="What may be spent, and what is. Without a command: show, as in spend trunk:acme-hq --watch.",
    subcommand_metavar="[OWNER] [--watch] [--json] | COMMAND ...",
    epilog="Calls are held and let go by trunkward hold and trunkward release.",
    cls=_ShowsByDefault,
)

OwnerArgument = Annotated[
    str, typer.Argument(help="trunk:NAME, tenant:NAME or reseller:NAME.", metavar="OWNER")
]
CappedArgument = Annotated[
    str, typer.Argument(help="trunk:NAME, tenant:NAME, reseller:NAME or carrier:NAME.", metavar="OWNER")
]
WhyOption = Annotated[str, typer.Option(help="For the journal.", metavar="TEXT")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


def hold(
    owner: OwnerArgument,
    why: WhyOption,
    international: Annotated[
        bool, typer.Option("--international", help="Only calls that leave the country.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Calls to it, too.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="End such calls that run, too.")] = False,
) -> None:
    """Refuse the calls of a trunk, a tenant or a reseller, within a second; emergency calls go on."""
    from trunkward.cli.spending import run_hold
    from trunkward.trunks.spending import HoldScope

    if international and every:
        raise typer.BadParameter("either one: --international or --all")
    scope = HoldScope.INTERNATIONAL if international else HoldScope.ALL if every else HoldScope.OUTBOUND
    raise typer.Exit(run_hold(Paths.from_environment(), owner, scope=scope, cut=cut, why=why))


def release(owner: OwnerArgument, why: WhyOption) -> None:
    """Take calls of a trunk, a tenant or a reseller that are held again."""
    from trunkward.cli.spending import run_release

    raise typer.Exit(run_release(Paths.from_environment(), owner, why=why))


@spend_app.command("show")
def show(
    owner: Annotated[
        str, typer.Argument(help="As of raise; without it all who have spent something.", metavar="[OWNER]")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on each second; Ctrl-C ends.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show caps, what is settled, what is held and by which calls: [OWNER] [--watch] [--json]."""
    from trunkward.cli.spent import run

    raise typer.Exit(run(Paths.from_environment(), owner, watch=watch, as_json=as_json))


@spend_app.command("raise")
def raise_cap(
    owner: CappedArgument,
    why: WhyOption,
    window: Annotated[Literal["call", "hour", "day", "month"] | None, typer.Option(help="Which cap.")] = None,
    to: Annotated[str, typer.Option(help="The higher cap, in the node's currency.", metavar="AMOUNT")] = "",
    for_text: Annotated[str, typer.Option("--for", help="For how long.", metavar="2h")] = "",
    more: Annotated[
        bool, typer.Option("--more", help="More than ten times the cap, or longer than a week, is meant.")
    ] = False,
    end: Annotated[
        bool, typer.Option("--end", help="End a raise before its time; --window says which of several.")
    ] = False,
) -> None:
    """Raise one cap for a time; it ends by itself."""
    from trunkward.cli.spending import run_lower, run_raise
    from trunkward.trunks.spending import Window

    paths, which = Paths.from_environment(), Window(window) if window else None
    if end:
        if to or for_text or more:
            raise typer.BadParameter("--end goes with --why, and --window where several are raised")
        raise typer.Exit(run_lower(paths, owner, window=which, why=why))
    if which is None or not to or not for_text:
        raise typer.BadParameter("say which cap, to what and for how long: --window day --to 80 --for 2h")
    raise typer.Exit(run_raise(paths, owner, window=which, to=to, for_text=for_text, why=why, more=more))


@spend_app.command("forget")
def forget(
    why: WhyOption,
    even_so: Annotated[
        bool, typer.Option("--even-so", help="Also where the currency does not change: caps begin anew.")
    ] = False,
) -> None:
    """Count anew from nothing, in node.currency, when no call that costs money runs: for a change of it."""
    from trunkward.cli.spending import run_forget

    raise typer.Exit(run_forget(Paths.from_environment(), why=why, even_so=even_so))


@spend_app.command("alert-test")
def alert_test() -> None:
    """Send one message to each webhook and mail address of node.alerts, and say what became of it."""
    from trunkward.cli.alert_test import run

    raise typer.Exit(run(Paths.from_environment()))


@spend_app.command("settle")
def settle(
    record_id: Annotated[str, typer.Argument(help="The call, as spend shows it.", metavar="RECORD_ID")],
    why: WhyOption,
    lasted_s: Annotated[
        float, typer.Option("--lasted", help="Seconds from its answer to its end; 0: nobody answered.")
    ],
    carrier: Annotated[str, typer.Option(help="Who took it, where that is not known.", metavar="NAME")] = "",
) -> None:
    """Say how a call of a lost node ended that nobody can end: it is charged so, and the rest is free."""
    from trunkward.cli.settle import run

    raise typer.Exit(run(Paths.from_environment(), record_id, lasted_s=lasted_s, carrier=carrier, why=why))


@spend_app.command("caps")
def caps(
    every: Annotated[bool, typer.Option("--all", help="Also trunks that have what every trunk has.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List caps, what is raised until when and by whom, and what is held."""
    from trunkward.cli.spending import run_caps

    raise typer.Exit(run_caps(Paths.from_environment(), every=every, as_json=as_json))
