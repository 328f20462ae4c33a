"""One chain for each URL, from where it is nearest: this node's memory and disk, Valkey, its host.

Whoever asks for a URL that is being fetched waits for the same fetch. A URL that has failed is not fetched
again for a while, longer each time. Callers choose URLs, and there is no end of them; so each sender (a
carrier, or a trunk in transit) has a share of its own of what is fetched at once, of a host and in all, and
waits behind nobody else. On disk and in Valkey is only what leads to the trusted list.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from trunkward.engines.fetcher_wire import MOST_REST_S
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.fetch.chain_lifetime import kept_until
from trunkward.fetch.chains import FAULT_OF, Fault, Fetched, NotFetched, Why
from trunkward.fetcher.hosts import Hosts
from trunkward.fetcher.metrics import FetcherMetrics, Source
from trunkward.fetcher.room import Full, Room
from trunkward.live.kept_chain import Kept

#: Seconds for which a URL that has failed is left alone, the first time, the second, and from then on.
RESTS_S = (30.0, 60.0, MOST_REST_S)
#: Seconds of rest when it is no fault of its host's.
_OURS_S = 1.0
#: Seconds for which a chain is held that leads to nobody we trust: the least of ATIS-1000074, and no more.
FOREIGN_S = 86_400.0
#: Fetches for one sender from one host at once, and those that wait for their turn there.
PER_HOST, WAITING = 4, 32
#: Seconds one waits for its turn: a call waits for the fetch, too, and our limit is not its host's fault.
TURN_S = 0.2
#: Fetches in all, and those of one sender that wait for a place among them.
IN_ALL, QUEUED = 128, 64
#: Seconds between two lines about what was not fetched at all: there may be many a second.
_TOLD_EVERY_S = 1.0
#: Failed URLs that are remembered.
_MOST_FAILED = 16_384

_log = structlog.get_logger("fetcher")


class Store(Protocol):
    """Where chains are kept on this node (`fetcher.kept.KeptChains`, `fetcher.held.HeldChains`)."""

    def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain. Raises `OSError`."""


class Shared(Protocol):
    """Where nodes share them (`live.shared_chains.SharedChains`)."""

    async def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """There is no chain behind a URL, and it is not looked for again before `until`."""

    why: Why
    detail: str
    #: Seconds since the epoch.
    until: float
    #: Times in a row.
    times: int = 1


@dataclass(slots=True)
class _Host:
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_HOST))
    #: Fetches that are on their way or wait for their turn.
    asked: int = 0


class Chains:
    """Where chains come from; belongs to one event loop."""

    def __init__(
        self,
        *,
        fetch: Callable[[str], Awaitable[Fetched]],
        leads: Callable[[str, float], bool],
        disk: Store,
        held: Store,
        shared: Shared,
        metrics: FetcherMetrics,
        hosts: Hosts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`fetch` gets one over the network, and raises `NotFetched`. `clock`: seconds since the epoch.

        `leads`: whether a chain leads to the trusted list, at a time; all others are in `held` alone.
        """
        self._fetch = fetch
        self._leads = leads
        self._disk = disk
        self._held = held
        self._shared = shared
        self._metrics = metrics
        self._hosts_seen = hosts
        self._clock = clock
        #: By sender and URL; and what is being fetched for whoever wants it.
        self._flights: dict[tuple[str, str], asyncio.Task[Kept | Lacking]] = {}
        self._fetches: dict[str, asyncio.Task[Kept | Lacking]] = {}
        self._lacking: dict[str, Lacking] = {}
        #: By sender and host.
        self._hosts: dict[tuple[str, str], _Host] = {}
        self._room = Room(IN_ALL, QUEUED)
        self._busy_told = NO_PAUSE

    async def get(self, url: str, sender: str) -> Kept | Lacking:
        """The chain behind a URL that came with a call of `sender`, or why there is none. Never raises."""
        if (known := self._known(url)) is not None:
            return known
        flight = self._flights.get((sender, url))
        if flight is None:
            flight = self._flights[sender, url] = asyncio.create_task(self._found(url, sender))
            flight.add_done_callback(lambda _: self._flights.pop((sender, url), None))
        else:
            self._metrics.answered(Source.FLIGHT)
        # whoever gives up waiting does not end it for the others
        return await asyncio.shield(flight)

    def _known(self, url: str) -> Kept | Lacking | None:
        now_s = self._clock()
        if (lacking := self._lacking.get(url)) is not None and 0 < lacking.until - now_s <= MOST_REST_S:
            self._metrics.answered(Source.FAILED_BEFORE)
            return lacking
        for store, source in ((self._disk, Source.DISK), (self._held, Source.MEMORY)):
            if (kept := store.get(url, now_s)) is not None:
                self._metrics.answered(source)
                return kept
        return None

    async def _found(self, url: str, sender: str) -> Kept | Lacking:
        now_s = self._clock()
        kept = await self._shared.get(url, now_s)
        if kept is not None and self._leads(kept.chain, now_s):  # others' words are not believed either
            self._metrics.answered(Source.SHARED)
            self._keep(kept, now_s)
            return kept
        place = sender, urlsplit(url).netloc.lower()
        host = self._hosts.setdefault(place, _Host())
        if host.asked >= PER_HOST + WAITING:
            return self._busy(url, f"{host.asked} for {sender} from {place[1]} are on their way")
        host.asked += 1
        try:
            async with asyncio.timeout(TURN_S) as turn, host.turn, self._room.place(sender):
                turn.reschedule(None)
                return self._known(url) or await self._fetched_once(url, sender)
        except Full as full:
            return self._busy(url, str(full))
        except TimeoutError:
            return self._busy(url, f"no turn for {sender} in {TURN_S:g} s")
        finally:
            host.asked -= 1
            if not host.asked:
                self._hosts.pop(place, None)

    def _busy(self, url: str, detail: str) -> Lacking:
        """Says nothing of the URL, only of its sender: so it is not remembered."""
        self._metrics.not_asked()
        now_s = self._clock()
        if self._busy_told.is_over(now_s):
            self._busy_told = Pause(now_s, _TOLD_EVERY_S)
            _log.warning("not fetched", url=url[:256], why=Why.BUSY, detail=detail)
        return Lacking(why=Why.BUSY, detail=detail, until=now_s)

    async def _fetched_once(self, url: str, sender: str) -> Kept | Lacking:
        fetch = self._fetches.get(url)
        if fetch is None:
            fetch = self._fetches[url] = asyncio.create_task(self._fetched(url, sender))
            fetch.add_done_callback(lambda _: self._fetches.pop(url, None))
        else:
            self._metrics.answered(Source.FLIGHT)
        return await asyncio.shield(fetch)

    def _asked(self, url: str, sender: str, took_s: float, why: Why | None = None) -> None:
        self._metrics.asked(sender, took_s, why)
        if why is not Why.URL:  # against the rules: nobody was asked, and its host may be no name
            self._hosts_seen.asked(sender, urlsplit(url).netloc.lower(), took_s, why)

    async def _fetched(self, url: str, sender: str) -> Kept | Lacking:
        began_s = time.monotonic()
        try:
            fetched = await self._fetch(url)
        except NotFetched as problem:
            self._asked(url, sender, time.monotonic() - began_s, problem.why)
            return self._fails(url, problem)
        except Exception as problem:  # a fault of ours, or of a library that a hostile answer has found
            _log.exception("fault while fetching", url=url[:256])
            self._asked(url, sender, time.monotonic() - began_s, Why.HTTP)
            return self._fails(url, NotFetched(Why.HTTP, repr(problem)[:200]))
        self._asked(url, sender, time.monotonic() - began_s)
        self._lacking.pop(url, None)
        now_s = self._clock()
        chain = fetched.chain.decode("ascii")
        until = kept_until(fetched.headers, now_s, fetched.not_after_s)
        if until <= now_s:
            # a chain that has ended: the gate says so of calls; its host is asked again like one that fails
            return Kept(url=url, chain=chain, until=now_s + RESTS_S[0])
        if not self._leads(chain, now_s):
            foreign = Kept(url=url, chain=chain, until=min(until, now_s + FOREIGN_S))
            self._held.put(foreign, now_s)
            return foreign
        kept = Kept(url=url, chain=chain, until=until)
        self._keep(kept, now_s)
        self._shared.put(kept, now_s)
        return kept

    def _keep(self, kept: Kept, now_s: float) -> None:
        try:
            self._disk.put(kept, now_s)
        except OSError as problem:  # it is fetched again after a restart
            _log.error("a chain is not kept on disk", problem=str(problem))

    def _fails(self, url: str, problem: NotFetched) -> Lacking:
        before = self._lacking.pop(url, None)
        times = before.times + 1 if before is not None else 1
        theirs = FAULT_OF[problem.why] is Fault.SENDER
        rest_s = RESTS_S[min(times, len(RESTS_S)) - 1] if theirs else _OURS_S
        lacking = Lacking(why=problem.why, detail=problem.detail, until=self._clock() + rest_s, times=times)
        while len(self._lacking) >= _MOST_FAILED:
            del self._lacking[next(iter(self._lacking))]
        self._lacking[url] = lacking
        _log.warning("no chain", url=url[:256], why=problem.why, detail=problem.detail[:200], rests_s=rest_s)
        return lacking
