"""Announcements are looked at before a node file that names them is taken."""

import os
import tempfile
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from trunkward.cli.changing import accepted
from trunkward.engines.announcements import wrong_announcements

EXAMPLE = Path(__file__).parents[3] / "examples/node.yaml"

type Write = Callable[..., Path]


@pytest.fixture
def directory() -> Iterator[Path]:
    # not below pytest's own, which others may not pass
    with tempfile.TemporaryDirectory(prefix="tw-announcements-") as place:
        made = Path(place) / "announcements"
        made.mkdir()
        made.chmod(0o755)
        made.parent.chmod(0o755)
        yield made


@pytest.fixture
def write(directory: Path) -> Write:
    def make(
        name: str = "no-route.wav", *, rate: int = 8000, width: int = 2, channels: int = 1, s: float = 1
    ) -> Path:
        file = directory / name
        with wave.open(str(file), "wb") as sound:
            sound.setnchannels(channels)
            sound.setsampwidth(width)
            sound.setframerate(rate)
            sound.writeframes(bytes(int(rate * s) * width * channels))
        file.chmod(0o644)
        return file

    return make


def test_what_can_be_played(directory: Path, write: Write) -> None:
    write()
    write("trunk-disabled.wav", s=15)
    assert list(wrong_announcements(directory)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rate": 16_000}, "write PCM of 16 bits, 8000 Hz, one channel; it has 16 bits, 16000 Hz, 1"),
        ({"width": 1}, "it has 8 bits"),
        ({"channels": 2}, "8000 Hz, 2"),
        ({"s": 15.1}, "lasts 15.1 s; write one of at most 15"),
        ({"s": 0}, "lasts 0.0 s"),
        ({"name": "admitted.wav"}, "no reason that is announced; there may be trunk-disabled.wav"),
        ({"name": "unknown-source.wav"}, "no reason that is announced"),
        ({"name": "no-route.mp3"}, "no reason that is announced"),
    ],
)
def test_what_cannot(directory: Path, write: Write, changed: dict[str, object], said: str) -> None:
    write(**changed)
    (found,) = wrong_announcements(directory)
    assert said in found


def test_what_is_no_sound(directory: Path) -> None:
    (directory / "no-route.wav").write_text("nothing")
    (directory / "no-route.wav").chmod(0o644)
    assert "no WAV file of PCM" in next(wrong_announcements(directory))


def test_a_pipe_is_not_waited_for(directory: Path) -> None:
    pipe = directory / "no-route.wav"
    os.mkfifo(pipe, 0o644)
    pipe.chmod(0o644)
    assert list(wrong_announcements(directory)) == [
        f"{pipe}: no regular file: rtpengine would wait for one that has no end"
    ]


def test_what_the_nodes_processes_cannot_read(directory: Path, write: Write) -> None:
    write().chmod(0o600)
    assert "chmod o+r" in next(wrong_announcements(directory))
    write().chmod(0o644)
    directory.chmod(0o700)
    assert "chmod o+x" in next(wrong_announcements(directory))


def test_a_directory_that_is_not_there(directory: Path) -> None:
    assert list(wrong_announcements(directory / "none")) == [f"{directory}/none: no such file or directory"]


def test_a_node_file_with_it(directory: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    text = EXAMPLE.read_text().replace("\nnode:\n", f"\nnode:\n  announcements: {directory}\n", 1)
    write()
    assert accepted(text, "node.yaml").declared.node.announcements == str(directory)
    write(rate=16_000)
    with pytest.raises(typer.Exit):
        accepted(text, "node.yaml")
    said = capsys.readouterr().err
    assert "node.announcements" in said
    assert "16000 Hz" in said
