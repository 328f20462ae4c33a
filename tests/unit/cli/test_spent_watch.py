"""`spend --watch` looks each second, tells what it finds each time, and ends with Ctrl-C, or when Valkey is gone."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Settlement
from trunkward.cli import spent
from trunkward.control.node_file import read_node_file
from trunkward.live import money

DECLARED = read_node_file(Path("examples/node.yaml").read_text(encoding="utf-8"), "node.yaml")
IN_FORCE = SimpleNamespace(declared=lambda: DECLARED, raises=[], holds=[])


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnValkey]:
    running = OwnValkey()
    monkeypatch.setattr(spent, "read_in_force", lambda _: IN_FORCE)
    yield running
    running.close()


def spends(own: OwnValkey, name: str, micro: int) -> None:
    with own.asks("worker") as worker:
        costs = (("money:trunk:acme-hq", micro),)
        worker.ask(*money.settle([(Settlement(record_id=name, costs=costs), None)]))


def test_each_second_what_is_spent_then(
    own: OwnValkey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt
        spends(own, f"c{len(waited)}", 1_000_000)

    monkeypatch.setattr("trunkward.cli.spent.time.sleep", sleep)
    assert spent.run(own.paths, "", watch=True, as_json=True) == 0
    told: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[(one["owner"], one["windows"][0]["settled"]) for one in each["owners"]] for each in told] == [
        [],
        [("trunk:acme-hq", "1.00")],
        [("trunk:acme-hq", "2.00")],
    ]
    assert waited == [1.0] * 3


def test_it_ends_when_valkey_is_gone(
    own: OwnValkey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spends(own, "c", 1_000_000)
    monkeypatch.setattr("trunkward.cli.spent.time.sleep", lambda _: own.kill())
    assert spent.run(own.paths, "trunk:acme-hq", watch=True, as_json=False) == 1
    said = capsys.readouterr()
    assert "trunk:acme-hq (EUR)" in said.out
    assert "what is spent cannot be told" in said.err
