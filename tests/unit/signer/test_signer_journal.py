"""The journal: chained, continued, healed, and never half-written."""

import os
from pathlib import Path

import pytest

from trunkward.signer.journal import GENESIS, Journal, JournalError, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def filled(path: Path, count: int = 3) -> list[bytes]:
    journal = Journal(path)
    for number in range(count):
        journal.append([{"kind": "signed", "n": number}])
    journal.close()
    return path.read_bytes().splitlines()


def test_lines_are_chained_from_the_first(path: Path) -> None:
    lines = filled(path)
    assert lines[0] == b'{"seq":1,"prev":"%s","kind":"signed","n":0}' % GENESIS.encode()
    assert verify(path) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_chain_continues_over_a_restart(path: Path) -> None:
    filled(path)
    filled(path)
    assert verify(path) == 6


def test_many_entries_in_one_write(path: Path) -> None:
    journal = Journal(path)
    journal.append([{"n": n} for n in range(50)])
    assert journal.seq == 50
    journal.close()
    assert verify(path) == 50


@pytest.mark.parametrize("tamper", ["change", "remove", "swap", "insert"])
def test_tampering_shows(path: Path, tamper: str) -> None:
    lines = filled(path, 5)
    match tamper:
        case "change":
            lines[1] = lines[1].replace(b'"n":1', b'"n":7')
        case "remove":
            del lines[1]
        case "swap":
            lines[1], lines[2] = lines[2], lines[1]
        case "insert":
            lines.insert(1, lines[1])
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(JournalError, match=r"journal\.jsonl:[23]:"):
        verify(path)


@pytest.mark.parametrize("keep", [1, 20, 60, -1])
def test_torn_last_line_is_moved_aside_and_said(path: Path, keep: int) -> None:
    lines = filled(path)
    torn = lines[-1][:keep]
    path.write_bytes(b"\n".join(lines[:-1]) + b"\n" + torn)
    with pytest.raises(JournalError, match="torn"):
        verify(path)
    journal = Journal(path)
    assert journal.torn is not None
    assert path.with_name(journal.torn.moved_to).read_bytes() == torn
    journal.append([{"kind": "signed"}])
    journal.close()
    assert verify(path) == 4
    assert b"torn-line-moved-aside" in path.read_bytes().splitlines()[2]


def test_only_a_torn_line(path: Path) -> None:
    path.write_bytes(b'{"seq":1,')
    Journal(path).close()
    assert verify(path) == 1


def test_damaged_last_line_is_not_continued(path: Path) -> None:
    filled(path)
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(JournalError, match="damaged"):
        Journal(path)


def test_one_process_at_a_time(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="in use"):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_partial_write_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    journal = Journal(path)
    write = os.write
    # What a disk does that fills up in the middle of a line.
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
    with pytest.raises(JournalError, match="30 of"):
        journal.append([{"kind": "signed"}])
    monkeypatch.undo()
    assert journal.seq == 3
    journal.append([{"kind": "signed"}])
    journal.close()
    assert verify(path) == 4


def test_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)

    def no_space(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(JournalError, match="No space left"):
        journal.append([{"kind": "signed"}])
    monkeypatch.undo()
    journal.close()
    assert path.read_bytes() == b""
