"""One chain for each URL, from where it is nearest: this node's disk, Valkey, its host.

Whoever asks for a URL that is being fetched waits for the same fetch. A URL that has failed is not fetched
again for a while, longer each time; a host is asked for few at once, and all hosts for a bounded number.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from trunkward.fetch.chain_lifetime import kept_until
from trunkward.fetch.chains import FAULT_OF, Fault, Fetched, NotFetched, Why
from trunkward.fetcher.kept import Kept
from trunkward.fetcher.metrics import FetcherMetrics, Source

#: Seconds for which a URL that has failed is left alone, the first time, the second, and from then on.
RESTS_S = (30.0, 60.0, 120.0)
#: Seconds of rest when it is no fault of its host's.
_OURS_S = 1.0
#: Fetches from one host at once, those that wait for their turn there, and fetches in all.
PER_HOST, WAITING, IN_ALL = 4, 32, 64
#: Failed URLs that are remembered.
_MOST_FAILED = 16_384

_log = structlog.get_logger("fetcher")


class Store(Protocol):
    """Where chains are kept on this node (`fetcher.kept.KeptChains`)."""

    def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain. Raises `OSError`."""


class Shared(Protocol):
    """Where nodes share them (`fetcher.shared.SharedChains`)."""

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
        disk: Store,
        shared: Shared,
        metrics: FetcherMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`fetch` gets one over the network, and raises `NotFetched`. `clock`: seconds since the epoch."""
        self._fetch = fetch
        self._disk = disk
        self._shared = shared
        self._metrics = metrics
        self._clock = clock
        self._flights: dict[str, asyncio.Task[Kept | Lacking]] = {}
        self._lacking: dict[str, Lacking] = {}
        self._hosts: dict[str, _Host] = {}
        self._room = asyncio.Semaphore(IN_ALL)

    async def get(self, url: str) -> Kept | Lacking:
        """The chain behind a URL, or why there is none. Never raises."""
        now_s = self._clock()
        if (lacking := self._lacking.get(url)) is not None and lacking.until > now_s:
            self._metrics.answered(Source.FAILED_BEFORE)
            return lacking
        if (kept := self._disk.get(url, now_s)) is not None:
            self._metrics.answered(Source.DISK)
            return kept
        flight = self._flights.get(url)
        if flight is None:
            flight = self._flights[url] = asyncio.create_task(self._found(url))
            flight.add_done_callback(lambda _: self._flights.pop(url, None))
        else:
            self._metrics.answered(Source.FLIGHT)
        # whoever gives up waiting does not end it for the others
        return await asyncio.shield(flight)

    async def _found(self, url: str) -> Kept | Lacking:
        if (kept := await self._shared.get(url, self._clock())) is not None:
            self._metrics.answered(Source.SHARED)
            self._keep(kept)
            return kept
        began_s = time.monotonic()
        try:
            fetched = await self._fetched(url)
        except NotFetched as problem:
            self._metrics.failed(problem.why, time.monotonic() - began_s)
            return self._fails(url, problem)
        except Exception as problem:  # a fault of ours, or of a library that a hostile answer has found
            _log.exception("fault while fetching", url=url[:256])
            self._metrics.failed(Why.HTTP, time.monotonic() - began_s)
            return self._fails(url, NotFetched(Why.HTTP, repr(problem)[:200]))
        self._metrics.fetched(time.monotonic() - began_s)
        self._lacking.pop(url, None)
        now_s = self._clock()
        kept = Kept(
            url=url,
            chain=fetched.chain.decode("ascii", "replace"),
            until=kept_until(fetched.headers, now_s, fetched.not_after_s),
        )
        if kept.until <= now_s:
            # a chain that has ended: the gate says so of calls; its host is asked again like one that fails
            return Kept(url=url, chain=kept.chain, until=now_s + RESTS_S[0])
        self._keep(kept)
        self._shared.put(kept, now_s)
        return kept

    async def _fetched(self, url: str) -> Fetched:
        name = urlsplit(url).netloc.lower()
        host = self._hosts.setdefault(name, _Host())
        if host.asked >= PER_HOST + WAITING:
            raise NotFetched(Why.BUSY, f"{host.asked} of {name} are on their way")
        host.asked += 1
        try:
            async with host.turn, self._room:
                return await self._fetch(url)
        finally:
            host.asked -= 1
            if not host.asked:
                self._hosts.pop(name, None)

    def _keep(self, kept: Kept) -> None:
        try:
            self._disk.put(kept, self._clock())
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
