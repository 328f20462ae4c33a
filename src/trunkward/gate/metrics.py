"""What a gate counts; scraped from a loopback port.

Counted in plain integers, because each call pays for it: the library's own counters take a lock and a dozen
calls each. It makes of them what is scraped.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from trunkward.engines.denied_file import TAKEN, TAKEN_IS
from trunkward.gate.counts import Counts

#: Seconds.
_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5)

#: Seconds between two log lines about challenges to one source, and sources that are remembered for that.
_TELL_S = 60.0
_MOST_SOURCES = 4096


class GateMetrics(Collector):
    """The numbers of one gate's process; written by its one thread, read by the one that serves them."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._verdicts: Counter[tuple[str, str, str]] = Counter()
        self._attested: Counter[str] = Counter()
        #: By trunk.
        self._replaced: Counter[str] = Counter()
        self._registrations: Counter[tuple[str, str, str]] = Counter()
        #: By verdict; told from the start, so that an alert has the first one.
        self._emergencies: Counter[str] = Counter(admit=0, reject=0)
        self._slots = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0
        #: By source, when a challenge to it was told of last; the oldest first.
        self._challenged: dict[str, float] = {}
        #: Attempts whose edge had stopped waiting when their verdict was due.
        self.given_up = 0
        #: Times a running call was granted more time.
        self.granted = 0
        self.policy_version = 0
        #: The list of denied evidence (`engines.denied_file.DeniedFile.taken`).
        self.denied = 0
        #: New calls are refused.
        self.draining = False
        #: What all nodes count, as this gate hears of it.
        self.counts: Counts | None = None

    def verdict(self, kind: str, reason: str, blame: str, took_s: float) -> None:
        """A verdict that left, who has to act so that the next goes better, and the seconds it took."""
        self._verdicts[kind, reason, blame] += 1
        self._slots[bisect_left(_BUCKETS, took_s)] += 1
        self._seconds += took_s

    def is_new_challenge(self, source: str, now_s: float) -> bool:
        """Whether no challenge to this source was told of in the minute before (in seconds that pass)."""
        known, self._challenged[source] = self._challenged.pop(source, None), now_s
        if known is not None and now_s - known < _TELL_S:
            self._challenged[source] = known
            return False
        while len(self._challenged) > _MOST_SOURCES:
            del self._challenged[next(iter(self._challenged))]
        return True

    def registration(self, kind: str, reason: str, blame: str) -> None:
        """The same of a REGISTER."""
        self._registrations[kind, reason, blame] += 1

    def attested(self, level: str) -> None:
        """An admitted call, signed with this level; `none` for unsigned."""
        self._attested[level] += 1

    def replaced(self, trunk: str) -> None:
        """An admitted call that claimed a number not its trunk's, in whose place another stands."""
        self._replaced[trunk] += 1

    def emergency(self, kind: str) -> None:
        """A call for help of an identified trunk, and what became of it."""
        self._emergencies[kind] += 1

    def collect(self) -> Iterator[Metric]:
        """What is scraped."""
        verdicts = CounterMetricFamily(
            "trunkward_gate_verdicts",
            "Verdicts by kind, reason, and who has to act.",
            labels=["verdict", "reason", "blame"],
        )
        for labels, count in self._verdicts.copy().items():
            verdicts.add_metric(labels, count)
        yield verdicts
        registrations = CounterMetricFamily(
            "trunkward_gate_registrations",
            "Verdicts on REGISTERs by kind, reason, and who has to act.",
            labels=["verdict", "reason", "blame"],
        )
        for labels, count in self._registrations.copy().items():
            registrations.add_metric(labels, count)
        yield registrations
        attested = CounterMetricFamily(
            "trunkward_gate_attested", "Signed calls by level; `none` for unsigned.", labels=["level"]
        )
        for level, count in self._attested.copy().items():
            attested.add_metric([level], count)
        yield attested
        replaced = CounterMetricFamily(
            "trunkward_gate_callers_replaced",
            "Admitted calls that claimed a number which is not their trunk's, and show another instead.",
            labels=["trunk"],
        )
        for trunk, count in self._replaced.copy().items():
            replaced.add_metric([trunk], count)
        yield replaced
        emergencies = CounterMetricFamily(
            "trunkward_gate_emergency_calls", "Emergency calls of trunks, by verdict.", labels=["verdict"]
        )
        for kind, count in self._emergencies.copy().items():
            emergencies.add_metric([kind], count)
        yield emergencies
        seconds = HistogramMetricFamily(
            "trunkward_gate_verdict_seconds", "From the attempt's arrival to its verdict."
        )
        below, buckets = 0, []
        for bound, count in zip((*map(str, _BUCKETS), "+Inf"), self._slots, strict=True):
            below += count
            buckets.append((bound, below))
        seconds.add_metric([], buckets, self._seconds)
        yield seconds
        yield CounterMetricFamily(
            "trunkward_gate_given_up",
            "Attempts whose edge had stopped waiting when their verdict was due.",
            value=self.given_up,
        )
        yield CounterMetricFamily(
            "trunkward_gate_grants", "Times a running call was granted more time.", value=self.granted
        )
        yield GaugeMetricFamily(
            "trunkward_gate_policy_version",
            "Version of the policy snapshot in force.",
            value=self.policy_version,
        )
        yield GaugeMetricFamily(TAKEN, f"{TAKEN_IS}.", value=self.denied)
        if self.counts is not None:
            yield GaugeMetricFamily(
                "trunkward_gate_redis_lost",
                "1 while Valkey does not answer this gate: outbound calls are refused.",
                value=self.counts.lost,
            )
        if self.counts is not None:
            yield GaugeMetricFamily(
                "trunkward_gate_money_frozen",
                "1 while a Valkey that may have lost what was spent grants nothing to calls that cost money.",
                value=self.counts.is_frozen,
            )
        yield GaugeMetricFamily(
            "trunkward_gate_draining",
            "1 while new calls are refused (`trunkward drain`).",
            value=self.draining,
        )


#: This process'.
counted = GateMetrics()
