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

import ctypes
import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console

from trunkward.cli import node_file_copy
from trunkward.cli.actor import current_actor
from trunkward.cli.certificate_lines import shown_lines
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
from trunkward.cli.ready import means_without, wait_until_ready
from trunkward.cli.said import complain, say
from trunkward.cli.status import listeners, print_deviations
from trunkward.cli.unsound import sound_records
from trunkward.control.configuration import Superseded, plan
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.node_file import Accepted
from trunkward.engines.certificates import shown
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.installed import started
from trunkward.engines.kernel import make_room
from trunkward.engines.layout import LayoutRefused, ensure_directories, ensure_directory, outer_directories
from trunkward.engines.live import tls_was_read
from trunkward.engines.node import prepare
from trunkward.engines.restore import finish
from trunkward.engines.retention_look import keep_looking
from trunkward.engines.verify_look import Verifying
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.trunks.model import Declared

console = Console(highlight=False, soft_wrap=True)
_EXAMPLE = Path(__file__).parent.parent / "examples" / "node.yaml"
#: Seconds until every part must answer.
_READY_WITHIN_S = 30.0
#: Starts of one part in vain, after which waiting for it is no use.
_GIVE_UP_AFTER = 4
_EXITED = re.compile(r"WARN exited: (\S+)")
#: Seconds a node that lost its `up` may take to stop: the supervisor's patience with one process, and some.
_STOPS_WITHIN_S = 15.0
#: Seconds orphans have to end by themselves after their supervisor died.
_ORPHANS_END_WITHIN_S = 3.0
#: Seconds a node that is not ready yet gets to stop by itself.
_UNREADY_STOPS_WITHIN_S = 1.0
_PR_SET_CHILD_SUBREAPER = 36
#: Bytes of what supervisors said on standard error (nothing, usually) until a new file is begun.
_MOST_SAID = 1_000_000


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
            return _supervise(paths, in_force, began, lock.fileno(), change.close)


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
            records = sound_records(paths, store)
            in_force = prepare(
                paths,
                planned,
                store,
                records=records,
                actor=current_actor(),
                command="up",
                now=datetime.now(UTC),
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


def _supervise(
    paths: Paths, in_force: InForce, began: float, lock: int, may_change: Callable[[], None]
) -> int:
    # processes that lose their supervisor become ours: none is left when we leave
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    supervisord = [sys.executable, "-I", "-m", "trunkward.engines.supervisord"]
    command = [setpriv, "--pdeathsig=TERM", "--", *supervisord, "-c", str(paths.run / "supervisord.conf")]
    # of every part: gates have what opens secrets, the edge keys of TLS, and a core dump would have it all
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # ours to tell: no part speaks for the node
    manager = os.environ.pop("NOTIFY_SOCKET", "")
    stop_wanted = False
    supervisor: subprocess.Popen[bytes] | None = None

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stop_wanted
        if not stop_wanted and supervisor is not None:
            supervisor.send_signal(signal.SIGTERM)
        stop_wanted = True
        _tell_service_manager(manager, "STOPPING=1")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    log = paths.log / "supervisor.log"
    began_at = log.stat().st_size if log.exists() else 0
    private = partial(os.open, mode=0o640)
    said = paths.log / "supervisor.out"
    if said.exists() and said.stat().st_size > _MOST_SAID:
        said.replace(said.with_name("supervisor.out.1"))
    with open(said, "ab", opener=private) as out:
        # its own session: Ctrl-C is ours to pass on, once. It holds the lock as long as anything of it runs
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            pass_fds=(lock,),
            # logs and databases tell who called whom: nobody else reads what any part writes
            umask=0o027,
        )
    if stop_wanted:
        supervisor.send_signal(signal.SIGTERM)
    declared = in_force.declared()
    shared = declared.node.live
    with console.status("starting"):
        missing = wait_until_ready(
            replace(paths, live=shared.where if shared else ""),
            declared,
            in_force.version,
            _READY_WITHIN_S,
            lambda: stop_wanted or supervisor.poll() is not None or _keeps_dying(log, began_at, declared),
        )
    verifying = Verifying(paths, lambda said: say(f"journals: {said}", "red"))
    ready = not missing and supervisor.poll() is None
    if ready:
        _note_start(paths)
        may_change()  # now that it is written down what runs
        _tell_service_manager(manager, "READY=1\nSTATUS=every part answers")
        _announce(paths, declared, began)
        keep_looking(paths, lambda said: say(f"evidence whose time is over: {said}", "yellow"))
        verifying.begin()
    elif not stop_wanted and supervisor.poll() is None:
        for part, why in missing.items():
            complain(f"{part} is not ready: {why}\n{_last_words(paths.log / f'{part}.log')}")
        complain(f"not started: {', '.join(missing)} did not become ready; stopping the rest")
        supervisor.send_signal(signal.SIGTERM)
    if stop_wanted and not ready:
        # It has served nobody. Kamailio, the first process of its namespace, hears no signal before it has a
        # handler for it (pid_namespaces(7)); the supervisor's death takes everything along
        with suppress(subprocess.TimeoutExpired):
            supervisor.wait(_UNREADY_STOPS_WITHIN_S)
        if supervisor.poll() is None:
            supervisor.kill()
    code = supervisor.wait()
    verifying.end()
    left = _end_orphans()
    if stop_wanted:
        say("stopped")
        return 0
    if missing and code == 0:
        return 1
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit {code}"
    ended = f"; ended the {left} process(es) it left behind" if left else ""
    complain(f"the supervisor {how}{ended}. See {paths.log}/supervisor.log and supervisor.out")
    return 1


def _note_start(paths: Paths) -> None:
    """The node runs whether or not that can be written down."""
    try:
        started(paths)
    except OSError as problem:
        complain(
            f"the node runs, but what the next start is from could not be noted: {problem}. To have this "
            "version start again, stop the node and run `trunkward install-units` of it"
        )


def _tell_service_manager(address: str, state: str) -> None:
    """Tells systemd where it started us (sd_notify(3)); this never fails a node."""
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def _announce(paths: Paths, declared: Declared, began: float) -> None:
    say(f"ready after {time.monotonic() - began:.1f} s", "green")
    for name, where in listeners(declared):
        say(f"  {name:<28} {where}")
    for one in shown(declared, paths):
        if one.source != "local":
            for line in shown_lines(one, datetime.now(UTC)):
                console.print(line)
    print_deviations(console, declared)
    say(f"  logs in {paths.log}, records in {paths.records}; Ctrl-C stops the node")


def _keeps_dying(log: Path, since: int, declared: Declared) -> bool:
    """Whether the supervisor has started some part in vain several times, one that a node needs to start."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            said = file.read().decode(errors="replace")
    except FileNotFoundError:
        return False
    vain = Counter(part for part in _EXITED.findall(said) if not means_without(part, declared))
    return any(times >= _GIVE_UP_AFTER for times in vain.values())


def _end_orphans() -> int:
    """Waits for the processes that have become our children, ends what does not go; how many there were."""
    seen: set[int] = set()
    until = time.monotonic() + _ORPHANS_END_WITHIN_S
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        if not children:
            return len(seen)
        seen |= {int(child) for child in children}
        if time.monotonic() > until:
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        time.sleep(0.02)


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    except OSError:
        lines = []
    return "\n".join(
        [f"  {log}: {'its last lines' if lines else 'empty'}", *(f"    {line}" for line in lines)]
    )


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
