"""The working copy of the node file: written for the version that was announced, edits kept beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkward.access.actor import Actor
from trunkward.cli import node_file_copy
from trunkward.control import configuration
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import Kind, migrate, open_database

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
OTHER = EXAMPLE + "# other\n"


class Place:
    """A store, and a node file."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(config=home / "node.yaml", state=home, run=home, log=home)
        self.paths.declared.parent.mkdir()
        self.engine = open_database(self.paths.configuration_url)
        migrate(self.engine, Kind.CONFIGURATION)
        self.store = SqlConfiguration(self.engine)
        self.file = self.paths.config

    def accept(self, text: str) -> None:
        planned = configuration.plan(self.store, accept_node_file(text, "node.yaml"), Effects())
        configuration.accept(self.store, planned, actor=Actor(name="a", uid=1), command="apply", at=1.0)

    def settle(self) -> list[str]:
        return node_file_copy.settle(self.paths, self.store)

    def kept(self) -> list[str]:
        return [path.read_text() for path in self.file.parent.glob("node.yaml.unapplied-*")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    made.file.write_text(EXAMPLE)
    made.file.chmod(0o640)
    made.accept(EXAMPLE)
    yield made
    made.engine.dispose()


def test_nothing_announced_nothing_written(place: Place) -> None:
    place.file.write_text(OTHER)
    assert place.settle() == []
    assert place.file.read_text() == OTHER


def test_what_was_announced_and_decided_on_is_written_once(place: Place) -> None:
    node_file_copy.announce(place.paths, place.file, OTHER)
    place.accept(OTHER)
    assert place.settle() == [f"{place.file} has the text of this version now"]
    assert place.file.read_text() == OTHER
    assert place.file.stat().st_mode & 0o777 == 0o640
    assert (place.kept(), place.settle()) == ([], [])


def test_what_was_announced_and_never_decided_on_is_forgotten(place: Place) -> None:
    node_file_copy.announce(place.paths, place.file, OTHER)
    assert place.settle() == []
    assert place.file.read_text() == EXAMPLE
    place.accept(OTHER)
    assert place.settle() == []


def test_edits_that_were_never_applied_are_kept(place: Place) -> None:
    place.file.write_text("half a thought")
    node_file_copy.announce(place.paths, place.file, OTHER)
    place.accept(OTHER)
    kept, written = place.settle()
    assert "never applied" in kept
    assert "has the text" in written
    assert place.kept() == ["half a thought"]
    assert place.file.read_text() == OTHER
