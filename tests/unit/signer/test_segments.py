"""A journal in segments: begun by day and size, continued, taken back, and deleted only after a line says so."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.journals import segments_of, values_beside
from trunkward.journal.examine import Report, examine
from trunkward.journal.segments import name_of
from trunkward.signer import segments as module
from trunkward.signer.journal import Journal, Line
from trunkward.signer.segments import JournalError

DAY_S = 86_400
NOW_S = 1_795_435_200.0  # 2026-11-23T12:00:00Z


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def line(at: float, number: int = 0) -> Line:
    return Line(facts={"kind": "signed", "at": at, "n": number}, private={"orig": f"1202555{number:04d}"})


def days(path: Path, *numbers: float) -> None:
    """One line on each of these days."""
    journal = Journal(path)
    for number in numbers:
        journal.commit([line(NOW_S + number * DAY_S)])
    journal.close()


def files(path: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        each.name: [json.loads(text) for text in each.read_text().splitlines()]
        for each in sorted(path.iterdir())
    }


def checked(path: Path) -> Report:
    return examine("node", segments_of(path), [], values_beside(path))


def test_each_day_has_one_and_its_first_line_names_the_one_before(path: Path) -> None:
    days(path, 0, 0.1, 1, 1.2, 3)
    found = files(path)
    assert list(found) == [name_of(1), name_of(3), name_of(6)]
    assert [[one["kind"] for one in lines] for lines in found.values()] == [
        ["signed", "signed"],
        ["segment", "signed", "signed"],
        ["segment", "signed"],
    ]
    first, second, third = found.values()
    assert (second[0]["follows"], third[0]["follows"]) == (name_of(1), name_of(3))
    text = (path / name_of(1)).read_bytes().splitlines()[-1]
    assert second[0]["prev"] == sha256(text).hexdigest()
    assert (first[0]["seq"], second[0]["seq"], third[0]["seq"]) == (1, 3, 6)
    assert (path / name_of(3)).stat().st_mode & 0o777 == 0o600
    assert (checked(path).lines, checked(path).findings) == (7, [])


def test_a_full_one_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_BYTES", 1000)
    journal = Journal(path)
    # the numbers of what was given to it, not of what it writes itself
    first = [journal.commit([line(NOW_S, n), line(NOW_S, n)]) for n in range(9)]
    journal.close()
    for number in first:
        assert [one for lines in files(path).values() for one in lines][number - 1]["kind"] == "signed"
    sizes = [each.stat().st_size for each in sorted(path.iterdir())]
    assert len(sizes) == 3
    assert all(1000 <= size < 2000 for size in sizes[:-1])
    assert (checked(path).lines, checked(path).findings) == (18 + len(sizes) - 1, [])


def test_a_clock_that_went_back_begins_none(path: Path) -> None:
    days(path, 0, -1, 0, -400)
    assert list(files(path)) == [name_of(1)]


def test_a_start_reads_the_last_one_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days(path, 0, 1, 2)
    opened: list[str] = []
    really = os.open

    def look(file: Any, *arguments: Any, **more: Any) -> int:
        opened.append(Path(file).name)
        return really(file, *arguments, **more)

    monkeypatch.setattr(os, "open", look)
    days(path, 2.1)
    assert [name for name in opened if name.startswith("0")] == [name_of(4)]
    assert (checked(path).lines, checked(path).findings) == (6, [])


def test_a_new_one_that_the_disk_does_not_take_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days(path, 0)
    before = files(path)
    journal = Journal(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("write", "fdatasync", "fsync"):
        with monkeypatch.context() as broken:
            broken.setattr(os, name, full)
            with pytest.raises(JournalError, match="No space"):
                journal.commit([line(NOW_S + DAY_S)])
        assert files(path) == before
    assert journal.commit([line(NOW_S + DAY_S)]) == 3
    journal.close()
    assert list(files(path)) == [name_of(1), name_of(2)]
    assert checked(path).findings == []


def test_a_new_one_that_could_not_be_taken_back_goes_before_the_next_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days(path, 0)
    journal = Journal(path)

    def gone(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", gone)
        broken.setattr(Path, "unlink", gone)
        with pytest.raises(JournalError):
            journal.commit([line(NOW_S + DAY_S)])
    assert list(files(path)) == [name_of(1), name_of(2)]
    # and on the same day after all: the one before goes on
    assert journal.commit([line(NOW_S)]) == 2
    journal.close()
    assert list(files(path)) == [name_of(1)]
    assert checked(path).findings == []


@pytest.mark.parametrize("keep", [0, 1, 40])
def test_what_a_crash_left_of_a_new_one_is_taken_away(path: Path, keep: int) -> None:
    days(path, 0, 1)
    (path / name_of(2)).write_bytes((path / name_of(2)).read_bytes()[:keep])
    journal = Journal(path)
    assert (journal.torn is not None) is (keep > 0)
    assert not (path / name_of(2)).exists()
    assert journal.commit([line(NOW_S + DAY_S)]) == 3
    journal.close()
    assert (checked(path).lines, checked(path).findings) == (3, [])


def test_a_damaged_first_line_ends_its_segment(path: Path) -> None:
    days(path, 0, 1, 1)
    damaged = path / name_of(2)
    text = damaged.read_bytes()
    damaged.write_bytes(b"x" + text[1:])
    days(path, 1)
    assert list(files_names(path)) == [name_of(1), name_of(2), name_of(5)]
    assert {one.segment for one in checked(path).findings} == {name_of(2)}


def files_names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def test_the_oldest_is_over_when_its_last_line_is(path: Path) -> None:
    days(path, 0, 1, 2)
    journal = Journal(path)
    assert journal.segment_over(NOW_S + 100 * DAY_S, 100) is None
    over = journal.segment_over(NOW_S + 101 * DAY_S, 100)
    assert over is not None
    text = (path / name_of(1)).read_bytes()
    assert (over.path.name, over.first, over.last, over.size) == (name_of(1), 1, 1, len(text))
    assert over.hash == sha256(text.rstrip(b"\n")).hexdigest()
    # never the one that is written to
    (path / name_of(1)).unlink()
    (path / name_of(2)).unlink()
    assert journal.segment_over(NOW_S + 1000 * DAY_S, 1) is None
    journal.close()


def test_one_that_cannot_be_read_is_not_deleted(path: Path) -> None:
    days(path, 0, 1)
    (path / name_of(1)).write_bytes(b"nonsense\n")
    journal = Journal(path)
    assert journal.segment_over(NOW_S + 1000 * DAY_S, 1) is None
    journal.close()


def test_one_process_holds_all_of_them(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="in use"):
        Journal(path)
    journal.close()
