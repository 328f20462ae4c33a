"""A call's first grant: no longer than its money is sure to be held for."""

import importlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import MagicMock

import pytest

GRANTS = "grants"
SLICE_S = 60.0
CALL: dict[str, Any] = {
    "record_id": "a",
    "trunk": "hq",
    "counters": ["calls:hq"],
    "reach": "home",
    "money": "1:0:1:1;trunk:hq;",
    "peer": "north",
    "media_id": "",
    "hops": [],
    "grant": {"for_s": SLICE_S, "then": "grant-not-renewed"},
    "answered_at": 1_800_000_000.0,
}


class Running:
    """Every call runs."""

    def text(self, _: str) -> str:
        return "{}"

    def note_end(self, _: str, __: float) -> None:
        pass


class Gate:
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def grants(self, asked: str) -> tuple[dict[str, tuple[float, str]], int, int]:
        self.asked.append(asked)
        return {}, 0, 0


@dataclass
class Edge:
    """What is tested, with a time and tables of its own."""

    module: Any
    now: float = 1000.0
    tables: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def begun(self, at_s: float, **more: Any) -> tuple[Any, Any]:
        """A call that is admitted now, and is answered then: all grants, and its own."""
        grants, call = self.grants(), CALL | more
        grants.hold(call | {"admitted_s": self.now})
        self.now = at_s
        grants.begin(call | {"answered_s": at_s})
        return grants, self.module.Granted.read(self.tables[GRANTS]["a"])

    def grants(self) -> Any:
        grants = self.module.Grants(Running(), 7200)
        grants.ask_by(SLICE_S)
        return grants


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """Without Kamailio, whose own module is not there."""
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "KSR", MagicMock())
    edge = Edge(importlib.import_module("trunkward.edge.grants"))
    ksr, tables = edge.module.ksr, edge.tables
    monkeypatch.setattr(edge.module.time, "monotonic", lambda: edge.now)
    monkeypatch.setattr(ksr, "table_get", lambda table, key: tables[table].get(key, ""))
    monkeypatch.setattr(ksr, "table_set", lambda table, key, row, _: tables[table].update({key: row}))
    monkeypatch.setattr(ksr, "table_rows", lambda table: list(tables[table].items()))
    monkeypatch.setattr(ksr, "table_locked", lambda *_: nullcontext())
    yield edge
    for name in set(sys.modules) - before:
        if name.startswith("trunkward.edge."):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("answered_s", "until_s"),
    [(1000.0, 1060.0), (1010.0, 1060.0), (1059.0, 1060.0), (1060.0, 1060.0), (1090.0, 1090.0)],
)
def test_it_ends_with_the_hold(edge: Edge, answered_s: float, until_s: float) -> None:
    _, row = edge.begun(answered_s)
    assert (row.until_s, row.answered_s, row.then) == (until_s, answered_s, "grant-not-renewed")


@pytest.mark.parametrize(
    ("answered_s", "until_s", "then"),
    [(1010.0, 1030.0, "maximum-duration"), (1055.0, 1060.0, "grant-not-renewed")],
)
def test_what_is_held_longer_than_it_may_last_ends_as_its_verdict_says(
    edge: Edge, answered_s: float, until_s: float, then: str
) -> None:
    _, row = edge.begun(answered_s, grant={"for_s": 20.0, "then": "maximum-duration"})
    assert (row.until_s, row.then) == (until_s, then)


def test_what_costs_nothing_has_its_whole_grant(edge: Edge) -> None:
    _, row = edge.begun(1090.0, money="")
    assert row.until_s == 1150.0


def test_one_that_was_asked_for_in_vain_a_moment_ago_is_asked_for_at_its_answer(edge: Edge) -> None:
    """Else it would be ended without having been asked for."""
    grants, gate = edge.grants(), Gate()
    grants.hold(CALL | {"admitted_s": 1000.0})
    edge.now = 1089.0
    grants.renew(gate, grants.rows(), {})
    edge.now = 1090.0
    grants.begin(CALL | {"answered_s": 1090.0})
    grants.renew(gate, grants.rows(), {})
    edge.now = 1091.0
    grants.renew(gate, grants.rows(), {})
    assert ['"a"' in asked for asked in gate.asked] == [True, True, False]
