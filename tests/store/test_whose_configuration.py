"""A PostgreSQL that others can write to, and other nodes have: whose configuration it holds, and what root keeps of it."""

import io
import json
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import typer

from trunkward import __version__
from trunkward.access.actor import Actor, Source
from trunkward.cli.changing import configuration_store
from trunkward.cli.people_status import Waiting, waiting
from trunkward.cli.renewing import renewed
from trunkward.cli.restored import Restoring
from trunkward.control import configuration
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.evidence_journal import evidence_id, sound
from trunkward.control.node_file import accept_node_file
from trunkward.engines.restore import restore
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.configuration_schema import evidence, evidence_files
from trunkward.store.database import open_database
from unit.cli.evidence_node import ALICE, EXAMPLE, EvidenceNode

EVE = Actor(name="eve", uid=1666, source=Source.LOGIN)
OTHER = EXAMPLE.replace("acme-hq", "beta-hq").replace("  name: sbc.example.com", "  name: sbc2.example.com")


@pytest.fixture
def node(postgresql: Callable[[], str], tmp_path: Path) -> EvidenceNode:
    """With its configuration in a PostgreSQL, and record 2 accepted."""
    made = EvidenceNode(tmp_path / "here", time.time(), database=postgresql())
    assert made.accepted("+12125550150") == 2
    return made


def beside(node: EvidenceNode, home: Path, text: str) -> Paths:
    """Another machine with the same database."""
    home.mkdir()
    (home / "node.yaml").write_text(text, encoding="utf-8")
    (home / "database").write_text(node.paths.database)
    return replace(
        node.paths, config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log"
    )


@pytest.mark.parametrize("make", [True, False])
def test_another_nodes_configuration_is_not_taken(
    node: EvidenceNode, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: bool
) -> None:
    assert OTHER.count("sbc2.example.com") == 1
    other = beside(node, tmp_path / "other", OTHER)
    with pytest.raises(typer.Exit), configuration_store(other, make=make):
        pass
    said = " ".join(capsys.readouterr().err.split())
    assert "is that of node sbc.example.com, and this is sbc2.example.com" in said
    assert f"write records-only before the URL in {tmp_path}/other/database" in said
    assert node.numbers() == [2]


def test_its_own_is_in_a_file_where_the_database_is_for_records_only(
    node: EvidenceNode, tmp_path: Path
) -> None:
    other = replace(beside(node, tmp_path / "other", OTHER), records_only=True)
    other.configuration_db.parent.mkdir(parents=True)
    with configuration_store(other, make=True) as store:
        planned = configuration.plan(store, accept_node_file(OTHER, "other"), Effects())
        assert (planned.base, planned.deletions) == (None, [])
        configuration.accept(store, planned, actor=ALICE, command="up", at=node.now)
    assert other.configuration_db.exists()
    assert len(node.entries()) == 3


def test_a_node_may_be_called_otherwise_from_now_on(node: EvidenceNode) -> None:
    node.paths.config.write_text(OTHER, encoding="utf-8")
    assert node.numbers() == [2]


def test_a_new_machine_of_the_same_node_takes_it_over(
    node: EvidenceNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = beside(node, tmp_path / "other", EXAMPLE)
    machine.config.unlink()
    with configuration_store(machine, make=False) as store:  # `export`
        machine.config.write_text(configuration.export(store, None), encoding="utf-8")
    with configuration_store(machine, make=True) as store:
        assert sound(store) == (store.evidence(), [])
    assert "root answers for the journal of acts, 3 entries" in " ".join(capsys.readouterr().err.split())


def test_who_has_the_databases_password_signs_nothing(node: EvidenceNode) -> None:
    """He writes versions, chain and records that hold, through the program's own store."""
    engine = open_database(node.paths.database)
    eve = SqlConfiguration(engine)
    head = eve.head()
    assert head is not None
    configuration.accept(
        eve,
        configuration.plan(eve, accept_node_file(eve.text(head) + "#", "eve"), Effects()),
        actor=EVE,
        command="apply",
        at=node.now,
    )
    assert len(configuration.history(eve, None)) == 4
    engine.dispose()
    node.accepted("+12125550151")
    with configuration_store(node.paths, make=True) as store:
        good, (problem,) = sound(store)
    assert good == []
    assert "root has not written entries 4 to 6" in problem


def test_nor_are_delegates_of_his_watched_or_status_told_of_them(
    node: EvidenceNode, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody watches the chain of would look as if something rested on it."""
    (node.paths.configuration_db.parent / "decks").mkdir(exist_ok=True)
    own = node.accepted("+12125550152", kind="delegate", document=b"a chain")
    before = InForce(version=1, node_file=EXAMPLE, certificates={}, evidence={})

    def delegates() -> dict[str, str]:
        with configuration_store(node.paths, make=True) as store:
            at = datetime.fromtimestamp(node.now, UTC)
            return renewed(node.paths, store, before, actor=ALICE, command="renew", now=at).delegates

    assert delegates() == {evidence_id(own): "a chain"}
    # another document is not the one that was entered: the worker finds no certificate in it
    node.changed(
        evidence_files.update()
        .where(evidence_files.c.sha256 == sha256(b"a chain").hexdigest())
        .values(packed=zlib.compress(b"his chain"))
    )
    assert delegates() == {evidence_id(own): ""}
    node.changed(evidence.update().where(evidence.c.version == own).values(last="+12125550159"))
    assert delegates() == {}
    wrong = f"record {own} of evidence is not as it was entered"
    found = waiting(node.paths)
    assert found == Waiting(problems=found.problems)
    assert found.problems[0].startswith(wrong)
    assert wrong in " ".join(capsys.readouterr().err.split())
    node.forged("+12125550153", kind="delegate", document=b"his chain")
    assert delegates() == {}
    assert "root has not written entries" in " ".join(capsys.readouterr().err.split())
    found = waiting(node.paths)
    (problem,) = found.problems
    assert (found.reviews, "root has not written entries" in problem) == ((), True)


def test_a_restore_is_journaled_where_the_acts_are(node: EvidenceNode) -> None:
    backup = io.BytesIO(node.backed_up().getvalue())
    node.accepted("+12125550151")
    restoring = Restoring(node.paths)
    restore(
        *(node.paths, backup),
        version=__version__,
        now=datetime.now(UTC),
        replace=True,
        unite=restoring.unite,
    )
    restoring.tell()
    last = json.loads(node.entries()[-1])
    assert (last["version"], last["command"], last["restored"]["journals"]) == (6, "restore", {})
    with configuration_store(node.paths, make=True) as store:
        assert len(sound(store)[0]) == 2
