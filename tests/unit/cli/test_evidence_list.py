"""`evidence list`: a revoked record is revoked, and a trunk nobody has is none without records."""

import json
import time
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trunkward.cli import evidence
from trunkward.cli.changing import configuration_store
from trunkward.cli.journals_examined import _acts
from trunkward.cli.main import app
from trunkward.cli.people_status import Waiting, waiting
from trunkward.control.acts import put_down
from trunkward.control.evidence import added
from trunkward.control.evidence_journal import evidence_id
from trunkward.engines.denied_file import deny
from trunkward.store.configuration_schema import evidence as evidence_rows
from trunkward.store.configuration_schema import evidence_files
from unit.cli.evidence_node import ACCEPTED, ALICE, DAY, EvidenceNode


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EvidenceNode:
    made = EvidenceNode(tmp_path, time.time())
    monkeypatch.setattr(evidence, "_root", lambda: True)
    monkeypatch.setattr("trunkward.settings.Paths.from_environment", lambda: made.paths)
    return made


def ask(*options: str) -> Result:
    return CliRunner().invoke(app, ["evidence", "list", *options], env={"COLUMNS": "250"})


def test_but_denied_is_of_a_revocation_that_is_not_written_down(node: EvidenceNode) -> None:
    number = node.accepted("+12025550150")
    deny(node.paths, {evidence_id(number): int(node.now) + 1000}, node.now)
    assert "accepted, but denied" in ask().stdout
    node.revoke(number)
    told = ask("--all").stdout
    assert ("revoked" in told, "but denied" in told) == (True, False)


def test_a_row_that_was_changed_is_not_as_it_was_journaled(node: EvidenceNode) -> None:
    number = node.accepted("+12025550150")
    node.changed(evidence_rows.update().values(last="+12025550159"))
    told = ask()
    assert "accepted, but not as it was journaled" in told.stdout
    assert f"record {number} of evidence is not as it was entered" in told.stderr
    assert json.loads(ask("--json").stdout)["sound"] is False
    shown = CliRunner().invoke(app, ["evidence", "show", str(number)])
    assert f"record {number} of evidence is not as it was entered" in shown.stderr


@pytest.mark.parametrize("bytes_of_others", [zlib.compress(b"another letter"), b"no such form"])
def test_a_document_that_was_exchanged_is_told_of(
    node: EvidenceNode, tmp_path: Path, bytes_of_others: bytes
) -> None:
    """By `list` and `show` at once, and by whoever verifies the journals."""
    number, words = node.accepted("+12025550150"), "is not the one that was entered"
    assert json.loads(ask("--json").stdout)["document_sound"] is True
    assert not _acts(node.paths, []).findings
    node.changed(evidence_files.update().values(packed=bytes_of_others))
    told = ask()
    assert "accepted, but its document was exchanged" in told.stdout
    assert f"the document of record {number} in the database {words}" in told.stderr
    assert json.loads(ask("--json").stdout)["document_sound"] is False
    for option in ((), ("--file", str(tmp_path / "out"))):
        assert words in CliRunner().invoke(app, ["evidence", "show", str(number), *option]).stderr
    assert not (tmp_path / "out").exists()
    (finding,) = _acts(node.paths, []).findings
    assert words in finding.what


def test_a_port_to_another_provider_is_said(node: EvidenceNode) -> None:
    node.accepted("+12025550150", kind="port")
    node.accepted("+12025550151")
    assert "another provider" not in ask().stdout
    node.changed(evidence_rows.update().where(evidence_rows.c.kind == "port").values(spc="111T"))
    told = ask().stdout
    assert ("accepted, but of another provider" in told, told.count("another provider")) == (True, 1)


def test_a_trunk_nobody_has_is_refused_with_those_there_are(node: EvidenceNode) -> None:
    refused = ask("--trunk", "acme-hx")
    said = " ".join(refused.stderr.replace("\u2502", " ").split())
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "did you mean acme-hq? there are acme-hq" in said
    assert ask("--trunk", "acme-hq").exit_code == 0


def test_status_tells_what_waits_for_review(node: EvidenceNode) -> None:
    assert waiting(node.paths) == Waiting()
    with configuration_store(node.paths, make=True) as store:
        entering = added(
            *(ACCEPTED.declared, store.evidence()),
            numbers="+12025550150",
            trunk="acme-hq",
            kind="loa",
            file_name="letter.pdf",
            document=b"letter",
            until=node.now + DAY,
            why="folder 7",
            actor=ALICE,
            now=node.now,
            salt="5a" * 16,
        )
        number = put_down(store, entering, actor=ALICE, command="evidence", at=node.now, beyond=0).number
    found = waiting(node.paths)
    [(record, said)] = found.reviews
    assert (record, f"evidence review {number}" in said) == (f"evidence record {number}", True)
    assert found.problems == ()
    # of what is not as it was entered nobody is asked to accept anything
    node.changed(evidence_rows.update().values(last="+12025550999"))
    (problem,) = waiting(node.paths).problems
    assert problem.startswith(f"record {number} of evidence is not as it was entered")
