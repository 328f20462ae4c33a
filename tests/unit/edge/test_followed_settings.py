"""The edge takes another file whole, at most once a second, and keeps what it has when that is no good."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from trunkward.edge import settings
from trunkward.edge.settings import EdgeSettings, Followed

USUAL: dict[str, Any] = {
    "version": 1, "node": "sbc.example.com", "gate_sockets": [], "gate_deadline_ms": 500, "ng_port": 2223,
    "media_deadline_ms": 250, "dialogs": "/d", "numbers": "/n", "registrations": "/r", "outcomes": [], "ladder": "/l", "longest_call_s": 1, "grant_s": 60, "call_id_alphabet": "", "call_id_prefix": "",
}  # fmt: skip


class Edge:
    """A process of Kamailio that follows a file."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.clock, self.log = path, 100.0, []  # type: ignore[var-annotated]
        monkeypatch.setenv(settings.VARIABLE, str(path))
        monkeypatch.setattr("trunkward.edge.settings.time.monotonic", lambda: self.clock)
        self.write(**USUAL)
        self.followed: Followed[int] = Followed(self.build, self.log.append)

    @staticmethod
    def build(told: EdgeSettings) -> int:
        if told.node == "unbuildable":
            raise KeyError("no part for that")
        return told.version

    def write(self, **values: Any) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(values))
        os.replace(part, self.path)

    def after(self, seconds: float) -> int:
        self.clock += seconds
        return self.followed.now()


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    return Edge(tmp_path / "edge.json", monkeypatch)


def test_a_new_file_is_taken_within_a_second(edge: Edge) -> None:
    edge.write(**USUAL | {"version": 2})
    assert edge.after(0.5) == 1
    assert edge.after(0.5) == 2
    assert edge.log == []


def test_a_file_of_the_same_length_and_moment_is_told_by_its_inode(edge: Edge) -> None:
    state = edge.path.stat()
    edge.write(**USUAL | {"version": 3})
    os.utime(edge.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert edge.after(1) == 3


@pytest.mark.parametrize(
    "harm",
    [
        {"version": 2, "unknown": 1},
        {"version": 2, "node": "unbuildable"},
    ],
)
def test_one_that_cannot_be_used_is_told_once_and_the_old_kept(edge: Edge, harm: dict[str, Any]) -> None:
    edge.write(**USUAL | harm)
    assert [edge.after(1) for _ in range(3)] == [1, 1, 1]
    assert len(edge.log) == 1
    assert "is not taken, version 1 stays" in edge.log[0]
    edge.write(**USUAL | {"version": 4})
    assert edge.after(1) == 4


def test_one_cut_short_or_gone_is_told_once_and_the_old_kept(edge: Edge) -> None:
    edge.path.write_text('{"version": 2')
    assert [edge.after(1), edge.after(1)] == [1, 1]
    edge.path.unlink()
    assert [edge.after(1), edge.after(1)] == [1, 1]
    assert len(edge.log) == 2
    edge.write(**USUAL | {"version": 5})
    assert edge.after(1) == 5


def test_a_first_file_that_is_no_good_stops_the_start(edge: Edge) -> None:
    edge.path.write_text("{}")
    with pytest.raises(TypeError):
        Followed(edge.build, edge.log.append)
    with pytest.raises(TypeError):
        settings.load()
