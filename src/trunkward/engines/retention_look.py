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

from trunkward.engines.installed import in_use, this_installation
from trunkward.engines.retention_state import Look, write_look
from trunkward.settings import Paths

#: Seconds from the moment a node is ready to the first look, and between two.
_FIRST_S, _EVERY_S = 20.0, 3600.0
#: Seconds after which a look that does not end is ended.
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
    while True:
        used = in_use(paths)
        python = (used.now if used is not None else this_installation()).python
        # tokens first: they are what calls need
        came = {
            problem or done for problem, done in (ran([python, *_RENEW]), look(paths, [python, *_FORGET]))
        }
        for said in came - told - {""}:
            tell(said)
        told = came
        time.sleep(_EVERY_S)


def look(paths: Paths, command: list[str]) -> tuple[str, str]:
    """Runs the command and writes down what came of it, as `ran` tells."""
    problem, done = ran(command)
    try:
        write_look(paths, Look(at=time.time(), problem=problem))
    except OSError as full:
        return f"{problem}; {full}".lstrip("; "), ""
    return problem, done


def ran(command: list[str]) -> tuple[str, str]:
    """Runs the command: why it failed, or what it has done ("": nothing)."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ENDS_WITHIN_S,
            check=False,
            # Ctrl-C is for the node, and ends no change half way
            start_new_session=True,
        )
        words = ended.stderr.decode(errors="replace").split("\n")
        said = "; ".join(line.strip() for line in words if line.strip())[-_MOST_SAID:]
        problem = (said or f"it ended with {ended.returncode}") if ended.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as failed:
        problem = said = str(failed)
    return problem, "" if problem else said
