"""Chains in Valkey: what one node has fetched the others have, and what is damaged there is none."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipkit.valkey import OwnValkey
from trunkward.fetcher.kept import Kept, key_of
from trunkward.fetcher.shared import SharedChains
from trunkward.settings import Place

URL = "https://c.example.net/1.pem"


@pytest.fixture(scope="module")
def valkey() -> Iterator[OwnValkey]:
    running = OwnValkey(functions=False)
    yield running
    running.close()


def chains(valkey: OwnValkey) -> SharedChains:
    return SharedChains(valkey.paths.valkey, "fetcher", valkey.paths.valkey_secret("fetcher"))


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
            fetcher.ask("SET", f"chain:{key_of(URL)}", "rubbish")
        assert await other.get(URL, now_s) is None
        one.close()
        other.close()

    asyncio.run(scenario())


def test_without_valkey_nothing_is_shared() -> None:
    async def scenario() -> None:
        lost = SharedChains(
            Place(where="/nowhere", authorities=Path("/nowhere")), "fetcher", Path("/nowhere")
        )
        assert await lost.get(URL, 0.0) is None
        lost.put(Kept(url=URL, chain="", until=1.0), 0.0)
        lost.close()

    asyncio.run(scenario())
