"""The gate's socket: frames in pieces, attempts nobody can read, peers that speak something else."""

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

from trunkward.admission.judge import refuse_unjudged
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Reason, Verdict
from trunkward.gate.server import MAX_FRAME, Unreadable, serve

ATTEMPT = {
    "id": "a" * 32, "at": 1.0, "source_ip": "192.0.2.1", "source_port": 5061, "transport": "tls",
    "local_ip": "192.0.2.2", "local_port": 5061, "ruri": "sip:1@example.com", "from_uri": "sip:2@example.com",
    "to_uri": "sip:1@example.com", "call_id": "c", "from_tag": "t",
}  # fmt: skip


def _frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def _ask(tmp_path: Path, *pieces: bytes, answers: int) -> tuple[list[dict[str, Any]], list[object]]:
    """What the gate answers to these pieces; fewer answers when it cuts the connection."""
    judged: list[object] = []

    async def judge(attempt: CallAttempt | Unreadable) -> Verdict:
        judged.append(attempt)
        return refuse_unjudged(attempt.id, "r", Reason.INTERNAL_ERROR)

    async def run() -> list[dict[str, Any]]:
        stop = asyncio.Event()
        paths = tmp_path / "a.sock", tmp_path / "o.sock"
        serving = asyncio.create_task(serve(*paths, judge, lambda _: None, stop))
        while not paths[1].exists():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_unix_connection(paths[0])
        found = []
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
        finally:
            writer.close()
            stop.set()
            await serving
        return found

    return asyncio.run(run()), judged


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
