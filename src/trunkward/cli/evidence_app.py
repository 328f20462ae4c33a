"""`trunkward evidence ...` as typer sees it; what it does is imported when asked for."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from trunkward.settings import Paths

evidence_app = typer.Typer(
    help="Evidence of whose numbers are, a customer's or in blocks ours to give: level A rests on it. And "
    "contracts with providers who say the level.",
    no_args_is_help=True,
)

IdArgument = Annotated[
    int, typer.Argument(metavar="ID", help="Number of the record, as evidence list has it.")
]
WhyOption = Annotated[str, typer.Option(help="For the journal, in one line.", metavar="TEXT")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


@evidence_app.command("add")
def add(
    kind: Annotated[
        Literal["loa", "port", "delegate", "vetted", "block", "contract"],
        typer.Option(
            help="Letter of authorisation, port record, delegate certificate, result of vetting; the "
            "assignment of a block that trunks' own numbers are given out of; or the written agreement with "
            "a provider who says the level (identity.third_party)."
        ),
    ],
    file: Annotated[Path, typer.Option(help="The document; it is kept, and its SHA-256 is in the journal.")],
    until: Annotated[str, typer.Option(help="Last day on which it holds, such as 2027-06-30.")],
    why: WhyOption,
    numbers: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER|RANGE", help="+12025550100, or +12025550100-+12025550199; of a contract none."
        ),
    ] = "",
    trunk: Annotated[
        str, typer.Option(help="The trunk the customer calls by; a block or contract has none.")
    ] = "",
    identity: Annotated[
        str,
        typer.Option(
            help="Of a block: whose certificate signs its calls, the node's (if not given) or a reseller's. "
            "Of a contract: whose it is.",
            metavar="NAME",
        ),
    ] = "",
    replaces: Annotated[
        int,
        typer.Option(
            help="An accepted record of somebody else for the same numbers, which ends.", metavar="ID"
        ),
    ] = 0,
    proof: Annotated[
        Path | None,
        typer.Option(
            help="Of a delegate certificate: the challenge, signed with its key. Without it: gives one."
        ),
    ] = None,
) -> None:
    """Enter a document; nothing is signed by it before another person has reviewed it."""
    from trunkward.cli.evidence import run_add

    paths = Paths.from_environment()
    raise typer.Exit(
        run_add(
            paths,
            numbers,
            kind=kind,
            trunk=trunk,
            identity=identity,
            file=file,
            until=until,
            why=why,
            replaces=replaces,
            proof=proof,
        )
    )


@evidence_app.command("review")
def review(
    number: IdArgument,
    why: WhyOption,
    accept: Annotated[
        bool | None, typer.Option("--accept/--reject", help="What you found, after looking at the document.")
    ] = None,
) -> None:
    """Accept what somebody else has entered, or reject it; accepted, the next call is signed by it."""
    from trunkward.cli.evidence import run_review

    if accept is None:
        raise typer.BadParameter("say what you found: --accept or --reject")
    raise typer.Exit(run_review(Paths.from_environment(), number, accept=accept, why=why))


@evidence_app.command("revoke")
def revoke(number: IdArgument, why: WhyOption) -> None:
    """End a record at once: from the next call on nothing is signed by it."""
    from trunkward.cli.evidence import run_revoke

    raise typer.Exit(run_revoke(Paths.from_environment(), number, why=why))


@evidence_app.command("forget")
def forget() -> None:
    """Delete records that ended as long ago as node.evidence_retention says; a node that is up does so."""
    from trunkward.cli.forget_evidence import run_forget

    raise typer.Exit(run_forget(Paths.from_environment()))


@evidence_app.command("confirm")
def confirm() -> None:
    """Say, after a restore, that you have looked through the evidence that came back with it."""
    from trunkward.cli.restored import run_confirm

    raise typer.Exit(run_confirm(Paths.from_environment()))


@evidence_app.command("list")
def list_records(
    trunk: Annotated[str, typer.Option(help="Of this trunk alone.")] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Also what was rejected, revoked, or has ended.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List records: what they say, who entered and who reviewed them, until when."""
    from trunkward.cli.evidence import run_list

    raise typer.Exit(run_list(Paths.from_environment(), trunk=trunk, every=every, as_json=as_json))


@evidence_app.command("show")
def show(
    number: IdArgument,
    file: Annotated[Path | None, typer.Option(help="Write the document here.", metavar="OUT")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one record with all that became of it; --file OUT gives its document."""
    from trunkward.cli.evidence import run_show

    raise typer.Exit(run_show(Paths.from_environment(), number, file=file, as_json=as_json))
