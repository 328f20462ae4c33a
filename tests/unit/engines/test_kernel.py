"""The kernel's queue for unix datagrams is made as long as systemd makes it, and never shorter."""

from pathlib import Path

from trunkward.engines.kernel import ROOM, make_room


def test_a_short_queue_is_made_longer(tmp_path: Path) -> None:
    queue = tmp_path / "max_dgram_qlen"
    queue.write_text("10\n")
    assert make_room(queue) == ""
    assert int(queue.read_text()) == ROOM


def test_a_long_queue_is_left_alone(tmp_path: Path) -> None:
    queue = tmp_path / "max_dgram_qlen"
    queue.write_text("4096\n")
    assert make_room(queue) == ""
    assert queue.read_text() == "4096\n"


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    assert "max_dgram_qlen" in make_room(tmp_path / "missing")
