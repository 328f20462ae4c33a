"""Calls to try a node with, and what signs them: `try`, `call-test`, `test-authority`, `verify-identity`.

As typer sees them; what they do is imported when asked for.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from trunkward.settings import Paths


def try_call(
    sender: Annotated[str | None, typer.Option("--from", help="Calling number, as it would be sent.")] = None,
    called: Annotated[str | None, typer.Option("--to", help="Called number, as it would be dialled.")] = None,
    trunk: Annotated[str | None, typer.Option(help="The trunk that would call.")] = None,
    carrier: Annotated[str | None, typer.Option(help="The carrier it would come from, in its place.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When: 2026-11-25T14:30, 2026-11-25T14:30:00Z. Without it now.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help="A, B or C: supplied by the trunk, where it may; from a carrier: signed by another provider,"
            " or `bad`. Without it a carrier's call is unsigned."
        ),
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
    from trunkward.admission.trial import BAD
    from trunkward.cli.call_options import one_of
    from trunkward.cli.trial import run, run_table
    from trunkward.cli.trial_table import Asked
    from trunkward.numbering.written import without_spaces

    if (table is None) != (sender is not None and called is not None) or (table and (sender or called)):
        raise typer.BadParameter("either a call, --from and --to, or a table of them, --csv")
    asked = Asked(
        calling=without_spaces(sender or ""),
        called=without_spaces(called or ""),
        trunk=trunk or "",
        carrier=carrier or "",
        at=at or "",
        level=one_of("--level", level, ("A", "B", "C", BAD)) or "",
    )
    paths = Paths.from_environment()
    if table is None:
        raise typer.Exit(run(paths, file, asked, as_json=as_json))
    raise typer.Exit(run_table(paths, file, table, asked, as_json=as_json))


def call_test(
    trunk: Annotated[
        str | None, typer.Option(help="One call of this trunk, at whatever level it is signed.")
    ] = None,
    carrier: Annotated[
        str | None, typer.Option(help="One call from this carrier; with --level signed by another provider.")
    ] = None,
    sender: Annotated[
        str | None, typer.Option("--from", help="With --trunk or --carrier: the number that calls.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help="With --carrier: A, B or C, under a certificate of the node's TEST authority."),
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option(help="What is wrong with that signature: expired, number, tampered, url or replay."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep captures, traces and recordings here.")] = None,
) -> None:
    """Place real encrypted calls through the running node, both ways or one, and report what was seen."""
    from trunkward.calltest.other_provider import Fault
    from trunkward.calltest.signed_call import Wanted
    from trunkward.cli.call_options import one_number, one_of
    from trunkward.cli.call_test import Asked, run
    from trunkward.cli.host_paths import hint
    from trunkward.cli.said import complain
    from trunkward.shaken.attest import Attestation

    if keep is not None and (why := hint(keep)):
        complain(f"{keep}: what is written there is lost{why}")
        raise typer.Exit(2)
    if (trunk and carrier) or (sender and not (trunk or carrier)):
        raise typer.BadParameter("one call is --trunk NAME or --carrier NAME, and --from NUMBER goes with it")
    if (level and not carrier) or (fault and not level):
        raise typer.BadParameter("another provider signs with --carrier NAME --level A; --fault is its fault")
    levels, faults = (tuple(one.value for one in kind) for kind in (Attestation, Fault))
    wanted = Wanted(
        calling=one_number("--from", sender) if sender else "",
        level=Attestation(level) if one_of("--level", level, levels) and level else None,
        fault=Fault(fault) if one_of("--fault", fault, faults) and fault else None,
    )
    asked = Asked(trunk=trunk or "", carrier=carrier or "", wanted=wanted)
    raise typer.Exit(run(Paths.from_environment(), asked, as_json=as_json, keep=keep))


def verify_identity(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE|-", help="An INVITE as a trace has it, or Identity values, one a line."),
    ],
    sender: Annotated[
        str, typer.Option("--from", help="Who called; without an INVITE, or in its place.")
    ] = "",
    called: Annotated[str, typer.Option("--to", help="Who was called, likewise.")] = "",
    at: Annotated[str, typer.Option(help="Judge as of then: 2026-11-25T14:30:00Z. Without it now.")] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="The chain behind its URL, in PEM, leaf first.", metavar="FILE")
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Have the node's fetcher get the chain from its URL.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Verify Identity headers step by step, by whom this node trusts: 0 good, 1 not, 2 not tried."""
    from trunkward.cli.call_options import moment, one_number
    from trunkward.cli.verify_identity import Given, run
    from trunkward.shaken.number import canonical_tn

    if certificate is not None and fetch:
        raise typer.BadParameter("either one: --certificate or --fetch")
    now_s = time.time()
    given = Given(
        file=file,
        calling=canonical_tn(one_number("--from", sender)) if sender else "",
        called=canonical_tn(one_number("--to", called)) if called else "",
        at=(moment("--at", at, now_s) if at else None) or now_s,
        certificate=certificate,
        fetch=fetch,
    )
    raise typer.Exit(run(Paths.from_environment(), given, as_json=as_json))


def authority_for_tests(
    spc: Annotated[
        list[str] | None,
        typer.Option(
            help="A service provider code it certifies, the node's own first; repeatable. 000T if none."
        ),
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(help="A code that it refuses to certify; repeatable.")
    ] = None,
    revoke: Annotated[
        str | None,
        typer.Option(
            help="Revoke a certificate, and do no more; one that runs tells of it.", metavar="SERIAL"
        ),
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Where its keys are kept.")] = None,
    address: Annotated[str, typer.Option(help="Where its three servers listen.")] = "127.0.0.1",
    host: Annotated[str, typer.Option(help="The name certificates are published at.")] = "cert.example.com",
    hours: Annotated[float, typer.Option(min=0.01, help="How long certificates last.")] = 2160,
) -> None:
    """Run a TEST policy administrator and authority of SHAKEN; Ctrl-C ends them."""
    from trunkward.cli import sti_authority

    paths = Paths.from_environment()
    if revoke is not None:
        raise typer.Exit(sti_authority.revoke(paths, number=revoke, home=home))
    raise typer.Exit(
        sti_authority.run(
            paths,
            codes=spc or ["000T"],
            refused=refuse or [],
            home=home,
            address=address,
            host=host,
            hours=hours,
        )
    )
