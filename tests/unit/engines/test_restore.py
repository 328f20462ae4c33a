"""A restore is whole or not at all, wherever it is broken off."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.engines.archive import ArchiveRefused, ArchiveWriter, Manifest
from trunkward.engines.restore import STAGING, finish, restore
from trunkward.settings import Paths

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AUTHORITY = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def _paths(home: Path) -> Paths:
    return Paths(config=home / "etc/node.yaml", state=home / "state", run=home / "run", log=home / "log")


def _archive(files: dict[str, bytes], elsewhere: dict[str, str] | None = None) -> io.BytesIO:
    out = io.BytesIO()
    writer = ArchiveWriter(file=out)
    for name, content in files.items():
        writer.add(name, io.BytesIO(content), len(content), owner="root", group="root", mode=0o640)
    manifest = Manifest(
        format=1, version="1", node="n", made_at="then", members=writer.members, elsewhere=elsewhere or {}
    )
    writer.finish(manifest)
    return io.BytesIO(out.getvalue())


NEW = {
    "node.yaml": b"new",
    "database": b"sqlite",
    "state/pki/node.key": b"new key",
    "state/db/records.db": b"new rows",
}


def _files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def _old(home: Path) -> Paths:
    paths = _paths(home)
    for name, content in {
        "pki/node.key": b"old key",
        "config/declared.json": b"old",
        "draining": b"{}",
    }.items():
        (paths.state / name).parent.mkdir(parents=True, exist_ok=True)
        (paths.state / name).write_bytes(content)
    paths.config.parent.mkdir()
    paths.config.write_bytes(b"old")
    return paths


ALL = {
    "etc/node.yaml": b"new",
    "etc/database": b"sqlite",
    "state/pki/node.key": b"new key",
    "state/db/records.db": b"new rows",
    "state/draining": b"{}",
    "state/before-restore-20260102T030405/node.yaml": b"old",
    "state/before-restore-20260102T030405/pki/node.key": b"old key",
    "state/before-restore-20260102T030405/config/declared.json": b"old",
}


def test_onto_nothing(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    _, aside = restore(paths, _archive(NEW), version="1", now=NOW, replace=False)
    assert aside is None
    assert _files(tmp_path) == {
        name: content for name, content in ALL.items() if "before" not in name and "draining" not in name
    }
    assert (paths.state / "pki/node.key").stat().st_mode & 0o777 == 0o640


def test_onto_a_node_only_when_asked_to(tmp_path: Path) -> None:
    paths = _old(tmp_path)
    before = _files(tmp_path)
    with pytest.raises(ArchiveRefused, match="--replace"):
        restore(paths, _archive(NEW), version="1", now=NOW, replace=False)
    assert _files(tmp_path) == before
    restore(paths, _archive(NEW), version="1", now=NOW, replace=True)
    assert _files(tmp_path) == ALL


@pytest.mark.parametrize(
    "files",
    [
        {"node.yaml": b"new"},
        {"state/a": b"no node file"},
        NEW | {"state/.restoring/plan.json": b"{}"},
        NEW | {"state/before-restore-1/pki/node.key": b"k"},
        NEW | {"state/draining": b"{}"},
    ],
)
def test_a_part_of_a_node_is_none_nor_is_more(tmp_path: Path, files: dict[str, bytes]) -> None:
    paths = _old(tmp_path)
    before = _files(tmp_path)
    with pytest.raises(ArchiveRefused, match=r"is not in it|more than a node"):
        restore(paths, _archive(files), version="1", now=NOW, replace=True)
    assert _files(tmp_path) == before


class _Killed(BaseException):
    """What ends a process at once, no handler asked."""


@pytest.mark.parametrize("after", range(10))
def test_broken_off_at_any_rename_it_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    paths, count, rename = _old(tmp_path), 0, Path.rename

    def killed_later(self: Path, target: Path) -> Path:
        nonlocal count
        if count == after:
            raise _Killed
        count += 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed_later)
    try:
        restore(paths, _archive(NEW), version="1", now=NOW, replace=True)
    except _Killed:
        monkeypatch.setattr(Path, "rename", rename)
        before_plan = not (paths.state / STAGING / "plan.json").exists()
        assert before_plan == (after == 0)
        assert finish(paths) is not before_plan
        if before_plan:  # as if nothing had been
            assert "etc/node.yaml" in _files(tmp_path)
            assert (paths.state / "pki/node.key").read_bytes() == b"old key"
            assert not (paths.state / STAGING).exists()
            return
    else:
        assert count == after or count < after
    assert _files(tmp_path) == ALL
    assert not finish(paths)


def test_authorities_go_where_the_node_file_names_them_and_replace_nothing(tmp_path: Path) -> None:
    where = tmp_path / "elsewhere/north-ca.pem"
    named = {"elsewhere/0": str(where)}
    files = NEW | {"elsewhere/0": AUTHORITY}
    restore(_paths(tmp_path / "one"), _archive(files, named), version="1", now=NOW, replace=False)
    assert where.read_bytes() == AUTHORITY
    where.write_bytes(b"# the same, with a word about it\n" + AUTHORITY)
    restore(_paths(tmp_path / "two"), _archive(files, named), version="1", now=NOW, replace=False)
    assert where.read_bytes().startswith(b"# the same")
    where.write_bytes(b"others")
    with pytest.raises(ArchiveRefused, match="is another"):
        restore(_paths(tmp_path / "three"), _archive(files, named), version="1", now=NOW, replace=False)
    assert where.read_bytes() == b"others"


@pytest.mark.parametrize(
    ("where", "content"),
    [
        ("relative.pem", AUTHORITY),
        ("/tmp/../etc/x.pem", AUTHORITY),
        ("/tmp/tw-never-made.sh", b"#!/bin/sh\n"),
        ("/tmp/tw-never-made.sh", b"#!/bin/sh\ntouch /\n" + AUTHORITY),
        ("/tmp/tw-never-made.sh", b"+12025550100,$(touch /)\n"),
        ("/tmp/tw-never-made.sh", b"+12025550100,here\ntouch /\n"),
        ("/tmp/tw-never-made.key", AUTHORITY + b"-----BEGIN PRIVATE KEY-----\n"),
    ],
)
def test_nothing_else_leaves_the_node_s_directories(tmp_path: Path, where: str, content: bytes) -> None:
    archive = _archive(NEW | {"elsewhere/0": content}, {"elsewhere/0": where})
    with pytest.raises(ArchiveRefused):
        restore(_paths(tmp_path), archive, version="1", now=NOW, replace=False)
    assert not Path("/tmp/tw-never-made.sh").exists()
    assert not (tmp_path / "state" / STAGING).exists()
