"""The recorder: whole lines whatever the disk does."""

import errno
import os
from pathlib import Path

import pytest

from trunkward.gate import recorder as recording
from trunkward.gate.recorder import Recorder, RecordNotWritten
from trunkward.records.model import DecisionRecord
from trunkward.records.segment import decode


def _record(name: str) -> DecisionRecord:
    return DecisionRecord(
        record_id=name, at=1.0, attempt_id=name, call_id="c", verdict="admit", reason="admitted"
    )


def _names(directory: Path) -> list[str]:
    found = []
    for segment in sorted(directory.glob("*.jsonl")):
        for record, _ in decode(segment.read_bytes(), 0):
            assert isinstance(record, DecisionRecord), record
            found.append(record.record_id)
    return found


def test_a_short_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    recorder.write([_record("a")])
    whole = os.write
    monkeypatch.setattr("trunkward.gate.recorder.os.write", lambda fd, data: whole(fd, data[:20]))
    with pytest.raises(RecordNotWritten):
        recorder.write([_record("b")])
    monkeypatch.undo()
    recorder.write([_record("c")])
    assert _names(tmp_path) == ["a", "c"]


def test_a_record_the_disk_did_not_confirm_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(tmp_path)
    monkeypatch.setattr("trunkward.gate.recorder.os.fdatasync", fails)
    with pytest.raises(RecordNotWritten):
        recorder.write([_record("a")])
    # not even that: it is left alone, and a new segment begun
    monkeypatch.setattr("trunkward.gate.recorder.os.ftruncate", lambda *_: fails(0))
    with pytest.raises(RecordNotWritten):
        recorder.write([_record("b")])
    monkeypatch.undo()
    recorder.write([_record("c")])
    assert _names(tmp_path)[-1] == "c"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_new_segment_comes_after_all_others(tmp_path: Path) -> None:
    (tmp_path / "999999999999999.jsonl").touch()  # written before the clock was set back
    Recorder(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir())[-1] == "1000000000000000.jsonl" or (
        max(int(path.stem) for path in tmp_path.iterdir()) > 999999999999999
    )


def test_a_full_segment_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SEGMENT_BYTES", 10)
    recorder = Recorder(tmp_path)
    for name in "abc":
        recorder.write([_record(name)])
    recorder.close()
    assert _names(tmp_path) == ["a", "b", "c"]
    assert len(list(tmp_path.iterdir())) == 3
