"""`spend --watch` looks each second, tells what it finds each time, and ends with Ctrl-C, or when Valkey is gone."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import RunningLeg, RunningShare, Settlement
from trunkward.cli import spent
from trunkward.control.node_file import read_node_file
from trunkward.live import money, nodes
from trunkward.trunks.spending import NO_CAPS

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


@pytest.mark.parametrize("damaged", [b'["north",1800', b'["north",1800,7]', b'["north",1800,"\xff"]'])
def test_what_is_damaged_is_named_and_the_rest_is_told(
    own: OwnValkey, capsys: pytest.CaptureFixture[str], damaged: bytes
) -> None:
    share = RunningShare(
        owner="money:trunk:acme-hq",
        tariff="1:0:1:1",
        used_micro=0,
        had_micro=0,
        next_micro=2_000_000,
        caps=NO_CAPS,
    )
    legs = [RunningLeg(record_id=name * 32, lasted_s=9, shares=(share,)) for name in "ab"]
    with own.asks("gate") as gate, own.asks("root") as root:
        gate.ask(*money.renew_legs(legs, 0, "n1", 0.01, "EUR"))
        gate.ask(*nodes.leave([("a" * 32, 9000, '["north",1800,"a BYE"]')]))
        root.ask("SET", f"left:{'b' * 32}", damaged)  # type: ignore[arg-type]
    time.sleep(0.01)  # they are overdue
    assert spent.run(own.paths, "trunk:acme-hq", watch=False, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)["owners"][0]["calls"]
    assert [(call["record_id"][0], call["session_s"]) for call in told] == [("a", 1800), ("b", None)]
    assert told[0]["damaged"] is None
    assert told[1]["damaged"].startswith(
        f"left:{'b' * 32} in Valkey is damaged, no other node can end this call: "
    )
    assert told[1]["over_in_s"] > 7000
    assert spent.run(own.paths, "", watch=False, as_json=False) == 0
    said = capsys.readouterr().out
    assert said.count("at the latest") == 1
    assert said.count("is damaged") == 1
