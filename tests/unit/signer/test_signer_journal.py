"""The journal: chained, continued, healed, on disk before an answer leaves, and never half-written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.journals import segments_of, values_beside
from trunkward.journal.chain import GENESIS
from trunkward.journal.commitment import opens
from trunkward.journal.examine import Report, examine
from trunkward.signer import details as details_module
from trunkward.signer.journal import Journal, Line
from trunkward.signer.segments import JournalError

DAY_S = 86_400
NOW_S = 1_795_435_200.0  # 2026-11-23T12:00:00Z


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def only(path: Path) -> Path:
    """Its one segment."""
    (segment,) = path.glob("*.jsonl")
    return segment


def line(number: int = 0, at: float = NOW_S) -> Line:
    facts = {"kind": "signed", "at": at, "n": number}
    return Line(facts=facts, private={"orig": f"1202555{number:04d}", "dest": "12025550110"})


def filled(path: Path, count: int = 3) -> list[bytes]:
    journal = Journal(path)
    for number in range(count):
        journal.commit([line(number)])
    journal.close()
    return only(path).read_bytes().splitlines()


def read_values(path: Path, day: str = "2026-11-23") -> list[dict[str, Any]]:
    return [json.loads(one) for one in (path.parent / "details" / f"{day}.jsonl").read_text().splitlines()]


def checked(path: Path) -> Report:
    return examine("node", segments_of(path), [], values_beside(path))


def test_lines_are_chained_from_the_first(path: Path) -> None:
    lines = filled(path)
    first = json.loads(lines[0])
    assert (first["seq"], first["prev"], first["n"]) == (1, GENESIS, 0)
    report = checked(path)
    assert (report.lines, report.findings) == (3, [])
    assert only(path).stat().st_mode & 0o777 == 0o600


def test_numbers_are_committed_to_and_lie_beside_by_day(path: Path) -> None:
    journal = Journal(path)
    journal.commit([line(1), line(2, NOW_S + DAY_S), Line(facts={"kind": "stopped", "at": NOW_S})])
    journal.close()
    assert b"12025550" not in only(path).read_bytes()
    commits = json.loads(only(path).read_bytes().splitlines()[0])["commits"]
    (values,) = read_values(path)
    assert values["seq"] == 1
    for name, number in (("orig", "12025550001"), ("dest", "12025550110")):
        salt, value = values["values"][name]
        assert value == number
        assert opens(commits[name], salt, name, number)
        # a salt of its own, and of its name
        assert not opens(
            commits[name], values["values"]["dest" if name == "orig" else "orig"][0], name, number
        )
        assert not opens(commits[name], salt, "call", number)
    assert read_values(path, "2026-11-24")[0]["seq"] == 2
    assert (path.parent / "details" / "2026-11-23.jsonl").stat().st_mode & 0o777 == 0o600


def test_chain_continues_over_a_restart(path: Path) -> None:
    filled(path)
    filled(path)
    assert (checked(path).lines, checked(path).findings) == (6, [])


@pytest.mark.parametrize(
    ("last", "well"), [(None, True), ("stopped", True), ("signed", False), ("started", False)]
)
def test_whether_the_process_before_had_an_orderly_end(path: Path, last: str | None, well: bool) -> None:
    """After a power cut nobody knows what a slow disk had not taken yet; `started` then says so."""
    journal = Journal(path)
    if last is not None:
        journal.commit([line(), Line(facts={"kind": last, "at": NOW_S})])
    journal.close()
    again = Journal(path)
    assert again.ended_well is well
    again.close()


def test_many_in_one_commit_wait_for_the_disk_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    assert journal.commit([line(n) for n in range(50)]) == 1
    assert len(synced) == 2  # lines, and what they commit to
    assert journal.commit([line()]) == 51
    journal.close()
    assert checked(path).findings == []


def test_values_are_on_disk_before_their_line_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    seen: list[tuple[int, int]] = []
    sync = os.fdatasync

    def look(fd: int) -> None:
        sync(fd)
        seen.append((len(read_values(path)), len(only(path).read_bytes().splitlines())))

    monkeypatch.setattr(os, "fdatasync", look)
    journal.commit([line()])
    assert seen == [(1, 0), (1, 1)]


@pytest.mark.parametrize("keep", [1, 20, 60, -1])
def test_torn_last_line_is_moved_aside(path: Path, keep: int) -> None:
    lines = filled(path)
    torn = lines[-1][:keep]
    only(path).write_bytes(b"\n".join(lines[:-1]) + b"\n" + torn)
    journal = Journal(path)
    assert journal.torn is not None
    assert (path / journal.torn.moved_to).read_bytes() == torn
    assert journal.commit([line(7)]) == 3
    journal.close()
    # the values of the line that never was are gone, too
    assert [of["values"]["orig"][1] for of in read_values(path)] == [
        "12025550000",
        "12025550001",
        "12025550007",
    ]
    assert checked(path).findings == []


@pytest.mark.parametrize("piece", [16, 100, 1 << 20])
def test_values_of_lines_that_do_not_exist_are_cut_off(
    path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(details_module, "_PIECE", piece)
    lines = filled(path, 9)
    values = path.parent / "details" / "2026-11-23.jsonl"
    written = values.read_bytes()
    # a commit over midnight that a crash broke off before its lines were written
    with values.open("ab") as file:
        file.write(b'{"seq":10,"values":{}}\n{"seq":11,"val')
    later = values.with_name("2026-11-24.jsonl")
    later.write_bytes(b'{"seq":12,"values":{}}\n')
    Journal(path).close()
    assert (values.read_bytes(), later.read_bytes()) == (written, b"")
    only(path).write_bytes(b"\n".join(lines[:4]) + b"\n")
    Journal(path).close()
    assert [of["seq"] for of in read_values(path)] == [1, 2, 3, 4]


def test_damaged_last_line_is_not_continued(path: Path) -> None:
    filled(path)
    with only(path).open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(JournalError, match="damaged"):
        Journal(path)


def test_one_process_at_a_time(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="in use"):
        Journal(path)
    journal.close()
    Journal(path).close()


def _no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


type Break = Callable[[pytest.MonkeyPatch], object]

_WRITE = os.write


@pytest.mark.parametrize(
    "breaks",
    [
        lambda m: m.setattr(os, "write", _no_space),
        # what a disk does that fills up in the middle of a line
        lambda m: m.setattr(os, "write", lambda fd, data: _WRITE(fd, data[:30])),
        # a write that seemed to go well, and a disk that then was not there
        lambda m: m.setattr(os, "fdatasync", _no_space),
    ],
)
def test_a_disk_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch, breaks: Break
) -> None:
    filled(path)
    before = only(path).read_bytes()
    journal = Journal(path)
    breaks(monkeypatch)
    with pytest.raises(JournalError, match="cannot be written"):
        journal.commit([line(3), line(4)])
    monkeypatch.undo()
    assert (only(path).read_bytes(), len(read_values(path)), journal.seq) == (before, 3, 3)
    assert journal.commit([line(5)]) == 4
    journal.close()
    assert checked(path).findings == []


def test_what_could_not_be_taken_back_is_before_the_next_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    journal = Journal(path)
    monkeypatch.setattr(os, "fdatasync", _no_space)
    monkeypatch.setattr(os, "ftruncate", _no_space)
    with pytest.raises(JournalError):
        journal.commit([line(3)])
    with pytest.raises(JournalError):  # not as long as it cannot be
        journal.commit([line(4)])
    monkeypatch.undo()
    assert journal.commit([line(5)]) == 4
    journal.close()
    assert [json.loads(one)["n"] for one in only(path).read_bytes().splitlines()] == [0, 1, 2, 5]
    assert checked(path).findings == []


def test_days_that_are_over(path: Path) -> None:
    journal = Journal(path)
    journal.commit([line(n, NOW_S - (9 - n) * DAY_S) for n in range(10)])
    over = journal.details_over(NOW_S, 7)
    assert [one.stem for one in over] == ["2026-11-14", "2026-11-15"]
    assert journal.details_over(NOW_S, 30) == []
    journal.close()


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("left", [b'{"seq":7,"values":{}}\n', b'{"seq":7,"val'])
def test_values_of_no_line_are_found_after_days_of_a_clock_that_was_ahead(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_killed: bool, left: bytes
) -> None:
    """By what the files end with, and not by their names: else the line that comes next is called changed."""
    journal = Journal(path)
    for number, days in enumerate((0, 4000, 4001, 0)):
        journal.commit([line(number, NOW_S + days * DAY_S)])
    if is_killed:
        journal.close()
        with (path.parent / "details" / "2026-11-23.jsonl").open("ab") as file:
            file.write(left)
        journal = Journal(path)
    else:
        monkeypatch.setattr(journal._segments, "write", _no_space)
        with pytest.raises(JournalError):
            journal.commit([line(4)])
        monkeypatch.undo()
    journal.commit([line(5)])
    journal.close()
    assert checked(path).findings == []
    assert [of["seq"] for of in read_values(path)] == [1, 6, 7]


def test_a_journal_that_is_begun_anew_takes_few_values_of_the_one_before(path: Path) -> None:
    journal = Journal(path)
    for days in range(9):
        journal.commit([line(days, NOW_S + days * DAY_S)])
    journal.close()
    for segment in path.glob("*.jsonl"):
        segment.unlink()
    Journal(path).close()
    days_left = [one for one in sorted((path.parent / "details").iterdir()) if one.stat().st_size]
    assert len(days_left) == 7
