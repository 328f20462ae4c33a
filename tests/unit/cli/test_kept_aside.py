"""What was put aside is found and told, by where it is."""

from pathlib import Path

from trunkward.cli.kept_aside import kept_aside, kept_lines
from trunkward.settings import Paths


def test_nothing_then_one_then_several(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path)
    assert (kept_aside(paths), kept_lines(paths)) == ([], [])
    (tmp_path / "node.yaml.unapplied-20260101T000000Z").touch()
    old = paths.state / "before-restore-20260102T030405"
    old.mkdir(parents=True)
    assert kept_lines(paths) == [
        f"1 node file never applied: {tmp_path}/node.yaml.unapplied-20260101T000000Z",
        f"1 earlier node, private keys included: {old}",
    ]
    (tmp_path / "node.yaml.unapplied-20260102T000000Z").touch()
    (paths.state / "before-restore-20260103T030405").mkdir()
    assert kept_lines(paths) == [
        f"2 node files never applied: {tmp_path}/node.yaml.unapplied-*",
        f"2 earlier nodes, private keys included: {paths.state}/before-restore-*",
    ]
    assert len(kept_aside(paths)) == 4


def test_beside_the_node_file_the_node_was_started_with(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    (tmp_path / "node.yaml.unapplied-1").touch()
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.yaml.unapplied-2").touch()
    paths.run.mkdir()
    paths.taken.write_text(f"{other}/own.yaml\n")
    assert kept_aside(paths) == [other / "own.yaml.unapplied-2"]
