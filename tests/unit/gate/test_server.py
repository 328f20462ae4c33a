"""The gate's socket: frames in pieces, attempts nobody can read, peers that speak something else."""

import asyncio
import json
import select
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from trunkward.admission.judge import refuse_unjudged
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.grant import CallsEnded, EndedCall, Grant, GrantsAsked, GrantsGiven
from trunkward.calls.orphan import CallLeft, OrphansAsked, OrphansGiven
from trunkward.calls.place import PlaceAsked, PlaceGiven
from trunkward.calls.registration import FlowEnded, RegisterAttempt, RegisterVerdict
from trunkward.calls.verdict import Reason
from trunkward.gate.server import MAX_FRAME, Decision, Unreadable, serve
from trunkward.records.model import DecisionRecord

#: Seconds for what comes at once, on a machine that has other work.
WITHIN_S = 20.0
ATTEMPT = {
    "kind": "attempt", "id": "a" * 32, "at": 1.0, "source_ip": "192.0.2.1", "source_port": 5061, "transport": "tls",
    "local_ip": "192.0.2.2", "local_port": 5061, "ruri": "sip:1@example.com", "from_uri": "sip:2@example.com",
    "to_uri": "sip:1@example.com", "call_id": "c", "from_tag": "t",
}  # fmt: skip


def _frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


class _Judge:
    """Refuses everything there is somebody to tell; `late` happens after that was looked at."""

    def __init__(self) -> None:
        self.judged: list[object] = []
        self.given_up: list[str] = []
        self.withdrawn: list[str] = []
        self.ends: list[EndedCall] = []
        #: Keeps a judgement until it is set, as a slow signer would.
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.meanwhile: Callable[[], None] = lambda: None
        self.late: Callable[[], None] = lambda: None

    async def judge(self, attempt: CallAttempt | Unreadable, waits: Callable[[], bool]) -> Decision | None:
        self.judged.append(attempt)
        await self.go_on.wait()
        self.meanwhile()
        if not waits():
            self.given_up.append(attempt.id)
            return None
        self.late()
        record = DecisionRecord(
            record_id=attempt.id, at=1.0, attempt_id=attempt.id, call_id="c", verdict="reject", reason="r"
        )
        return Decision(verdict=refuse_unjudged(attempt.id, "r", Reason.INTERNAL_ERROR), record=record)

    def withdraw(self, decision: Decision) -> None:
        assert decision.record is not None
        self.withdrawn.append(decision.record.record_id)

    def ended(self, told: CallsEnded) -> None:
        self.ends += told.calls

    def left(self, told: CallLeft) -> None:
        raise AssertionError("nobody has told it anything")

    async def orphans(self, asked: OrphansAsked) -> OrphansGiven:
        return OrphansGiven(hang_up={record_id: str(status) for record_id, status, _ in asked.ended})

    async def register(self, attempt: RegisterAttempt) -> RegisterVerdict:
        self.judged.append(attempt)
        return refuse_unjudged(attempt.id, "r", Reason.INTERNAL_ERROR)

    async def flow_ended(self, flow: FlowEnded) -> None:
        self.judged.append(flow)

    async def place(self, asked: PlaceAsked) -> PlaceGiven:
        return PlaceGiven(id=asked.id, counters=[f"calls:trunk:{asked.trunk}"])

    async def grants(self, asked: GrantsAsked) -> GrantsGiven:
        return GrantsGiven(grants={call.record_id: Grant(for_s=call.left_s + 1) for call in asked.calls})


type Edge = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _serve(tmp_path: Path, judge: _Judge, edge: Edge) -> None:
    """Lets `edge` speak to a gate, on the loop gates run on."""

    async def run() -> None:
        stop = asyncio.Event()
        path = tmp_path / "a.sock"
        serving = asyncio.create_task(serve(path, judge, stop))
        while not path.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            await edge(reader, writer)
        finally:
            writer.close()
            stop.set()
            await serving

    uvloop.run(run())


def _ask(tmp_path: Path, *pieces: bytes, answers: int) -> tuple[list[dict[str, Any]], list[object]]:
    """What the gate answers to these pieces; fewer answers when it cuts the connection."""
    judge, found = _Judge(), []

    async def edge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            for _ in range(answers):
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                found.append(json.loads(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    _serve(tmp_path, judge, edge)
    return found, judge.judged


@pytest.mark.parametrize("late", [False, True])
def test_an_edge_that_left_is_seen_before_the_loop_tells(tmp_path: Path, late: bool) -> None:
    judge = _Judge()

    async def edge(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raw = socket.socket(socket.AF_UNIX)
        raw.connect(str(tmp_path / "a.sock"))
        if late:  # while the record is being written
            judge.late = raw.close
        else:
            judge.meanwhile = raw.close
        raw.sendall(_frame(json.dumps(ATTEMPT).encode()))
        async with asyncio.timeout(WITHIN_S):
            while not judge.judged:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    _serve(tmp_path, judge, edge)
    assert (judge.given_up, judge.withdrawn) == (([], ["a" * 32]) if late else (["a" * 32], []))


def test_a_verdict_the_edge_never_read_is_withdrawn(tmp_path: Path) -> None:
    judge = _Judge()
    one = _frame(json.dumps(ATTEMPT).encode())

    async def edge(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        def ask(read: bool) -> None:
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(tmp_path / "a.sock"))
                raw.sendall(one)
                assert select.select([raw], [], [], WITHIN_S)[0], "no answer"
                if read:
                    raw.recv(65536)

        for read in (True, False):
            await asyncio.to_thread(ask, read)
        async with asyncio.timeout(WITHIN_S):
            while not judge.withdrawn:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    _serve(tmp_path, judge, edge)
    assert len(judge.judged) == 2
    assert len(judge.withdrawn) == 1


def test_its_socket_is_seen_only_once_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    listen = socket.socket.listen

    def look(self: socket.socket, backlog: int) -> None:
        seen.append(any(path.suffix == ".sock" for path in tmp_path.iterdir()))
        listen(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", look)

    async def edge(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        assert seen[:1] == [False]
        assert (tmp_path / "a.sock").stat().st_mode & 0o777 == 0o660

    _serve(tmp_path, _Judge(), edge)


def test_an_empty_frame_is_answered_by_another(tmp_path: Path) -> None:
    judge = _Judge()

    async def edge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        judge.go_on.clear()
        writer.write(_frame(json.dumps(ATTEMPT).encode()) + _frame(b""))
        # at once, whatever is being judged
        assert await asyncio.wait_for(reader.readexactly(4), WITHIN_S) == bytes(4)
        judge.go_on.set()
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        assert json.loads(await reader.readexactly(length))["id"] == "a" * 32

    _serve(tmp_path, judge, edge)


def test_frames_in_pieces_and_several_at_once(tmp_path: Path) -> None:
    one = _frame(json.dumps(ATTEMPT).encode())
    answers, judged = _ask(tmp_path, one[:3], one[3:40], one[40:] + one + one, answers=3)
    assert len(answers) == len(judged) == 3


def test_an_attempt_nobody_can_read_is_refused_and_the_next_one_judged(tmp_path: Path) -> None:
    lone_surrogate = json.dumps(ATTEMPT | {"body": "\udc80"}).encode()
    wrong_type = json.dumps(ATTEMPT | {"cseq": "one"}).encode()
    good = json.dumps(ATTEMPT).encode()
    pieces = [_frame(body) for body in (lone_surrogate, wrong_type, good)]
    answers, judged = _ask(tmp_path, *pieces, answers=3)
    assert [answer["verdict"] for answer in answers] == ["reject"] * 3
    assert {answer["id"] for answer in answers} == {"a" * 32}
    assert [type(attempt) for attempt in judged] == [Unreadable, Unreadable, CallAttempt]


def test_running_calls_are_given_time_between_attempts(tmp_path: Path) -> None:
    asked = {"kind": "grants", "calls": [["b" * 32, "acme-hq", 1.0, 2.5, 20.0]]}
    pieces = [
        _frame(json.dumps(frame).encode()) for frame in (ATTEMPT, asked, {"kind": "grants", "calls": []})
    ]
    answers, judged = _ask(tmp_path, *pieces, answers=3)
    assert answers[1:] == [
        {"grants": {"b" * 32: {"for_s": 21.0, "then": "grant-not-renewed"}}, "cuts": 0, "frozen": 0},
        {"grants": {}, "cuts": 0, "frozen": 0},
    ]
    assert len(judged) == 1


def test_a_call_that_goes_on_elsewhere_is_given_its_places(tmp_path: Path) -> None:
    asked = {"kind": "place", "id": "b" * 32, "trunk": "branch", "instead_of": "hq", "called": "+12025550101"}
    piece = _frame(json.dumps(asked | {"counters": ["calls:trunk:hq"]}).encode())
    answers, _ = _ask(tmp_path, piece, answers=1)
    assert answers == [{"id": "b" * 32, "counters": ["calls:trunk:branch"]}]


def test_the_largest_message_fits(tmp_path: Path) -> None:
    body = json.dumps(ATTEMPT | {"body": "\x00" * 65_535}).encode()
    assert 6 * 65_535 < len(body) < MAX_FRAME
    answers, judged = _ask(tmp_path, _frame(body), answers=1)
    assert len(answers) == 1
    assert isinstance(judged[0], CallAttempt)


def test_who_speaks_something_else_is_cut_off(tmp_path: Path) -> None:
    for rubbish in (
        b"INVITE sip:1@example.com SIP/2.0\r\n\r\n",
        _frame(b"{}"),
        _frame(b"[" * 1000),
        _frame(b"\xff"),
    ):
        answers, judged = _ask(tmp_path, rubbish, answers=1)
        assert answers == judged == []


def test_a_gate_that_stops_answers_what_it_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # nothing here is over because its time is: that would be longer than the test may wait
    monkeypatch.setattr("trunkward.gate.server.FINISH_S", 60)
    judge, found = _Judge(), []
    one = _frame(json.dumps(ATTEMPT).encode())

    async def run() -> None:
        stop, path = asyncio.Event(), tmp_path / "a.sock"
        serving = asyncio.create_task(serve(path, judge, stop))
        while not path.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        busy = await asyncio.open_unix_connection(path)
        idle, idle_writer = await asyncio.open_unix_connection(path)
        try:
            judge.go_on.clear()
            busy[1].write(one)
            while not judge.judged:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            stop.set()
            # one that asks nothing is let go at once, and nobody new gets in
            assert await asyncio.wait_for(idle.read(), WITHIN_S) == b""
            with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
                await asyncio.open_unix_connection(path)
            assert not serving.done()
            # asked after the end was begun: unread, so the edge hears at once that it is to ask elsewhere
            busy[1].write(one)
            judge.go_on.set()
            (length,) = struct.unpack(">I", await asyncio.wait_for(busy[0].readexactly(4), WITHIN_S))
            found.append(json.loads(await busy[0].readexactly(length)))
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(busy[0].readexactly(4), WITHIN_S)
            await asyncio.wait_for(serving, WITHIN_S)
        finally:  # uvloop waits without end for what is left open
            for writer in (busy[1], idle_writer):
                writer.transport.abort()
            judge.go_on.set()
            await asyncio.wait({serving}, timeout=WITHIN_S)
            await asyncio.sleep(0)

    uvloop.run(run())
    assert len(found) == len(judge.judged) == 1
    assert judge.withdrawn == []


def test_a_gate_that_stops_waits_for_no_judgement_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkward.gate.server.FINISH_S", 0.05)
    judge = _Judge()

    async def edge(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        judge.go_on.clear()
        writer.write(_frame(json.dumps(ATTEMPT).encode()))
        async with asyncio.timeout(WITHIN_S):
            while not judge.judged:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    _serve(tmp_path, judge, edge)
    assert judge.withdrawn == []


def test_ends_of_calls_wait_behind_no_judgement_and_have_no_answer(tmp_path: Path) -> None:
    judge = _Judge()
    ended = json.dumps({"kind": "ended", "calls": [["r1", ["calls:trunk:a"]], ["r2", []]]}).encode()

    async def edge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        judge.go_on.clear()
        writer.write(_frame(json.dumps(ATTEMPT).encode()) + _frame(ended))
        async with asyncio.timeout(WITHIN_S):
            while not judge.ends:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        judge.go_on.set()
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        assert json.loads(await reader.readexactly(length))["verdict"] == "reject"
        writer.write(_frame(ended) + _frame(b""))
        # what comes next is the answer to the empty frame
        assert await reader.readexactly(4) == bytes(4)

    _serve(tmp_path, judge, edge)
    assert judge.ends == [EndedCall("r1", ["calls:trunk:a"]), EndedCall("r2", [])] * 2
