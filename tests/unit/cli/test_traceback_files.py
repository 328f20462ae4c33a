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
