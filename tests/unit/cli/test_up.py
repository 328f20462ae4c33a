"""What `up` says when something it does beside starting a node cannot be done."""

import os
import time
from pathlib import Path

import pytest

from trunkward.access.actor import Actor
from trunkward.cli import supervising, up
from trunkward.cli.changing import configuration_store
from trunkward.control import configuration
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.settings import Paths


def test_a_node_runs_though_its_version_cannot_be_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def read_only(_paths: Paths) -> None:
        raise OSError(30, "Read-only file system", "/opt/trunkward/current")

    monkeypatch.setattr(supervising, "started", read_only)
    supervising._note_start(Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path))
    said = capsys.readouterr().err
    assert "the node runs" in said
    assert "/opt/trunkward/current" in said
    assert "install-units" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="who starts a node is root")
def test_the_example_is_for_a_node_that_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # the example can be started on, and what stands there then cannot
    monkeypatch.setattr(up, "_startable", lambda _paths, text=None, _source="": text)
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    assert up.run(paths) == 2
    assert "the example stands there now" in capsys.readouterr().out
    example = paths.config.read_text(encoding="utf-8")
    paths.declared.parent.mkdir()
    with configuration_store(paths, make=True) as store:
        # a store with no version in it is no reason
        paths.config.unlink()
        assert up.run(paths) == 2
        assert "the example stands there now" in capsys.readouterr().out
        planned = configuration.plan(store, accept_node_file(example, "node.yaml"), Effects(running=False))
        configuration.accept(
            store, planned, actor=Actor(name="me", uid=0), command="up", at=time.time(), beyond=6
        )
    paths.config.unlink()
    assert up.run(paths) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"{paths.config} is gone, but version 7 of it is known: bring it back with "
        f"./trunkward export >{paths.config}; not started, nothing was changed\n"
    )
    assert not paths.config.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="who starts a node is root")
def test_what_hinders_a_start_hinders_it_before_the_example_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(up, "obstacles", lambda _paths, _declared: ["/root: closed to the node's users"])
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    assert up.run(paths) == 2
    assert not paths.config.exists()
    assert "nothing was changed" in capsys.readouterr().err
