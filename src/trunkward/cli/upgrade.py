"""`trunkward upgrade`: a running node goes over to this command's version, part by part, while calls run.

1. One change of the node at a time; it is up, whole, and this version understands all it finds.
2. The tokens of `control` that this version's signers ask for are issued, and put in force.
3. The files of engines and supervisor are written anew; nothing reads them yet.
4. The worker and the gates are ended and started from this version, one after the other, each watched until
   it answers. An edge that finds a gate gone asks another (`edge/gate.py`). Kamailio is started anew, if
   anything it runs has changed. Running calls outlive that (`edge/running.py`).
5. The signers go last, when every gate decides by what is in force: what a new one asks for, gates send by
   then. On the way back they go first. So no signer is ever of a later version than a gate.
6. What was written down as the version in use follows; what could not be moved is said.
7. A part that does not answer: the version before does all of this, back.

rtpengine and the supervisor are left alone: media goes on. Whatever dies meanwhile is started by the
supervisor, as the version it was started from last.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from trunkward import __version__
from trunkward.cli.actor import current_actor
from trunkward.cli.backup import run_backup
from trunkward.cli.changing import Busy, changing, configuration_store
from trunkward.cli.ready import gate_policy, not_ready
from trunkward.cli.renewing import NotRenewed, renewed
from trunkward.cli.said import complain, say
from trunkward.cli.status import read_in_force
from trunkward.control.declared import InForce
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.engine_files import render
from trunkward.engines.in_force import put_down
from trunkward.engines.installed import (
    Installation,
    InUse,
    edge_fingerprint,
    in_use,
    put_in_use,
    this_installation,
)
from trunkward.engines.layout import LayoutRefused, ensure_directories
from trunkward.engines.live import NotApplied, taken_by_gates
from trunkward.engines.pki_files import ensure_later_keys
from trunkward.engines.supervisor import Program
from trunkward.engines.supervisor_rpc import RUNNING, Difference, Supervisor, SupervisorRefused
from trunkward.engines.up_lock import holder
from trunkward.engines.users import UserMissing, ensure_users, uid
from trunkward.settings import Paths, signer_name
from trunkward.trunks.transit import OF_NODE

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


#: Why it failed, in words a person can act on.
_KNOWN = (NotUpgraded, NotRenewed, NotApplied, SupervisorRefused, NotPrepared, LayoutRefused, OSError)


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
    if _is_earlier(used) and not going_back and (used.before is None or used.before.prefix != here.prefix):
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
        edge = _parts(paths, in_force, used.edge, back=going_back or _is_earlier(used))
    except Exception as problem:  # a fault of this version's own is one more reason to go back
        known = isinstance(problem, _KNOWN)
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


def _is_earlier(used: InUse) -> bool:
    """Whether this version is an earlier one than the node runs."""
    return _number(__version__) < _number(used.now.version)


def _undone(used: InUse, lock: int) -> int:
    say(f"going back to version {used.now.version}", "yellow")
    # the lock is held by that process, too: nobody comes in between, whatever becomes of us
    code = subprocess.run(_command(used.now, "--going-back"), check=False, pass_fds=(lock,)).returncode
    if code == 0:
        complain(f"not upgraded: the node runs version {used.now.version} as before")
    return 1


def _parts(paths: Paths, in_force: InForce, edge_before: str, *, back: bool) -> str:
    """Moves every part; the fingerprint of what Kamailio now runs."""
    declared = in_force.declared()
    # 2.
    ensure_directories(paths, declared.node.gates, declared.reseller_identities, running=True)
    ensure_later_keys(paths.pki, uid("tw-gate"), uid("tw-worker"))
    if not back:
        in_force = _with_tokens(paths, in_force)
    # 3.
    wanted = _in_order(render(paths, in_force, now=datetime.now(UTC)), back=back)
    edge = edge_fingerprint(paths)
    supervisor = Supervisor(paths.supervisor_socket)
    differs = supervisor.difference()
    # 4. and 5.
    for program in wanted:
        if not back and _is_signer(program):
            taken_by_gates(declared, in_force.version, gate_policy)
        if _renewed(supervisor, program, differs, edge_changed=edge != edge_before):
            _wait_for(paths, in_force, supervisor, program.name)
            say(f"  {program.name} runs version {__version__}")
    for name in differs.removed:
        supervisor.remove(name)
        say(f"  {name} is no part of version {__version__}: ended")
    _stays_whole(paths, in_force, supervisor, wanted)
    # 6.
    for name in _LEFT_ALONE & set(differs.changed):
        said = "is started otherwise by this version: the next start brings that, now calls would suffer"
        say(f"  {name} {said}", "yellow")
    return edge


def _with_tokens(paths: Paths, in_force: InForce) -> InForce:
    """What is in force from now on: with every token this version gives. The parts of before read it, too."""
    with configuration_store(paths, make=True) as store:
        after = renewed(
            paths, store, in_force, actor=current_actor(), command="upgrade", now=datetime.now(UTC)
        )
    if after is not in_force:
        put_down(paths, after)
        say(f"  version {after.version} of the configuration: the same file, with this version's tokens")
    return after


def _in_order(programs: Iterable[Program], *, back: bool) -> list[Program]:
    """As a start has them, but for signers: last on the way there, first on the way back."""
    return sorted(programs, key=lambda program: (_is_signer(program) != back, program.priority))


def _is_signer(program: Program) -> bool:
    return program.name.startswith(signer_name(OF_NODE))


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
