"""A gate takes a newer snapshot when it is good, and keeps the one it has when it is not."""

from pathlib import Path

import pytest

from sipkit.places import TABLE
from trunkward.admission.snapshot import compile_snapshot
from trunkward.control.node_file import read_node_file
from trunkward.gate.policy import PolicyInForce
from trunkward.settings import snapshot_name

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def put(directory: Path, version: int, content: bytes | None = None) -> None:
    good = compile_snapshot(read_node_file(EXAMPLE, "node.yaml"), {}, version, TABLE)
    (directory / snapshot_name(version)).write_bytes(good if content is None else content)
    link = directory / "current.part"
    link.symlink_to(snapshot_name(version))
    link.rename(directory / "current")


@pytest.fixture
def policy(tmp_path: Path) -> PolicyInForce:
    return PolicyInForce(tmp_path)


def test_without_a_snapshot_there_is_none(policy: PolicyInForce) -> None:
    assert not policy.is_behind()
    assert (policy.refresh(), policy.snapshot) == (None, None)


def test_a_newer_one_is_taken(policy: PolicyInForce, tmp_path: Path) -> None:
    for version in (1, 2):
        put(tmp_path, version)
        assert policy.is_behind()
        assert policy.refresh() is None
        assert not policy.is_behind()
        assert policy.snapshot is not None
        assert policy.snapshot.version == version


@pytest.mark.parametrize("content", [b"", b"not a snapshot" * 100])
def test_one_that_cannot_be_used_is_not_taken(policy: PolicyInForce, tmp_path: Path, content: bytes) -> None:
    put(tmp_path, 1)
    policy.refresh()
    put(tmp_path, 2, content)
    said = policy.refresh()
    assert said is not None
    assert "current" in said
    assert policy.snapshot is not None
    assert policy.snapshot.version == 1
    assert policy.is_behind()  # and looked at again: the worker may mend it
    put(tmp_path, 3)
    assert policy.refresh() is None
    assert policy.snapshot.version == 3
