"""Retention by a clock that is wrong deletes nothing, and by one that is right no more than a day's files an hour."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.engines.journals import segments_of, values_beside
from trunkward.engines.kernel_clock import ClockReading
from trunkward.journal.examine import examine
from trunkward.journal.heads import Head, signed_minute
from trunkward.signer.forgetting import EACH_S, Forgetting, Retention
from trunkward.signer.journal import Journal, Line

DAY_S = 86_400
START_S = 1_795_435_200.0  # 2026-11-23T12:00:00Z
KEY = Ed25519PrivateKey.generate()
GOOD = ClockReading(synchronised=True, offset_s=0, estimated_error_s=0, maximum_error_s=0)


class World:
    """A journal of five days, kept for two, and a hundred days later."""

    def __init__(self, home: Path) -> None:
        self.journal, self.heads = Journal(home / "journal"), home / "heads.log"
        for day in range(5):
            for line in range(2):
                at = START_S + day * DAY_S + line
                self.journal.commit(
                    [Line(facts={"kind": "signed", "at": at}, private={"orig": "12025550100"})]
                )
        self.now_s, self.passed_s = START_S + 100 * DAY_S, 5.0
        self.clock: ClockReading | None = GOOD
        self.signed(self.now_s - 7200)
        self.forgetting = self.new(Retention(keep_days=2, journal_days=2, heads=self.heads))

    def new(self, retention: Retention) -> Forgetting:
        return Forgetting(
            self.journal, self, retention, passing=lambda: self.passed_s, read=lambda: self.clock  # type: ignore[arg-type]
        )  # fmt: skip

    def started_anew(self) -> None:
        self.journal.close()
        self.journal = Journal(self.journal.path)
        self.forgetting = self.new(Retention(keep_days=2, journal_days=2, heads=self.heads))

    def signed(self, *at_s: float) -> None:
        lines = [signed_minute(None, [Head(journal="node")], at, KEY, lambda: bytes(16))[1] for at in at_s]
        self.heads.write_text("".join(f"{line}\n" for line in lines))

    def take(self, lines: Sequence[Line], kept: Any) -> None:
        kept([self.journal.commit(lines)])

    def round(self) -> None:
        async def run() -> None:
            self.forgetting.round(self.now_s)
            if self.forgetting._deleting is not None:
                await self.forgetting._deleting

        asyncio.run(run())

    @property
    def left(self) -> tuple[int, int]:
        """Days of values, and segments."""
        home = self.journal.path
        return len(list(home.with_name("details").glob("*.jsonl"))), len(list(home.glob("*.jsonl")))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _unsynchronised(world: World) -> None:
    world.clock = replace(GOOD, synchronised=False)


def _unknown(world: World) -> None:
    world.clock = None


def _ahead(world: World) -> None:
    """Its clock has jumped; the worker's is the same, and has signed by it for half an hour."""
    before = world.now_s
    world.now_s += 12 * 365 * DAY_S
    world.signed(before - 7200, before, *(world.now_s - 60 * minute for minute in range(30)))


def _no_heads(world: World) -> None:
    world.heads.unlink()


def _damaged_heads(world: World) -> None:
    world.heads.write_bytes(b"\xff x\n{}\n")


@pytest.mark.parametrize(
    ("doubt", "why"),
    [
        (_unsynchronised, "the clock is not synchronised"),
        (_unknown, "the clock is not synchronised"),
        (_ahead, "no heads"),
        (_no_heads, "no heads"),
        (_damaged_heads, "no heads"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_by_a_clock_in_doubt_nothing_is_deleted(world: World, doubt: Any, why: str) -> None:
    before = world.left
    doubt(world)
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            world.round()
            world.passed_s += EACH_S
    assert world.left == before
    assert [one["event"] for one in said] == ["nothing-deleted"], "once"
    assert said[0]["why"].startswith(why)
    assert world.journal.seq == 14  # ten, and the openings of four segments


def test_a_person_may_say_that_the_clock_is_right(world: World) -> None:
    _unsynchronised(world)
    world.forgetting = world.new(
        Retention(keep_days=2, journal_days=2, heads=world.heads, clock_trusted=True)
    )
    world.round()
    assert world.left == (4, 6)


def test_a_days_files_an_hour_and_each_with_its_line(world: World) -> None:
    """Property 34: whatever else goes wrong, it is seen before much is gone."""
    assert world.left == (5, 5)
    for _ in range(10):
        world.round()
    # the lines that say so have begun a segment of today's
    assert world.left == (4, 5)
    world.passed_s += EACH_S - 1
    world.round()
    assert world.left == (4, 5)
    world.passed_s += 1
    for _ in range(10):
        world.round()
    assert world.left == (3, 4)
    for _ in range(10):
        world.passed_s += EACH_S
        world.round()
        world.round()
    assert world.left == (0, 1)
    world.journal.close()
    report = examine("node", segments_of(world.journal.path), [], values_beside(world.journal.path))
    assert report.findings == []


def test_starts_again_and_again_delete_no_more(world: World) -> None:
    """Property 34: what went last, and when, outlives the process."""
    for _ in range(10):
        world.round()
        world.started_anew()
    assert world.left == (4, 5)
    world.passed_s += EACH_S - 1
    world.round()
    world.started_anew()
    world.round()
    assert world.left == (4, 5)
    world.passed_s += 1
    for _ in range(2):
        world.round()
    assert world.left == (3, 4)


def test_a_machine_that_is_started_again_and_again_deletes_no_more(world: World) -> None:
    """Nobody knows how long it was off: an hour from its start on."""
    world.passed_s = 100 * EACH_S
    for _ in range(2):
        world.round()
    for uptime_s in (60.0, 60.0, EACH_S):
        world.passed_s = uptime_s
        world.started_anew()
        for _ in range(2):
            world.round()
    assert world.left == (4, 5)
    world.passed_s += EACH_S
    for _ in range(2):
        world.round()
    assert world.left == (3, 4)


def test_a_signer_that_is_started_twice_an_hour_on_a_machine_started_anew_deletes(world: World) -> None:
    """The hour goes on from the first start that finds a time beyond now: it does not begin with each."""
    world.passed_s = 100 * EACH_S
    for _ in range(2):
        world.round()
    for uptime_s in (60.0, EACH_S / 2, EACH_S):
        world.passed_s = uptime_s
        world.started_anew()
        for _ in range(2):
            world.round()
    assert world.left == (4, 5)
    world.passed_s = EACH_S + 60
    world.started_anew()
    for _ in range(2):
        world.round()
    assert world.left == (3, 4)


def test_where_nobody_knows_what_went_last_nothing_goes(world: World) -> None:
    file = world.journal.path.with_name("deletions.json")
    file.write_text("{")
    with pytest.raises(ValueError, match=r"deletions.json: cannot be read"):
        world.round()
    assert world.left == (5, 5)
    file.unlink()
    world.round()
    assert world.left == (4, 6)


def test_all_segments_of_a_day_go_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy day has hundreds of them: an hour for each would never be done."""
    world.journal.close()
    monkeypatch.setattr("trunkward.signer.segments.FULL_BYTES", 1)
    world.journal = Journal(world.journal.path)
    at = START_S + 200 * DAY_S
    for line in range(4):
        world.journal.commit([Line(facts={"kind": "signed", "at": at + line})])
    world.now_s = at + 100 * DAY_S
    world.signed(world.now_s - 7200)
    world.forgetting = world.new(Retention(keep_days=2000, journal_days=2, heads=world.heads))
    for _ in range(5):  # those of the five days before
        world.round()
        world.passed_s += EACH_S
    for _ in range(4):  # in one hour
        world.round()
    assert not [
        one for one in world.journal.path.glob("*.jsonl") if f'"at":{at:.1f}'.encode() in one.read_bytes()
    ]
