"""One change of a node at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trunkward.cli import changing as module
from trunkward.cli.backup import run_restore
from trunkward.cli.changing import Busy, changing
from trunkward.settings import Paths

HOLDS = """
import sys
from pathlib import Path
from trunkward.cli.changing import changing
from trunkward.settings import Paths
home = Path(sys.argv[1])
with changing(Paths(config=home, state=home, run=home, log=home), "upgrade"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_holds_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    says = rf"trunkward upgrade \(process {other.pid}\) is changing this node: try again when that has ended"
    with pytest.raises(Busy, match=says), changing(paths, "apply"):
        pass
    # what it started, and waits for, goes on under its lock
    with changing(paths, "upgrade", inherited=True):
        pass
    with pytest.raises(Busy), changing(paths, "apply"):
        pass
    other.communicate()
    with changing(paths, "apply"):
        assert paths.configuration_lock.read_text().startswith("trunkward apply (process ")
        assert paths.configuration_lock.stat().st_mode & 0o777 == 0o600


def test_nothing_is_restored_while_somebody_changes_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("a restore gives each file to its user: needs root")
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path, log=tmp_path)
    with changing(paths, "apply"):
        assert run_restore(paths, "/no/such/file", replace=False) == 2
    said = capsys.readouterr().err
    assert f"trunkward apply (process {os.getpid()}) is changing this node" in said
    assert not paths.state.exists()
    assert run_restore(paths, "/no/such/file", replace=False) == 2
    assert "there is no such file" in capsys.readouterr().err
