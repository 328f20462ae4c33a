"""What becomes of a list when fetching or reading it fails in a way nobody foresaw: the one before, and a next try."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from sipkit.certificates import ThrowawayAuthority
from trunkward.certificates import identities as identities_module
from trunkward.certificates import signing as signing_module
from trunkward.certificates.identities import STUCK_S, Identities
from trunkward.certificates.lists import FIRST_RETRY_S, KeptList, Read
from trunkward.certificates.signing import Held, Signing
from trunkward.control.shown_certificate import Lifetime
from trunkward.fetch.published import CONTENT_TYPE
from trunkward.shaken.trusted_list import ListRefused


class World:
    """A list whose content is its number, and a fetch that may fail."""

    def __init__(self, home: Path) -> None:
        self.file, self.answer = home / "list", b"1"
        self.problem: Exception | None = None
        self.kept = KeptList(
            self.file,
            every_s=3600,
            max_bytes=100,
            fetch=self.fetch,
            read=self.read,
            log=structlog.get_logger(),
        )
        self.now = datetime.now(UTC)

    def fetch(self) -> bytes:
        if self.problem is not None:
            raise self.problem
        return self.answer

    def read(self, content: bytes, known: int | None, _: datetime) -> Read[int]:
        if int(content) < (known or 0):
            raise ListRefused("list-older")
        return Read(value=int(content), until=None, entries=1)

    def round(self) -> bool:
        self.now += timedelta(hours=1)
        return self.kept.round(self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("problem", [RecursionError("deep JSON"), RuntimeError("x"), MemoryError()])
def test_whatever_fetching_raises_the_next_try_comes(world: World, problem: Exception) -> None:
    assert world.round()
    world.problem = problem
    assert not world.round()
    assert type(problem).__name__ in world.kept.state.problem
    assert world.kept.value == 1
    assert world.kept.state.next_attempt == world.now + timedelta(seconds=FIRST_RETRY_S)
    world.problem, world.answer = None, b"2"
    assert world.round()
    assert (world.kept.value, world.kept.state.problem) == (2, "")


def test_an_older_one_is_not_taken(world: World) -> None:
    world.answer = b"7"
    assert world.round()
    world.answer = b"6"
    assert not world.round()
    assert (world.kept.value, world.kept.state.problem, world.file.read_bytes()) == (7, "list-older", b"7")


def test_what_is_on_the_disk_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"no number")
    world = World(tmp_path)
    assert "ValueError" in world.kept.state.problem
    assert world.round()


def test_rounds_go_on_whatever_one_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is the only one: were it to end, nothing would be renewed any more, and nobody told."""
    rounds: list[int] = []

    def nap(_: float) -> None:
        if len(rounds) == 3:
            raise SystemExit

    def fails(_: datetime) -> None:
        rounds.append(1)
        raise RecursionError("too deep")

    monkeypatch.setattr("trunkward.certificates.identities.time", SimpleNamespace(sleep=nap))
    with structlog.testing.capture_logs() as said, pytest.raises(SystemExit):
        identities_module._work(SimpleNamespace(round=fails))  # type: ignore[arg-type]
    assert [one["problem"] for one in said] == ["RecursionError: too deep"] * 3


class Party:
    """An identity whose authority may hold its round up."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.rounds = self.hurried = 0

    def round(self, _: datetime) -> None:
        self.rounds += 1
        self.goes_on.wait(20)

    def hurry(self, _: datetime) -> None:
        self.hurried += 1


@pytest.fixture
def parties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Identities, Party, Party]]:
    """A process with two identities, and no lists to fetch."""
    monkeypatch.setattr("trunkward.certificates.identities.WAITS_S", 0.05)
    slow, other, key = Party(), Party(), tmp_path / "administrator.pem"
    key.write_bytes(ThrowawayAuthority(tmp_path).trust.read_bytes())
    task: Any = SimpleNamespace(
        administrator="https://127.0.0.1:1",
        trusted=str(key),
        certificates=str(key),
        trusted_list=str(tmp_path / "list"),
        revocations=str(tmp_path / "crl"),
        list_every_s=3600,
        revocations_every_s=3600,
        identities=[],
    )
    identities: Any = Identities(task, tmp_path / "renew")
    identities._lists = SimpleNamespace(round=lambda _: None, hurry=lambda: None)
    identities._identities = {"slow": slow, "other": other}
    identities._threads = ThreadPoolExecutor(2)
    yield identities, slow, other
    slow.goes_on.set()
    identities._threads.shutdown()


def ended(identities: Identities, *names: str) -> None:
    """Waits until the last rounds of these are over, which may be later than their process waits for them."""
    rounds = [identities._rounds[name][0] for name in names]
    assert not wait(rounds, 20).not_done


def test_a_slow_authority_holds_no_other_identity_up(
    parties: tuple[Identities, Party, Party], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: One order that waits for its authority goes on beside the rounds of all others; a wish to renew reaches it when it is back, and is done then."""
    identities, slow, other = parties
    now = datetime.now(UTC)
    slow.goes_on.clear()
    for _ in range(3):
        identities.round(now)
        ended(identities, "other")
    assert other.rounds == 3
    (tmp_path / "renew").write_text("1")
    identities.round(now)
    assert (slow.hurried, other.hurried, identities._renewed) == (0, 1, "")
    slow.goes_on.set()
    ended(identities, "slow", "other")
    assert (slow.rounds, other.rounds) == (1, 4)
    monkeypatch.setattr("trunkward.certificates.identities.WAITS_S", 20.0)
    identities.round(now)
    assert (slow.hurried, other.hurried, identities._renewed) == (1, 1, "1")


def test_what_does_not_end_is_no_life(
    parties: tuple[Identities, Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life stop with the work, so that `status` sees it."""
    identities, slow, _ = parties
    passed: list[float] = [time.monotonic()]
    clock = SimpleNamespace(monotonic=lambda: passed[0])
    monkeypatch.setattr("trunkward.certificates.identities.time", clock)
    identities.round(datetime.now(UTC))
    ended(identities, "slow", "other")
    passed[0] += STUCK_S + 1  # the thread of all rounds stands still
    assert not identities.works
    slow.goes_on.clear()
    identities.round(datetime.now(UTC))
    assert identities.works
    passed[0] += STUCK_S + 1  # and now that of one identity
    identities.round(datetime.now(UTC))
    assert not identities.works
    slow.goes_on.set()
    ended(identities, "slow", "other")
    assert identities.works


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_fetch(world: World) -> None:
    right = world.now
    world.now += timedelta(days=300)
    assert world.round()
    world.now, world.answer = right, b"2"
    assert world.round()
    # and none of a process after that one, which has only the file's time
    world.now += timedelta(days=300)
    assert world.round()
    ahead_s = world.now.timestamp()
    os.utime(world.file, (ahead_s, ahead_s))
    again = World(world.file.parent)
    again.answer = b"3"
    assert again.kept.round(right)
    assert (again.kept.value, again.kept.state.at) == (3, right)


def test_a_restart_fetches_nothing_before_its_time(world: World) -> None:
    assert world.round()
    again = World(world.file.parent)
    fetched_at = again.kept.state.at
    assert fetched_at is not None
    assert again.kept.state.next_attempt == fetched_at + timedelta(hours=1)
    assert not again.kept.round(fetched_at + timedelta(minutes=59))
    assert again.kept.round(fetched_at + timedelta(hours=1))


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_look_at_a_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A provider's certificate is looked for from outside as before; whoever takes it away is found."""
    looks, now = list[str](), datetime.now(UTC)

    def look_at(url: str, *_: object) -> str:
        looks.append(url)
        return CONTENT_TYPE

    monkeypatch.setattr(signing_module, "look_at", look_at)
    task: Any = SimpleNamespace(
        name="node", spc="709J", source="acme", chain="/nowhere/chain.pem", published_trusted="", address=""
    )
    signing = Signing(task, SimpleNamespace(), SimpleNamespace(), structlog.get_logger())  # type: ignore[arg-type]
    lifetime = Lifetime(begins=now, ends=now + timedelta(days=400))
    signing._used = Held(pem=b"", lifetime=lifetime, url="https://sp.example.com/a.pem")
    for at in (now + timedelta(days=300), now, now + timedelta(minutes=1), now + timedelta(hours=1)):
        signing._look(at)
    assert len(looks) == 3
