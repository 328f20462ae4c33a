"""Tokens of `control` that are missing, half over, or of a record not sound any more, are issued anew.

`apply`, `up` and `upgrade` do so; and `up`, as long as a node runs, once an hour (`python -m
trunkward.cli.renewing`, `engines.retention_look`): nobody has to remember it for calls to keep their level,
and what somebody changed in the database signs for no longer than that.
"""

import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import typer

from trunkward.access.actor import Actor, Source
from trunkward.cli.changing import Busy, changing, configuration_store
from trunkward.cli.ready import gate_policy
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.unsound import note_unsound, tell_unsound
from trunkward.control import configuration
from trunkward.control.borne_out import borne_out
from trunkward.control.configuration import NoSuchVersion, Superseded
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.evidence import denied_by
from trunkward.control.node_file import NodeFileRefused, accept_node_file
from trunkward.control.showing import half_over
from trunkward.control.unsound import unproven, unsound
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.denied_file import deny
from trunkward.engines.in_force import read_in_force
from trunkward.engines.installed import OtherVersion, check_runs_this
from trunkward.engines.issuing import issued_of
from trunkward.engines.live import NotApplied, is_running, put_policy_in_force
from trunkward.engines.node import decide
from trunkward.engines.sure_clock import doubted
from trunkward.engines.tokens import tokens_for
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged

#: Who acts when nobody does.
BY_ITSELF = Actor(name="up", uid=0, source=Source.PROCESS)
#: Calls come first.
_NICE = 19


class NotRenewed(Exception):
    """What is in force is not the newest version's file; the message says what to do first."""


def renewed(
    paths: Paths, store: SqlConfiguration, before: InForce, *, actor: Actor, command: str, now: datetime
) -> InForce:
    """What is to be in force: `before` itself when all its tokens are good; else a version of the same file.

    Raises `NotRenewed`, `Superseded`, `NoSuchVersion`, `NodeFileRefused`, `TextDamaged`, `OSError`.
    """
    head = configuration.get_version(store, None)
    text = store.text(head)
    if text != before.node_file:
        raise NotRenewed(f"version {head.number} is not in force: ./trunkward apply finishes that")
    read = accept_node_file(text, f"version {head.number}")
    kept = borne_out(store, before, now.timestamp())
    tell_unsound(paths, store, kept)
    deny(paths, denied_by(kept.records, now.timestamp()), now.timestamp())
    tokens = tokens_for(paths, read.declared, kept.records, before, now=now)
    issued = replace(
        issued_of(before),
        evidence=tokens.evidence,
        relationships=tokens.relationships,
        evidence_key=tokens.evidence_key,
        blocks=tokens.blocks,
        contracts=tokens.contracts,
    )
    planned = configuration.plan(store, read, Effects())
    return decide(
        *(paths, planned, store, issued, before),
        kept=kept,
        actor=actor,
        command=command,
        now=now,
    )


def run_renew(paths: Paths) -> int:
    """0 done, or nothing is due; 1 not everywhere in force; 2 not done, and said why."""
    now = time.time()
    before = read_in_force(paths.declared)
    if before is None or not is_running(paths):
        return 0
    try:
        if not (_rests_on_unsound(paths, before, now) or half_over(before, now)):
            return 0
        why = doubted(paths.heads, now, trusted=before.declared().node.unsafe_trusted_clock)
        if why:
            complain(f"evidence tokens are not renewed: {why}")
            return 2
        with changing(paths, "renew"), configuration_store(paths, make=True) as store:
            check_runs_this(paths)
            before = read_in_force(paths.declared) or before  # somebody else may have been faster
            at = datetime.now(UTC)
            after = renewed(paths, store, before, actor=BY_ITSELF, command="renew", now=at)
            if after is not before:
                return _put_in_force(paths, before, after, at)
    except (
        Busy,
        NotRenewed,
        Superseded,
        NoSuchVersion,
        NodeFileRefused,
        TextDamaged,
        OtherVersion,
        OSError,
    ) as problem:
        told = in_words(problem) if isinstance(problem, OSError) else problem
        complain(f"evidence tokens are not renewed: {told}")
        return 2
    return 0


def _rests_on_unsound(paths: Paths, before: InForce, now: float) -> bool:
    """Whether something is in force that is not borne out any more; what is wrong is written down."""
    with configuration_store(paths, make=False) as store:
        kept = borne_out(store, before, now)
    note_unsound(paths, kept.problems)
    return bool(unsound(before, kept) or unproven(before, kept, now))


def _put_in_force(paths: Paths, before: InForce, after: InForce, now: datetime) -> int:
    try:
        put_policy_in_force(paths, before, after, gate_policy, now=now)
    except (NotApplied, NotPrepared, OSError) as problem:
        complain(f"version {after.version} has new evidence tokens and is not everywhere in force: {problem}")
        return 1
    say(f"version {after.version} is in force: evidence tokens are issued anew, for 90 days", err=True)
    return 0


def main() -> None:
    """By itself: exits with the code of `run_renew`."""
    os.nice(_NICE)
    try:
        code = run_renew(Paths.from_environment())
    except typer.Exit as left:
        code = left.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
