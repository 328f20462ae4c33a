"""Notes of messages: whole lines that the worker can read, one write a callback, nothing a peer wrote."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trunkward.edge import ladder
from trunkward.records import ladder as reading
from trunkward.records.model import MessageRecord
from trunkward.records.segment import decode


@pytest.fixture
def told(tmp_path: Path) -> Iterator[list[str]]:
    complaints: list[str] = []
    ladder.keep_in(str(tmp_path), complaints.append)
    yield complaints
    ladder.flush()
    ladder.keep_in(os.devnull, print)


@pytest.fixture
def lines(tmp_path: Path, told: list[str]) -> Callable[[], list[MessageRecord]]:
    def read() -> list[MessageRecord]:
        found = [
            record for segment in tmp_path.glob("*.jsonl") for record, _ in decode(segment.read_bytes(), 0)
        ]
        assert all(isinstance(record, MessageRecord) for record in found), found
        return found  # type: ignore[return-value]

    return read


type Lines = Callable[[], list[MessageRecord]]


def test_what_is_noted_is_what_the_worker_reads(lines: Lines) -> None:
    ladder.got("ab12", "caller", "INVITE", body="v=0\r\nm=audio 1 RTP/SAVP 8\r\n")
    ladder.sent("ab12", "callee", "INVITE", body="v=0\r\nm=audio 1 RTP/SAVP 8\r\na=inactive\r\n", why="north")
    ladder.got("ab12", "callee", "486", "INVITE", reason='Q.850 ; Cause=17 ;text="busy"')
    ladder.sent("ab12", "caller", "503", "INVITE", why="no-route-left")
    assert lines() == []
    ladder.flush()
    found = lines()
    assert [(m.record_id, m.side, m.way, m.what, m.of, m.media, m.why) for m in found] == [
        ("ab12", "caller", "in", "INVITE", "", "sdp", ""),
        ("ab12", "callee", "out", "INVITE", "", "hold", "north"),
        ("ab12", "callee", "in", "486", "INVITE", "", "Q.850 17"),
        ("ab12", "caller", "out", "503", "INVITE", "", "no-route-left"),
    ]
    assert [m.at for m in found] == sorted(m.at for m in found)


@pytest.mark.parametrize(
    "reason",
    [
        'SIP;cause=200;text="sip:+12025550101@192.0.2.1"',
        '"]\n["x",1,"a","b","c"]',
        "Q.850;cause=99999",
        "\x00é",
        "Q.850",
    ],
)
def test_nothing_a_peer_wrote_is_noted(lines: Lines, reason: str) -> None:
    ladder.got("ab12", "callee", "BYE", body='m=\n"]', reason=reason)
    ladder.flush()
    (message,) = lines()
    assert (message.what, message.media, message.why) == ("BYE", "sdp", "")


def test_a_callback_is_one_write_however_it_ends(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)

    @ladder.flushed
    def callback() -> None:
        ladder.passed("ab12", "callee", "200", "BYE", "", "")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        callback()
    assert [(m.side, m.way, m.what) for m in lines()] == [("callee", "in", "200"), ("caller", "out", "200")]
    assert len(writes) == 1
    ladder.flushed(lambda: None)()
    assert len(writes) == 1


def test_a_reply_that_goes_on_as_another_one(lines: Lines) -> None:
    for status, expected in ((488, ["200", "488"]), (100, ["200"]), (0, ["200"])):
        before = len(lines())
        ladder.passed("ab12", "caller", "200", "INVITE", "", "")
        ladder.instead(status)
        ladder.flush()
        assert [m.what for m in lines()[before:]] == expected
    ladder.passed("ab12", "caller", "100", "INVITE")
    ladder.instead(488)  # there is nothing to go on
    ladder.flush()
    assert lines()[-1].what == "100"


def test_a_full_disk_is_told_now_and_then_and_harms_nobody(tmp_path: Path) -> None:
    told: list[str] = []
    ladder.keep_in(str(tmp_path / "nowhere"), told.append)
    for _ in range(100):
        ladder.got("ab12", "caller", "INVITE")
        ladder.flush()
    assert len(told) == 1


def test_a_cancel_is_noted_where_it_is_looked_for() -> None:
    for call_id in ("a@192.0.2.1", "", "ü" * 200):
        assert ladder.cancel_key(call_id) == reading.cancel_key(call_id)
        assert ladder.cancel_key(call_id).isalnum()


def test_a_message_of_no_known_call_is_not_noted(lines: Lines) -> None:
    ladder.got("", "callee", "100", "INVITE")
    ladder.flush()
    assert lines() == []


def test_no_more_waits_in_memory_than_it_may(tmp_path: Path) -> None:
    told: list[str] = []
    ladder.keep_in(str(tmp_path), told.append)
    (tmp_path / "000000000000001.jsonl").touch()
    os.truncate(tmp_path / "000000000000001.jsonl", ladder._MOST_BYTES + 1)
    for _ in range(3):
        ladder.got("ab12", "caller", "INVITE")
        ladder.flush()
    assert [path.name for path in tmp_path.iterdir()] == ["000000000000001.jsonl"]
    assert len(told) == 1
    assert "waits to be shipped" in told[0]
    ladder.keep_in(os.devnull, print)
