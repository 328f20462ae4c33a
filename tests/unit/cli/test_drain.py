"""What `drain` refuses."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.cli.drain import run, undo
from trunkward.engines import drain
from trunkward.settings import Paths

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="who drains a node is root")


def test_a_node_nobody_has_started_is_not_drained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # the launcher makes the directories whatever the command is
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    assert run(paths, wait_s=0) == 2
    assert "no node has been started here yet" in capsys.readouterr().err
    assert not drain.is_draining(paths)
    assert undo(paths) == 2
    paths.declared.parent.mkdir()
    paths.declared.touch()
    assert run(paths, wait_s=0) == 0
    assert drain.is_draining(paths)


def test_what_is_drained_can_be_taken_back(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    drain.begin(paths, by="me", now=datetime.now(UTC))
    assert undo(paths) == 0
    assert not drain.is_draining(paths)
