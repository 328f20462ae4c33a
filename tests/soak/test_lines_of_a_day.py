"""Property 31: what it costs to look for signed lines without a record, of a day with a million of them.

As many as `TRUNKWARD_LINES` says, a million without it: some 2 GB in `/tmp`, and two minutes.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trunkward.cli.changing import configuration_store
from trunkward.cli.traceback_lines import searched
from trunkward.cli.unrecorded import unrecorded
from trunkward.control import configuration
from trunkward.control.effects import Effects
from trunkward.control.traceback import Question
from trunkward.signer.journal import Line
from unit.cli.evidence_node import ACCEPTED, ALICE
from unit.cli.journal_node import Calls, Node

LINES = int(os.environ.get("TRUNKWARD_LINES", "1000000"))
#: Midnight of a day, in UTC, and the numbers there are.
DAY, NUMBERS = 1_795_564_800.0, 100_000
EVERY_S = 86_400.0 / LINES
_AT_ONCE = 10_000

_FILL = """
INSERT INTO calls (record_id, at, call_id, verdict, reason, tenant, trunk, carrier, calling_number,
                   called_number, decision)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :lines)
SELECT printf('%032x', i), :day + i * :every, printf('%x@pbx.acme.example.com', i), 'admit', 'admitted',
       'acme', 'acme-hq', 'north', printf('+12025%06d', i % :numbers), '+12125550142', '{}'
FROM n
"""


def _line(number: int) -> Line:
    facts = {"kind": "signed", "at": DAY + number * EVERY_S, "record_id": f"{number:032x}", "tenant": "acme"}
    facts |= {"trunk": "acme-hq", "customer": "KYC-2026-17", "level": "A", "rule": "A-own-inventory"}
    private = {"call": "ab" * 32, "orig": f"12025{number % NUMBERS:06d}", "dest": "12125550142"}
    return Line(facts=facts | {"serial": "1f2e3d", "origid": "5a" * 16}, private=private)


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    made = Calls(Node(tmp_path))
    with configuration_store(made.node.paths, make=True) as store:
        planned = configuration.plan(store, ACCEPTED, Effects())
        configuration.accept(store, planned, actor=ALICE, command="up", at=DAY - 1)
    for first in range(0, LINES, _AT_ONCE):
        made.node.journal.commit([_line(number) for number in range(first, min(first + _AT_ONCE, LINES))])
    with made.engine.begin() as connection:
        values = {"lines": LINES, "day": DAY, "every": EVERY_S, "numbers": NUMBERS}
        connection.execute(sa.text(_FILL), values)
    yield made
    made.engine.dispose()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_property_31_lines_of_a_day(calls: Calls) -> None:
    """Property 31: the lines of a number within ten minutes of a day, and a whole day held against its records."""
    wanted = LINES // 2 + 17
    question = Question(
        number=f"+12025{wanted % NUMBERS:06d}",
        other=None,
        at=DAY + wanted * EVERY_S,
        within_s=300.0,
        asked_by="",
        received_at=DAY + 86_400.0,
    )
    paths = calls.node.paths
    began = time.perf_counter()
    found = searched(paths, question)
    took_s = time.perf_counter() - began
    missing = f"{wanted:032x}"
    (one,) = found.about
    assert one.record_id == missing
    print(f"lines of a number within ten minutes, of {LINES}: {took_s:.2f} s")

    with calls.engine.begin() as connection:
        gone = sa.text("DELETE FROM calls WHERE record_id = :missing")
        assert connection.execute(gone, {"missing": missing}).rowcount == 1
    began = time.perf_counter()
    said = list(unrecorded(paths, calls.engine, "", since=DAY, until=DAY + 86_400.0, between=list))
    took_s = time.perf_counter() - began
    assert len(said) == 1
    assert f"line {one.line.number} (record {missing})" in said[0]
    print(f"{LINES} lines held against their records: {took_s:.1f} s")
