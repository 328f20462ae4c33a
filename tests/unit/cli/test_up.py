"""What `up` says when something it does beside starting a node cannot be done."""

from pathlib import Path

import pytest

from trunkward.cli import up
from trunkward.settings import Paths


def test_a_node_runs_though_its_version_cannot_be_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def read_only(_paths: Paths) -> None:
        raise OSError(30, "Read-only file system", "/opt/trunkward/current")

    monkeypatch.setattr(up, "started", read_only)
    up._note_start(Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path))
    said = capsys.readouterr().err
    assert "the node runs" in said
    assert "/opt/trunkward/current" in said
    assert "install-units" in said
