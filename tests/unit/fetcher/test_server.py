"""The fetcher's door and the gate's side of it, on a real socket."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines import fetcher_client
from trunkward.engines.fetcher_client import MAX_PENDING, FetcherBusy, FetcherClient, FetcherLost
from trunkward.engines.fetcher_wire import MAX_QUESTION, TOO_MANY, ChainGiven, NoChain, frame
from trunkward.engines.probes import answers
from trunkward.fetch.chains import Why
from trunkward.fetcher.chains import Lacking
from trunkward.fetcher.metrics import FetcherMetrics
from trunkward.fetcher.server import Door
from trunkward.live.kept_chain import Kept

URL = "https://c.example.net/1.pem"


class Chains:
    """Answers in the order it is told to."""

    def __init__(self) -> None:
        self.waits: dict[str, asyncio.Event] = {}
        self.asked: list[tuple[str, str]] = []

    async def get(self, url: str, sender: str) -> Kept | Lacking:
        self.asked.append((url, sender))
        if (event := self.waits.get(url)) is not None:
            await event.wait()
        if "busy" in url:
            return Lacking(why=Why.BUSY, detail="36 of them", until=30.0)
        if "none" in url:
            return Lacking(why=Why.DEADLINE, detail="more than 2 s", until=30.0)
        return Kept(url=url, chain="x" * 20_000, until=60.0)


def run(
    tmp_path: Path, scenario: Callable[[Chains, Path, FetcherMetrics], Any], uid: int | None = None
) -> None:
    async def whole() -> None:
        chains, metrics, stop = Chains(), FetcherMetrics(), asyncio.Event()
        path = tmp_path / "fetcher.sock"
        allowed = {os.getuid() if uid is None else uid}
        listening = asyncio.create_task(Door(chains, allowed, metrics).listen(path, stop))  # type: ignore[arg-type]
        while not path.exists():  # noqa: ASYNC110
            await asyncio.sleep(0)
        try:
            await scenario(chains, path, metrics)
        finally:
            stop.set()
            await listening

    asyncio.run(whole())


def test_its_socket_is_seen_only_once_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    listen = socket.socket.listen

    def look(self: socket.socket, backlog: int) -> None:
        seen.append(any(path.suffix == ".sock" for path in tmp_path.iterdir()))
        listen(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", look)

    async def scenario(_: Chains, path: Path, __: FetcherMetrics) -> None:
        assert seen[:1] == [False]
        assert path.stat().st_mode & 0o777 == 0o666  # noqa: ASYNC240

    run(tmp_path, scenario)


def test_answers_come_when_there_is_one(tmp_path: Path) -> None:
    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        client = FetcherClient(path)
        chains.waits["https://slow.example.net/"] = asyncio.Event()
        slow = asyncio.create_task(client.ask("https://slow.example.net/", "north"))
        given = await client.ask(URL, "north")
        assert isinstance(given, ChainGiven)
        assert (given.chain, given.until) == ("x" * 20_000, 60.0)
        assert not slow.done()
        chains.waits["https://slow.example.net/"].set()
        assert isinstance(await slow, ChainGiven)
        none = await client.ask("https://none.example.net/", "north")
        assert isinstance(none, NoChain)
        assert (none.why, none.until) == ("deadline", 30.0)
        assert chains.asked[-1] == ("https://none.example.net/", "north")
        with pytest.raises(FetcherBusy, match="too-many-fetches"):  # nothing of the URL: it is not remembered
            await client.ask("https://busy.example.net/", "north")
        await client.close()

    run(tmp_path, scenario)


def test_nobody_but_gates_and_root_is_answered(tmp_path: Path) -> None:
    async def scenario(chains: Chains, path: Path, metrics: FetcherMetrics) -> None:
        client = FetcherClient(path)
        with pytest.raises(FetcherLost):
            await client.ask(URL, "north")
        await asyncio.sleep(0.01)
        assert not chains.asked
        assert metrics.registry.get_sample_value("trunkward_fetcher_refused_peers_total") == 1
        await client.close()

    run(tmp_path, scenario, uid=os.getuid() + 1)


def test_it_says_that_it_is_alive(tmp_path: Path) -> None:
    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        await asyncio.to_thread(answers, path)

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "sent", [b"\xff\xff\xff\xff", frame(b"{}"), frame(b"x" * (MAX_QUESTION + 1)), frame(b"[]")]
)
def test_whoever_speaks_anything_else_is_cut_off(sent: bytes, tmp_path: Path) -> None:
    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(sent)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        assert isinstance(await FetcherClient(path).ask(URL, "north"), ChainGiven)

    run(tmp_path, scenario)


def test_a_fetcher_that_is_gone_or_garbled_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = FetcherClient(tmp_path / "nobody.sock")
        with pytest.raises(FetcherLost, match="fetcher-unreachable"):
            await client.ask(URL, "north")
        path = tmp_path / "garbled.sock"

        async def garbled(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(frame(b"rubbish"))
            await writer.drain()
            writer.close()

        async with await asyncio.start_unix_server(garbled, path):
            client = FetcherClient(path)
            with pytest.raises(FetcherLost, match="fetcher-lost"):
                await client.ask(URL, "north")
            await client.close()

    asyncio.run(scenario())


def test_it_is_found_again_after_a_restart(tmp_path: Path) -> None:
    client: list[FetcherClient] = []

    async def first(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        chains.waits[URL] = asyncio.Event()
        asked = asyncio.create_task(FetcherClient(path).ask(URL, "north"))
        await asyncio.sleep(0.01)
        client.append(FetcherClient(path))
        assert not asked.done()
        asked.cancel()

    run(tmp_path, first)

    async def second(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        assert isinstance(await client[0].ask(URL, "north"), ChainGiven)

    run(tmp_path, second)


def test_one_that_says_nothing_is_lost_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen one: the kernel takes connections for it, and whoever waits hears that it is lost."""
    monkeypatch.setattr(fetcher_client, "ALIVE_S", 0.02)
    monkeypatch.setattr(fetcher_client, "ALONE_S", 60.0)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(tmp_path / "frozen.sock"))
    listening.listen()

    async def scenario() -> None:
        client = FetcherClient(tmp_path / "frozen.sock")
        for _ in range(3):  # whoever waited asks again, and hears the same at once
            with pytest.raises(FetcherLost, match="fetcher-timeout"):
                await client.ask(URL, "north")
        assert client._count == 1, "it was asked once"
        monkeypatch.setattr(client, "_alone_until_s", 0.0)
        again = asyncio.create_task(client.ask(URL, "north"))
        await asyncio.sleep(0.01)
        assert not again.done(), "and in a while somebody tries"
        with pytest.raises(FetcherLost, match="fetcher-timeout"):
            await again
        await client.close()

    asyncio.run(scenario())
    listening.close()


def test_a_sender_has_a_share_of_what_a_gate_asks_at_once(tmp_path: Path) -> None:
    """Whoever names URLs without end, whose hosts never answer, takes half of it; then another takes half of the rest."""

    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        client, slow = FetcherClient(path), asyncio.Event()
        chains.waits |= {f"https://{number}.example.net/": slow for number in range(MAX_PENDING)}
        asked = [asyncio.create_task(client.ask(url, "hostile")) for url in chains.waits]
        async with asyncio.timeout(20):
            while len(chains.asked) + sum(task.done() for task in asked) < MAX_PENDING:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        refused = [task for task in asked if task.done()]
        assert len(refused) == MAX_PENDING // 2
        assert all(isinstance(task.exception(), FetcherBusy) for task in refused)
        assert isinstance(await client.ask(URL, "honest"), ChainGiven)
        slow.set()
        await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(await client.ask(URL, "hostile"), ChainGiven), "places are given back"
        await client.close()

    run(tmp_path, scenario)


def test_the_word_for_too_many_is_the_fetchers() -> None:
    assert TOO_MANY == Why.BUSY


def test_one_that_takes_its_time_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that never answers is no sign of a lost fetcher: it says that it is there."""
    monkeypatch.setattr(fetcher_client, "ALIVE_S", 0.05)

    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        chains.waits[URL] = asyncio.Event()
        client = FetcherClient(path)
        asked = asyncio.create_task(client.ask(URL, "north"))
        await asyncio.sleep(0.5)  # more than twice as long as a silence may last
        assert not asked.done()
        chains.waits[URL].set()
        assert isinstance(await asked, ChainGiven)
        await client.close()

    run(tmp_path, scenario)


@pytest.mark.parametrize("turns", [1, 2, 3, 20])
def test_one_whose_gate_is_busy_is_there(turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate's own loop stands still, while it connects or later, for longer than a silence may last: what was said is read then."""
    monkeypatch.setattr(fetcher_client, "ALIVE_S", 0.05)

    async def scenario(chains: Chains, path: Path, _: FetcherMetrics) -> None:
        chains.waits[URL] = asyncio.Event()
        client = FetcherClient(path)
        asked = asyncio.create_task(client.ask(URL, "north"))
        for _turn in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251
        await asyncio.sleep(0.1)
        assert not asked.done()
        chains.waits[URL].set()
        assert isinstance(await asked, ChainGiven)
        await client.close()

    run(tmp_path, scenario)
