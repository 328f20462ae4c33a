"""`trunkward`: the commands a person types, and where each is declared (the `..._app.py` beside this one)."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from trunkward import __version__
from trunkward.cli import calls_app, configuration_app, node_app, trial_app, trunks_app
from trunkward.cli.billing_app import export_app, reconcile, rerate
from trunkward.cli.certs_app import certs_app
from trunkward.cli.deck_app import deck_app
from trunkward.cli.evidence_app import evidence_app
from trunkward.cli.journal_app import journal_app
from trunkward.cli.number_app import number_app
from trunkward.cli.secret_app import secret_app
from trunkward.cli.spend_app import hold, release, spend_app
from trunkward.cli.traceback_app import traceback_app
from trunkward.settings import SettingsRefused

#: In the order `trunkward --help` lists them, below the groups.
_COMMANDS: dict[str, Callable[..., None]] = {
    "up": node_app.up,
    "status": node_app.status,
    "test-authority": trial_app.authority_for_tests,
    "call-test": trial_app.call_test,
    "check-config": configuration_app.check_config,
    "plan": configuration_app.plan,
    "apply": configuration_app.apply,
    "rollback": configuration_app.rollback,
    "history": configuration_app.history,
    "get": configuration_app.get,
    "diff": configuration_app.diff,
    "rerate": rerate,
    "reconcile": reconcile,
    "verification": calls_app.verification,
    "attestation": calls_app.attestation,
    "verify-identity": trial_app.verify_identity,
    "hold": hold,
    "release": release,
    "destinations": trunks_app.destinations,
    "explain": calls_app.explain,
    "why": calls_app.why,
    "try": trial_app.try_call,
    "registrations": trunks_app.registrations,
    "events": trunks_app.events,
    "upgrade": node_app.upgrade,
    "backup": node_app.backup,
    "restore": node_app.restore,
    "limits": trunks_app.limits,
    "drain": node_app.drain,
    "undrain": node_app.undrain,
    "install-units": node_app.install_units,
}
_GROUPS: dict[str, typer.Typer] = {
    "export": export_app,
    "secret": secret_app,
    "calls": calls_app.calls_app,
    "certs": certs_app,
    "deck": deck_app,
    "evidence": evidence_app,
    "journal": journal_app,
    "spend": spend_app,
    "traceback": traceback_app,
    "number": number_app,
}

app = typer.Typer(
    help="The secure SIP trunk: TLS 1.3 and SRTP on every leg, every call judged, signed and recorded.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
for _name, _group in _GROUPS.items():
    app.add_typer(_group, name=_name)


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
