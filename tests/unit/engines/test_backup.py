"""What a backup takes, that it takes nothing else, and that it leaves room for calls."""

import io
import os
import shutil
import sqlite3
import tempfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from trunkward.control.health import DISK_LOW_BYTES
from trunkward.engines import backup
from trunkward.engines.archive import ArchiveRefused, Manifest
from trunkward.engines.backup import back_up
from trunkward.engines.restore import restore
from trunkward.engines.users import gid, uid
from trunkward.settings import Paths
from trunkward.store.sqlite_copy import copy_as, is_sqlite

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN PRIVATE KEY-----\nAB==\n-----END PRIVATE KEY-----\n"
SECRET = b"what root alone may know"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def paths() -> Iterator[Paths]:
    """A node's state, its databases with their owners."""
    if os.geteuid() != 0:
        pytest.skip("each file of a node has its own owner: needs root")
    # where the node's users get at it
    home = Path(tempfile.mkdtemp(prefix="tw-", dir="/tmp"))
    home.chmod(0o755)
    (home / "node.yaml").write_text("the node file")
    made = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    for name, owner in (("db", "tw-worker"), ("config", "root"), ("records/edge", "tw-edge")):
        (made.state / name).mkdir(parents=True)
        os.chown(made.state / name, 0 if owner == "root" else uid(owner), gid("tw-worker"))
        (made.state / name).chmod(0o750)
    for database, owner in ((made.records_db, "tw-worker"), (made.configuration_db, "root")):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE held (what BLOB)")
            connection.execute("INSERT INTO held VALUES (?)", [SECRET if owner == "root" else b"calls"])
            connection.commit()
        os.chown(database, 0 if owner == "root" else uid(owner), 0 if owner == "root" else gid(owner))
        database.chmod(0o600)
    for directory in (made.edge_ladder, made.edge_overflow):
        directory.mkdir(parents=True)
    yield made
    shutil.rmtree(home)


def _back_up(
    paths: Paths,
    out: IO[bytes],
    *elsewhere: Path,
    copy: Callable[[Path, Path, int, int], None] = copy_as,
) -> Manifest:
    return back_up(
        paths,
        out,
        node="n",
        version="1",
        now=NOW,
        elsewhere=list(elsewhere),
        not_in_it=[],
        copy_database=copy,
        is_database=is_sqlite,
    )


def _held(database: Path) -> list[bytes]:
    with closing(sqlite3.connect(database)) as connection:
        return [what for (what,) in connection.execute("SELECT what FROM held")]


def _restored(paths: Paths, archive: io.BytesIO) -> Paths:
    home = paths.state.parent / "restored"
    fresh = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    fresh.run.mkdir(parents=True)
    archive.seek(0)
    restore(fresh, archive, version="1", now=NOW, replace=False)
    return fresh


def test_segments_in_memory_are_in_it_and_shipped_after_a_restore(paths: Paths) -> None:
    (paths.edge_ladder / "1.jsonl").write_bytes(b'{"message": 1}\n{"message": 2}\n{"mess')
    (paths.edge_overflow / "1.jsonl").write_bytes(b'{"outcome": 1}\n')
    _back_up(paths, archive := io.BytesIO())
    fresh = _restored(paths, archive)
    segments = [
        file for place in fresh.segment_directories() if place.is_dir() for file in place.glob("*.jsonl")
    ]
    assert {file.parent.name: file.read_bytes() for file in segments} == {
        "ladder-20260102T030405": b'{"message": 1}\n{"message": 2}\n',
        "overflow-20260102T030405": b'{"outcome": 1}\n',
    }
    for file in segments:  # for the worker to ship, and to delete
        like = file.parent.stat()
        assert (like.st_uid, like.st_gid, like.st_mode & 0o7777) == (uid("tw-edge"), gid("tw-worker"), 0o2770)


def test_databases_are_copied_each_to_its_owner(paths: Paths) -> None:
    _back_up(paths, archive := io.BytesIO())
    fresh = _restored(paths, archive)
    assert _held(fresh.records_db) == [b"calls"]
    assert _held(fresh.configuration_db) == [SECRET]
    assert [file.stat().st_uid for file in (fresh.records_db, fresh.configuration_db)] == [
        uid("tw-worker"),
        0,
    ]
    assert not list(paths.state.glob(".backing-up-*"))


def test_a_link_put_in_a_database_s_place_gives_nothing_away(paths: Paths) -> None:
    """Summary: whoever owns the records swaps their database for a link to root's, after it was looked at: no backup."""

    def swapped(source: Path, copy: Path, user: int, group: int) -> None:
        if source == paths.records_db:
            source.unlink()
            source.symlink_to(paths.configuration_db)
        copy_as(source, copy, user, group)

    with pytest.raises(OSError, match=r"records\.db cannot be copied: .*unable to open"):
        _back_up(paths, io.BytesIO(), copy=swapped)


def test_it_leaves_room_for_the_records_of_calls(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    (paths.state / "records/edge/1.jsonl").write_bytes(b"{}\n" * 100_000)
    databases = sum(file.stat().st_size for file in (paths.records_db, paths.configuration_db))
    copied: list[Path] = []

    def told(source: Path, copy: Path, user: int, group: int) -> None:
        copied.append(source)
        copy_as(source, copy, user, group)

    def free(size: int) -> None:
        monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: Usage(1 << 50, 0, size))  # type: ignore[attr-defined]

    free(DISK_LOW_BYTES + databases - 1)
    with pytest.raises(ArchiveRefused, match="copies of the databases may take 0 MB; 1074 MB are free"):
        _back_up(paths, io.BytesIO(), copy=told)
    assert copied == []
    free(DISK_LOW_BYTES + databases)
    _back_up(paths, io.BytesIO(), copy=told)
    assert len(copied) == 2
    with (paths.state.parent / "here.backup").open("wb") as same_disk:
        with pytest.raises(ArchiveRefused, match="the databases and the backup may take"):
            _back_up(paths, same_disk, copy=told)
        free(DISK_LOW_BYTES + 2 * databases + 300_100)
        _back_up(paths, same_disk, copy=told)


def test_named_files_elsewhere_come_back_as_they_were(paths: Paths) -> None:
    place = paths.state.parent / "elsewhere"
    place.mkdir()
    chain, key, mac, empty = (place / name for name in ("chain.pem", "key.pem", "mac", "empty"))
    prices, never = place / "destinations.csv", place / "never.csv"
    prices.write_text("prefix,country,class,risk,rate\n# opened later\n+44759,GB,mobile,low,0.05\n")
    never.write_text("number,reason,date\n+12025550100,inbound only (Behörde),2026-01-02\n+1202555*\n")
    tables = {path: path.read_bytes() for path in (prices, never)}
    chain.write_bytes(b"# ours\n" + CERTIFICATE)
    key.write_bytes(KEY)
    key.chmod(0o640)
    os.chown(key, 0, gid("tw-edge"))
    mac.write_bytes(b"bWFjLWtleS1vZi1vdXJz")
    mac.chmod(0o600)
    empty.write_bytes(b"#!/bin/sh\n")
    manifest = _back_up(paths, archive := io.BytesIO(), chain, key, mac, empty, prices, never, place / "gone")
    assert manifest.not_in_it == [
        f"{empty}: holds neither certificates, nor keys, nor a table of numbers",
        f"{place / 'gone'}: No such file or directory",
    ]
    shutil.rmtree(place)
    _restored(paths, archive)
    assert sorted(file.name for file in place.iterdir()) == [
        "chain.pem",
        "destinations.csv",
        "key.pem",
        "mac",
        "never.csv",
    ]
    assert {path: path.read_bytes() for path in tables} == tables
    assert (chain.read_bytes(), key.read_bytes(), mac.read_bytes()) == (
        CERTIFICATE,
        KEY,
        b"bWFjLWtleS1vZi1vdXJz\n",
    )
    like = key.stat()
    assert (like.st_uid, like.st_gid, like.st_mode & 0o7777) == (0, gid("tw-edge"), 0o640)
    assert mac.stat().st_mode & 0o7777 == 0o600
