"""`trunkward up`: prepare the node, start the supervisor, say where everything listens, stop cleanly.

1. One `up` a node: a lock.
2. The node file is read, whole or not at all.
3. Users, directories, keys and certificates: what is missing is made, what is good is kept.
4. The configuration in force is written; the worker compiles it.
5. The engines' files are rendered, the supervisor started, and watched until every part answers.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from trunkward.cli.ready import wait_until_ready
from trunkward.cli.status import listeners, print_deviations
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.engines.layout import ensure_directories
from trunkward.engines.node import prepare
from trunkward.engines.users import ensure_users
from trunkward.settings import Paths
from trunkward.trunks.model import Declared

console = Console(highlight=False)
#: Seconds until every part must answer.
_READY_WITHIN_S = 30.0


def run(paths: Paths) -> int:
    """Runs the node until it is told to stop; the exit code."""
    if os.geteuid() != 0:
        console.print("trunkward up needs root: it gives each process its own user. Use sudo.", style="red")
        return 2
    began = time.monotonic()
    lock = _lock(paths)
    if lock is None:
        return 2
    _example_if_missing(paths)
    declared = read_config(paths.config)
    with console.status("users, directories, keys, certificates"):
        ensure_users()
        ensure_directories(paths, declared.node.gates)
        in_force = prepare(paths, declared, paths.config.read_text(encoding="utf-8"), now=datetime.now(UTC))
    console.print(f"configuration {in_force.version} in force: {paths.config}")
    return _supervise(paths, in_force.declared(), began)


def read_config(path: Path) -> Declared:
    """The declared node, or an exit with every problem of its file."""
    try:
        return read_node_file(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        console.print(f"{path}: there is no such file", style="red")
    except (OSError, UnicodeDecodeError) as problem:
        console.print(f"{path}: cannot be read: {problem}", style="red")
    except NodeFileRefused as refused:
        for wrong in refused.problems:
            console.print(f"{path}:{wrong.line}:{wrong.column}: {wrong.path}: {wrong.message}", style="red")
        console.print(f"{path}: refused whole; nothing was changed", style="red")
    raise typer.Exit(2)


def _supervise(paths: Paths, declared: Declared, began: float) -> int:
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    supervisord = str(Path(sys.executable).parent / "supervisord")
    command = [setpriv, "--pdeathsig=TERM", "--", supervisord, "-c", str(paths.run / "supervisord.conf")]
    with (paths.log / "supervisor.out").open("ab") as out:
        # its own session: Ctrl-C is ours to pass on, once
        supervisor = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            supervisor.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    with console.status("starting"):
        missing = wait_until_ready(
            paths, declared, _READY_WITHIN_S, lambda: stopping or supervisor.poll() is not None
        )
    if missing and not stopping:
        for part, why in missing.items():
            console.print(f"{part} is not ready: {why}; see {paths.log}/{part}.log", style="red")
    elif not stopping:
        console.print(f"[green]ready[/green] after {time.monotonic() - began:.1f} s")
        for name, where in listeners(declared):
            console.print(f"  {name:<28} {where}")
        print_deviations(console, declared)
        console.print(f"  logs in {paths.log}, records in {paths.records}; Ctrl-C stops the node")
    code = supervisor.wait()
    console.print("stopped")
    return 1 if missing and not stopping else 0 if stopping else code


def _lock(paths: Paths) -> object | None:
    paths.run.mkdir(parents=True, exist_ok=True)
    lock = (paths.run / "up.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        console.print(f"this node is up already (process {lock.read().strip()}): {paths.run}", style="red")
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _example_if_missing(paths: Paths) -> None:
    if paths.config.exists():
        return
    example = Path(__file__).parent.parent / "examples" / "node.yaml"
    paths.config.parent.mkdir(parents=True, exist_ok=True)
    part = paths.config.with_name(paths.config.name + ".part")
    shutil.copyfile(example, part)
    os.replace(part, paths.config)
    console.print(f"{paths.config} did not exist: the example stands there now")
