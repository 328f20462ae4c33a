"""Whoever plans, applies or starts is told once of a register that is not as its acts were journaled."""

import time
from pathlib import Path

import pytest

from trunkward.cli import apply, planning
from trunkward.cli.changing import configuration_store
from trunkward.cli.planning import Held, planned_change
from trunkward.cli.unsound import told_borne_out
from trunkward.control.acts import put_down
from trunkward.control.configuration import Plan
from trunkward.control.traceback_requests import TracebackOpened
from trunkward.engines.unsound_state import read_unsound
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.configuration_schema import evidence as evidence_rows
from trunkward.store.database import open_database
from unit.cli.evidence_node import ACCEPTED, ALICE, EvidenceNode

UNPROVEN = "the register of traceback requests is not proven"


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    return EvidenceNode(tmp_path, time.time())


def planned(node: EvidenceNode) -> Plan:
    with configuration_store(node.paths, make=False) as store:
        return planned_change(node.paths, ACCEPTED, Held(node.paths), store)


def changed(node: EvidenceNode) -> str:
    """A record is changed by whoever can write to the database; the sentence on it begins so."""
    number = node.accepted("+12125550150")
    node.changed(evidence_rows.update().values(last="+12125550159"))
    return f"record {number} of evidence is not as it was entered"


def foreign(node: EvidenceNode) -> None:
    """A request is opened by whoever can write to the database."""
    engine = open_database(node.paths.configuration_url)
    act = TracebackOpened(asked_by="ITG 7", received_at=node.now)
    put_down(SqlConfiguration(engine), act, actor=ALICE, command="traceback open", at=node.now, beyond=0)
    engine.dispose()


def test_apply_says_it_once(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary: with the plan, as a warning, and not again when it is put in force; who watches reads it, too."""

    class Enough(Exception):
        pass

    def issue(*_: object, **__: object) -> None:
        raise Enough

    said = changed(node)
    monkeypatch.setattr(apply, "issue", issue)
    monkeypatch.setattr(planning, "is_running", lambda _: True)
    monkeypatch.setattr(planning, "unfinished", lambda _: None)
    found = planned(node)
    held = Held(node.paths)
    held.in_force = object()  # type: ignore[assignment]
    assert apply._agreed(found, may_delete=False, may_restart=False, ask=False)
    monkeypatch.setattr(apply, "peers_concerned", lambda *_: frozenset())
    with configuration_store(node.paths, make=True) as store, pytest.raises(Enough):
        apply._apply_running(node.paths, found, store, "apply", held)
    told = " ".join(capsys.readouterr().err.split())
    assert told.count(said) == 1
    assert f"warning: {said}" in told
    (noted,) = read_unsound(node.paths)
    assert noted.startswith(said)


def test_a_start_says_it(node: EvidenceNode, capsys: pytest.CaptureFixture[str]) -> None:
    said = changed(node)
    with configuration_store(node.paths, make=True) as store:
        assert told_borne_out(node.paths, store, None, node.now).records == []
    told = " ".join(capsys.readouterr().err.split())
    assert told.count(said) == 1
    assert UNPROVEN not in told


def test_of_traceback_requests_as_well(node: EvidenceNode, capsys: pytest.CaptureFixture[str]) -> None:
    """Summary: also where there is no evidence; `status` alone said it."""
    assert not any(UNPROVEN in one for one in planned(node).warnings)
    foreign(node)
    assert len([one for one in planned(node).warnings if UNPROVEN in one]) == 1
    with configuration_store(node.paths, make=True) as store:
        told_borne_out(node.paths, store, None, node.now)
    assert " ".join(capsys.readouterr().err.split()).count(UNPROVEN) == 1
