"""Certificates that need a person: told once for each level, over restarts, and again after they were well."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.control.certificate_alarms import PATIENCE_S
from trunkward.control.health_facts import CertificateFacts, CertificateOf
from trunkward.engines.alerts_file import read_kept
from trunkward.engines.certificate_state import IdentitiesState, IdentityState
from trunkward.engines.certificates import identity_facts
from trunkward.worker.certificate_alarms import ROUND_S, CertificateAlarms
from trunkward.worker.outbox import Outbox

NOW = 1_800_000_000.0


class Seen:
    """What there is to be seen."""

    def __init__(self) -> None:
        self.days_left = 60.0
        self.problem = ""
        self.late = False
        self.lines: list[str] = []

    def __call__(self, now: datetime) -> list[CertificateFacts]:
        until = datetime.fromtimestamp(NOW, UTC) + timedelta(days=self.days_left)
        return [
            CertificateFacts(
                name="signing certificate of node",
                of=CertificateOf.SIGNING,
                until=until,
                problem=self.problem,
                late=self.late,
            )
        ]

    def log(self, line: str, **_: Any) -> None:
        self.lines.append(line)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alerts.json"


def made(file: Path, seen: Seen) -> CertificateAlarms:
    outbox = Outbox(file, seen.log)
    outbox.channels({"nobody": lambda _message: None})
    outbox.stop()
    return CertificateAlarms(outbox, seen, lambda: "sbc.example.com", seen.log)


def test_each_level_is_told_once_and_again_after_it_was_well(file: Path) -> None:
    seen = Seen()
    alarms = made(file, seen)
    alarms.round(NOW)
    assert seen.lines == []
    seen.days_left, seen.late = 5.0, True
    for minute in range(1, 4):
        alarms.round(NOW + minute * ROUND_S)
    assert len(seen.lines) == 1
    # a worker after this one has heard of it
    again = made(file, seen)
    again.round(NOW + 4 * ROUND_S)
    assert len(seen.lines) == 1
    seen.days_left = -1.0
    again.round(NOW + 5 * ROUND_S)
    assert len(seen.lines) == 2
    assert "ended" in seen.lines[1]
    # renewed, and late once more
    seen.days_left, seen.late = 60.0, False
    again.round(NOW + 6 * ROUND_S)
    assert read_kept(file).told == {}
    seen.days_left, seen.late = 5.0, True
    again.round(NOW + 7 * ROUND_S)
    assert len(seen.lines) == 3


def test_a_problem_is_told_when_it_lasts(file: Path) -> None:
    seen = Seen()
    alarms = made(file, seen)
    seen.problem = "the policy administrator is down"
    alarms.round(NOW)
    alarms.round(NOW + PATIENCE_S - 1)
    assert seen.lines == []
    alarms.round(NOW + PATIENCE_S + ROUND_S)
    assert len(seen.lines) == 1
    (message,) = read_kept(file).waiting
    assert message.subject == f"[sbc.example.com] {seen.lines[0]}"
    assert msgspec.json.decode(message.body)["data"]["level"] == "soon"


def test_a_life_of_minutes_is_told_of_in_its_last_quarter_and_at_its_end(file: Path) -> None:
    """Nothing renews it: the patience with a problem is longer than all that is left."""
    alarms, lines = made_of_state(file)
    for minute in range(10):
        alarms.round(NOW + minute * ROUND_S)
    assert [("ends" in line, "ended" in line) for line in lines] == [(True, False), (False, True)]


def made_of_state(file: Path) -> tuple[CertificateAlarms, list[str]]:
    """As the worker sees what `identities` says of a certificate of six minutes."""
    begins = datetime.fromtimestamp(NOW, UTC)
    ends, lines = begins + timedelta(minutes=6), list[str]()

    def look(now: datetime) -> list[CertificateFacts]:
        lasts = now < ends
        one = IdentityState(
            spc="000T",
            source="acme x",
            begins=begins if lasts else None,
            until=ends if lasts else None,
            ended=None if lasts else ends,
            problem="down" if now > begins + timedelta(minutes=4) else "",
        )
        state = IdentitiesState(at=now, identities={"node": one})
        found = identity_facts({"node": "acme"}, state, file.parent, now)
        return [each for each in found if each.of is CertificateOf.SIGNING]

    def log(line: str, **_: Any) -> None:
        lines.append(line)

    outbox = Outbox(file, log)
    outbox.channels({"nobody": lambda _message: None})
    outbox.stop()
    return CertificateAlarms(outbox, look, lambda: "", log), lines


def test_it_looks_once_a_minute(file: Path) -> None:
    seen, looks = Seen(), []
    outbox = Outbox(file, seen.log)

    def look(now: datetime) -> list[CertificateFacts]:
        looks.append(now)
        return []

    alarms = CertificateAlarms(outbox, look, lambda: "", seen.log)
    for second in range(int(ROUND_S) + 1):
        alarms.round(NOW + second)
    assert len(looks) == 2


def test_a_clock_that_was_ahead_for_a_moment_silences_nobody(file: Path) -> None:
    seen = Seen()
    alarms = made(file, seen)
    seen.problem = "nobody answers"
    alarms.round(NOW + 300 * 86_400)
    lines = len(seen.lines)
    alarms.round(NOW)
    alarms.round(NOW + PATIENCE_S - ROUND_S)
    assert len(seen.lines) == lines
    alarms.round(NOW + PATIENCE_S)
    assert len(seen.lines) == lines + 1
