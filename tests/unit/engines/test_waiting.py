"""What waits to be shipped: bytes after the place shipping has reached, and since when."""

import os
from pathlib import Path

import pytest

from trunkward.engines.waiting import waiting


def _line(at: float) -> bytes:
    return b'{"kind":"decision","at":%f}\n' % at


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    directory = tmp_path / "gate-0"
    directory.mkdir()
    return directory


@pytest.mark.parametrize(
    ("content", "offset", "size", "since"),
    [
        (b"", 0, 0, None),
        (_line(10), len(_line(10)), 0, None),
        (_line(10), 0, len(_line(10)), 10.0),
        (_line(10) + _line(20), len(_line(10)), len(_line(20)), 20.0),
        (b"\n" + _line(10), 0, len(_line(10)) + 1, 10.0),  # the edge's lines begin with one
        (b'{"kind":', 0, 0, None),  # half a line is its writer's
        (_line(10) + b'{"ki', len(_line(10)), 0, None),
        (b"no json\n", 0, 8, 77.0),
        (b"x" * 70_000, 0, 70_000, 77.0),
    ],
)
def test_one_segment(gate: Path, content: bytes, offset: int, size: int, since: float | None) -> None:
    segment = gate / "1.jsonl"
    segment.write_bytes(content)
    os.utime(segment, (77, 77))
    found = waiting([gate], lambda name: offset if name == "gate-0/1.jsonl" else 0)
    assert (found.size_bytes, found.since) == (size, since)


def test_the_oldest_of_all(tmp_path: Path) -> None:
    for name, at in (("gate-0", 30.0), ("gate-1", 20.0), ("edge", 40.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jsonl").write_bytes(_line(at))
    found = waiting([tmp_path / name for name in ("gate-0", "gate-1", "edge")], lambda _: 0)
    assert (found.size_bytes, found.since) == (3 * len(_line(30.0)), 20.0)


def test_a_segment_that_goes_away_meanwhile_was_shipped(gate: Path) -> None:
    segment = gate / "1.jsonl"
    segment.write_bytes(_line(1))

    def shipped(_name: str) -> int:
        segment.unlink()
        return 0

    assert waiting([gate], shipped).since is None
