"""`trunkward upgrade`: a running node goes over to this command's version, part by part, while calls run.

1. One change of the node at a time; it is up, whole, and this version understands all it finds.
2. The files of engines and supervisor are written anew; nothing reads them yet.
3. The signer, the worker and the gates are ended and started from this version, one after the other, each
   watched until it answers. An edge that finds a gate gone asks another (`edge/gate.py`).
4. Kamailio is started anew, if anything it runs has changed. Running calls outlive that (`edge/running.py`).
5. What was written down as the version in use follows; what could not be moved is said.
6. A part that does not answer: the version before does all of this, back.

rtpengine and the supervisor are left alone: media goes on. Whatever dies meanwhile is started by the
supervisor, as the version it was started from last.
"""

import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from trunkward import __version__
from trunkward.cli.backup import run_backup
from trunkward.cli.changing import Busy, changing
from trunkward.cli.ready import not_ready
from trunkward.cli.said import complain, say
from trunkward.cli.status import read_in_force
from trunkward.control.declared import InForce
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.engine_files import render
from trunkward.engines.installed import (
    Installation,
    InUse,
    edge_fingerprint,
    in_use,
    put_in_use,
    this_installation,
)
from trunkward.engines.layout import LayoutRefused, ensure_directories
from trunkward.engines.pki_files import ensure_later_keys
from trunkward.engines.supervisor import Program
from trunkward.engines.supervisor_rpc import RUNNING, Difference, Supervisor, SupervisorRefused
from trunkward.engines.up_lock import holder
from trunkward.engines.users import UserMissing, ensure_users, uid
from trunkward.settings import Paths

#: Seconds a part may take until it answers, and has run for the second the supervisor wants to see.
_READY_WITHIN_S = 20.0
#: Seconds the node must then stay whole.
_STAYS_S = 2.0
_STEP_S = 0.1
#: Starts of one part in vain, after which waiting for it is no use.
_STARTS_IN_VAIN = 2
#: What ends calls when it is started anew, or refuses them meanwhile: Valkey, which counts them.
_LEFT_ALONE = frozenset({"rtpengine", "valkey"})


class NotUpgraded(Exception):
    """Some part did not come up; the message says which and why."""


def run(paths: Paths, *, backup_to: str | None = None, back: bool = False, going_back: bool = False) -> int:
    """0 done, 1 failed and gone back (or not even that, which is said), 2 refused with nothing changed.

    `back`: to the version before. `going_back`: this is the version before, called by one that failed.
    """
    if os.geteuid() != 0:
        complain("trunkward upgrade needs root: it starts processes as their users. Use sudo.")
        return 2
    if not holder(paths):
        complain("no node is up here: stop and start is all the upgrade it needs: ./trunkward up")
        return 2
    if back:
        return _back(in_use(paths))
    # 1.
    try:
        # to the end: what is in force is what parts are started with, and waited for by
        with changing(paths, "upgrade", inherited=going_back) as lock:
            used = in_use(paths)
            if used is None:
                complain("it is not known what version the node runs: stop it, and ./trunkward up")
                return 2
            in_force = _understood(paths, used, going_back=going_back)
            if in_force is None:
                return 2
            if backup_to is not None and (code := run_backup(paths, backup_to)):
                return code
            return _move(paths, used, in_force, lock, going_back=going_back)
    except Busy as busy:
        complain(f"nothing was changed: {busy}")
        return 2


def _back(used: InUse | None) -> int:
    if used is None or used.before is None or not Path(used.before.python).exists():
        complain("the version before is not on this machine: upgrade from its checkout or installation")
        return 2
    return subprocess.run(_command(used.before), check=False).returncode


def _command(installation: Installation, *options: str) -> list[str]:
    start = "from trunkward.cli.main import main; main()"
    return [installation.python, "-I", "-c", start, "upgrade", *options]


def _understood(paths: Paths, used: InUse, *, going_back: bool) -> InForce | None:
    """The configuration in force, when this version can run the node that is up; None, and said why not."""
    here = this_installation()
    earlier = _number(here.version) < _number(used.now.version)
    if earlier and not going_back and (used.before is None or used.before.prefix != here.prefix):
        complain(
            f"the node runs version {used.now.version}, and this is {here.version}: back goes only the "
            "version it ran before (./trunkward upgrade --back), which can read its databases; for others "
            "restore a backup"
        )
        return None
    in_force = read_in_force(paths)
    if in_force is None:
        return None
    try:
        declared = in_force.declared()
        ensure_users()
    except (NodeFileRefused, UserMissing) as problem:
        complain(f"version {__version__} cannot run this node; nothing was changed: {problem}")
        return None
    if not going_back and not used.moving_to and (missing := not_ready(paths, declared, in_force.version)):
        told = "; ".join(f"{part}: {why}" for part, why in missing.items())
        complain(f"the node is not whole, which could not be told from a fault of the upgrade: {told}")
        return None
    return in_force


def _move(paths: Paths, used: InUse, in_force: InForce, lock: int, *, going_back: bool) -> int:
    here, began = this_installation(), time.monotonic()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that goes leaves no node half moved
    before = used.now if used.now.prefix != here.prefix else used.before
    # from here on a node that is found half moved is known to be that
    put_in_use(paths, InUse(now=used.now, before=used.before, edge=used.edge, moving_to=here.prefix))
    try:
        edge = _parts(paths, in_force, used.edge)
    except Exception as problem:  # a fault of this version's own is one more reason to go back
        known = isinstance(problem, NotUpgraded | SupervisorRefused | NotPrepared | LayoutRefused | OSError)
        complain(f"version {here.version} did not come up: {problem if known else repr(problem)}")
        if going_back:
            complain("nor can the version before be brought back: see trunkward status, and the logs")
            return 1
        return _undone(used, lock)
    put_in_use(paths, InUse(now=here, before=before, edge=edge))
    say(f"the node runs version {here.version} ({time.monotonic() - began:.0f} s)", "green")
    if before is not None:
        say(f"the way back, with calls running as well: ./trunkward upgrade --back (to {before.version})")
    return 0


def _undone(used: InUse, lock: int) -> int:
    say(f"going back to version {used.now.version}", "yellow")
    # the lock is held by that process, too: nobody comes in between, whatever becomes of us
    code = subprocess.run(_command(used.now, "--going-back"), check=False, pass_fds=(lock,)).returncode
    if code == 0:
        complain(f"not upgraded: the node runs version {used.now.version} as before")
    return 1


def _parts(paths: Paths, in_force: InForce, edge_before: str) -> str:
    """Moves every part; the fingerprint of what Kamailio now runs."""
    declared = in_force.declared()
    # 2.
    ensure_directories(paths, declared.node.gates, declared.reseller_identities, running=True)
    ensure_later_keys(paths.pki, uid("tw-gate"), uid("tw-worker"))
    wanted = sorted(render(paths, in_force, now=datetime.now(UTC)), key=lambda program: program.priority)
    edge = edge_fingerprint(paths)
    supervisor = Supervisor(paths.supervisor_socket)
    differs = supervisor.difference()
    # 3. and 4.
    for program in wanted:
        if _renewed(supervisor, program, differs, edge_changed=edge != edge_before):
            _wait_for(paths, in_force, supervisor, program.name)
            say(f"  {program.name} runs version {__version__}")
    for name in differs.removed:
        supervisor.remove(name)
        say(f"  {name} is no part of version {__version__}: ended")
    _stays_whole(paths, in_force, supervisor, wanted)
    # 5.
    for name in _LEFT_ALONE & set(differs.changed):
        said = "is started otherwise by this version: the next start brings that, now calls would suffer"
        say(f"  {name} {said}", "yellow")
    return edge


def _renewed(supervisor: Supervisor, program: Program, differs: Difference, *, edge_changed: bool) -> bool:
    """Brings one part to what is configured now; False when it is that already, or is left alone."""
    if program.name in differs.added:
        supervisor.add(program.name)
    elif program.name in _LEFT_ALONE:
        return False
    elif program.name in differs.changed:
        supervisor.replace(program.name)
    elif program.name == "kamailio" and edge_changed:
        supervisor.restart(program.name)
    else:
        return False
    return True


def _wait_for(paths: Paths, in_force: InForce, supervisor: Supervisor, part: str) -> None:
    until, seen = time.monotonic() + _READY_WITHIN_S, set()
    while True:
        process = supervisor.process(part)
        state = process.state
        seen.add(process.pid)
        missing = not_ready(paths, in_force.declared(), in_force.version)
        if state == RUNNING and part not in missing:
            return
        if time.monotonic() > until or len(seen - {0}) > _STARTS_IN_VAIN:
            why = missing.get(part, "and does not stay")
            raise NotUpgraded(f"{part} is {state.lower()}, {why}: {paths.log}/{part}.log")
        time.sleep(_STEP_S)


def _stays_whole(paths: Paths, in_force: InForce, supervisor: Supervisor, wanted: list[Program]) -> None:
    """Watches the whole node for a while: a part that dies of its first work is seen here."""
    pids = {program.name: supervisor.process(program.name).pid for program in wanted}
    time.sleep(_STAYS_S)
    for name, pid in pids.items():
        if (now := supervisor.process(name)).pid != pid or now.state != RUNNING:
            raise NotUpgraded(f"{name} does not stay: {paths.log}/{name}.log")
    until = time.monotonic() + _READY_WITHIN_S  # one probe that fails may be a busy machine's
    while missing := not_ready(paths, in_force.declared(), in_force.version):
        if time.monotonic() > until:
            raise NotUpgraded("; ".join(f"{part}: {why}" for part, why in missing.items()))
        time.sleep(_STEP_S)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
