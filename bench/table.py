"""The report: a markdown table for each rate, a column per system, everything beside the first. Pure.

What is compared is compared round by round, and of that the median is shown: the machine's drift over a
measurement does not get into it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.measure import Load, Measured, Run

_KINDS = (
    *("kamailio", "gate", "signer", "worker", "rtpengine", "valkey-server", "redis-server", "supervisor"),
    "command",
)
_NOTHING = "-"

_LATENCIES = (
    ("INVITE to the carrier", "to_carrier_ms"),
    ("INVITE to 200", "to_answer_ms"),
    ("BYE to 200", "bye_ms"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One system at one rate."""

    of: Measured
    runs: Sequence[Run]

    @property
    def title(self) -> str:
        """The column's head."""
        return self.of.title


def tables(systems: Sequence[Measured], load: Load) -> str:
    """Return the report. The first system is the yardstick."""
    each = [table([Column(of=m, runs=m.runs[rate]) for m in systems], load, rate) for rate in load.rates]
    found = [f"{m.title} {_number(m.highest_rate, 0)}" for m in systems if m.highest_rate is not None]
    highest = [f"Highest clean rate, calls/s: {', '.join(found)}."] if found else []
    return "\n\n".join([*each, *highest, *_remarks(systems)])


def table(systems: Sequence[Column], load: Load, rate: float) -> str:
    """Return the table of one rate."""
    yardstick = systems[0]
    rows = [
        _row("calls/s offered", systems, lambda _: f"{rate:g}"),
        _row(
            "calls/s answered",
            systems,
            lambda m: f"{_median(m, lambda r: r.caller['answered']) / load.seconds:.1f}",
        ),
        _row("failed calls, all runs", systems, _failures),
    ]
    for kind in _KINDS:
        if any(kind in run.cpu_s for column in systems for run in column.runs):
            figures = partial(_kind_cell, kind)
            rows.append(_row(f"CPU ms per call: {kind}", systems, figures))
    rows.append(_row("**CPU ms per call: all**", systems, lambda m: f"**{_median(m, _cpu_of):.3f}**"))
    rows.append(_row("**ratio to the first**", systems, lambda m: f"**{ratio(m, yardstick):.2f}**"))
    for title, key in _LATENCIES:
        for share in ("p50", "p99"):
            latency = partial(_latency, key, share, yardstick)
            rows.append(_row(f"{title}, {share} ms", systems, latency))
    rows.append(_row("memory MB (of it shared)", systems, _memory))
    rows.append(_row("generator late, p99 ms", systems, lambda m: _number(_late(m), 2)))
    head = [f"| | {' | '.join(m.title for m in systems)} |", "|---|" + "---:|" * len(systems)]
    return "\n".join([_caption(load, rate, yardstick.of), "", *head, *rows])


def _caption(load: Load, rate: float, yardstick: Measured) -> str:
    ring = "no ringing" if load.ring_s is None else f"180, answered after {load.ring_s:g} s"
    return (
        f"{load.rounds} round(s) of {load.seconds:g} s at {rate:g} calls/s, held {load.held_s:g} s, {ring}; "
        f"{load.trunks} trunks, {load.idle_connections} idle connections ({load.reconnecting:.0%} renewed "
        f"a minute); {yardstick.tls}. Medians over the rounds; in brackets the difference to the first."
    )


def _row(name: str, systems: Sequence[Column], cell: Callable[[Column], str]) -> str:
    return f"| {name} | {' | '.join(cell(m) for m in systems)} |"


def _median(column: Column, value: Callable[[Run], float | None]) -> float:
    return _middle(value(run) for run in column.runs)


def _middle(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else float("nan")


def _cpu_of(run: Run, kind: str | None = None) -> float | None:
    """CPU milliseconds per answered call of one run."""
    used = sum(run.cpu_s.values()) if kind is None else run.cpu_s.get(kind, 0.0)
    return used * 1000 / run.caller["answered"] if run.caller["answered"] else None


def ratio(column: Column, yardstick: Column) -> float:
    """CPU per call beside the yardstick's in the same round; the median of that."""
    pairs = (
        (_cpu_of(ours), _cpu_of(theirs)) for ours, theirs in zip(column.runs, yardstick.runs, strict=True)
    )
    return _middle(ours / theirs if ours is not None and theirs else None for ours, theirs in pairs)


def _kind_cell(kind: str, column: Column) -> str:
    if not any(kind in run.cpu_s for run in column.runs):
        return _NOTHING
    return f"{_median(column, lambda run: _cpu_of(run, kind)):.3f}"


def _latency(key: str, share: str, yardstick: Column, column: Column) -> str:
    value = f"{_median(column, lambda run: run.caller[key][share]):.2f}"
    if column is yardstick:
        return value
    pairs = [
        (ours.caller[key][share], theirs.caller[key][share])
        for ours, theirs in zip(column.runs, yardstick.runs, strict=True)
    ]
    more = _middle(None if ours is None or theirs is None else ours - theirs for ours, theirs in pairs)
    return f"{value} ({more:+.2f})"


def _failures(measured: Column) -> str:
    failed = sum(run.caller["failures"] for run in measured.runs)
    if not failed:
        return "0"
    statuses = sorted({code for run in measured.runs for code in run.caller["refused"]})
    timeouts = sum(run.caller["invite_timeouts"] + run.caller["bye_timeouts"] for run in measured.runs)
    return f"{failed} (refusals {', '.join(statuses) or 'none'}; {timeouts} timeouts)"


def _memory(measured: Column) -> str:
    total = sum(m.total_bytes for m in measured.of.memory.values()) / 1e6
    shared = sum(m.shared_bytes for m in measured.of.memory.values()) / 1e6
    return f"{total:.0f} ({shared:.0f})"


def _late(measured: Column) -> float:
    return _median(measured, lambda run: run.caller["lateness_ms"]["p99"])


def _number(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _remarks(systems: Sequence[Measured]) -> list[str]:
    remarks = []
    for measured in systems:
        if any(run.processes_changed for runs in measured.runs.values() for run in runs):
            remarks.append(
                f"- {measured.title}: a process started or ended during a run; its CPU may be incomplete."
            )
        remarks += [f"- {measured.title}: idle connections {counted}." for counted in measured.idle]
        remarks += [
            f"- {measured.title}: the carrier missed acknowledgements: {counted}."
            for counted in measured.carrier
            if counted.get("invites") != counted.get("acks")
        ]
    return ["\n".join(remarks)] if remarks else []
