"""What the fetcher counts; scraped from a loopback port."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from trunkward.engines.exporter import Heartbeat, new_registry, serve
from trunkward.fetch.chains import Why

#: Seconds; the last is the deadline.
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


class Source(StrEnum):
    """Where an answer came from without a fetch."""

    DISK = "disk"
    #: Of one that leads to nobody we trust.
    MEMORY = "memory"
    SHARED = "valkey"
    #: Of a fetch that somebody else had begun.
    FLIGHT = "same-fetch"
    FAILED_BEFORE = "failed-before"


class FetcherMetrics:
    """The numbers of the fetcher's process."""

    def __init__(self) -> None:
        """Starts at zero; every label is there from the start, so that an alert has the first one."""
        self.registry: CollectorRegistry = new_registry()
        self.heartbeat = Heartbeat()
        self.registry.register(self.heartbeat)
        self._fetches = Counter(
            "trunkward_fetcher_fetches",
            "Certificate chains asked for at their hosts, by what came of it.",
            ["result"],
            registry=self.registry,
        )
        for result in ("fetched", *Why):
            self._fetches.labels(result)
        self._seconds = Histogram(
            "trunkward_fetcher_fetch_seconds",
            "How long a fetch took, once it had its turn, and whatever came of it; by whose call wanted it.",
            ["upstream"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "trunkward_fetcher_answers",
            "Answers without a fetch, by where they came from.",
            ["source"],
            registry=self.registry,
        )
        for source in Source:
            self._answers.labels(source)
        self.refused_peers = Counter(
            "trunkward_fetcher_refused_peers",
            "Connections of users that may not ask.",
            registry=self.registry,
        )
        self.connections = Gauge(
            "trunkward_fetcher_connections", "Connections of gates.", registry=self.registry
        )

    def asked(self, sender: str, took_s: float, why: Why | None = None) -> None:
        """A host was asked for a chain; `why` none came, if so. Senders are the node file's."""
        self._fetches.labels(why or "fetched").inc()
        self._seconds.labels(sender).observe(took_s)

    def not_asked(self) -> None:
        """Nobody was asked: too many others are being fetched for the same sender."""
        self._fetches.labels(Why.BUSY).inc()

    def answered(self, source: Source) -> None:
        """An answer without a fetch."""
        self._answers.labels(source).inc()

    def serve(self, port: int) -> None:
        """Lets itself be scraped. Raises `OSError`."""
        serve(port, self.registry)
