"""`python -m bench calls`: how long `trunkward calls` takes on a database with millions of calls.

Makes a SQLite database of `--rows` calls (2 GB a million; kept with `--home`, and used again), then
asks it as the command does, each question in a process of its own, and prints how long that took. The
file stays in the kernel's cache as far as there is memory, as on a node that runs.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from bench.records import decision, outcome, record_id
from trunkward.edge.compact import compact
from trunkward.store.database import migrate, open_database
from trunkward.store.schema import calls

#: Newest calls are of this moment, and a second has so many.
_NOW, _RATE = 1_760_000_000.0, 2.0
_TENANTS = 200

QUESTIONS = {
    "the newest": [],
    "one tenant of 200": ["--tenant", "tenant-7"],
    "one calling number": ["--from", "+12025550142"],
    "the beginning of a called number": ["--to", "+1212555*"],
    "either number": ["--number", "+12125550199"],
    "refused (1 %)": ["--verdict", "reject"],
    "a reason 1 in 100,000 has": ["--reason", "sdes-without-tls"],
    "an ending nobody has": ["--ending", "ended-unknown"],
    "longer than any": ["--min-duration", "5000"],
    "a tenant's failed calls through a carrier": [
        "--tenant",
        "tenant-7",
        "--carrier",
        "north",
        "--ending",
        "failed",
    ],
    "an hour a fortnight ago": ["--since", "2025-09-25T00:00:00Z", "--until", "2025-09-25T01:00:00Z"],
}


def main(arguments: list[str] | None = None) -> int:
    """Makes the database if it is not there, and asks."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="twc-") as made:
        home = options.home or Path(made)
        database = home / "state/db/records.db"
        if not database.exists():
            database.parent.mkdir(parents=True)
            began = time.monotonic()
            _fill(database, options.rows)
            print(f"{options.rows} calls made in {time.monotonic() - began:.0f} s")
        print(f"{database.stat().st_size / 1e9:.1f} GB\n\n| asked | command | calls told |\n|---|---:|---:|")
        for what, question in QUESTIONS.items():
            took, told = min(_ask(home, question) for _ in range(2))
            print(f"| {what} (`{' '.join(question)}`) | {took:.2f} s | {told} |", flush=True)
    return 0


def _ask(home: Path, question: list[str]) -> tuple[float, int]:
    began = time.monotonic()
    answered = subprocess.run(
        [str(Path(sys.executable).parent / "trunkward"), "calls", "--json", *question],
        env={"TRUNKWARD_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    return time.monotonic() - began, len(answered.stdout.splitlines())


def _fill(database: Path, rows: int) -> None:
    engine = open_database(f"sqlite:///{database}")
    migrate(engine)
    engine.dispose()
    chance = random.Random(5)
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA journal_mode=OFF")
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA cache_size=-1000000")
        # as from the migrations, but in the order of each when all rows are there: a tenth of the time
        indexes = raw.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'calls'"
        ).fetchall()
        for name, _ in indexes:
            raw.execute(f"DROP INDEX {name}")
        columns = [column.name for column in calls.columns if column.name != "id"]
        insert = f"INSERT INTO calls ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        raw.executemany(insert, (_row(number, rows, chance) for number in range(rows)))
        raw.commit()
        for _, sql in indexes:
            raw.execute(sql)
        raw.execute("PRAGMA journal_mode=WAL")


_DECISION = msgspec.json.encode(decision(0, 0.0)).decode()
_OUTCOME = compact(outcome(0, 0.0))
_CALL_ID = decision(0, 0.0).call_id


def _row(number: int, rows: int, chance: random.Random) -> tuple[object, ...]:
    at, name = _NOW - (rows - number) / _RATE, record_id(number)
    call_id = _CALL_ID.replace("0-", f"{number:x}-", 1)
    tenant = f"tenant-{chance.randrange(_TENANTS)}"
    calling = f"+1{chance.randrange(200, 999)}5550{chance.randrange(100, 200)}"
    called = f"+1{chance.choice((202, 212, 303, 404))}{chance.randrange(5_000_000, 6_000_000):07d}"
    refused = number % 100 == 0
    reason = ("sdes-without-tls" if number % 100_000 == 0 else "no-route") if refused else "admitted"
    decided = (
        _DECISION.replace(record_id(0), name)
        .replace(_CALL_ID, call_id)
        .replace('"at":0.0', f'"at":{at}')
        .replace('"tenant":"acme"', f'"tenant":"{tenant}"')
    )
    key = name, at, call_id, "reject" if refused else "admit", reason, tenant, "acme-hq"
    if refused:
        return *key, "", calling, called, None, None, decided, None
    ending = "failed" if number % 7 == 0 else "bye"
    ended = _OUTCOME.replace(record_id(0), name).replace('"ended_at":2.0', f'"ended_at":{at + 60}')
    return *key, "north", calling, called, ending, float(number % 300), decided, ended


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench calls", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument(
        "--home", type=Path, help="directory of a node; its database is used, or made and kept"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
