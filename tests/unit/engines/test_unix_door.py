"""Who sees the name of a socket is taken in behind it."""

import socket
import stat
from pathlib import Path

import pytest

from trunkward.engines.unix_door import listening_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sock"


def _refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        return knocking.connect_ex(str(path)) != 0


def test_it_is_seen_only_once_it_listens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    listen = socket.socket.listen

    def look(self: socket.socket, backlog: int) -> None:
        seen.append(path.exists())
        listen(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", look)
    with listening_at(path, 0o660):
        assert seen == [False]
        assert not _refused(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert [each.name for each in path.parent.iterdir()] == ["a.sock"]


def test_what_a_killed_process_left_is_replaced(path: Path) -> None:
    listening_at(path, 0o666).close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unfinished:
        unfinished.bind(str(path.with_name("a.sock.new")))
    assert _refused(path)
    with listening_at(path, 0o666):
        assert not _refused(path)


def test_a_directory_that_takes_none(path: Path) -> None:
    path.with_name("a.sock.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        listening_at(path, 0o666)
