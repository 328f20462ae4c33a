"""The report: one markdown table, a column per system, everything beside the first (the bare proxy). Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial

from bench.measure import Load, Measured, Run

_KINDS = ("kamailio", "gate", "signer", "worker", "rtpengine", "valkey-server", "redis-server", "supervisor")
_NOTHING = "-"

_LATENCIES = (
    ("INVITE to the carrier", "to_carrier_ms"),
    ("INVITE to 200", "to_answer_ms"),
    ("BYE to 200", "bye_ms"),
)


def table(systems: Sequence[Measured], load: Load) -> str:
    """Return the report. The first system is the yardstick."""
    yardstick = systems[0]
    rows = [
        _row("calls/s offered", systems, lambda _: f"{load.rate:g}"),
        _row(
            "calls/s answered",
            systems,
            lambda m: f"{_median(m, lambda r: r.caller['answered']) / load.seconds:.1f}",
        ),
        _row("failed calls, all runs", systems, _failures),
    ]
    for kind in _KINDS:
        if any(kind in run.cpu_s for m in systems for run in m.runs):
            figures = partial(_kind_cell, kind)
            rows.append(_row(f"CPU ms per call: {kind}", systems, figures))
    rows.append(_row("**CPU ms per call: all**", systems, lambda m: f"**{_cpu_ms(m):.3f}**"))
    rows.append(_row("**ratio to the first**", systems, lambda m: f"**{_ratio(m, yardstick):.2f}**"))
    for title, key in _LATENCIES:
        for share in ("p50", "p99"):
            latency = partial(_latency, key, share, yardstick)
            rows.append(_row(f"{title}, {share} ms", systems, latency))
    rows.append(_row("memory MB (of it shared)", systems, _memory))
    rows.append(_row("generator late, p99 ms", systems, lambda m: _number(_late(m), 2)))
    if any(m.highest_rate is not None for m in systems):
        rows.append(_row("highest clean rate, calls/s", systems, lambda m: _number(m.highest_rate, 0)))
    head = [f"| | {' | '.join(m.title for m in systems)} |", "|---|" + "---:|" * len(systems)]
    return "\n".join([_caption(load, yardstick), "", *head, *rows, *_remarks(systems)])


def _caption(load: Load, yardstick: Measured) -> str:
    ring = "no ringing" if load.ring_s is None else f"180, answered after {load.ring_s:g} s"
    return (
        f"{load.runs} run(s) of {load.seconds:g} s at {load.rate:g} calls/s, held {load.held_s:g} s, {ring}; "
        f"{load.trunks} trunks, {load.idle_connections} idle connections ({load.reconnecting:.0%} renewed "
        f"a minute); {yardstick.tls}. Medians over the runs; in brackets the difference to the first."
    )


def _row(name: str, systems: Sequence[Measured], cell: Callable[[Measured], str]) -> str:
    return f"| {name} | {' | '.join(cell(m) for m in systems)} |"


def _median(measured: Measured, value: Callable[[Run], float | None]) -> float:
    known = [v for v in (value(run) for run in measured.runs) if v is not None]
    return statistics.median(known) if known else float("nan")


def _cpu_ms(measured: Measured, kind: str | None = None) -> float | None:
    """CPU milliseconds per answered call; None when no run had such a process."""
    if kind is not None and not any(kind in run.cpu_s for run in measured.runs):
        return None

    def of(run: Run) -> float | None:
        used = sum(run.cpu_s.values()) if kind is None else run.cpu_s.get(kind, 0.0)
        return used * 1000 / run.caller["answered"] if run.caller["answered"] else None

    return _median(measured, of)


def _ratio(measured: Measured, yardstick: Measured) -> float:
    ours, theirs = _cpu_ms(measured), _cpu_ms(yardstick)
    return ours / theirs if ours is not None and theirs else float("nan")


def _kind_cell(kind: str, measured: Measured) -> str:
    return _number(_cpu_ms(measured, kind), 3)


def _latency(key: str, share: str, yardstick: Measured, measured: Measured) -> str:
    value = _median(measured, lambda run: run.caller[key][share])
    if measured is yardstick:
        return f"{value:.2f}"
    return f"{value:.2f} ({value - _median(yardstick, lambda run: run.caller[key][share]):+.2f})"


def _failures(measured: Measured) -> str:
    failed = sum(run.caller["failures"] for run in measured.runs)
    if not failed:
        return "0"
    statuses = sorted({code for run in measured.runs for code in run.caller["refused"]})
    timeouts = sum(run.caller["invite_timeouts"] + run.caller["bye_timeouts"] for run in measured.runs)
    return f"{failed} (refusals {', '.join(statuses) or 'none'}; {timeouts} timeouts)"


def _memory(measured: Measured) -> str:
    total = sum(m.total_bytes for m in measured.memory.values()) / 1e6
    shared = sum(m.shared_bytes for m in measured.memory.values()) / 1e6
    return f"{total:.0f} ({shared:.0f})"


def _late(measured: Measured) -> float:
    return _median(measured, lambda run: run.caller["lateness_ms"]["p99"])


def _number(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _remarks(systems: Sequence[Measured]) -> list[str]:
    remarks = []
    for measured in systems:
        if any(run.processes_changed for run in measured.runs):
            remarks.append(
                f"- {measured.title}: a process started or ended during a run; its CPU may be incomplete."
            )
        if measured.idle:
            remarks.append(f"- {measured.title}: idle connections {measured.idle}.")
        if measured.carrier.get("invites") != measured.carrier.get("acks"):
            remarks.append(f"- {measured.title}: the carrier missed acknowledgements: {measured.carrier}.")
    return ["", *remarks] if remarks else []
