"""`trunkward apply` and `rollback`: what a node file changes is made so.

1. One change of the node at a time, by the version that runs; what an earlier one left undone is known.
2. The file is read, whole or not at all.
3. What it changes is compared with what was expected, and a person agrees to what cannot be taken back.
4. What it needs is issued; its version is decided on; the working copy of the node file has its text.
5. A node that runs takes it, and every gate says so.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

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
    is_root,
    node_file_in_use,
    read_wanted,
)
from trunkward.cli.plan_shown import deleted_names, plan_document, show_plan, show_reach, tell_wanting
from trunkward.cli.planning import Held, planned_change
from trunkward.cli.preflight import new_obstacles
from trunkward.cli.ready import gate_policy
from trunkward.cli.said import complain, say
from trunkward.cli.unfit_keys import unfit_key
from trunkward.cli.unsound import tell_unsound
from trunkward.control import configuration
from trunkward.control.borne_out import borne_out
from trunkward.control.concerned import peers_concerned
from trunkward.control.configuration import NoSuchVersion, Plan, Superseded
from trunkward.control.deck_versions import not_rolled_back
from trunkward.control.node_file import Accepted
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.installed import OtherVersion, check_runs_this
from trunkward.engines.issuing import issue
from trunkward.engines.layout import LayoutRefused, ensure_directory, outer_directories
from trunkward.engines.live import NotApplied, put_in_force
from trunkward.engines.node import decide
from trunkward.engines.users import UserMissing, ensure_users
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged


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
        lambda _, working: (read_wanted(paths, file, working), file or working),
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
    if not is_root(command.partition(" ")[0]):
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
            planned = planned_change(paths, read, held, store)
            if not _agreed(planned, may_delete=may_delete, may_restart=may_restart, ask=not as_json):
                return 2
            found = new_obstacles(held.declared, read.declared) if held.running else []
            found += filter(None, [unfit_key(paths, read.declared)])
            if found:
                for obstacle in found:
                    complain(obstacle)
                complain("nothing was changed")
                return 2
            # 4. and 5.
            if source != working:
                node_file_copy.announce(paths, working, read.text)
            put = _apply_running if held.running else _apply_stopped
            code, version = put(paths, planned, store, command, held)
            tell_wanting(planned)
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


def _agreed(planned: Plan, *, may_delete: bool, may_restart: bool, ask: bool) -> bool:
    """Whether a person has agreed to what is deleted and what is restarted."""
    why = "no terminal to ask on" if ask else "--json asks nothing"
    ask = ask and sys.stdin.isatty()
    if planned.same_text:
        show_reach(planned, err=True)
    else:
        # who cannot be asked has it in the log, a rollback's too
        show_plan(planned, err=not ask)
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
    kept = borne_out(store, before, now.timestamp())
    tell_unsound(paths, store, kept, warned=True)  # by the plan
    put_right: list[str] = []

    def tell(change: str) -> None:
        put_right.append(change)
        say(f"{paths.pki}/{change}", "yellow", err=True)

    issued = issue(
        paths,
        planned.accepted,
        before,
        records=kept.records,
        now=now,
        tell=tell,
        only=peers_concerned(planned, before),
    )
    after = decide(
        *(paths, planned, store, issued, before),
        kept=kept,
        actor=current_actor(),
        command=command,
        now=now,
    )
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
        more = "; what is named above was put right" if put_right else ""
        say(f"nothing {'else ' if more else ''}to do: version {after.version} is in force{more}", err=True)
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
