"""What the worker counts: rounds, records shipped and deleted, carriers, and what records tell of calls.

An outcome is counted when it is in the database, so a worker that was away counts late what others would have
lost. One that dies between the two does not count what the database has: counters are for rates, bills are
made from records.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkward.calls.verdict import Reason
from trunkward.engines.waiting import Waiting
from trunkward.records.model import DecisionRecord, MessageRecord, OutcomeRecord, Record
from trunkward.store.records import RecordStore
from trunkward.worker.carriers import Carriers, State

#: Which gate decided, in a decision of the edge's own (`trunkward.edge.outcome`).
_NO_GATE = -1
#: What the edge decides when no gate has judged; told from the start, so that a rate has the first one.
_EDGE_DECIDES = [
    *(("reject", reason, "us") for reason in (Reason.GATE_UNAVAILABLE, Reason.NO_WORKER_FREE)),
    ("admit", Reason.ADMITTED_EMERGENCY, "nobody"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNumbers:
    """What became of alerts about money."""

    #: Levels of caps that were crossed.
    raised: int
    #: Messages about them, each to one webhook or by mail; tries that failed; those nobody tries any more.
    delivered: int
    failures: int
    given_up: int
    waiting: int


class WorkerMetrics(Collector):
    """The numbers of the worker; written by its one thread, read by the one that serves them."""

    def __init__(
        self,
        waits: Callable[[], Waiting | None],
        carriers: Callable[[], Carriers | None] = lambda: None,
        alerts: Callable[[], AlertNumbers | None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`waits` says what waits to be shipped, `carriers` how they are, `alerts` what became of them.

        None while that is not known.
        """
        self._waits = waits
        self._carriers = carriers
        self._alerts = alerts
        self._now = now
        self._shipped: Counter[str] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._edge: Counter[tuple[str, str, str]] = Counter(dict.fromkeys(_EDGE_DECIDES, 0))
        self._talked_s = 0.0
        #: By retention: calls, and parts of ladders.
        self.calls_deleted = 0
        self.ladders_deleted = 0
        #: Seconds since the epoch: when heads of the journals were signed last; 0: not since the start.
        self.heads_signed_at = 0.0
        #: When the first record of evidence of each kind ends, in seconds since the epoch.
        self.records_until: dict[str, float] = {}
        #: Records of evidence whose delegate certificate is not good now.
        self.bad_delegates = 0
        #: When each traceback request that is not answered is due, in seconds since the epoch.
        self.traceback_dues: list[float] = []
        self.rounds_failed = 0
        self.compilations_failed = 0
        self.policy_version = 0
        #: Another node goes by this one's name.
        self.name_taken = False

    def shipped(self, records: Sequence[Record]) -> None:
        """These are in the database."""
        for record in records:
            match record:
                case DecisionRecord():
                    self._shipped["decision"] += 1
                    if record.gate == _NO_GATE:
                        self._edge[record.verdict, record.reason, record.blame] += 1
                case MessageRecord():
                    self._shipped["message"] += 1
                case OutcomeRecord(outcome=outcome):
                    self._shipped["outcome"] += 1
                    self._ended[outcome.ending, "yes" if outcome.answered_at else "no"] += 1
                    if outcome.answered_at and outcome.ended_at:
                        self._talked_s += max(0.0, outcome.ended_at - outcome.answered_at)

    def collect(self) -> Iterator[Metric]:
        """What is scraped."""
        shipped = CounterMetricFamily("trunkward_records_shipped", "Records shipped.", labels=["kind"])
        for kind in ("decision", "outcome", "message"):
            shipped.add_metric([kind], self._shipped[kind])
        yield shipped
        deleted = CounterMetricFamily(
            "trunkward_records_deleted",
            "Calls and parts of ladders whose time was over.",
            labels=["kind"],
        )
        deleted.add_metric(["call"], self.calls_deleted)
        deleted.add_metric(["ladder"], self.ladders_deleted)
        yield deleted
        edge = CounterMetricFamily(
            "trunkward_edge_verdicts",
            "What the edge decided because no gate did.",
            labels=["verdict", "reason", "blame"],
        )
        for told, count in self._edge.copy().items():
            edge.add_metric(told, count)
        yield edge
        ended = CounterMetricFamily(
            "trunkward_calls_ended", "Calls that are over, by ending.", labels=["ending", "answered"]
        )
        for labels, count in self._ended.copy().items():
            ended.add_metric(labels, count)
        yield ended
        yield CounterMetricFamily(
            "trunkward_calls_talk_seconds",
            "From answer to end, of all calls that are over.",
            value=self._talked_s,
        )
        yield CounterMetricFamily(
            "trunkward_worker_rounds_failed", "Rounds of work that failed.", value=self.rounds_failed
        )
        yield CounterMetricFamily(
            "trunkward_worker_compilations_failed",
            "Times a policy was not compiled, or not shown to web.",
            value=self.compilations_failed,
        )
        ends = GaugeMetricFamily(
            "trunkward_evidence_expiry_timestamp_seconds",
            "When the first record of evidence of this kind ends that has no later one in its place.",
            labels=["evidence"],
        )
        for kind, until in self.records_until.items():
            ends.add_metric([kind], until)
        yield ends
        yield GaugeMetricFamily(
            "trunkward_evidence_bad_delegates",
            "Records of evidence whose delegate certificate is not good any more.",
            value=self.bad_delegates,
        )
        yield from _of_tracebacks(self.traceback_dues, self._now())
        yield GaugeMetricFamily(
            "trunkward_worker_heads_signed_timestamp_seconds",
            "When the heads of the journals were signed last.",
            value=self.heads_signed_at,
        )
        yield GaugeMetricFamily(
            "trunkward_worker_policy_version", "Version compiled last.", value=self.policy_version
        )
        yield GaugeMetricFamily(
            "trunkward_worker_name_taken",
            "1: another node of the same Valkey goes by this one's name.",
            value=int(self.name_taken),
        )
        carriers = self._carriers()
        if carriers is not None:
            yield _by_state(
                "trunkward_carriers", "Carriers, by whether a host of theirs answers.", carriers.carriers
            )
            yield _by_state(
                "trunkward_carrier_hosts", "Hosts of carriers, by whether they answer.", carriers.hosts
            )
        alerts = self._alerts()
        if alerts is not None:
            yield from _of_alerts(alerts)
        waits = self._waits()
        if waits is not None:
            yield GaugeMetricFamily(
                "trunkward_records_waiting_bytes", "Not shipped yet.", value=waits.size_bytes
            )
            yield GaugeMetricFamily(
                "trunkward_records_waiting_seconds",
                "Age of the oldest record that is not shipped yet.",
                value=0.0 if waits.since is None else max(0.0, self._now() - waits.since),
            )


def _of_alerts(alerts: AlertNumbers) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "trunkward_spend_alerts", "Levels of caps that were crossed.", value=alerts.raised
    )
    messages = CounterMetricFamily(
        "trunkward_spend_alert_messages", "Messages about them, by what became of them.", labels=["result"]
    )
    for result in ("delivered", "given_up"):
        messages.add_metric([result], getattr(alerts, result))
    yield messages
    yield CounterMetricFamily(
        "trunkward_spend_alert_failures", "Times a message was not taken.", value=alerts.failures
    )
    yield GaugeMetricFamily(
        "trunkward_spend_alerts_waiting", "Messages that are not there yet.", value=alerts.waiting
    )


def _of_tracebacks(dues: Sequence[float], now: float) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "trunkward_traceback_requests_open", "Traceback requests that are not answered.", value=len(dues)
    )
    coming = [due for due in dues if due > now]
    yield GaugeMetricFamily(
        "trunkward_traceback_requests_overdue", "Those whose time is over.", value=len(dues) - len(coming)
    )
    # the first that can be answered in time: one that is overdue hides none of these
    first = GaugeMetricFamily(
        "trunkward_traceback_due_timestamp_seconds",
        "When the first of them has to be answered whose time is not over.",
        labels=[],
    )
    if coming:
        first.add_metric([], min(coming))
    yield first


def _by_state(name: str, words: str, counts: Counter[State]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state in State:
        family.add_metric([state], counts[state])
    return family


class CountedStore(RecordStore):
    """The records database, which tells what it took, and remembers how far each segment has come."""

    def __init__(
        self, engine: sa.Engine, counted: Callable[[Sequence[Record]], None], place: str = ""
    ) -> None:
        """`counted` hears of records once they are in the database; `place` as in `RecordStore`."""
        super().__init__(engine, place)
        self._counted = counted
        self._known: dict[str, int] = {}

    def known_offset(self, segment: str) -> int:
        """How far a segment has been shipped; one nobody has looked at is new. For any thread."""
        return self._known.get(segment, 0)

    def offset(self, segment: str) -> int:
        """As the database has it."""
        found = self._known[segment] = super().offset(segment)
        return found

    def ship(self, records: Sequence[Record], segment: str, offset: int) -> None:
        """Whole or not at all, then counted."""
        super().ship(records, segment, offset)
        self._known[segment] = offset
        self._counted(records)

    def close(self, ended: Sequence[OutcomeRecord]) -> None:
        """Outcomes that stand in no segment: calls of a Kamailio that was killed."""
        super().close(ended)
        self._counted(ended)

    def forget_segment(self, segment: str) -> None:
        """The segment has been deleted."""
        super().forget_segment(segment)
        self._known.pop(segment, None)
