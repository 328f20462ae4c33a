"""One chain for each URL, from where it is nearest. Property 18: a thousand who want one URL make one fetch."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from trunkward.fetch.chains import FAULT_OF, Fault, Fetched, NotFetched, Why
from trunkward.fetcher.chains import IN_ALL, PER_HOST, RESTS_S, WAITING, Chains, Lacking
from trunkward.fetcher.kept import Kept
from trunkward.fetcher.metrics import FetcherMetrics

NOW, DAY = 1_790_000_000.0, 86_400.0
URL = "https://c.example.net/1.pem"


class Places:
    """Disk and Valkey, in memory."""

    def __init__(self) -> None:
        self.disk: dict[str, Kept] = {}
        self.valkey: dict[str, Kept] = {}
        self.full = False

    def get(self, url: str, now_s: float) -> Kept | None:
        kept = self.disk.get(url)
        return kept if kept is not None and kept.until > now_s else None

    def put(self, kept: Kept, now_s: float) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.disk[kept.url] = kept


class Shared:
    def __init__(self, places: Places) -> None:
        self._places = places

    async def get(self, url: str, now_s: float) -> Kept | None:
        await asyncio.sleep(0)
        return self._places.valkey.get(url)

    def put(self, kept: Kept, now_s: float) -> None:
        self._places.valkey[kept.url] = kept


class Host:
    """Answers fetches when it is let, and counts them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.open = asyncio.Event()
        self.open.set()
        self.fails: NotFetched | Exception | None = None
        self.not_after_s = NOW + 365 * DAY

    async def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            if self.fails is not None:
                raise self.fails
            return Fetched(chain=b"chain", headers={}, not_after_s=self.not_after_s)
        finally:
            self.at_once -= 1


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def run(scenario: Callable[[Chains, Host, Places, Clock], Any]) -> None:
    async def whole() -> None:
        host, places, clock = Host(), Places(), Clock()
        clock.now = NOW
        chains = Chains(fetch=host, disk=places, shared=Shared(places), metrics=FetcherMetrics(), clock=clock)
        await scenario(chains, host, places, clock)

    asyncio.run(whole())


def test_a_thousand_who_want_one_url_make_one_fetch() -> None:
    """Property 18: single flight; whoever gives up does not end it for the others."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        wanted = [asyncio.create_task(chains.get(URL)) for _ in range(1000)]
        await asyncio.sleep(0.01)
        wanted[0].cancel()
        host.open.set()
        found = await asyncio.gather(*wanted[1:])
        assert {kept.chain for kept in found if isinstance(kept, Kept)} == {"chain"}
        assert host.asked == [URL]

    run(scenario)


def test_what_is_nearer_is_not_fetched() -> None:
    """Property 19: disk first, then what other nodes have fetched."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        places.valkey[URL] = shared = Kept(url=URL, chain="shared", until=NOW + DAY)
        assert await chains.get(URL) == shared
        assert places.disk == {URL: shared}, "from now on this node has it, too"
        places.valkey.clear()
        assert await chains.get(URL) == shared
        assert not host.asked
        clock.now += DAY
        found = await chains.get(URL)
        assert isinstance(found, Kept)
        assert found.chain == "chain"
        assert places.disk[URL] == places.valkey[URL] == found

    run(scenario)


def test_it_is_kept_for_a_day_and_never_beyond_its_end() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        assert (await chains.get(URL)).until == NOW + DAY
        host.not_after_s = NOW + 3600
        other = URL.replace("1", "2")
        assert (await chains.get(other)).until == NOW + 3600

    run(scenario)


def test_one_that_has_ended_is_told_and_kept_nowhere() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.not_after_s = NOW - 1
        found = await chains.get(URL)
        assert isinstance(found, Kept)
        assert found.until == NOW + RESTS_S[0]
        assert not places.disk
        assert not places.valkey

    run(scenario)


def test_a_host_that_fails_is_left_alone_for_longer_each_time() -> None:
    """Section 2 step 9: negative cache of 30 to 120 s."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.fails = NotFetched(Why.CONNECTION, "no answer")
        for number, rest_s in enumerate((*RESTS_S, RESTS_S[-1]), 1):
            found = await chains.get(URL)
            assert isinstance(found, Lacking)
            assert (found.why, found.until, len(host.asked)) == (Why.CONNECTION, clock.now + rest_s, number)
            clock.now += rest_s - 0.001
            assert await chains.get(URL) == found
            assert len(host.asked) == number
            clock.now += 0.001
        host.fails = None
        assert isinstance(await chains.get(URL), Kept)
        places.disk.clear()
        places.valkey.clear()
        host.fails = NotFetched(Why.CONNECTION, "no answer")
        found = await chains.get(URL)
        assert found.until == clock.now + RESTS_S[0], "it has answered since"

    run(scenario)
    assert 30 <= min(RESTS_S) <= max(RESTS_S) <= 120


@pytest.mark.parametrize("why", [why for why in Why if FAULT_OF[why] is not Fault.SENDER])
def test_what_is_no_fault_of_its_hosts_is_over_when_it_is_over(why: Why) -> None:
    """Its host is not left alone for DNS of ours that was lost."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.fails = NotFetched(why, "no answer")
        for _ in range(3):
            found = await chains.get(URL)
            assert isinstance(found, Lacking)
            assert (found.why, found.until) == (why, clock.now + 1)
            clock.now += 1
        host.fails = None
        assert isinstance(await chains.get(URL), Kept)

    run(scenario)


def test_a_fault_of_ours_is_a_chain_that_is_not_there() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.fails = ZeroDivisionError()
        found = await chains.get(URL)
        assert isinstance(found, Lacking)
        assert found.why is Why.HTTP

    run(scenario)


def test_few_are_fetched_from_one_host_at_once_and_a_bounded_number_in_all() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        of_one = [f"https://c.example.net/{number}.pem" for number in range(PER_HOST + WAITING + 5)]
        of_many = [f"https://c{number}.example.net/1.pem" for number in range(IN_ALL + 10)]
        wanted = [asyncio.create_task(chains.get(url)) for url in of_one]
        await asyncio.sleep(0.01)
        assert host.most_at_once == PER_HOST
        done = [task.result() for task in wanted if task.done()]
        assert len(done) == 5
        assert all(isinstance(found, Lacking) and found.why is Why.BUSY for found in done)
        wanted += [asyncio.create_task(chains.get(url)) for url in of_many]
        await asyncio.sleep(0.01)
        assert host.most_at_once == IN_ALL
        host.open.set()
        found_all = await asyncio.gather(*wanted)
        assert sum(isinstance(found, Kept) for found in found_all) == PER_HOST + WAITING + IN_ALL + 10
        assert host.at_once == 0

    run(scenario)


def test_a_full_disk_costs_no_call_its_verification() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        places.full = True
        assert isinstance(await chains.get(URL), Kept)
        assert places.valkey

    run(scenario)


@pytest.mark.parametrize("why", Why)
def test_each_reason_is_counted_from_the_start(why: Why) -> None:
    value = FetcherMetrics().registry.get_sample_value("trunkward_fetcher_fetches_total", {"result": why})
    assert value == 0
