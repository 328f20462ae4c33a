"""One chain for each URL, from where it is nearest. Property 18: a thousand who want one URL make one fetch."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import generate_latest

from trunkward.fetch.chains import FAULT_OF, Fault, Fetched, NotFetched, Why
from trunkward.fetcher import chains as module
from trunkward.fetcher.chains import FOREIGN_S, IN_ALL, PER_HOST, RESTS_S, WAITING, Chains, Lacking
from trunkward.fetcher.held import HeldChains
from trunkward.fetcher.hosts import Hosts
from trunkward.fetcher.metrics import FetcherMetrics
from trunkward.live.kept_chain import Kept

NOW, DAY = 1_790_000_000.0, 86_400.0
URL = "https://c.example.net/1.pem"
#: Two carriers.
NORTH, SOUTH = "north", "south"


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
        self.headers: dict[str, str] = {}
        self.chain = b"chain"

    async def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            if self.fails is not None:
                raise self.fails
            return Fetched(chain=self.chain, headers=self.headers, not_after_s=self.not_after_s)
        finally:
            self.at_once -= 1


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def run(
    scenario: Callable[[Chains, Host, Places, Clock], Any],
    metrics: FetcherMetrics | None = None,
    hosts: Hosts | None = None,
) -> None:
    async def whole() -> None:
        host, places, clock = Host(), Places(), Clock()
        clock.now = NOW
        chains = Chains(
            fetch=host,
            leads=lambda chain, now_s: chain != "foreign",
            disk=places,
            held=HeldChains(),
            shared=Shared(places),
            metrics=metrics or FetcherMetrics(),
            hosts=hosts or Hosts(),
            clock=clock,
        )
        await scenario(chains, host, places, clock)

    asyncio.run(whole())


async def settle() -> None:
    """Until everybody is as far as he comes; no time that a slow machine would need more of."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_thousand_who_want_one_url_make_one_fetch() -> None:
    """Property 18: single flight; whoever gives up does not end it for the others."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        wanted = [asyncio.create_task(chains.get(URL, NORTH)) for _ in range(1000)]
        await settle()
        wanted[0].cancel()
        host.open.set()
        found = await asyncio.gather(*wanted[1:])
        assert {kept.chain for kept in found if isinstance(kept, Kept)} == {"chain"}
        assert host.asked == [URL]

    run(scenario)


def test_property_35_how_long_a_host_took_is_known_of_whose_call_named_it() -> None:
    """Property 35: in metrics by the sender, whom the node file names; by the host, beside them."""
    metrics, hosts = FetcherMetrics(), Hosts(lambda: NOW)

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        await chains.get(URL, NORTH)
        host.fails = NotFetched(Why.DEADLINE, "2 s are over")
        await chains.get("https://other.example.net/1.pem", NORTH)
        await chains.get("https://other.example.net/2.pem", SOUTH)
        host.fails = NotFetched(Why.URL, "userinfo")
        await chains.get("https://a@b", SOUTH)

    run(scenario, metrics, hosts)
    told = generate_latest(metrics.registry).decode()
    for upstream, count in ((NORTH, 2), (SOUTH, 2)):
        assert f'trunkward_fetcher_fetch_seconds_count{{upstream="{upstream}"}} {count}.0' in told
    assert 'trunkward_fetcher_fetches_total{result="fetched"} 1.0' in told
    assert "example" not in told
    other = "other.example.net"
    assert [(one.sender, one.host, one.fetched, one.failed) for one in hosts.told().hosts] == [
        (NORTH, urlsplit(URL).netloc, 1, {}),
        (NORTH, other, 0, {"deadline": 1}),
        (SOUTH, other, 0, {"deadline": 1}),
    ]


def test_what_is_nearer_is_not_fetched() -> None:
    """Property 19: disk first, then what other nodes have fetched."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        places.valkey[URL] = shared = Kept(url=URL, chain="shared", until=NOW + DAY)
        assert await chains.get(URL, NORTH) == shared
        assert places.disk == {URL: shared}, "from now on this node has it, too"
        places.valkey.clear()
        assert await chains.get(URL, NORTH) == shared
        assert not host.asked
        clock.now += DAY
        found = await chains.get(URL, NORTH)
        assert isinstance(found, Kept)
        assert found.chain == "chain"
        assert places.disk[URL] == places.valkey[URL] == found

    run(scenario)


def test_it_is_kept_for_a_day_and_never_beyond_its_end() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        assert (await chains.get(URL, NORTH)).until == NOW + DAY
        host.not_after_s = NOW + 3600
        other = URL.replace("1", "2")
        assert (await chains.get(other, NORTH)).until == NOW + 3600

    run(scenario)


def test_one_that_has_ended_is_told_and_kept_nowhere() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.not_after_s = NOW - 1
        found = await chains.get(URL, NORTH)
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
            found = await chains.get(URL, NORTH)
            assert isinstance(found, Lacking)
            assert (found.why, found.until, len(host.asked)) == (Why.CONNECTION, clock.now + rest_s, number)
            clock.now += rest_s - 0.001
            assert await chains.get(URL, NORTH) == found
            assert len(host.asked) == number
            clock.now += 0.001
        host.fails = None
        assert isinstance(await chains.get(URL, NORTH), Kept)
        places.disk.clear()
        places.valkey.clear()
        host.fails = NotFetched(Why.CONNECTION, "no answer")
        found = await chains.get(URL, NORTH)
        assert found.until == clock.now + RESTS_S[0], "it has answered since"

    run(scenario)
    assert 30 <= min(RESTS_S) <= max(RESTS_S) <= 120


@pytest.mark.parametrize("why", [why for why in Why if FAULT_OF[why] is not Fault.SENDER])
def test_what_is_no_fault_of_its_hosts_is_over_when_it_is_over(why: Why) -> None:
    """Its host is not left alone for DNS of ours that was lost."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.fails = NotFetched(why, "no answer")
        for _ in range(3):
            found = await chains.get(URL, NORTH)
            assert isinstance(found, Lacking)
            assert (found.why, found.until) == (why, clock.now + 1)
            clock.now += 1
        host.fails = None
        assert isinstance(await chains.get(URL, NORTH), Kept)

    run(scenario)


def test_a_fault_of_ours_is_a_chain_that_is_not_there() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.fails = ZeroDivisionError()
        found = await chains.get(URL, NORTH)
        assert isinstance(found, Lacking)
        assert found.why is Why.HTTP

    run(scenario)


def urls(number: int, host: str = "c") -> list[str]:
    """So many of one host; `{}` in its name makes it another one each time."""
    return [f"https://{host.format(at)}.example.net/{at}.pem" for at in range(number)]


def wanted(chains: Chains, wanted_urls: list[str], sender: str) -> list[asyncio.Task[Kept | Lacking]]:
    return [asyncio.create_task(chains.get(url, sender)) for url in wanted_urls]


def busy(tasks: list[asyncio.Task[Kept | Lacking]]) -> int:
    """How many were told that too many others are being fetched."""
    done = [task.result() for task in tasks if task.done()]
    return sum(isinstance(found, Lacking) and found.why is Why.BUSY for found in done)


def test_few_are_fetched_from_one_host_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_S", 60.0)

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        tasks = wanted(chains, urls(PER_HOST + WAITING + 5), NORTH)
        await settle()
        assert host.most_at_once == PER_HOST
        assert busy(tasks) == 5
        host.open.set()
        found = await asyncio.gather(*tasks)
        assert sum(isinstance(one, Kept) for one in found) == PER_HOST + WAITING
        assert host.at_once == 0

    run(scenario)


def test_whoever_wants_too_much_keeps_only_himself_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wildcard domain that never answers takes half the room for its sender; everybody else has the rest."""
    monkeypatch.setattr(module, "TURN_S", 60.0)

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        hostile = wanted(chains, urls(300, "evil{}"), NORTH)
        await settle()
        assert host.at_once == IN_ALL // 2
        assert busy(hostile) == 300 - IN_ALL // 2 - module.QUEUED
        honest = wanted(chains, urls(20, "good{}"), SOUTH)
        await settle()
        assert host.at_once == IN_ALL // 2 + 20, "none of them waits"
        host.open.set()
        found = await asyncio.gather(*honest)
        assert all(isinstance(one, Kept) for one in found)
        await asyncio.gather(*hostile)

    run(scenario)


def test_one_hosts_queue_is_its_senders_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random paths at somebody's host, from one carrier, refuse no other carrier's call: nor is "busy" remembered."""
    monkeypatch.setattr(module, "TURN_S", 60.0)

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        hostile = wanted(chains, urls(PER_HOST + WAITING), NORTH)
        await settle()
        honest = "https://c.example.net/honest.pem"
        [refused] = wanted(chains, [honest], NORTH)
        [asked] = wanted(chains, [honest], SOUTH)
        await settle()
        assert busy([refused]) == 1
        assert host.asked[-1] == honest
        host.open.set()
        assert isinstance(await asked, Kept)
        await asyncio.gather(*hostile)

    run(scenario)


def test_whoever_gets_no_turn_is_told_so_and_the_url_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_S", 0.02)

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        tasks = wanted(chains, urls(PER_HOST + 1), NORTH)
        async with asyncio.timeout(20):
            while not busy(tasks):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await settle()
        assert busy(tasks) == 1
        host.open.set()
        found = await asyncio.gather(*tasks)
        assert sum(isinstance(one, Kept) for one in found) == PER_HOST, (
            "whoever had his turn may take his time"
        )
        assert isinstance(await chains.get(urls(PER_HOST + 1)[-1], NORTH), Kept)

    run(scenario)


def test_two_senders_who_want_one_url_make_one_fetch() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.open.clear()
        tasks = wanted(chains, [URL], NORTH) + wanted(chains, [URL], SOUTH)
        await settle()
        host.open.set()
        assert len(set(map(id, await asyncio.gather(*tasks)))) == 1
        assert host.asked == [URL]

    run(scenario)


def test_what_leads_to_nobody_we_trust_is_in_memory_alone() -> None:
    """Any caller can make any number of them, for as long as he likes."""

    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        host.chain, host.headers = b"foreign", {"cache-control": "max-age=2147483648"}
        found = await chains.get(URL, NORTH)
        assert isinstance(found, Kept)
        assert (found.chain, found.until) == ("foreign", NOW + FOREIGN_S)
        assert not places.disk
        assert not places.valkey
        assert await chains.get(URL, SOUTH) == found
        assert host.asked == [URL]
        clock.now += FOREIGN_S
        await chains.get(URL, NORTH)
        assert host.asked == [URL, URL]

    run(scenario)


def test_what_other_nodes_say_is_held_against_the_list() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        places.valkey[URL] = Kept(url=URL, chain="foreign", until=NOW + DAY)
        found = await chains.get(URL, NORTH)
        assert isinstance(found, Kept)
        assert found.chain == "chain"
        assert places.valkey[URL] == places.disk[URL] == found

    run(scenario)


def test_a_full_disk_costs_no_call_its_verification() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        places.full = True
        assert isinstance(await chains.get(URL, NORTH), Kept)
        assert places.valkey

    run(scenario)


@pytest.mark.parametrize("why", Why)
def test_each_reason_is_counted_from_the_start(why: Why) -> None:
    value = FetcherMetrics().registry.get_sample_value("trunkward_fetcher_fetches_total", {"result": why})
    assert value == 0


def test_a_clock_that_was_ahead_for_a_moment_shuts_out_no_host() -> None:
    async def scenario(chains: Chains, host: Host, places: Places, clock: Clock) -> None:
        clock.now += 300 * DAY
        host.fails = NotFetched(Why.CONNECTION, "no answer")
        assert isinstance(await chains.get(URL, NORTH), Lacking)
        clock.now -= 300 * DAY
        host.fails = None
        assert isinstance(await chains.get(URL, NORTH), Kept)

    run(scenario)
