"""`python -m bench records`: records as fast as a busy node writes them, into a whole node that ships them.

A node is started. Beside its own gates two more append decisions (each on the disk before the next, as in
life), and to its edge's segments outcomes and the messages of each call are appended; a share of the calls is
older than anything is kept, so that retention has work; and `trunkward apply` is run every few seconds, each
time with another retention. Then everybody stops, and the worker has `--settle` seconds to be done.

Counted is what is in the database: every call that is still to be kept once, with its decision, its
outcome and all its messages; every old one gone. 0 when that holds, no lag is left, the worker has told of
no failed round, nobody of a locked database, and each `apply` was in force on every gate.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.cpu import snapshot
from trunkward.edge import ladder
from trunkward.edge.compact import compact
from trunkward.edge.segments import Segments
from trunkward.gate.recorder import Recorder
from trunkward.records.model import CheckRecord, DecisionRecord
from trunkward.settings import Paths

_TRUNKWARD = str(Path(sys.executable).parent / "trunkward")
_EXAMPLE = Path(__file__).resolve().parents[1] / "examples/node.yaml"
_GATES = 2
#: The first number of a gate that the node has not.
_FIRST = 80
#: Every so many-th call is this many days old: older than anything is kept.
_OLD_EACH, _OLD_DAYS = 10, 4000
#: A call's messages, as `edge.ladder` notes them: side, way, what, method it answers, media.
_MESSAGES = (
    *(("caller", "in", "INVITE", "", "sdp"), ("caller", "out", "100", "INVITE", "")),
    *(("callee", "out", "INVITE", "", "sdp"), ("callee", "in", "100", "INVITE", "")),
    *(("callee", "in", "180", "INVITE", ""), ("caller", "out", "180", "INVITE", "")),
    *(("callee", "in", "200", "INVITE", "sdp"), ("caller", "out", "200", "INVITE", "sdp")),
    *(("caller", "in", "ACK", "", ""), ("callee", "out", "ACK", "", "")),
    *(("caller", "in", "BYE", "", ""), ("callee", "out", "BYE", "", "")),
    *(("callee", "in", "200", "BYE", ""), ("caller", "out", "200", "BYE", "")),
)
_LEG: dict[str, Any] = {
    "transport": "tls",
    "tls_version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "protocol": "RTP/SAVP",
}
_LEG |= {"srtp_suite": "AEAD_AES_256_GCM", "key_source": "sdes", "packets_in": 5012, "packets_out": 5007}
_LEG |= {
    "errors_in": 0,
    "reports": 19,
    "mos": 4.4,
    "mos_lowest": 4.3,
    "jitter_ms": 2.0,
    "round_trip_ms": 18.4,
}


def decision(number: int, at: float, edge: str = "") -> DecisionRecord:
    """The record of an outbound call, as a gate writes it; `edge`: the start of Kamailio that asked."""
    return DecisionRecord(
        edge=edge,
        record_id=record_id(number),
        at=at,
        attempt_id=record_id(number),
        call_id=f"{number:x}-4f1c2d8e90ab@pbx.acme.example.com",
        verdict="admit",
        reason="admitted",
        tenant="acme",
        trunk="acme-hq",
        source_name="acme-hq",
        direction="outbound",
        calling_number=f"+1202555{100 + number % 100:04d}",
        called_number=f"+1212{number * 7919 % 10_000_000:07d}",
        routes=["north"],
        source="127.0.0.21:41000",
        transport="tls",
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
        certificate_sha256="5e" * 32,
        attest="A",
        findings=[
            CheckRecord(check=check, detail=detail)
            for check, detail in (
                *(("method", ""), ("source", "acme-hq"), ("listener", ""), ("request", "")),
                *(
                    ("trunk", "acme-hq"),
                    ("calling", "+12025550101"),
                    ("called", f"+1212{number * 7919 % 10_000_000:07d}"),
                ),
                *(("destination", "north"), ("media", "RTP/SAVP AEAD_AES_256_GCM"), ("drain", "")),
                *(("clock", ""), ("signature", "A")),
            )
        ],
        policy_version=7,
        gate=number % _GATES,
        took_ms=3.2,
    )


def outcome(number: int, at: float) -> dict[str, Any]:
    """What the edge writes of it."""
    legs = [_LEG | {"side": "caller"}, _LEG | {"side": "callee", "peer": "north"}]
    return {
        "record_id": record_id(number),
        "call_id": f"{number:x}-4f1c2d8e90ab@pbx.acme.example.com",
        "ending": "bye",
        "status": 200,
        "ended_by": "caller",
        "peer": "north",
        "tried": [],
        "ringing_at": at + 0.4,
        "answered_at": at + 2.0,
        "ended_at": at + 2.0 + number % 300,
        "legs": legs,
    }


def record_id(number: int) -> str:
    """Random-looking, as a real one, and to be told again."""
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}{number:016x}"


def started_at(number: int, now: float) -> float:
    """Most calls are of now; some are of long ago."""
    return now - _OLD_DAYS * 86_400 if number % _OLD_EACH == 0 else now


@dataclass
class Seen:
    """What was seen while the load ran."""

    lag_bytes: list[int] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)
    wal_bytes: int = 0
    apply_s: list[float] = field(default_factory=list)
    apply_failed: list[str] = field(default_factory=list)
    settled_s: float | None = None


def main(arguments: list[str] | None = None) -> int:
    """Runs the load and prints what came of it."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="twr-", dir=options.directory, delete=not options.keep) as home:
        paths = _paths(Path(home))
        up = _start(paths)
        try:
            worker = int(paths.worker_lock.read_text())
            before_s = sum(snapshot(worker).cpu_s.values())
            seen = _load(paths, options)
            if int(paths.worker_lock.read_text()) != worker:
                raise SystemExit("the worker was started anew meanwhile")
            cpu_s = sum(snapshot(worker).cpu_s.values()) - before_s
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(60)
        return _report(paths, options, seen, cpu_s)


def _load(paths: Paths, options: argparse.Namespace) -> Seen:
    total = int(options.rate * options.seconds)
    # whose calls are of another start, the worker closes (`trunkward.worker.abandoned`)
    (edge,) = (note.stem for note in paths.edge_records.glob("*.started"))
    began = time.monotonic() + 1.0
    method = multiprocessing.get_context("spawn")
    writers = [
        method.Process(target=_gate, args=(paths, index, total, options.rate, began, edge))
        for index in range(_GATES)
    ]
    writers.append(method.Process(target=_edge, args=(paths, total, options.rate, began)))
    for writer in writers:
        writer.start()
    seen, next_apply = Seen(), began
    while any(writer.is_alive() for writer in writers):
        if time.monotonic() >= next_apply:
            next_apply += options.apply_every
            _apply(paths, seen)
        _look(paths, seen)
        time.sleep(1.0)
    for writer in writers:
        writer.join()
        if writer.exitcode:
            raise SystemExit(f"a writer ended with {writer.exitcode}")
    stopped = time.monotonic()
    while _lag_bytes(paths) > 0:
        if time.monotonic() - stopped > options.settle:
            return seen
        time.sleep(0.1)
    seen.settled_s = time.monotonic() - stopped
    # retention looks once a minute, and when the configuration has changed
    _apply(paths, seen)
    while _count(paths, "at < ?", _long_ago()) and time.monotonic() - stopped < options.settle:
        time.sleep(0.1)
    return seen


def _gate(paths: Paths, index: int, total: int, rate: float, began: float, edge: str) -> None:
    recorder = Recorder(paths.gate_records(_FIRST + index))
    for number in range(index, total, _GATES):
        _wait(began + number / rate)
        recorder.write([decision(number, started_at(number, time.time()), edge)])
    recorder.close()


def _edge(paths: Paths, total: int, rate: float, began: float) -> None:
    outcomes = Segments(str(paths.edge_records))
    ladder.keep_in(str(paths.edge_ladder), print)
    for number in range(total):
        _wait(began + number / rate)
        name = record_id(number)
        for side, way, what, of, media in _MESSAGES:
            body = "m=audio" if media else ""
            (ladder.got if way == "in" else ladder.sent)(name, side, what, of, body)
            if way == "out":
                ladder.flush()
        at = started_at(number, time.time())
        told = {"kind": "outcome", "record_id": name, "at": at, "outcome": outcome(number, at)}
        outcomes.append(f"{compact(told)}\n")


def _wait(until: float) -> None:
    if (left := until - time.monotonic()) > 0:
        time.sleep(left)


# ---- the node it runs in ---------------------------------------------------------------------


def _paths(home: Path) -> Paths:
    return Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")


def _start(paths: Paths) -> subprocess.Popen[bytes]:
    """A whole node on the example, and directories for the gates beside its own."""
    home = paths.config.parent
    home.chmod(0o755)  # the node's users look in
    paths.config.write_text(_text(0), encoding="utf-8")
    said = home / "up.log"
    with said.open("wb") as log:
        up = subprocess.Popen([_TRUNKWARD, "up"], env=_environment(paths), stdout=log, stderr=log)
    until = time.monotonic() + 60
    while "ready after" not in said.read_text(errors="replace"):
        if up.poll() is not None or time.monotonic() > until:
            up.terminate()
            raise SystemExit(f"the node has not started:\n{said.read_text(errors='replace')}")
        time.sleep(0.05)
    for index in range(_GATES):
        place = paths.gate_records(_FIRST + index)
        place.mkdir()
        shutil.chown(place, "tw-gate", "tw-worker")
        place.chmod(0o2770)
    return up


def _apply(paths: Paths, seen: Seen) -> None:
    """The example, with another retention each time."""
    paths.config.write_text(_text(1 + len(seen.apply_s)), encoding="utf-8")
    began = time.monotonic()
    done = subprocess.run(
        [_TRUNKWARD, "apply"], env=_environment(paths), capture_output=True, text=True, check=False
    )
    seen.apply_s.append(time.monotonic() - began)
    if done.returncode:
        seen.apply_failed.append(done.stdout + done.stderr)


def _text(number: int) -> str:
    text = _EXAMPLE.read_text(encoding="utf-8")
    return text.replace("  - name: acme\n", f"  - name: acme\n    retention: {300 + number % 2}\n", 1)


def _environment(paths: Paths) -> dict[str, str]:
    return os.environ | {"TRUNKWARD_HOME": str(paths.config.parent)}


# ---- looking ---------------------------------------------------------------------------------


def _ask(paths: Paths, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(f"file:{paths.records_db}?mode=ro", uri=True, timeout=0)) as database:
        return database.execute(query, values).fetchall()


def _count(paths: Paths, condition: str, *values: object) -> int:
    return int(_ask(paths, f"SELECT count(*) FROM calls WHERE {condition}", *values)[0][0])


def _lag_bytes(paths: Paths) -> int:
    shipped = dict(_ask(paths, "SELECT segment, offset FROM shipped"))
    return sum(
        segment.stat().st_size - shipped.get(f"{directory.name}/{segment.name}", 0)
        for directory in paths.segment_directories()
        for segment in directory.glob("*.jsonl")
    )


def _look(paths: Paths, seen: Seen) -> None:
    seen.lag_bytes.append(_lag_bytes(paths))
    if newest := _ask(paths, "SELECT max(at) FROM calls")[0][0]:
        seen.lag_s.append(time.time() - newest)
    wal = paths.records_db.with_name(f"{paths.records_db.name}-wal")
    seen.wal_bytes = max(seen.wal_bytes, wal.stat().st_size if wal.exists() else 0)


def _long_ago() -> float:
    return time.time() - _OLD_DAYS * 86_400 / 2


def _report(paths: Paths, options: argparse.Namespace, seen: Seen, cpu_s: float) -> int:
    total = int(options.rate * options.seconds)
    old = len(range(0, total, _OLD_EACH))
    told = [
        json.loads(line) for line in (paths.log / "worker.log").read_text().splitlines() if line[:1] == "{"
    ]
    bad = [line for line in told if line["level"] != "info"]
    deleted = sum(line.get("calls", 0) for line in told if line["event"].startswith("calls deleted"))
    whole = _count(paths, "decision IS NOT NULL AND outcome IS NOT NULL")
    kept = _count(paths, "1")
    messages = sum(
        len(json.loads(text))
        for (text,) in _ask(
            paths, "SELECT messages FROM ladders WHERE record_id IN (SELECT record_id FROM calls)"
        )
    )
    wanted = total - old
    held = {
        "calls kept, each once": (wanted, kept),
        "with decision and outcome": (wanted, whole),
        "messages of them": (wanted * len(_MESSAGES), messages),
        "old calls left": (0, _count(paths, "at < ?", _long_ago())),
        "old calls deleted": (old, min(old, deleted)),
        "warnings and errors of the worker": (0, len(bad)),
        "lock errors": (
            0,
            sum("locked" in said for said in (*map(json.dumps, told), *seen.apply_failed)),
        ),
        "applies that failed": (0, len(seen.apply_failed)),
    }
    mega = 1_000_000
    load = f"{options.rate:g} calls/s for {options.seconds:g} s"
    print(f"{load}, {len(seen.apply_s)} times apply meanwhile\n")
    print("| | |\n|---|---:|")
    for name, (expected, found) in held.items():
        print(f"| {name} | {found}{'' if found == expected else f' (expected {expected})'} |")
    settled = "never" if seen.settled_s is None else f"{seen.settled_s:.1f} s"
    worst_s, worst = max(seen.lag_s, default=0), max(seen.lag_bytes, default=0) / mega
    print(f"| lag while it ran, worst | {worst_s:.1f} s, {worst:.2f} MB |")
    print(f"| no lag left after the end | {settled} |")
    print(f"| apply, median and worst | {median(seen.apply_s):.2f} s, {max(seen.apply_s):.2f} s |")
    print(f"| CPU of the worker | {cpu_s:.1f} s, {1000 * cpu_s / total:.3f} ms a call |")
    size, wal = paths.records_db.stat().st_size / mega, seen.wal_bytes / mega
    print(f"| database, its log at most | {size:.1f} MB, {wal:.1f} MB |")
    for said in seen.apply_failed[:5]:
        print(f"\napply: {said[-400:]}")
    for line in bad[:5]:
        print(f"\nworker: {json.dumps(line)[:400]}")
    return int(seen.settled_s is None or any(expected != found for expected, found in held.values()))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench records", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long they come")
    parser.add_argument(
        "--apply-every", type=float, default=5.0, help="seconds between changes of configuration"
    )
    parser.add_argument("--settle", type=float, default=30.0, help="seconds the worker has to catch up")
    parser.add_argument("--directory", type=Path, help="where the node is put; its disk is what is measured")
    parser.add_argument("--keep", action="store_true", help="leave it there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
