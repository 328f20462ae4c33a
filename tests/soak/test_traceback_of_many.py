"""Property 31: an answer in less than a minute, with ten million calls on record.

As many as `TRUNKWARD_CALLS` says, ten million without it: some 12 GB in `/tmp`, and ten minutes.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from trunkward.control.traceback import Question
from trunkward.records.model import DecisionRecord
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

CALLS = int(os.environ.get("TRUNKWARD_CALLS", "10000000"))
#: A call each three seconds, for a year.
START, EVERY_S = 1_760_000_000.0, 3.0
#: Numbers there are: each has calls on many days.
NUMBERS = 100_000
WITHIN_S = 60.0

_FILL = """
INSERT INTO calls (record_id, at, call_id, verdict, reason, tenant, trunk, carrier, calling_number,
                   called_number, decision)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :calls)
SELECT printf('%032x', i), :start + i * :every, printf('%x@pbx.acme.example.com', i), 'admit', 'admitted',
       'acme', 'acme-hq', 'north', printf('+12025%06d', i % :numbers),
       printf('+12125%06d', (i * 7919) % :numbers), :decision
FROM n
"""
_INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'calls' AND sql IS NOT NULL"
)


@pytest.fixture(scope="module")
def store() -> Iterator[RecordStore]:
    with tempfile.TemporaryDirectory(prefix="tw-calls-", dir="/tmp") as directory:
        engine = open_database(f"sqlite:///{Path(directory)}/records.db")
        migrate(engine)
        one = DecisionRecord(
            record_id="a", at=START, attempt_id="a", call_id="c", verdict="admit", reason="admitted"
        )
        values = {"calls": CALLS, "start": START, "every": EVERY_S, "numbers": NUMBERS}
        with engine.begin() as connection:
            # indexes over all of it at once: row by row takes an hour
            indexes = connection.execute(sa.text(_INDEXES)).all()
            for name, _ in indexes:
                connection.execute(sa.text(f"DROP INDEX {name}"))
            connection.execute(sa.text(_FILL), values | {"decision": msgspec.json.encode(one).decode()})
            for _, made in indexes:
                connection.execute(sa.text(made))
        yield RecordStore(engine)
        engine.dispose()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_property_31_one_call_of_ten_million(store: RecordStore) -> None:
    """Property 31: the calls of a number within five minutes, how many there are in that time, and the oldest."""
    asked_for = CALLS // 2 + 17
    question = Question(
        number=f"+12025{asked_for % NUMBERS:06d}",
        other=None,
        at=START + asked_for * EVERY_S,
        within_s=300.0,
        asked_by="",
        received_at=0.0,
    )
    began = time.monotonic()
    found = [kept for wanted in question.filters() for kept in store.find(wanted, 101)]
    in_time, oldest = store.count(question.since, question.until), store.oldest_at()
    took = time.monotonic() - began
    print(json.dumps({"calls": CALLS, "found": len(found), "in_time": in_time, "seconds": round(took, 3)}))
    assert asked_for + 1 in {kept.id for kept in found}
    assert (in_time, oldest) == (200, START)
    assert took < WITHIN_S
