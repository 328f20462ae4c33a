"""What root alone may delete, or renew, is looked for by itself, once an hour, as long as a node is up.

Documents of evidence are in the configuration database, which is not for the parts of a node to touch (in a
PostgreSQL the worker could), and tokens are signed with a key of root's. `up` is root's and lives as long as
the node does: it starts the commands that look, of the version that runs, and writes down what came of the
first for whoever watches. That tokens are not renewed is seen by their end, which is watched as a
certificate's is.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from trunkward.engines.installed import in_use, this_installation
from trunkward.engines.retention_state import Look, write_look
from trunkward.settings import Paths

#: Seconds from the moment a node is ready to the first look, and between two.
_FIRST_S, _EVERY_S = 20.0, 3600.0
#: Seconds after which a look is told to end (SIGTERM): it finishes what it has begun, however long that is.
_ENDS_WITHIN_S = 300.0
#: Characters of what a command said that are kept.
_MOST_SAID = 500
#: The commands: `cli.forget_evidence`, `cli.renewing`.
_FORGET, _RENEW = (("-I", "-m", f"trunkward.cli.{name}") for name in ("forget_evidence", "renewing"))


def keep_looking(paths: Paths, tell: Callable[[str], None]) -> None:
    """Looks until this process ends, in a thread of its own. `tell` hears what was done, and what was not."""
    threading.Thread(target=_look_hourly, args=(paths, tell), name="retention", daemon=True).start()


def _look_hourly(paths: Paths, tell: Callable[[str], None]) -> None:
    time.sleep(_FIRST_S)
    told: set[str] = set()
    renew = False  # what was due `up` has renewed before it was ready
    while True:
        with suppress(Exception, SystemExit):  # a standard output that is closed, say; the next look comes
            before, told = told, _looked(paths, renew=renew)
            for said in sorted(told - before):
                tell(said)
        renew = True
        time.sleep(_EVERY_S)


def _looked(paths: Paths, *, renew: bool) -> set[str]:
    try:
        used = in_use(paths)
        python = (used.now if used is not None else this_installation()).python
    except Exception as problem:  # whatever it is: it is said, and looked at again
        return {_written(paths, f"{type(problem).__name__}: {problem}")}
    # tokens first: they are what calls need. It is never told to end: half a change is worse than a late one
    came = [ran([python, *_RENEW], None)] if renew else []
    came.append(look(paths, [python, *_FORGET]))
    return {problem or done for problem, done in came} - {""}


def look(paths: Paths, command: list[str]) -> tuple[str, str]:
    """Runs the command and writes down what came of it, as `ran` tells."""
    problem, done = ran(command, lambda late: _written(paths, late))
    problem = _written(paths, problem)
    return problem, "" if problem else done


def ran(command: list[str], tell_late: Callable[[str], object] | None) -> tuple[str, str]:
    """Runs the command: why it failed, or what it has done ("": nothing).

    With `tell_late` one that has not ended after five minutes is told to (SIGTERM), and that is told of.
    """
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # Ctrl-C is for the node, and ends no change half way
            start_new_session=True,
        )
        words = _words(started, tell_late).decode(errors="replace").split("\n")
    except OSError as failed:
        return str(failed), ""
    said = "; ".join(line.strip() for line in words if line.strip())[-_MOST_SAID:]
    if started.returncode:
        return said or f"it ended with {started.returncode}", ""
    return "", said


def _words(started: subprocess.Popen[bytes], tell_late: Callable[[str], object] | None) -> bytes:
    """What it says until it ends."""
    try:
        return started.communicate(timeout=_ENDS_WITHIN_S if tell_late is not None else None)[1]
    except subprocess.TimeoutExpired:
        started.terminate()
        if tell_late is not None:
            tell_late(f"process {started.pid} has not ended within {_ENDS_WITHIN_S:.0f} s; it is told to")
        return started.communicate()[1]


def _written(paths: Paths, problem: str) -> str:
    """Writes down how it went; the problem, and that of writing it."""
    try:
        write_look(paths, Look(at=time.time(), problem=problem))
    except OSError as full:
        return f"{problem}; {full}".lstrip("; ")
    return problem
