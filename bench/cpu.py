"""CPU and memory of a process tree, per kind of process, from /proc.

CPU is user plus system time of every live process of the tree and of its children already reaped, so a
process that ends between two snapshots is not lost as long as its parent waits for it. The kernel's grain
is one clock tick (10 ms) per process: measure over intervals long enough for that not to matter.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

#: Modules of the node's Python processes and the kind they count as.
_MODULES = {
    "trunkward.gate": "gate",
    "trunkward.signer": "signer",
    "trunkward.worker": "worker",
}
_ENGINES = ("kamailio", "rtpengine", "valkey-server", "redis-server")

#: Everything in the tree that is none of the above: the supervisor and the command around it.
OTHER = "supervisor"
#: One that a node gives itself, and that ends again.
COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """CPU seconds used so far per kind, and the processes it was read from."""

    cpu_s: Mapping[str, float]
    pids: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Proportional set size of one kind, bytes: `total_bytes` includes its part of shared memory,
    `shared_bytes`."""

    total_bytes: int
    shared_bytes: int


def tree(root_pid: int) -> list[int]:
    """Return a process and all its descendants that live now."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            children[int(fields[1])].append(int(entry.name))
    found = [root_pid]
    for pid in found:  # grows while it is walked
        found += children[pid]
    return found


def snapshot(root_pid: int) -> Snapshot:
    """Read the CPU time of a tree."""
    used: Counter[str] = Counter()
    pids = tree(root_pid)
    for pid in pids:
        if (fields := _stat(pid)) is not None:
            ticks = sum(int(value) for value in fields[11:15])  # utime, stime, cutime, cstime
            used[kind_of(pid)] += ticks
    return Snapshot(cpu_s={kind: ticks * _TICK_S for kind, ticks in used.items()}, pids=frozenset(pids))


def cpu_between(before: Snapshot, after: Snapshot) -> dict[str, float]:
    """Return CPU seconds per kind between two snapshots."""
    return {kind: used - before.cpu_s.get(kind, 0.0) for kind, used in after.cpu_s.items()}


def memory(root_pid: int) -> dict[str, Memory]:
    """Return the memory of a tree per kind. Reading another user's memory map needs root."""
    total: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    for pid in tree(root_pid):
        try:
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines()[1:]}
        kind = kind_of(pid)
        total[kind] += values.get("Pss", 0)
        shared[kind] += values.get("Pss_Shmem", 0)
    return {kind: Memory(total_bytes=total[kind], shared_bytes=shared[kind]) for kind in total}


def memory_by_process(root_pid: int) -> dict[str, int]:
    """Return the memory each process holds, bytes: its own pages and its part of shared memory.

    Pages of files are left out: a process' part of a library changes when strangers start or end. Processes
    that share memory by design (an engine's workers) count as one: their parts add up to what they really
    hold, while the part of each changes with who looked at which page. Commands a node gives itself now and
    then are no part of it.
    """
    sizes: Counter[str] = Counter()
    for pid in tree(root_pid):
        kind = kind_of(pid)
        if kind == COMMAND:
            continue
        try:
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        held = [line for line in text.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
        sizes[kind if kind in _ENGINES else f"{kind} {pid}"] += (
            sum(int(line.split()[1]) for line in held) * 1024
        )
    return dict(sizes)


def kind_of(pid: int) -> str:
    """Return what a process is, by its name or by the module its Python runs."""
    try:
        name = (_PROC / str(pid) / "comm").read_text().strip()
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return OTHER
    if name in _ENGINES:
        return name
    if any(word.startswith("trunkward.cli.") for word in words):
        return COMMAND
    return next((_MODULES[word] for word in words if word in _MODULES), OTHER)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the command's name (which may hold spaces), state first."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
