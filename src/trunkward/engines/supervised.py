"""What the supervisor says of the node's processes, and how often it has started each anew."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trunkward.engines.supervisor_rpc import Supervisor, SupervisorRefused
from trunkward.settings import Paths

#: Seconds the supervisor, a single loop, may take to answer.
_ANSWERS_S = 2.0
#: Bytes of the end of its log that are looked through: some 40,000 starts.
_LOOK = 4 << 20
_BEGAN = re.compile(r"INFO supervisord started with pid (\d+)")
_SPAWNED = re.compile(r"INFO spawned: '([^']+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """One process, as the supervisor has it."""

    #: `RUNNING`, `BACKOFF`, ...
    state: str
    #: Seconds since the epoch; 0 for a process that was never started.
    since: float
    restarts: int


def supervised(paths: Paths) -> dict[str, Supervised]:
    """The node's processes by name; {} when nobody supervises (or not us to ask: its socket is root's)."""
    try:
        found = Supervisor(paths.supervisor_socket, _ANSWERS_S).processes()
    except SupervisorRefused:
        return {}
    restarts = _restarts(paths)
    return {
        name: Supervised(state=process.state, since=process.since, restarts=restarts[name])
        for name, process in found.items()
    }


def _restarts(paths: Paths) -> Counter[str]:
    """Starts after the first, by process, since this supervisor began, as far back as its log goes."""
    said = _tail(paths.log / "supervisor.log")
    began = list(_BEGAN.finditer(said))
    starts = Counter(_SPAWNED.findall(said, began[-1].end() if began else 0))
    return Counter({name: count - (1 if began else 0) for name, count in starts.items()})


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOOK))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
