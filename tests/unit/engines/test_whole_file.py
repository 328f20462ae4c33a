"""Files written whole: what is large goes to the disk in pieces, so that no gate waits long for it."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from trunkward.engines.whole_file import PIECE, write_whole


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE - 1])
def test_the_disk_never_has_more_than_a_piece_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    sizes = [0]
    really = os.fsync

    def fsync(descriptor: int) -> None:
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            sizes.append(os.fstat(descriptor).st_size)
        really(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    content = os.urandom(size)
    write_whole(tmp_path / "file", content, 0o640)
    assert (tmp_path / "file").read_bytes() == content
    assert sizes[-1] == size
    assert len(sizes) > 1
    assert all(after - before <= PIECE for before, after in pairwise(sizes))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
