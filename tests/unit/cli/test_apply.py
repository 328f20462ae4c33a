"""What `apply` says when the database goes away after the version was decided on."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from trunkward.cli import apply, node_file_copy
from trunkward.cli.planning import Held
from trunkward.control import configuration
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import Kind, migrate, open_database

TEXT = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def test_a_version_that_exists_is_not_called_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> list[str]:
        raise OperationalError("SELECT", {}, Exception("server closed the\nconnection"))

    engine = open_database(f"sqlite:///{tmp_path}/config.db")
    migrate(engine, Kind.CONFIGURATION)
    store = SqlConfiguration(engine)
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    planned = configuration.plan(store, accept_node_file(TEXT, "node.yaml"), Effects(running=False))
    monkeypatch.setattr(node_file_copy, "settle", gone)
    assert apply._apply_stopped(paths, planned, store, "apply", Held(paths)) == (1, 1)
    said = capsys.readouterr().err
    assert "version 1 is decided on, but not everywhere in force: server closed the connection" in said
    assert configuration.get_version(store, None).number == 1
    engine.dispose()
