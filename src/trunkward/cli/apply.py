"""`trunkward plan`, `apply` and `rollback`: what a node file would change, and making it so.

1. One change of the node at a time, by the version that runs; what an earlier one left undone is known.
2. The file is read, whole or not at all.
3. What it changes is compared with what was expected, and a person agrees to what cannot be taken back.
4. What it needs is issued; its version is decided on; the working copy of the node file has its text.
5. A node that runs takes it, and every gate says so.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import typer
from sqlalchemy.exc import DBAPIError

from trunkward.cli import node_file_copy
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import (
    Busy,
    accepted,
    changing,
    configuration_store,
    database_problem,
    how_to_bring_back,
    node_file_in_use,
    read_config,
)
from trunkward.cli.opening import new_destinations, with_reach
from trunkward.cli.preflight import new_obstacles
from trunkward.cli.ready import gate_policy
from trunkward.cli.said import complain, say
from trunkward.control import configuration
from trunkward.control.configuration import NoSuchVersion, Plan, Superseded, Version
from trunkward.control.customers import wanting as customers_wanting
from trunkward.control.deck_versions import not_rolled_back
from trunkward.control.decks import wanting as decks_wanting
from trunkward.control.declared import InForce
from trunkward.control.difference import Change, difference
from trunkward.control.do_not_originate import ListRefused
from trunkward.control.effects import Effects
from trunkward.control.evidence import sound
from trunkward.control.node_file import Accepted, NodeFileRefused, declared_of
from trunkward.control.secrets import by_trunk, wanting
from trunkward.engines.alert_secrets import unreadable
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.digest_key import digest_key_id
from trunkward.engines.in_force import read_in_force
from trunkward.engines.installed import OtherVersion, check_runs_this
from trunkward.engines.issuing import issue
from trunkward.engines.layout import LayoutRefused, ensure_directory, outer_directories
from trunkward.engines.live import NotApplied, effects_of, is_running, put_in_force, unfinished
from trunkward.engines.node import decide
from trunkward.engines.number_lists import never_calls
from trunkward.engines.users import UserMissing, ensure_users
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.trunks.model import Declared, NodeSettings

#: What `plan` and `diff` end with when there is a difference.
DIFFERENT = 3
#: Objects named one by one on a terminal; a program asks for all of them with --json.
_LISTED = 200


class Held:
    """What is in force here, read once: to read 10,000 trunks takes tenths of a second."""

    def __init__(self, paths: Paths) -> None:
        """Looks whether a node runs."""
        self._paths = paths
        self.running = is_running(paths)

    @cached_property
    def in_force(self) -> InForce | None:
        """The document of what is in force; None when there is none that can be read."""
        return read_in_force(self._paths.declared)

    @cached_property
    def declared(self) -> Declared | None:
        """What it declares, without what was issued; None when it cannot be read, or is another release's."""
        if self.in_force is None or self.in_force.values is None:
            return None
        try:
            return declared_of(self.in_force.values)
        except NodeFileRefused:
            return None


def run_plan(paths: Paths, file: Path | None, *, as_json: bool) -> int:
    """Shows what applying a file would change: 0 nothing, 2 refused, 3 something."""
    if not _root("plan"):
        return 2
    gc.disable()
    held = Held(paths)
    try:
        if held.running:
            check_runs_this(paths)
    except OtherVersion as other:
        complain(f"no plan: {other}")
        return 2
    read = _read(paths, file, node_file_in_use(paths, running=held.running))
    if not paths.database and not paths.configuration_db.exists():
        effects = _effects(paths, read, held, None)
        secrets, changes = _wanting(paths, read, None), difference({}, read.objects)
        planned = Plan(base=None, accepted=read, changes=changes, effects=effects, secrets=secrets)
        planned = replace(
            planned,
            decks=decks_wanting(read.declared, []),
            customers=customers_wanting(read.declared, time.time()),
        )
        planned = with_reach(planned, None, None, None)
        planned = replace(planned, warnings=(*planned.warnings, *unreadable(read.declared.node.alerts)))
    else:
        with configuration_store(paths, make=False) as store:
            try:
                planned = _planned(paths, read, held, store)
            except TextDamaged as why:
                complain(f"no plan: {why}")
                return 2
    found = new_obstacles(held.declared, read.declared) if held.running else []
    if as_json:
        print(json.dumps(plan_document(planned) | {"obstacles": found}, indent=1))
    else:
        _show(planned)
        tell_secrets(planned.secrets)
        tell_decks(planned.decks)
        tell_customers(planned.customers)
    for obstacle in found:
        complain(obstacle)
    if found:
        complain("apply will refuse it")
        return 2
    return 0 if planned.nothing_to_do else DIFFERENT


def run_apply(
    paths: Paths,
    file: Path | None,
    *,
    may_delete: bool,
    may_restart: bool,
    expected: int | None,
    as_json: bool,
) -> int:
    """Puts a file in force: 0 done, or nothing to do; 1 decided on, not everywhere; 2 nothing was changed."""
    return _change(
        paths,
        lambda _, working: (_read(paths, file, working), file or working),
        "apply",
        may_delete=may_delete,
        may_restart=may_restart,
        expected=expected,
        as_json=as_json,
    )


def run_rollback(
    paths: Paths, number: int, *, may_delete: bool, may_restart: bool, expected: int | None, as_json: bool
) -> int:
    """Puts an earlier version's file in force, as a new version; exit codes as of `run_apply`."""
    stays: list[str] = []

    def wanted(store: SqlConfiguration, _working: Path) -> tuple[Accepted, None]:
        newest = configuration.get_version(store, None).number
        stays.extend(not_rolled_back(store.decks(), number, newest))
        return accepted(configuration.export(store, number), f"version {number}"), None

    code = _change(
        paths,
        wanted,
        f"rollback {number}",
        may_delete=may_delete,
        may_restart=may_restart,
        expected=expected,
        as_json=as_json,
    )
    # last, where it is seen: with a deck alone changed since then there is nothing to do for a rollback
    for told in stays if code != 2 else ():
        say(told, "yellow", err=True)
    return code


def _wanting(paths: Paths, read: Accepted, store: SqlConfiguration | None) -> list[tuple[str, str]]:
    now = time.time()
    held = by_trunk(store.secrets(), now) if store else {}
    return wanting(read.declared, held, digest_key_id(paths), now)


def _read(paths: Paths, file: Path | None, working: Path) -> Accepted:
    """The file a person named, or else the node's own, of which more is known when it is gone."""
    if file is None and not working.exists():
        return read_config(working, how_to_bring_back(paths, working))
    return read_config(file or working)


def plan_document(planned: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "base": planned.base.number if planned.base else None,
        "changed": not planned.nothing_to_do,
        "changes": [change_document(change) for change in planned.changes],
        "deletes": [f"{change.kind}/{change.name}" for change in planned.deletions],
        "opens": [asdict(opening) for opening in planned.reach.opens],
        "closes": [asdict(closing) for closing in planned.reach.closes],
        "warnings": list(planned.warnings),
        "effect": planned.effects.kind,
        "effects": asdict(planned.effects),
        "secrets": dict(planned.secrets),
        "decks": planned.decks,
        "customers": dict(planned.customers),
    }


def deleted_names(planned: Plan) -> str:
    """What a plan takes away, in a line."""
    gone = [f"{change.kind.removesuffix('s')} {change.name}" for change in planned.deletions]
    return ", ".join(gone[:10]) + (f" and {len(gone) - 10} more" if len(gone) > 10 else "")


def change_document(change: Change) -> dict[str, Any]:
    """One change for programs."""
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "keys": [asdict(key) for key in change.keys],
    }


def change_lines(changes: list[Change]) -> list[str]:
    """Changes for people."""
    said = [line for change in changes[:_LISTED] for line in change.lines()]
    if len(changes) > _LISTED:
        said.append(f"... and {len(changes) - _LISTED} more objects (--json has them all)")
    return said


# ---- making it so --------------------------------------------------------------------------------


def _change(
    paths: Paths,
    wanted: Callable[[SqlConfiguration, Path], tuple[Accepted, Path | None]],
    command: str,
    *,
    may_delete: bool,
    may_restart: bool,
    expected: int | None,
    as_json: bool,
) -> int:
    if not _root(command.partition(" ")[0]):
        return 2
    # what is read here is needed to the end: looking for garbage in it takes a tenth of the time
    gc.disable()
    try:
        ensure_users()
        for directory in outer_directories(paths):
            ensure_directory(directory, may_be_link=directory.path == paths.state)
        # 1.
        with changing(paths, command), configuration_store(paths, make=True) as store:
            held = Held(paths)
            if held.running:
                check_runs_this(paths)
            working = node_file_in_use(paths, running=held.running)
            for told in node_file_copy.settle(paths, store):
                say(told, "yellow")
            # 2.
            read, source = wanted(store, working)
            # 3.
            configuration.expect(store, expected)
            planned = _planned(paths, read, held, store)
            if not _agreed(planned, may_delete=may_delete, may_restart=may_restart, ask=not as_json):
                return 2
            if held.running and (found := new_obstacles(held.declared, read.declared)):
                for obstacle in found:
                    complain(obstacle)
                complain("nothing was changed")
                return 2
            # 4. and 5.
            if source != working:
                node_file_copy.announce(paths, working, read.text)
            put = _apply_running if held.running else _apply_stopped
            code, version = put(paths, planned, store, command, held)
            tell_secrets(planned.secrets)
            tell_decks(planned.decks)
            tell_customers(planned.customers)
            if as_json:
                print(json.dumps(plan_document(planned) | {"version": version, "done": code == 0}, indent=1))
            return code
    except (
        Busy,
        Superseded,
        NoSuchVersion,
        TextDamaged,
        NotPrepared,
        OtherVersion,
        LayoutRefused,
        UserMissing,
        OSError,
        ValueError,
    ) as why:
        complain(f"nothing was changed: {why}")
        return 2


def _apply_stopped(
    paths: Paths, planned: Plan, store: SqlConfiguration, command: str, held: Held
) -> tuple[int, int]:
    """The exit code, and the version that was decided on."""
    if planned.base is not None and planned.same_text:
        version = planned.base
        say(f"nothing to do: version {version.number} is this very file", err=True)
    else:
        before = held.in_force
        version = configuration.accept(
            store,
            planned,
            actor=current_actor(),
            command=command,
            at=time.time(),
            beyond=before.version if before else 0,
        )
        say(
            f"version {version.number} ({version.summary}): no node runs here, the next up takes it", err=True
        )
    try:
        for told in node_file_copy.settle(paths, store):
            say(told, err=True)
    except DBAPIError as problem:
        return _not_everywhere(version.number, database_problem(problem)), version.number
    return 0, version.number


def _apply_running(
    paths: Paths, planned: Plan, store: SqlConfiguration, command: str, held: Held
) -> tuple[int, int]:
    """The exit code, and the version that was decided on."""
    began, now = time.monotonic(), datetime.now(UTC)
    before = held.in_force
    if before is None:
        raise ValueError(f"{paths.declared} cannot be read: stop the node, and ./trunkward up writes it anew")
    records, problems = sound(store)
    for problem in problems:
        complain(problem)
    issued = issue(
        paths,
        planned.accepted,
        before,
        records=records,
        now=now,
        tell=lambda change: say(f"{paths.pki}/{change}", "yellow", err=True),
        only=_peers_to_look_at(planned, before),
    )
    after = decide(paths, planned, store, issued, before, actor=current_actor(), command=command, now=now)
    try:
        for told in node_file_copy.settle(paths, store):
            say(told, err=True)
        put_in_force(
            paths,
            (before, before.filled_in(held.declared or before.declared())),
            (after, after.filled_in(planned.accepted.declared)),
            planned.effects,
            now=now,
            gate_policy=gate_policy,
            tell=lambda what: say(what, err=True),
        )
    except DBAPIError as problem:
        return _not_everywhere(after.version, database_problem(problem)), after.version
    except (NotApplied, NotPrepared, OSError) as problem:
        return _not_everywhere(after.version, str(problem)), after.version
    took = time.monotonic() - began
    if after is before:
        say(f"nothing to do: version {after.version} is in force", err=True)
    else:
        said = (
            planned.summary
            if not planned.same_text
            else "what was issued for it, or a file it names, has changed"
        )
        say(f"version {after.version} is in force after {took:.1f} s: {said}", "green", err=True)
    return 0, after.version


def _not_everywhere(version: int, problem: str) -> int:
    complain(f"version {version} is decided on, but not everywhere in force: {problem}")
    complain("./trunkward apply, or the next up, goes on from there; ./trunkward rollback takes it back")
    return 1


def _peers_to_look_at(planned: Plan, before: InForce) -> frozenset[str] | None:
    """Those whose certificates a change can concern; None for all of them.

    All, where the version compared with is not the one in force, where the node's name has changed, and where
    nothing has: then it is a person's way to have what is near its end renewed.
    """
    if planned.same_text or planned.base is None or planned.base.number != before.version:
        return None
    if any(change.kind == "node" for change in planned.changes):
        return None
    # whom a number goes to, or is taken from, and all of a tenant's whose customer, or signer, is another
    trunks = {
        name
        for change in planned.changes
        for key in change.keys
        if change.kind == "numbers" and key.key == "trunk"
        for name in (key.old, key.new)
        if name
    }
    tenants = {
        change.name
        for change in planned.changes
        if change.kind == "tenants"
        and any(key.key.startswith(("customer", "reseller")) for key in change.keys)
    }
    # a token is for the signer of one identity
    resellers = {change.name for change in planned.changes if change.kind == "resellers"}
    trunks |= {
        trunk.name
        for trunk in planned.accepted.declared.trunks
        if trunk.tenant in tenants or trunk.reseller in resellers
    }
    return frozenset(trunks | {change.name for change in planned.changes})


def _planned(paths: Paths, read: Accepted, held: Held, store: SqlConfiguration) -> Plan:
    planned = configuration.plan(store, read, _effects(paths, read, held, store.head()))
    reached = with_reach(planned, store, held.declared, held.in_force)
    return replace(
        reached,
        warnings=(*reached.warnings, *unreadable(read.declared.node.alerts)),
        secrets=_wanting(paths, read, store),
        decks=decks_wanting(read.declared, store.decks()),
        customers=customers_wanting(read.declared, time.time()),
        changed_file=_changed_file(read, held),
    )


def _changed_file(read: Accepted, held: Held) -> str:
    """A file the node file names that says something else than what is in force here; "" when none does."""
    node, in_force = read.declared.node, held.in_force
    if in_force is None:
        return ""
    if new_destinations(read.declared) != in_force.destinations:
        return node.destinations_file
    return node.do_not_originate_file if _other_list(node, in_force) else ""


def _other_list(node: NodeSettings, in_force: InForce) -> bool:
    try:
        return list(never_calls(node.do_not_originate_file)) != in_force.do_not_originate
    except ListRefused:  # read before, and changed meanwhile: whoever puts it in force says what is wrong
        return True


def _effects(paths: Paths, read: Accepted, held: Held, newest: Version | None) -> Effects:
    if not held.running:
        return Effects(running=False)
    left = unfinished(paths)
    declared, in_force = held.declared, held.in_force
    if declared is None or in_force is None:
        return Effects(reload=True, restart=tuple(left or ()))
    found = effects_of(declared, read.declared, paths)
    restart = tuple(dict.fromkeys((*found.restart, *(left or ()))))
    # what was decided on, and broken off before it was in force, may be no more than a comment
    behind = left is not None or (newest is not None and newest.number != in_force.version)
    reload = found.reload or behind or bool(_changed_file(read, held))
    return Effects(reload=reload, restart=restart, start=found.start, stop=found.stop)


def _agreed(planned: Plan, *, may_delete: bool, may_restart: bool, ask: bool) -> bool:
    """Whether a person has agreed to what is deleted and what is restarted."""
    why = "no terminal to ask on" if ask else "--json asks nothing"
    ask = ask and sys.stdin.isatty()
    if planned.same_text:
        _show_reach(planned, err=True)
    else:
        # who cannot be asked has it in the log, a rollback's too
        _show(planned, err=not ask)
    if planned.deletions and not may_delete:
        named = deleted_names(planned)
        if not ask:
            complain(f"{why}: add --delete to delete {named}; nothing was changed")
            return False
        if not typer.confirm(f"delete {named}?"):
            complain("nothing was changed")
            return False
    if planned.effects.kind == "restart" and not may_restart:
        what = "; ".join(planned.effects.asked_about())
        if not ask:
            complain(f"{why}: add --restart to agree that it {what}; nothing was changed")
            return False
        if not typer.confirm(f"it {what}: go on?"):
            complain("nothing was changed")
            return False
    return True


def _show(planned: Plan, *, err: bool = False) -> None:
    if planned.same_text and planned.base:
        left = "" if planned.nothing_to_do else ", and not everywhere in force yet"
        if planned.changed_file:
            left = f", but {planned.changed_file} has changed"
        say(f"no change: version {planned.base.number} is this very file{left}", err=err)
    else:
        base = f"version {planned.base.number}" if planned.base else "nothing"
        say(f"compared with {base}: {planned.summary}", err=err)
    for line in change_lines(planned.changes):
        say(f"  {line}", {"+": "green", "-": "red", "~": "yellow"}.get(line[:1], ""), err=err)
    _show_reach(planned, err=err)
    for line in planned.effects.lines():
        say(f"then: {line}", err=err)
    if planned.deletions:
        say(f"deletes {deleted_names(planned)}: apply asks, or needs --delete", "yellow", err=err)


def tell_decks(wanting: list[str]) -> None:
    """Which decks are named and rate nothing, and what to do."""
    for said in wanting:
        say(said, "yellow", err=True)


def tell_customers(wanting: list[tuple[str, str]]) -> None:
    """Whose calls are signed C, or soon will be, and what to do."""
    for tenant, said in wanting:
        say(f"tenant {tenant}: {said}", "yellow", err=True)


def tell_secrets(wanting: list[tuple[str, str]]) -> None:
    """Which trunks cannot call by digest, and what to do."""
    for trunk, said in wanting:
        say(f"trunk {trunk}: {said}", "yellow", err=True)


def _show_reach(planned: Plan, *, err: bool = False) -> None:
    lines = [line for opening in planned.reach.opens for line in opening.lines()]
    lines += [line for closing in planned.reach.closes for line in closing.lines()]
    for line in lines + [f"warning: {warning}" for warning in planned.warnings]:
        say(line, "yellow" if line.startswith("warning") else "", err=err)


def _root(command: str) -> bool:
    if os.geteuid() == 0:
        return True
    complain(f"trunkward {command} needs root: the configuration is root's. Use sudo.")
    return False
