"""Evidence whose time is over goes by itself: in a real store, by a clock that is believed, a week's a day."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkward.access.actor import Actor, Source
from trunkward.cli import acting, forget_evidence
from trunkward.cli.changing import configuration_store
from trunkward.cli.forget_evidence import run_forget
from trunkward.control.configuration import Version
from trunkward.control.declared import InForce
from trunkward.engines.journals import read_private_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import Head, signed_minute
from unit.cli.evidence_node import DAY, EXAMPLE, EvidenceNode


@pytest.fixture(autouse=True)
def nobody_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has."""
    nobody = Actor(name="root", uid=0, source=Source.PROCESS)
    monkeypatch.setattr(forget_evidence, "current_actor", lambda: nobody)


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


def test_whoever_has_logged_in_stays_in_the_entry(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root at a keyboard can start what `up` starts."""
    mallory = Actor(name="mallory", uid=1003, source=Source.LOGIN)
    monkeypatch.setattr(forget_evidence, "current_actor", lambda: mallory)
    assert run_forget(node.paths, by_itself=True) == 0
    last = json.loads(node.entries()[-1])
    assert (last["actor"], last["actor_uid"], last["command"]) == ("mallory", 1003, "evidence forget (up)")


def test_one_that_is_told_to_end_begins_nothing(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = threading.Event()
    told.set()
    monkeypatch.setattr(forget_evidence, "_told_to_end", told)
    assert run_forget(node.paths, by_itself=True) == 2
    assert "it was told to end" in capsys.readouterr().err
    assert node.numbers() == [2, 4, 6, 8]


def test_the_next_look_finishes_what_one_was_killed_in(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decided on, and never in force: else every change is refused until somebody applies."""
    with configuration_store(node.paths, make=False) as store:
        head = store.head()
        assert head is not None
    in_force = InForce(version=head.number, node_file=EXAMPLE, certificates={}, evidence={})
    put: list[int] = []

    def put_in_force(_: object, __: object, before: InForce, ___: object, version: Version) -> int:
        put.append(version.number)
        return 0 if len(put) > 1 else 1

    for module in (forget_evidence, acting):
        monkeypatch.setattr(module, "is_running", lambda _: True)
        monkeypatch.setattr(module, "read_in_force", lambda _: in_force)
    monkeypatch.setattr(acting, "check_runs_this", lambda _: None)
    monkeypatch.setattr(acting, "_put_in_force", put_in_force)
    assert run_forget(node.paths, by_itself=True) == 1
    entries = node.entries()
    assert run_forget(node.paths, by_itself=True) == 0
    assert put == [head.number + 1, head.number + 1]
    assert node.entries() == entries
    # what another command left is another's to finish
    monkeypatch.setattr(forget_evidence, "current_actor", lambda: Actor(name="x", uid=1, source=Source.LOGIN))
    assert run_forget(node.paths, by_itself=True) == 0
    assert len(put) == 2


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
