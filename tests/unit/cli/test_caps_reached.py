"""Whoever sets a cap to what is spent already is told so, by plan, apply and spend raise, and is not refused."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.cli import caps_reached as module
from trunkward.cli import planning, spending
from trunkward.cli.changing import configuration_store
from trunkward.cli.planning import Held, planned_change
from trunkward.control.borne_out import BorneOut
from trunkward.control.caps_reached import Cap
from trunkward.control.declared import InForce
from trunkward.control.node_file import accept_node_file, read_node_file
from trunkward.live.ask import NotAnswered
from trunkward.settings import Paths
from trunkward.trunks.spending import Raise, SpendingChange, Window
from unit.cli.evidence_node import EXAMPLE, EvidenceNode
from unit.cli.test_forget import LEDGER, FakeValkey

#: Of the ledger there, in micro-units: trunk acme-hq has spent 2.50 in a day and 30 in a month.
DAY = Cap(owner="trunk:acme-hq", window=Window.DAY, micro=2_500_000)


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Valkey", FakeValkey)
    monkeypatch.setattr(FakeValkey, "currency", b"EUR")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)


def test_what_the_ledger_says_of_it(paths: Paths) -> None:
    (said,) = module.caps_reached(
        paths, [DAY, Cap(owner="carrier:north", window=Window.DAY, micro=0)], "EUR", 1.0
    )
    assert said.startswith("trunk acme-hq may cost 2.50 EUR a day, and 2.50 are spent of it already")


def test_where_nobody_answers_or_counts_otherwise_there_is_no_word(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.caps_reached(paths, [DAY], "USD", 1.0) == ()

    def gone(*_: object) -> None:
        raise NotAnswered("Valkey is not there")

    monkeypatch.setattr(module, "Valkey", gone)
    assert module.caps_reached(paths, [DAY], "EUR", 1.0) == ()


@pytest.mark.parametrize(("day", "told"), [("2.50", True), ("2.51", False)])
def test_plan_warns_while_a_node_runs(
    day: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: a cap in the file at what is spent is a warning of plan and apply; one above it is none."""
    node = EvidenceNode(tmp_path, time.time())
    in_force = InForce(
        version=1,
        node_file=EXAMPLE,
        values=accept_node_file(EXAMPLE, "x").values,
        certificates={},
        evidence={},
    )
    node.paths.declared.parent.mkdir(parents=True, exist_ok=True)
    node.paths.declared.write_bytes(msgspec.json.encode(in_force))
    capped = EXAMPLE.replace(
        "      - name: acme-hq\n", f'      - name: acme-hq\n        spend: {{hour: "1", day: "{day}"}}\n'
    )
    assert capped != EXAMPLE
    wanted = accept_node_file(capped, "node.yaml")
    monkeypatch.setattr(planning, "unfinished", lambda _: None)

    def warned(*, running: bool) -> list[str]:
        monkeypatch.setattr(planning, "is_running", lambda _: running)
        with configuration_store(node.paths, make=False) as store:
            planned = planned_change(node.paths, wanted, Held(node.paths), store)
        return [one for one in planned.warnings if one.startswith("trunk acme-hq may cost")]

    assert [one[:38] for one in warned(running=True)] == ["trunk acme-hq may cost 2.50 EUR a day,"] * told
    assert warned(running=False) == []


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch, paths: Paths) -> Callable[..., SpendingChange]:
    """One act on what is spent, as a node with these raises would decide on it."""

    def decided(command: Callable[..., int], raises: list[Raise], **words: Any) -> SpendingChange:
        found: list[SpendingChange] = []

        def act_on_spending(_: Paths, __: str, do: Any) -> int:
            found.append(do(BorneOut(raises=raises), read_node_file(EXAMPLE, "example"), 1.0))
            return 0

        monkeypatch.setattr(spending, "act_on_spending", act_on_spending)
        assert command(paths, "trunk:acme-hq", why="because", **words) == 0
        return found[0]

    return decided


@pytest.mark.parametrize(("spent", "told"), [(31_000_000, True), (30_999_999, False)])
def test_a_raise_that_is_not_above_what_is_spent(
    act: Callable[..., SpendingChange],
    spent: int,
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(LEDGER, "money:trunk:acme-hq", (0, 0, spent, spent))
    words: dict[str, Any] = {"to": "31", "for_text": "2h", "more": False}
    assert act(spending.run_raise, [], window=Window.DAY, **words).raised is not None
    said = capsys.readouterr().err
    assert ("but: trunk acme-hq may cost 31.00 EUR a day, and 31.00 are spent of it already" in said) is told
    # one for a call bounds no sum
    act(spending.run_raise, [], window=Window.CALL, **(words | {"to": "6"}))
    assert capsys.readouterr().err == ""


def test_a_raise_that_ends_leaves_the_cap_of_the_file(
    act: Callable[..., SpendingChange], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LEDGER, "money:trunk:acme-hq", (0, 0, 30_000_000, 30_000_000))
    raised = Raise(version=3, owner="trunk:acme-hq", window=Window.DAY, to_micro=90_000_000, until=9.0)
    assert act(spending.run_lower, [raised], window=None).act == "end"
    assert "but: trunk acme-hq may cost 30.00 EUR a day, and 30.00 are spent" in capsys.readouterr().err
