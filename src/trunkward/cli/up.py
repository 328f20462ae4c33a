"""`trunkward up`: prepare the node, start the supervisor, say where everything listens, stop cleanly.

1. One `up` a node: a lock, which the supervisor holds too.
2. The node file is read, whole or not at all.
3. What would stop the start is found before anything is changed.
4. A change of the configuration that was broken off is finished. Directories, keys and certificates: what is
   missing is made, what is good is kept.
5. A file that is new becomes the next version, unless it deletes something and nobody has said that it may:
   then the newest version stays. What is in force is written down, and the worker compiles it.
6. The engines' files are rendered, the supervisor started, and watched until every part answers.
7. Whatever ends it: no process is left, and the exit code says how it went.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console

from trunkward.cli import node_file_copy
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import (
    Busy,
    accepted,
    changing,
    configuration_store,
    how_to_bring_back,
    read_config,
)
from trunkward.cli.plan_shown import deleted_names
from trunkward.cli.preflight import obstacles
from trunkward.cli.said import complain, say
from trunkward.cli.supervising import supervise
from trunkward.cli.unsound import tell_unsound
from trunkward.control.borne_out import borne_out
from trunkward.control.configuration import Superseded, plan
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.node_file import Accepted
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.in_force import read_in_force
from trunkward.engines.kernel import make_room
from trunkward.engines.layout import LayoutRefused, ensure_directories, ensure_directory, outer_directories
from trunkward.engines.live import tls_was_read
from trunkward.engines.node import prepare
from trunkward.engines.restore import finish
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged

console = Console(highlight=False, soft_wrap=True)
_EXAMPLE = Path(__file__).parent.parent / "examples" / "node.yaml"
#: Seconds a node that lost its `up` may take to stop: the supervisor's patience with one process, and some.
_STOPS_WITHIN_S = 15.0


def run(paths: Paths, *, may_delete: bool = False, example: bool = True) -> int:
    """Runs the node until it is told to stop; the exit code: 0 stopped on request, 1 failed, 2 refused.

    `may_delete`: what the node file has no more is deleted. `example`: a node file that is not there is made
    from the example, unless this node has had another.
    """
    if os.geteuid() != 0:
        complain("trunkward up needs root: it gives each process its own user. Use sudo.")
        return 2
    began = time.monotonic()
    # 1.
    lock = _lock(paths)
    if lock is None:
        return 2
    with lock:
        try:
            if finish(paths):
                say("a restore that was broken off has been finished", "yellow")
        except OSError as problem:
            complain(f"not started: a restore was broken off, and cannot be finished: {problem}")
            return 2
        # 2. and 3.
        if example and not paths.config.exists():
            # the example in its place would delete every trunk and carrier
            if gone := how_to_bring_back(paths, paths.config):
                complain(f"{paths.config} is gone{gone}; not started, nothing was changed")
                return 2
            # what hinders the start hinders it before anything is written
            if _startable(paths, _EXAMPLE.read_text(encoding="utf-8"), "the example") is None:
                return 2
            _make_example(paths)
        read = _startable(paths)
        if read is None:
            return 2
        # to 6.: nobody else changes the configuration until every part answers
        with ExitStack() as change:
            try:
                for directory in outer_directories(paths):
                    ensure_directory(directory, may_be_link=directory.path == paths.state)
                change.enter_context(changing(paths, "up"))
            except (Busy, LayoutRefused, OSError) as problem:
                complain(f"not started: {problem}")
                return 2
            with configuration_store(paths, make=True) as store:
                in_force = _in_force(paths, store, read, may_delete=may_delete)
            if in_force is None:
                return 2
            say(f"configuration {in_force.version} in force: {paths.config}")
            if said := make_room():
                say(said)
            # 6. and 7.
            return supervise(paths, in_force, began, lock.fileno(), change.close)


def _startable(paths: Paths, text: str | None = None, source: str = "the newest version") -> Accepted | None:
    """The node file, or this text, if a node can start on it; None, and said why, when something hinders."""
    read = read_config(paths.config) if text is None else accepted(text, source)
    if found := obstacles(paths, read.declared):
        for obstacle in found:
            complain(obstacle)
        complain("not started; nothing was changed")
        return None
    return read


def _in_force(paths: Paths, store: SqlConfiguration, read: Accepted, *, may_delete: bool) -> InForce | None:
    """Prepares everything; None, and said why, when that cannot be."""
    try:
        told = node_file_copy.settle(paths, store)
        for line in told:
            say(line, "yellow")
        # a change that was broken off has written it, or one that was made until a moment ago
        if told or paths.config.read_text(encoding="utf-8") != read.text:
            if (finished := _startable(paths)) is None:
                return None
            read = finished
        # 4. and 5.
        planned = plan(store, read, Effects(running=False))
        if planned.base is not None and planned.deletions and not may_delete:
            newest = planned.base
            say(
                f"{paths.config} deletes {deleted_names(planned)}, which nobody has said it may: starting on "
                f"version {newest.number}, the newest. ./trunkward apply --delete deletes, and up --delete",
                "yellow",
            )
            if (kept := _startable(paths, store.text(newest))) is None:
                return None
            planned = plan(store, kept, Effects(running=False))
        with console.status("directories, keys, certificates"):
            wanted = planned.accepted.declared
            ensure_directories(paths, wanted.node.gates, wanted.reseller_identities)
            now = datetime.now(UTC)
            proven = borne_out(store, read_in_force(paths.declared), now.timestamp())
            tell_unsound(paths, store, proven)
            in_force = prepare(
                paths,
                planned,
                store,
                kept=proven,
                actor=current_actor(),
                command="up",
                now=now,
                tell=_tell_of(paths.pki),
            )
            write_private(paths.taken, f"{paths.config}\n", "root", "root", 0o644)
            tls_was_read(paths)
            paths.unfinished.unlink(missing_ok=True)
    except (LayoutRefused, NotPrepared, Superseded, TextDamaged, OSError, ValueError) as problem:
        complain(f"not started: {problem}")
        return None
    return in_force


def _tell_of(directory: Path) -> Callable[[str], None]:
    return lambda change: say(f"{directory}/{change}", "yellow")


def _lock(paths: Paths) -> TextIOWrapper | None:
    try:
        paths.run.mkdir(parents=True, exist_ok=True)
        lock = (paths.run / "up.lock").open("a+", encoding="ascii", errors="replace")
    except OSError as problem:
        complain(f"not started: {problem}")
        return None
    until = time.monotonic() + _STOPS_WITHIN_S
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
        # its `up` is gone, but the supervisor it left is still stopping the processes
        stopping = holder.isdigit() and not Path(f"/proc/{holder}").exists()
        if not stopping or time.monotonic() > until:
            complain(f"this node is up already (process {holder}): {paths.run}")
            lock.close()
            return None
        if not told:
            say(f"waiting for the node of process {holder}, which is gone, to stop")
            told = True
        time.sleep(0.1)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _make_example(paths: Paths) -> None:
    paths.config.parent.mkdir(parents=True, exist_ok=True)
    part = paths.config.with_name(paths.config.name + ".part")
    shutil.copyfile(_EXAMPLE, part)
    os.replace(part, paths.config)
    say(f"{paths.config} did not exist: the example stands there now")
