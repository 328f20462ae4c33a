"""What is read of one connection while its lines wait, what ends it, and what of its refusals is journaled."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from trunkward.engines.signer_wire import Deframer, frame
from trunkward.signer import committing as committing_module
from trunkward.signer import sparing as sparing_module
from trunkward.signer.committing import Committing
from trunkward.signer.connection import MOST_WAITING, Connection, Shared
from trunkward.signer.desk import SigningDesk
from trunkward.signer.identity import load_identity
from trunkward.signer.journal import Journal, Line
from trunkward.signer.metrics import SignerMetrics
from trunkward.signer.sparing import Sparing


@pytest.fixture(autouse=True)
def _a_disk_is_slow_only_where_a_test_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has other work may take longer than a signer waits."""
    monkeypatch.setattr(committing_module, "PATIENCE_S", 20.0)
    monkeypatch.setattr(committing_module, "_LAST_S", 20.0)


class Peer:
    """A gate's end of a connection, without a socket between: what it is answered, and whether it is read."""

    def __init__(self, shared: Shared) -> None:
        self.connection = Connection(shared)
        self.reads = True
        self.ended = False
        self.answers: list[dict[str, Any]] = []
        self.alive = 0
        self._frames = Deframer()
        self._raw = socket.socketpair(socket.AF_UNIX)
        self.connection.connection_made(self)  # type: ignore[arg-type]

    def get_extra_info(self, _: str) -> socket.socket:
        return self._raw[0]

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    abort = close

    def write(self, content: bytes) -> None:
        for one in self._frames.feed(content):
            if one:
                self.answers.append(json.loads(one))
            else:
                self.alive += 1

    def says(self, *requests: bytes) -> None:
        assert self.reads
        self.connection.data_received(b"".join(frame(one) for one in requests))

    def over(self) -> None:
        for end in self._raw:
            end.close()


class World:
    """A signer but for its socket, over a disk that can be held up or raise."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.journal = Journal(house.tmp / "journal")
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.raises: BaseException | None = None
        self.heard: list[BaseException] = []
        clock = lambda: float(house.now_s)  # noqa: E731
        self.committing = Committing(self, house.tmp / "gap.json", clock, self.heard.append)  # type: ignore[arg-type]
        self.metrics = SignerMetrics()
        identity = load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
        self.shared = Shared(
            allowed_uids=frozenset({os.getuid()}),
            desk=SigningDesk(identity),
            committing=self.committing,
            metrics=self.metrics,
            sparing=Sparing(self.note, self.metrics),
            clock=clock,
        )
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        self.peers.append(Peer(self.shared))
        return self.peers[-1]

    def note(self, kind: str, **facts: object) -> None:
        line = Line(facts={"kind": kind, "at": float(self.house.now_s), **facts})
        self.committing.take([line], lambda _: None)

    def commit(self, lines: Sequence[Line]) -> int:
        self.goes_on.wait(20)
        if self.raises is not None:
            raise self.raises
        return self.journal.commit(lines)

    def lines(self, *kinds: str) -> list[dict[str, Any]]:
        texts = [each.read_text() for each in sorted(self.journal.path.glob("*.jsonl"))]
        # one that is being written is none yet
        found = [
            json.loads(one) for text in texts for one in text.splitlines(keepends=True) if one[-1] == "\n"
        ]
        return [one for one in found if one["kind"] in kinds]

    def good(self, count: int = 1) -> list[bytes]:
        return [self.house.request()] * count

    def refused(self, count: int = 1) -> list[bytes]:
        return [self.house.request(level="A")] * count  # without evidence


def world[T](house: Any, act: Callable[[World], Awaitable[T]]) -> T:
    async def run() -> T:
        made = World(house)
        try:
            return await act(made)
        finally:
            made.goes_on.set()
            made.shared.sparing.tell()
            await made.committing.finish()
            for peer in made.peers:
                peer.over()
            made.journal.close()

    return asyncio.run(run())


async def until(true: Callable[[], object]) -> None:
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not within twenty seconds")


def test_no_more_is_read_of_a_connection_while_its_lines_wait(house: Any) -> None:
    """Summary: Beyond its share what a gate asks waits with the gate; another's answer does not wait behind all of it, and in the end all are answered, each with its line."""

    async def act(its: World) -> None:
        its.goes_on.clear()
        floods, honest = its.peer(), its.peer()
        floods.says(*its.good(3 * MOST_WAITING))
        await asyncio.sleep(0.02)
        assert (floods.reads, floods.answers) == (False, [])
        honest.says(*its.good())
        assert honest.reads
        its.goes_on.set()
        await until(lambda: honest.answers)
        assert honest.answers[0]["journal"] <= 2 * MOST_WAITING + 1
        await until(lambda: len(floods.answers) == 3 * MOST_WAITING)
        await until(lambda: floods.reads)
        assert all(one["journal"] for one in floods.answers)

    world(house, act)


def test_as_many_as_a_gate_has_on_its_way_are_read_on(house: Any) -> None:
    """Summary: The honest path: a gate's connection is read while its lines are written, so that they share the next write."""

    async def act(its: World) -> None:
        its.goes_on.clear()
        gate = its.peer()
        for _ in range(64):
            gate.says(*its.good())
        its.goes_on.set()
        await until(lambda: len(gate.answers) == 64)
        assert gate.reads

    world(house, act)


@pytest.mark.parametrize("garbage", [b"x", b"[1]", b'{"id":""}'])
def test_what_is_no_request_ends_the_connection_and_is_journaled_once_a_minute(
    house: Any, garbage: bytes
) -> None:
    """Summary: Junk by the thousand, over one connection or many, is one line, with how many there were before in the next minute's; what was asked before it is answered."""

    async def act(its: World) -> None:
        passed = [100.0]
        its.shared.sparing = Sparing(its.note, its.metrics, lambda: passed[0])
        first = its.peer()
        first.says(*its.good(2), *[garbage] * 5000, *its.good())
        await until(lambda: first.ended)
        assert [one.get("error", "") for one in first.answers] == ["request-malformed", "", ""]
        for _ in range(20):
            more = its.peer()
            more.says(garbage)
            await until(lambda more=more: more.ended)  # type: ignore[misc]
        passed[0] += 60
        its.peer().says(garbage)
        await its.committing.settled()
        told = its.lines("stream-broken", "refused")
        assert [(one["kind"], one["uid"], one["before"]) for one in told] == [
            ("stream-broken", os.getuid(), 0),
            ("stream-broken", os.getuid(), 20),
        ]

    world(house, act)


def test_a_frame_that_is_too_large_is_journaled_once_a_minute_too(house: Any) -> None:
    async def act(its: World) -> None:
        for _ in range(20):
            peer = its.peer()
            peer.connection.data_received(b"\xff\xff\xff\xff")
            assert peer.ended
        await its.committing.settled()
        assert len(its.lines("stream-broken")) == 1

    world(house, act)


def test_a_request_of_a_later_version_ends_nothing(house: Any) -> None:
    """Summary: What has an id but is no request to this signer is refused like any other: the gate's other calls are not lost with it."""

    async def act(its: World) -> None:
        gate = its.peer()
        gate.says(its.house.request(level="D"), *its.good())
        await until(lambda: len(gate.answers) == 2)
        assert not gate.ended
        assert [one.get("error") for one in gate.answers] == ["request-malformed", None]
        assert [one["error"] for one in its.lines("refused")] == ["request-malformed"]

    world(house, act)


def test_refusals_beyond_so_many_a_second_are_one_line(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary: All are answered; so many have a line, the others are counted by reason in one, and signatures beside them have theirs."""
    monkeypatch.setattr(sparing_module, "SECOND_S", 600.0)
    monkeypatch.setattr(sparing_module, "REFUSALS", 5)

    async def act(its: World) -> None:
        peer, gate = its.peer(), its.peer()
        peer.says(*its.refused(1000))
        gate.says(*its.good(10))
        await until(lambda: len(peer.answers) == 1000 and len(gate.answers) == 10)
        assert {one["error"] for one in peer.answers} == {"evidence-missing"}
        assert all(one["journal"] for one in gate.answers)
        its.shared.sparing.tell()
        await its.committing.settled()
        assert (len(its.lines("refused")), len(its.lines("signed"))) == (5, 10)
        (more,) = its.lines("refused-more")
        assert (more["count"], more["reasons"]) == (995, {"evidence-missing": 995})
        assert (more["uid"], more["first"], more["last"]) == (os.getuid(), house.now_s, house.now_s)

    world(house, act)


def test_the_next_second_has_its_own_lines(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparing_module, "SECOND_S", 0.05)
    monkeypatch.setattr(sparing_module, "REFUSALS", 1)

    async def act(its: World) -> None:
        peer = its.peer()
        peer.says(*its.refused(3))
        await until(lambda: its.lines("refused-more"))
        peer.says(*its.refused(1))
        await until(lambda: len(its.lines("refused")) == 2)

    world(house, act)


def test_a_backlog_beyond_its_limit_is_refused_and_not_signed(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: Whoever asks more than is written gets no signature whose line might never be; a disk that hangs is lost, and calls go on."""
    monkeypatch.setattr(committing_module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(committing_module, "HANGS_S", 600.0)
    monkeypatch.setattr(committing_module, "MAX_WAITING", 10)

    async def act(its: World) -> None:
        its.goes_on.clear()
        gate = its.peer()
        gate.says(*its.good())
        await until(lambda: gate.answers)  # slow: it leaves before its line is there
        gate.says(*its.good(11))
        assert [one["journal"] for one in gate.answers] == [None] * 12
        gate.says(*its.good(30))
        assert [one.get("error") for one in gate.answers[12:]] == ["journal-busy"] * 30
        assert [one["id"] for one in gate.answers[12:]] == ["7"] * 30
        assert its.committing.gap.count == 0
        # the same while it hangs
        monkeypatch.setattr(committing_module, "HANGS_S", 0.0)
        gate.says(*its.good(5))
        assert [one.get("attest") for one in gate.answers[42:]] == ["B"] * 5
        assert its.committing.gap.count == 5
        its.goes_on.set()
        await its.committing.settled()
        monkeypatch.setattr(committing_module, "PATIENCE_S", 20.0)
        gate.says(*its.good())
        its.shared.sparing.tell()
        await its.committing.settled()
        assert gate.answers[-1]["journal"]
        (more,) = its.lines("refused-more")
        assert more["reasons"] == {"journal-busy": 30}
        assert (len(its.lines("signed")), its.lines("gap")[0]["count"]) == (13, 5)

    world(house, act)


def test_a_peer_that_does_not_read_is_not_read_either(house: Any) -> None:
    async def act(its: World) -> None:
        gate = its.peer()
        gate.connection.pause_writing()
        assert not gate.reads
        gate.connection.resume_writing()
        assert gate.reads

    world(house, act)


def test_it_claims_no_life_when_no_answer_leaves(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary: An empty frame is answered as long as answers leave, on a disk or without one, and by nobody once they are stuck."""
    monkeypatch.setattr(committing_module, "PATIENCE_S", 600.0)

    async def act(its: World) -> None:
        looks = its.peer()
        looks.says(b"")
        assert looks.alive == 1
        its.goes_on.clear()
        its.peer().says(*its.good())
        await asyncio.sleep(0.01)
        looks.says(b"")
        assert looks.alive == 2
        monkeypatch.setattr(committing_module, "STUCK_S", 0.0)
        looks.says(b"")
        assert (looks.alive, looks.ended) == (2, True)

    world(house, act)


def test_root_is_told_the_same(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing_module, "PATIENCE_S", 600.0)

    async def act(its: World) -> None:
        root = its.peer()
        root.connection._only_looks = True
        root.says(b"")
        its.goes_on.clear()
        its.peer().says(*its.good())
        await asyncio.sleep(0.01)
        monkeypatch.setattr(committing_module, "STUCK_S", 0.0)
        root.says(b"")
        assert (root.alive, root.ended) == (1, True)
        its.goes_on.set()
        await its.committing.settled()
        assert its.lines("peer-refused") == []

    world(house, act)
