"""Evidence whose time is over goes by itself: in a real store, by a clock that is believed, a week's a day."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkward.access.actor import Actor
from trunkward.cli import forget_evidence
from trunkward.cli.forget_evidence import run_forget
from trunkward.engines.journals import read_private_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import Head, signed_minute
from unit.cli.evidence_node import DAY, EvidenceNode


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    """With three records that ended long ago, two of them in one week, and one that holds."""
    now = time.time()
    made = EvidenceNode(tmp_path, now)
    for number, ago in (("+12125550150", 1000), ("+12125550151", 996), ("+12125550152", 900)):
        made.accepted(number, days=1, at=now - ago * DAY)
    made.accepted("+12125550153")
    assert made.numbers() == [2, 4, 6, 8]
    signed(made, now - 7200)
    return made


def signed(node: EvidenceNode, at: float) -> None:
    """The heads of that moment, and no others."""
    node.paths.heads.parent.mkdir(exist_ok=True)
    key = read_private_key(PkiFiles(node.paths.pki).heads_key)
    _, line = signed_minute(None, [Head(journal="node")], at, key, lambda: bytes(16))
    node.paths.heads.write_text(f"{line}\n")


def test_property_34_a_week_of_them_a_day_and_an_act_says_so(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Property 34: deletion is recorded, by itself as well; not twice a day, however often it is asked for."""
    for _ in range(3):
        assert run_forget(node.paths, by_itself=True) == 0
        assert node.numbers() == [6, 8]
    assert "the next at" in capsys.readouterr().out
    last = json.loads(node.entries()[-1])
    assert last["evidence_deleted"] == {"records": [2, 4], "findings": [], "kept_days": 730}
    assert (last["actor"], last["actor_uid"], last["actor_source"]) == ("up", 0, "process")
    # nor does a person
    monkeypatch.setattr(forget_evidence, "current_actor", lambda: Actor(name="carol", uid=1002))
    assert run_forget(node.paths) == 0
    assert node.numbers() == [6, 8]
    tomorrow = time.time() + DAY + 1
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    signed(node, tomorrow - 7200)
    assert run_forget(node.paths) == 0
    assert node.numbers() == [8]
    assert json.loads(node.entries()[-1])["actor"] == "carol"
    assert run_forget(node.paths) == 0
    assert "nothing has ended" in capsys.readouterr().out


def _ahead(node: EvidenceNode, monkeypatch: pytest.MonkeyPatch) -> None:
    then = time.time() + 12 * 365 * DAY
    monkeypatch.setattr(time, "time", lambda: then)


def _no_heads(node: EvidenceNode, _: pytest.MonkeyPatch) -> None:
    node.paths.heads.unlink()


def _started_now(node: EvidenceNode, _: pytest.MonkeyPatch) -> None:
    signed(node, time.time() - 60)


@pytest.mark.parametrize("doubt", [_ahead, _no_heads, _started_now])
@pytest.mark.parametrize("by_itself", [True, False])
def test_by_a_clock_in_doubt_nothing_goes(
    node: EvidenceNode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    doubt: Callable[[EvidenceNode, pytest.MonkeyPatch], None],
    by_itself: bool,
) -> None:
    doubt(node, monkeypatch)
    before = node.entries()
    assert run_forget(node.paths, by_itself=by_itself) == 2
    assert "are not deleted: no heads of journals were signed" in capsys.readouterr().err
    assert (node.numbers(), node.entries()) == ([2, 4, 6, 8], before)
