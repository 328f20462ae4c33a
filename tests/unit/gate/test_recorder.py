"""The recorder: whole lines whatever the disk does."""

import asyncio
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


def _written_at_once(recorder: Recorder, names: str) -> list[BaseException | None]:
    async def all_of_them() -> list[BaseException | None]:
        calls = [recorder.write_together(_record(name)) for name in names]
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_records_of_one_turn_wait_for_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    confirmed: list[list[str]] = []
    sync = os.fdatasync

    def syncs(descriptor: int) -> None:
        sync(descriptor)
        confirmed.append(_names(tmp_path))

    monkeypatch.setattr("trunkward.gate.recorder.os.fdatasync", syncs)
    recorder = Recorder(tmp_path)
    assert _written_at_once(recorder, "abc") == [None, None, None]
    assert _written_at_once(recorder, "d") == [None]
    assert confirmed == [["a", "b", "c"], ["a", "b", "c", "d"]]


def test_what_the_disk_did_not_take_is_told_to_all_that_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path)
    whole = os.write
    monkeypatch.setattr("trunkward.gate.recorder.os.write", lambda fd, data: whole(fd, data[:-1]))
    problems = _written_at_once(recorder, "abc")
    assert [type(problem) for problem in problems] == [RecordNotWritten] * 3
    monkeypatch.undo()
    assert _written_at_once(recorder, "de") == [None, None]
    assert _names(tmp_path) == ["d", "e"]


def test_who_is_cancelled_takes_no_record_from_the_others(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)

    async def one_goes() -> list[BaseException | None]:
        calls = [asyncio.create_task(recorder.write_together(_record(name))) for name in "abc"]
        await asyncio.sleep(0)
        calls[0].cancel()
        return await asyncio.gather(*calls[1:], return_exceptions=True)

    assert asyncio.run(one_goes()) == [None, None]
    assert _names(tmp_path) == ["a", "b", "c"]
