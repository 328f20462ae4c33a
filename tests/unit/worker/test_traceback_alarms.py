"""Property 31: somebody is told of a traceback request whose time is nearly over, and again when it is."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.control.traceback_requests import ANSWER_S, SOON_S, OpenRequest
from trunkward.engines.alerts_file import Message, read_kept
from trunkward.worker import outbox as outbox_module
from trunkward.worker.outbox import Outbox
from trunkward.worker.traceback_alarms import ROUND_S, TracebackAlarms
from unit.worker.test_alerts import until

NOW = 1_800_000_000.0
ITG = OpenRequest(asked_by="ITG 2026-0417", due_at=NOW + ANSWER_S)


class Log:
    """What was said, and sent."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sent: list[tuple[str, str]] = []

    def __call__(self, line: str, **_: Any) -> None:
        self.lines.append(line)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alerts.json"


class Sent(Outbox):
    """Tells its log what it is to send."""

    def __init__(self, file: Path, log: Log) -> None:
        super().__init__(file, log)
        self._sent = log.sent

    def put(self, messages: Sequence[tuple[str, str]]) -> None:
        self._sent += messages
        super().put(messages)


def made(file: Path, open_now: list[OpenRequest], log: Log) -> TracebackAlarms:
    return TracebackAlarms(Sent(file, log), lambda: open_now, lambda: "sbc.example.com", log)


def test_property_31_each_level_is_told_once_also_by_who_is_started_anew(file: Path) -> None:
    log = Log()
    told = []
    for at in (0.0, ANSWER_S - SOON_S, ANSWER_S - SOON_S + ROUND_S, ANSWER_S, ANSWER_S + ROUND_S):
        made(file, [ITG], log).round(NOW + at)
        told.append(len(log.lines))
    assert told == [0, 1, 1, 2, 2]
    (soon, _), (over, _) = log.sent
    assert soon == f"[sbc.example.com] {log.lines[0]}"
    assert "is due 2027-01-16 08:00 UTC, in 8 h 0 min" in soon
    assert "was due" in over
    levels = [msgspec.json.decode(body)["data"]["level"] for _, body in log.sent]
    assert levels == ["soon", "overdue"]


def test_property_31_who_has_answered_hears_no_more_of_it(file: Path) -> None:
    log, open_now = Log(), [ITG]
    alarms = made(file, open_now, log)
    alarms.round(NOW + ANSWER_S - SOON_S)
    assert read_kept(file).told == {"traceback ITG 2026-0417": 1}
    open_now.clear()
    alarms.round(NOW + ANSWER_S)
    assert len(log.lines) == 1
    assert read_kept(file).told == {}


def test_property_31_a_full_disk_silences_nobody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, sent = Log(), list[Message]()
    outbox = Outbox(file, log)
    outbox.channels({"mail": sent.append})
    time.sleep(0.1)  # its thread waits by now

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(outbox_module, "write_whole", full)
        with pytest.raises(OSError, match="No space left"):
            TracebackAlarms(outbox, lambda: [ITG], lambda: "", log).round(NOW + ANSWER_S)
        until(lambda: outbox.delivered)
        outbox.stop()  # waits for whoever delivers to be through with the disk
    assert len(sent) == 1
    made(file, [ITG], log).round(NOW + ANSWER_S)  # nothing of it was kept: once more rather than never
    assert len(log.sent) == 1


def test_what_is_told_of_others_stays(file: Path) -> None:
    log, open_now = Log(), [ITG]
    outbox = Outbox(file, log)
    outbox.told["certificate x"] = 1
    alarms = TracebackAlarms(outbox, lambda: open_now, lambda: "", log)
    alarms.round(NOW + ANSWER_S)
    open_now.clear()
    alarms.round(NOW + ANSWER_S + ROUND_S)
    assert outbox.told == {"certificate x": 1}


def test_it_looks_once_a_minute(file: Path) -> None:
    looks: list[int] = []

    def look() -> list[OpenRequest]:
        looks.append(1)
        return []

    alarms = TracebackAlarms(Outbox(file, Log()), look, lambda: "", Log())
    for second in range(int(ROUND_S) + 1):
        alarms.round(NOW + second)
    assert len(looks) == 2


def test_property_31_a_clock_that_was_ahead_for_a_moment_silences_nobody(file: Path) -> None:
    log, open_now = Log(), list[OpenRequest]()
    alarms = made(file, open_now, log)
    alarms.round(NOW + 300 * 86_400)
    open_now.append(ITG)
    alarms.round(NOW + ANSWER_S)
    assert read_kept(file).told == {"traceback ITG 2026-0417": 2}
