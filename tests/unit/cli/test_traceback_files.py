"""An answer on disk: whole and for its owner alone, or not there."""

import stat
import zipfile
from pathlib import Path

import pytest

from trunkward.cli import traceback_files
from trunkward.cli.traceback_files import Written, read_pack

FILES = {"answer.json": b"{}", "manifest.sig": bytes(64)}


@pytest.mark.parametrize("name", ["answer.zip", "answer"])
def test_written_and_read_again(tmp_path: Path, name: str) -> None:
    written = Written.at(tmp_path / name, FILES)
    assert not (tmp_path / name).exists()
    written.keep()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077 == 0
    assert read_pack(tmp_path / name) == FILES


@pytest.mark.parametrize("name", ["answer.zip", "answer"])
def test_given_up_nothing_stays(tmp_path: Path, name: str) -> None:
    Written.at(tmp_path / name, FILES).discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["answer.zip", "answer"])
def test_broken_off_nothing_stays(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="No such file"):
        Written.at(tmp_path / "nowhere" / name, FILES)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK no")
    with pytest.raises(ValueError, match="no ZIP archive"):
        read_pack(tmp_path / "a.zip")
    with pytest.raises(FileNotFoundError):
        read_pack(tmp_path / "b.zip")
    (tmp_path / "c/d").mkdir(parents=True)
    with pytest.raises(ValueError, match="no directories or links"):
        read_pack(tmp_path / "c")
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("x", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x", b"2")
    with pytest.raises(ValueError, match="holds a file twice"):
        read_pack(tmp_path / "e.zip")
    Written.at(tmp_path / "f.zip", FILES).keep()
    Written.at(tmp_path / "f", FILES).keep()
    monkeypatch.setattr(traceback_files, "_MOST_BYTES", 60)
    for path in (tmp_path / "f.zip", tmp_path / "f"):
        with pytest.raises(ValueError, match="larger than any answer"):
            read_pack(path)


@pytest.mark.parametrize("name", ["answer.zip", "answer"])
def test_what_has_come_to_be_there_meanwhile_stays(tmp_path: Path, name: str) -> None:
    """Summary: a file, or a directory, under the name that was free when the answer was begun; the answer stays beside it."""
    written = Written.at(tmp_path / name, FILES)
    there = tmp_path / name
    if name.endswith(".zip"):
        there.write_text("another's")
    else:
        there.mkdir()
    with pytest.raises(FileExistsError):
        written.keep()
    assert there.is_dir() or there.read_text() == "another's"
    written.part.rename(tmp_path / f"other-{name}")
    assert read_pack(tmp_path / f"other-{name}") == FILES


def test_one_that_cannot_be_put_in_its_place_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written.at(tmp_path / "answer", FILES)

    def no_rename(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", no_rename)
    with pytest.raises(OSError, match="No space"):
        written.keep()
    assert [path.name for path in tmp_path.iterdir()] == [written.part.name]


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_that_was_damaged_within_is_none(tmp_path: Path, packed: int) -> None:
    """Summary: whichever way it was packed, and wherever it was changed: said, and no trace of a program on the screen."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", packed) as archive:
        archive.writestr("answer.json", bytes(range(256)) * 40)
    data = whole.read_bytes()
    begins = 30 + len("answer.json")
    refused = 0
    for at in range(begins, begins + 40):
        changed = tmp_path / "changed.zip"
        changed.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            read_pack(changed)
        except (ValueError, OSError):  # the latter of bzip2; both are said
            refused += 1
    assert refused > 30
