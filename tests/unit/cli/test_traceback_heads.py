"""Whoever answers within seconds is told that the journal's last part is under no signed head yet."""

import time
from pathlib import Path
from typing import Any

import pytest

from trunkward.cli import traceback as command
from trunkward.control.traceback import Question
from unit.cli.evidence_node import EvidenceNode
from unit.control.test_traceback import PROOF, decision, told, traced


@pytest.mark.parametrize(("head", "said"), [("", True), ("signed", False)])
def test_what_is_not_under_a_head_yet_is_said(
    head: str, said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary: by the command, beside the page; for programs on standard error, so that the document stays whole."""
    node = EvidenceNode(tmp_path, time.time())
    proof = PROOF.__class__(journal="node", line=42, text="{}", head=head)

    def answer(*_: object) -> dict[str, Any]:
        return told(traced(decision(), proof=proof))

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(command, "with_records_database", lambda _, answered: answered(None))
    monkeypatch.setattr(command, "_answer", answer)
    question = Question(
        number="+12025550101", other=None, at=node.now, within_s=1.0, asked_by="", received_at=node.now
    )
    assert command.run(node.paths, question, received=False, out=None, as_json=True) == 0
    err = " ".join(capsys.readouterr().err.split())
    early = "of 1 the last part of the journal is under no signed head yet: one is signed each minute"
    assert (early in err) is said
