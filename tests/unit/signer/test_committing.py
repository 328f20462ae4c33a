"""Lines of one moment go to the disk together; a slow disk, a lost one, and what is declared then."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from trunkward.signer import committing as module
from trunkward.signer.committing import Committing
from trunkward.signer.journal import Journal, Line
from trunkward.signer.segments import JournalError


@pytest.fixture(autouse=True)
def _a_disk_is_slow_only_where_a_test_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has other work may take longer than a signer waits."""
    monkeypatch.setattr(module, "PATIENCE_S", 20.0)
    monkeypatch.setattr(module, "_LAST_S", 20.0)


class Disk:
    """A journal whose disk can be held up, or lost."""

    def __init__(self, home: Path) -> None:
        self.journal = Journal(home / "journal")
        self.lost = False
        #: What no disk does.
        self.raises: BaseException | None = None
        #: Commits after which it is held up again.
        self.holds_after = -1
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.commits: list[int] = []

    def commit(self, lines: Sequence[Line]) -> int:
        self.goes_on.wait(20)
        if self.lost:
            raise JournalError("the disk is gone")
        if self.raises is not None:
            raise self.raises
        self.commits.append(len(lines))
        first = self.journal.commit(lines)
        if len(self.commits) == self.holds_after:
            self.goes_on.clear()
        return first

    def lines(self) -> list[dict[str, Any]]:
        texts = [each.read_text() for each in sorted(self.journal.path.glob("*.jsonl"))]
        # one that is being written is none yet
        return [
            json.loads(one) for text in texts for one in text.splitlines(keepends=True) if one[-1] == "\n"
        ]


class Bench:
    """One committing over one disk, at a time that is ours."""

    def __init__(self, home: Path) -> None:
        self.disk = Disk(home)
        self.marker = home / "gap.json"
        self.at = 100.0
        self.heard: list[BaseException] = []
        self.committing = Committing(self.disk, self.marker, lambda: self.at, self.heard.append)  # type: ignore[arg-type]
        self.kept: list[int | None] = []
        #: What the next start would declare, at the moment each answer left.
        self.noted: list[int] = []

    def take(self, count: int = 1) -> None:
        lines = [Line(facts={"kind": "signed", "at": self.at}) for _ in range(count)]
        self.committing.take(lines, self._kept)

    def _kept(self, numbers: Sequence[int | None]) -> None:
        self.kept.extend(numbers)
        self.noted.append(json.loads(self.marker.read_text())["count"] if self.marker.exists() else 0)


def bench[T](tmp_path: Path, act: Callable[[Bench], Awaitable[T]]) -> T:
    async def run() -> T:
        made = Bench(tmp_path)
        try:
            return await act(made)
        finally:
            made.disk.goes_on.set()
            await made.committing.finish()

    return asyncio.run(run())


async def until(true: Callable[[], object]) -> None:
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not within twenty seconds")


def test_lines_of_one_moment_are_one_write(tmp_path: Path) -> None:
    async def act(its: Bench) -> None:
        for _ in range(20):
            its.take(2)
        assert its.kept == []  # nothing leaves before its line is on the disk
        await its.committing.settled()
        assert its.disk.commits == [40]
        assert its.kept == list(range(1, 41))

    bench(tmp_path, act)


def test_lines_that_come_while_the_disk_works_are_the_next_write(tmp_path: Path) -> None:
    async def act(its: Bench) -> None:
        its.disk.goes_on.clear()
        its.take()
        await asyncio.sleep(0.01)
        for _ in range(5):
            its.take()
        await asyncio.sleep(0.01)
        assert its.kept == []  # the loop is free, the answers wait
        its.disk.goes_on.set()
        await its.committing.settled()
        assert its.disk.commits == [1, 5]
        assert its.kept == [1, 2, 3, 4, 5, 6]

    bench(tmp_path, act)


def test_a_loop_that_was_busy_is_no_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", patience_s := 0.5)

    async def act(its: Bench) -> None:
        # it comes to the timer before it hears of the write, as uvloop does
        soon = asyncio.get_running_loop().call_soon_threadsafe
        late: list[Any] = []
        monkeypatch.setattr(
            asyncio.get_running_loop(), "call_soon_threadsafe", lambda *hears, **_: late.append(hears)
        )
        its.take()
        await until(lambda: late)
        await asyncio.sleep(patience_s + 0.05)
        for hears, *arguments in late:
            soon(hears, *arguments)
        monkeypatch.undo()
        await its.committing.settled()
        assert its.kept == [1]

    bench(tmp_path, act)


def test_a_slow_disk_holds_no_answer_up_and_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)

    async def act(its: Bench) -> None:
        its.disk.goes_on.clear()
        its.take(2)
        await until(lambda: its.kept)
        assert its.kept == [None, None]
        # were it killed now, the next start would declare them
        assert json.loads(its.marker.read_text())["count"] == 2
        its.at = 101.0
        its.take()  # told at once: the disk is known to be slow
        assert its.kept == [None, None, None]
        assert its.noted == [2, 3]  # before each answer left
        its.disk.goes_on.set()
        await its.committing.settled()
        assert [one["kind"] for one in its.disk.lines()] == ["signed"] * 2 + ["late", "signed", "late"]
        late = [one for one in its.disk.lines() if one["kind"] == "late"]
        assert [(one["count"], one["first"], one["last"]) for one in late] == [(2, 100, 100), (1, 101, 101)]
        monkeypatch.setattr(module, "PATIENCE_S", 20.0)
        its.take()
        await its.committing.settled()
        assert its.kept[-1] == 6
        assert not its.marker.exists()

    bench(tmp_path, act)


def test_what_a_slow_disk_still_owes_stays_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)

    async def act(its: Bench) -> None:
        its.disk.goes_on.clear()
        its.take(2)
        await until(lambda: its.kept)
        its.take(3)
        # the first two are written, the three that waited behind them hang again
        its.disk.holds_after = 1
        its.disk.goes_on.set()
        await until(its.disk.lines)
        await until(lambda: json.loads(its.marker.read_text())["count"] == 3)
        # and when they come to nothing they are counted once
        its.disk.lost = True
        its.disk.goes_on.set()
        await until(lambda: its.heard)
        assert json.loads(its.marker.read_text())["count"] == its.committing.gap.count == 3

    bench(tmp_path, act)


def test_a_lost_disk_lets_answers_go_and_declares_the_gap_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.05)

    async def act(its: Bench) -> None:
        its.disk.lost = True
        its.take(3)
        await until(lambda: its.kept)
        its.at = 107.0
        its.take()  # told at once: it is tried again by itself
        assert its.kept == [None] * 4
        assert its.committing.gap.count == 4
        assert its.noted == [3, 4]  # before each answer left
        await until(lambda: len(its.heard) >= 2)
        # what the next start would know
        assert json.loads(its.marker.read_text())["count"] == 4
        its.disk.lost = False
        # nobody asks for a signature: it is declared all the same
        await until(its.disk.lines)
        (gap,) = its.disk.lines()
        assert (gap["kind"], gap["count"], gap["first"], gap["last"]) == ("gap", 4, 100, 107)
        assert gap["cause"] == "the disk is gone"
        await its.committing.settled()
        assert (its.committing.gap.count, its.marker.exists()) == (0, False)
        its.take()
        await its.committing.settled()
        assert its.kept[-1] == 2

    bench(tmp_path, act)


def test_an_hour_without_a_disk_is_one_gap_with_its_count_and_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def act(its: Bench) -> None:
        its.take()
        await its.committing.settled()
        its.disk.lost = True
        its.at = began = 1000.0
        for _ in range(360):
            # a signature every ten seconds, before, between and during tries of the disk
            its.take()
            its.at += 10
            await asyncio.sleep(0.0005)
        await until(lambda: len(its.kept) == 361)
        assert len(its.heard) > 5
        assert its.committing.gap.count == 360
        its.disk.lost = False
        await until(lambda: its.committing.gap.count == 0)
        its.take()
        await its.committing.settled()
        kinds = [one["kind"] for one in its.disk.lines()]
        assert kinds == ["signed", "gap", "signed"]
        gap = its.disk.lines()[1]
        assert (gap["count"], gap["first"], gap["last"], gap["at"]) == (360, began, began + 3590, its.at)
        assert its.kept == [1, *[None] * 360, 3]
        assert not its.marker.exists()

    bench(tmp_path, act)


def test_a_gap_outlives_the_process(tmp_path: Path) -> None:
    async def lose(its: Bench) -> None:
        its.disk.lost = True
        its.take(2)
        await until(lambda: its.kept)

    async def declare(its: Bench) -> None:
        assert its.committing.gap.count == 2
        its.take()
        await its.committing.settled()
        assert [one["kind"] for one in its.disk.lines()] == ["gap", "signed"]
        assert its.kept == [2]

    bench(tmp_path, lose)
    (tmp_path / "journal").rename(tmp_path / "before")  # its lock is held by this process
    bench(tmp_path, declare)
    assert not (tmp_path / "gap.json").exists()


def test_memory_is_bounded_while_the_disk_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    monkeypatch.setattr(module, "HANGS_S", 0.0)

    async def act(its: Bench) -> None:
        its.disk.goes_on.clear()
        its.take()
        await until(lambda: its.kept)
        for _ in range(30):
            assert not its.committing.busy
            its.take()
        assert len(its.kept) == 31
        assert its.committing.gap.count == 30 - 11
        its.disk.goes_on.set()
        await its.committing.settled()
        kinds = [one["kind"] for one in its.disk.lines()]
        assert (kinds.count("signed"), kinds.count("gap")) == (12, 1)
        assert next(one["count"] for one in its.disk.lines() if one["kind"] == "gap") == 19

    bench(tmp_path, act)


@pytest.mark.parametrize("problem", [ValueError("year is out of range"), MemoryError(), SystemExit(1)])
def test_whatever_becomes_of_a_write_signing_goes_on(
    problem: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: What no disk does is taken as a lost one: answers leave, the gap is declared once a write succeeds, and whoever watches hears what it was."""
    monkeypatch.setattr(module, "RETRY_S", 0.02)

    async def act(its: Bench) -> None:
        its.disk.raises = problem
        its.take(2)
        await until(lambda: its.heard)
        its.take()
        assert its.kept == [None] * 3
        assert its.committing.answers_leave
        await until(lambda: len(its.heard) > 1)
        assert set(its.heard) == {problem}
        its.disk.raises = None
        await until(its.disk.lines)
        (gap,) = its.disk.lines()
        assert (gap["kind"], gap["count"], gap["cause"]) == ("gap", 3, type(problem).__name__)
        its.take()
        await until(lambda: len(its.kept) == 4)
        assert its.kept[-1] == 2

    bench(tmp_path, act)


def test_no_thread_to_be_had_is_a_lost_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)

    async def act(its: Bench) -> None:
        def none(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as broken:
            broken.setattr(its.committing._thread, "submit", none)
            its.take()
            await until(lambda: its.kept)
        await until(its.disk.lines)
        assert its.disk.lines()[0]["kind"] == "gap"

    bench(tmp_path, act)


def test_an_answer_that_raises_holds_no_other_up(tmp_path: Path) -> None:
    async def act(its: Bench) -> None:
        said: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))

        def raises(_: Sequence[int | None]) -> None:
            raise RuntimeError("its connection is gone")

        its.committing.take([Line(facts={"kind": "signed", "at": its.at})], raises)
        its.take()
        await its.committing.settled()
        its.take()
        await its.committing.settled()
        assert (its.kept, len(said)) == ([2, 3], 1)

    bench(tmp_path, act)


def test_an_end_waits_for_the_disk_a_while_and_notes_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(module, "_LAST_S", 0.05)

    async def act(its: Bench) -> None:
        its.disk.goes_on.clear()
        its.take()
        await its.committing.finish()
        assert its.kept == [None]
        assert json.loads(its.marker.read_text())["count"] == 1

    bench(tmp_path, act)
