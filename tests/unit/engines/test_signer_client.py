"""A signer that hangs costs a deadline a second, not one a call; whatever it says brings it back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from trunkward.engines import signer_client
from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import Deframer, Refused, Signed, SignRequest, frame
from trunkward.shaken.attest import Attestation

#: Seconds for an answer that does not come, and for one that does, on a machine that has other work.
DEADLINE_S, PATIENCE_S = 0.05, 20.0
REQUEST = SignRequest(
    trunk="alpha", tenant="acme", orig="12025550100", dest=["12025550110"], level="B", rule="B-known-customer",
    record_id="rec-1",
)  # fmt: skip


class Signer:
    """Answers as it is told, and keeps what it leaves unanswered."""

    def __init__(self) -> None:
        self.hangs = False
        self.refuses = False
        self.asked = 0
        self.unanswered: list[str] = []
        self._writer: asyncio.StreamWriter

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, frames = writer, Deframer()
        while data := await reader.read(65536):
            for body in frames.feed(data):
                self.asked += 1
                request = msgspec.json.decode(body, type=SignRequest)
                if self.hangs:
                    self.unanswered.append(request.id)
                else:
                    self._answer(request.id)
        writer.close()

    def _answer(self, request_id: str) -> None:
        answer: Signed | Refused = (
            Refused(id=request_id, error="certificate-expired")
            if self.refuses
            else Signed(id=request_id, identities=["x"], iat=1, date="", attest=Attestation.B, serial="1")
        )
        self._writer.write(frame(msgspec.json.encode(answer)))

    def answer_late(self) -> None:
        for request_id in self.unanswered:
            self._answer(request_id)
        self.unanswered.clear()


def bench(tmp_path: Path, act: Callable[[Signer, SignerClient], Awaitable[None]]) -> None:
    async def run() -> None:
        signer, path = Signer(), tmp_path / "s.sock"
        server = await asyncio.start_unix_server(signer.serve, path)
        client = SignerClient(path)
        try:
            await act(signer, client)
        finally:
            await client.close()
            server.close()

    asyncio.run(run())


async def asked(client: SignerClient, within_s: float = PATIENCE_S) -> str:
    """`signed`, or why not."""
    try:
        await client.sign(REQUEST, within_s)
    except (SignerUnavailable, SignerRefused) as lost:
        return lost.reason
    return "signed"


async def hung(signer: Signer, client: SignerClient) -> None:
    """Until it is left alone."""
    signer.hangs = True
    assert await asked(client, DEADLINE_S) == "signer-timeout"


def passes(client: SignerClient) -> None:
    """The time for which it is left alone is over."""
    assert client._again_at is not None
    client._again_at = 0.0


@pytest.fixture(autouse=True)
def _left_alone_until_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_client, "LEFT_ALONE_S", 600.0)


def test_calls_after_a_missed_deadline_do_not_wait(tmp_path: Path) -> None:
    async def act(signer: Signer, client: SignerClient) -> None:
        await hung(signer, client)
        async with asyncio.timeout(PATIENCE_S):  # one that waited would take all of it
            assert [await asked(client, 600.0) for _ in range(100)] == ["signer-silent"] * 100
        assert signer.asked == 1

    bench(tmp_path, act)


def test_one_call_a_second_tries(tmp_path: Path) -> None:
    async def act(signer: Signer, client: SignerClient) -> None:
        await hung(signer, client)
        passes(client)
        # together: the first tries, the others do not wait with it
        assert sorted(await asyncio.gather(*(asked(client, DEADLINE_S) for _ in range(9)))) == [
            *["signer-silent"] * 8,
            "signer-timeout",
        ]
        assert await asked(client) == "signer-silent"
        passes(client)
        signer.hangs = False
        assert [await asked(client) for _ in range(3)] == ["signed"] * 3

    bench(tmp_path, act)


def test_an_answer_that_comes_late_lets_the_next_call_try_at_once(tmp_path: Path) -> None:
    async def act(signer: Signer, client: SignerClient) -> None:
        await hung(signer, client)
        signer.hangs = False
        signer.answer_late()
        await asyncio.sleep(0.01)
        assert [await asked(client) for _ in range(3)] == ["signed"] * 3

    bench(tmp_path, act)


def test_a_signer_that_is_always_late_makes_one_call_wait_at_a_time(tmp_path: Path) -> None:
    async def act(signer: Signer, client: SignerClient) -> None:
        await hung(signer, client)
        signer.answer_late()
        await asyncio.sleep(0.01)
        said = await asyncio.gather(*(asked(client, DEADLINE_S) for _ in range(9)))
        assert (said.count("signer-timeout"), said.count("signer-silent")) == (1, 8)

    bench(tmp_path, act)


def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    async def act(signer: Signer, client: SignerClient) -> None:
        await hung(signer, client)
        passes(client)
        signer.hangs, signer.refuses = False, True
        assert [await asked(client) for _ in range(2)] == ["certificate-expired"] * 2

    bench(tmp_path, act)


def test_a_signer_that_is_not_there_is_asked_by_every_call(tmp_path: Path) -> None:
    async def act() -> None:
        client = SignerClient(tmp_path / "nobody.sock")
        assert [await asked(client) for _ in range(3)] == ["signer-unreachable"] * 3

    asyncio.run(act())
