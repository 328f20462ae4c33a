"""What `history` and `diff` say where no version exists."""

import os
from pathlib import Path

import pytest

from trunkward.cli.versions import run_diff, run_history
from trunkward.settings import Paths
from trunkward.store.database import Kind, make_private, migrate, open_database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the configuration is root's")


@pytest.fixture
def empty(tmp_path: Path) -> Paths:
    """A store that was made, as by an `apply` that was refused, and has no version."""
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path, log=tmp_path)
    paths.configuration_db.parent.mkdir()
    make_private(paths.configuration_db)
    engine = open_database(paths.configuration_url)
    migrate(engine, Kind.CONFIGURATION)
    engine.dispose()
    return paths


@pytest.mark.parametrize("as_json", [False, True])
def test_there_is_none(empty: Paths, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    none = "there is no version yet; ./trunkward up or apply makes the first"
    assert run_history(empty, 20, as_json=as_json) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", none)
    assert run_diff(empty, None, None, as_json=as_json) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", none)
