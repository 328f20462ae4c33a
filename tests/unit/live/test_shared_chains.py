"""Chains in Valkey: what one node has fetched the others have, and what is damaged there is none."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from sipkit.valkey import OwnValkey
from trunkward.live.kept_chain import Kept
from trunkward.live.shared_chains import PLACES, SharedChains, key_in_valkey
from trunkward.settings import Place

URL = "https://c.example.net/1.pem"


@pytest.fixture(scope="module")
def valkey() -> Iterator[OwnValkey]:
    running = OwnValkey(functions=False)
    yield running
    running.close()


def chains(valkey: OwnValkey) -> SharedChains:
    """As a fetcher's, but more patient than one, on a machine that has other work."""
    made = SharedChains(valkey.paths.valkey, "fetcher", valkey.paths.valkey_secret("fetcher"))
    made._wire._deadline_s = 10.0
    return made


def test_another_node_has_it(valkey: OwnValkey) -> None:
    async def scenario() -> None:
        one, other = chains(valkey), chains(valkey)
        now_s = time.time()
        kept = Kept(url=URL, chain="x" * 16_000, until=now_s + 86_400)
        assert await one.get(URL, now_s) is None  # and connects
        one.put(kept, now_s)
        assert await one.get(URL, now_s) == kept, "questions of one connection are answered in their order"
        assert await other.get(URL, now_s) == kept
        assert await other.get(URL, kept.until) is None
        with valkey.asks("fetcher") as fetcher:
            fetcher.ask("SET", key_in_valkey(URL), "rubbish")
        assert await other.get(URL, now_s) is None
        one.close()
        other.close()

    asyncio.run(scenario())


def test_who_lays_one_knows_whether_it_is_there(valkey: OwnValkey) -> None:
    async def scenario() -> None:
        one, now_s = chains(valkey), time.time()
        kept = Kept(url=f"{URL}?laid", chain="x", until=now_s + 60)
        assert await one.lay(kept, now_s)
        assert await one.get(kept.url, now_s) == kept
        one.close()

    asyncio.run(scenario())


def test_no_number_of_urls_fills_valkey(valkey: OwnValkey) -> None:
    """Property 19: calls and money are counted there: 6,000 of the longest chains leave them all but a sixth of it."""
    now_s = time.time()

    async def scenario() -> None:
        one = chains(valkey)
        for number in range(6000):
            url = f"https://c.example.net/{number}/{'x' * 200}.pem"
            kept = Kept(url=url, chain="y" * 16_384, until=now_s + 2.0**31)
            one.put(kept, now_s)
            while number % 100 == 0 and await one.get(url, now_s) is None:  # the first: and connects
                one.put(kept, now_s)
        one.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))
    with valkey.asks("root") as root, valkey.asks("gate") as gate:
        told = dict(line.split(":", 1) for line in root.ask("INFO").decode().splitlines() if ":" in line)
        assert 1000 < int(told["db0"].removeprefix("keys=").split(",")[0]) <= PLACES
        assert int(told["used_memory"]) < (256 << 20) / 5
        assert gate.ask("SET", "nonce:1", "1") == b"OK"


def test_nothing_is_shared_for_longer_than_a_day(valkey: OwnValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its host says: `max-age` may be 68 years."""
    told: list[tuple[str, ...]] = []
    one = chains(valkey)
    monkeypatch.setattr(one, "_wire", SimpleNamespace(tell=lambda command, _: told.append(command)))
    for until in (2.0**31, 10.0):
        one.put(Kept(url=URL, chain="x", until=until), 0.0)
    assert [command[-2:] for command in told] == [("PX", "86400000"), ("PX", "10000")]


def test_what_valkey_answers_is_said_once(valkey: OwnValkey) -> None:
    """A refusal is heard of, whether Valkey is full or does not know who asks."""

    async def scenario() -> None:
        refused = SharedChains(valkey.paths.valkey, "root", valkey.paths.valkey_secret("root"))
        refused._wire._deadline_s = 10.0
        now_s = time.time()
        await refused.get(URL, now_s)  # and connects
        for _ in range(3):
            refused.put(Kept(url=URL, chain="x", until=now_s + 10), now_s)
        await refused.get(URL, now_s)
        refused.close()

    with capture_logs() as logged:
        asyncio.run(scenario())
    [line] = logged
    assert "NOPERM" in line["problem"]


def test_without_valkey_nothing_is_shared() -> None:
    async def scenario() -> None:
        lost = SharedChains(
            Place(where="/nowhere", authorities=Path("/nowhere")), "fetcher", Path("/nowhere")
        )
        assert await lost.get(URL, 0.0) is None
        assert not await lost.lay(Kept(url=URL, chain="", until=1.0), 0.0)
        lost.put(Kept(url=URL, chain="", until=1.0), 0.0)
        lost.close()

    asyncio.run(scenario())
