"""A node is drained as long as a file is there, whatever stands in it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.engines.drain import Drain, begin, draining, end, is_draining
from trunkward.settings import Paths

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path, log=tmp_path)


def test_begun_and_ended(paths: Paths) -> None:
    assert not is_draining(paths)
    assert draining(paths) is None
    begin(paths, by="ann", now=NOW)
    begin(paths, by="bob", now=NOW.replace(year=2027))
    assert is_draining(paths)
    assert draining(paths) == Drain(since="2026-01-02T03:04:05+00:00", by="ann")
    # every gate may look
    assert paths.draining.stat().st_mode & 0o777 == 0o644
    assert end(paths)
    assert not end(paths)
    assert not is_draining(paths)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff"])
def test_a_damaged_file_drains_all_the_same(paths: Paths, content: bytes) -> None:
    paths.draining.write_bytes(content)
    assert is_draining(paths)
    assert draining(paths) == Drain(since="", by="")
