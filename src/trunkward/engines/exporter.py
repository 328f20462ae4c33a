"""What every Python part of the node tells in the same way: that it works, its version, and over which port.

A part's counters are served by a thread of their own, which would go on answering for a part whose loop
hangs. So the loop gives a sign of life (`Heartbeat.beat`), and what is scraped says how old the last one is.
"""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkward import __version__

#: Seconds between two signs of life; the worker gives one each round (`worker.__main__.ROUND_S`).
BEAT_S = 0.5
#: The oldest sign of life, in seconds, of a part that works.
BEATS_WITHIN_S = 3.0
#: The names under which the two below are scraped (`engines.part_numbers` reads them).
HEARTBEAT = "trunkward_heartbeat_age_seconds"
BUILD = "trunkward_build_info"

# when a counter was made says nothing that the process' start does not
disable_created_metrics()  # type: ignore[no-untyped-call]


class Heartbeat(Collector):
    """The age of a part's last sign of life, and the version it runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds and is never set back."""
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """A sign of life, from the loop that does the part's work."""
        self._last = self._clock()

    def collect(self) -> Iterator[Metric]:
        """What is scraped."""
        yield GaugeMetricFamily(
            HEARTBEAT, "Since the part's last sign of life.", value=self._clock() - self._last
        )
        build = GaugeMetricFamily(BUILD, "1; the label is the version this process runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build


def new_registry() -> CollectorRegistry:
    """A registry with what the kernel counts of this process (`process_...`)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def serve(port: int, registry: CollectorRegistry) -> None:
    """Answers on 127.0.0.1 in a thread of its own. Raises `OSError` when the port is taken."""
    start_http_server(port, addr="127.0.0.1", registry=registry)
