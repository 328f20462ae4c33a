"""`trunkward up`, once everything is prepared: the supervisor started, watched, and nothing left of it.

1. The supervisor is started; it dies with us, and what it leaves becomes ours.
2. Every part answers, or the rest is stopped.
3. Whatever ends it: no process is left, and the exit code says how it went.
"""

import ctypes
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
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from trunkward.cli.certificate_lines import shown_lines
from trunkward.cli.ready import means_without, wait_until_ready
from trunkward.cli.said import complain, say
from trunkward.cli.status import listeners, print_deviations
from trunkward.control.declared import InForce
from trunkward.engines.certificates import shown
from trunkward.engines.installed import started
from trunkward.engines.retention_look import keep_looking
from trunkward.engines.verify_look import Verifying
from trunkward.settings import Paths
from trunkward.trunks.model import Declared

console = Console(highlight=False, soft_wrap=True)
#: Seconds until every part must answer.
_READY_WITHIN_S = 30.0
#: Starts of one part in vain, after which waiting for it is no use.
_GIVE_UP_AFTER = 4
_EXITED = re.compile(r"WARN exited: (\S+)")
#: Seconds orphans have to end by themselves after their supervisor died.
_ORPHANS_END_WITHIN_S = 3.0
#: Seconds a node that is not ready yet gets to stop by itself.
_UNREADY_STOPS_WITHIN_S = 1.0
_PR_SET_CHILD_SUBREAPER = 36
#: Bytes of what supervisors said on standard error (nothing, usually) until a new file is begun.
_MOST_SAID = 1_000_000


def supervise(
    paths: Paths, in_force: InForce, began: float, lock: int, may_change: Callable[[], None]
) -> int:
    """Runs what is prepared until it is told to stop; the exit code: 0 stopped on request, 1 failed.

    `began`: when `up` did, by `time.monotonic`. `lock`: a file the supervisor holds, too. `may_change`: is
    called when every part answers; the configuration may change from then on.
    """
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
