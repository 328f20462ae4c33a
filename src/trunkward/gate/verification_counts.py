"""What a gate counts of verification, for each carrier; scraped with the rest of its numbers.

Carriers are the node file's, so there are as many series as it has carriers, and no caller can make more.
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkward.admission.verified import Worth
from trunkward.engines.trust import Trust


class VerificationCounts(Collector):
    """Written by the gate's one thread, read by the one that serves them."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._verstats: Counter[tuple[str, str, str]] = Counter()
        self._levels: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[tuple[str, str, str]] = Counter()
        self._replays: Counter[str] = Counter()
        #: Times a call was told to wait for a certificate.
        self.waited = 0
        self.trust: Trust | None = None

    def judged(self, carrier: str, worth: Worth) -> None:
        """A call of a carrier, and what its signatures were worth."""
        self._verstats[carrier, worth.verstat, worth.why] += 1
        if worth.passed is not None and worth.passed.attest is not None:
            self._levels[carrier, worth.passed.attest.value] += 1
        for error in worth.errors:
            self._errors[carrier, str(error.code), error.cause] += 1
        self._replays[carrier] += worth.replayed

    def collect(self) -> Iterator[Metric]:
        """What is scraped."""
        verstats = CounterMetricFamily(
            "trunkward_gate_verifications",
            "Calls from carriers by what verification found; `why` where nobody could tell.",
            labels=["carrier", "verstat", "why"],
        )
        for labels, count in self._verstats.copy().items():
            verstats.add_metric(labels, count)
        yield verstats
        levels = CounterMetricFamily(
            "trunkward_gate_verified_levels",
            "Calls whose signature is good, by its level.",
            labels=["carrier", "level"],
        )
        for (carrier, level), count in self._levels.copy().items():
            levels.add_metric([carrier, level], count)
        yield levels
        errors = CounterMetricFamily(
            "trunkward_gate_verification_errors",
            "PASSporTs that were not good, by answer and cause (RFC 8224).",
            labels=["carrier", "code", "cause"],
        )
        for labels, count in self._errors.copy().items():
            errors.add_metric(labels, count)
        yield errors
        replays = CounterMetricFamily(
            "trunkward_gate_replays", "Signatures that came with another call before.", labels=["carrier"]
        )
        for carrier, count in self._replays.copy().items():
            replays.add_metric([carrier], count)
        yield replays
        yield CounterMetricFamily(
            "trunkward_gate_certificate_waits",
            "Times a call was told to wait for a certificate.",
            value=self.waited,
        )
        yield from self._of_trust()

    def _of_trust(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "trunkward_gate_trusted_authorities",
            "Authorities whose certificates may sign calls; 0: no call is verified.",
            value=len(self.trust.authorities.roots) if self.trust is not None else 0,
        )
        if self.trust is None:
            return
        yield GaugeMetricFamily(
            "trunkward_gate_trusted_list_timestamp_seconds",
            "When the trusted list in force was written here.",
            value=self.trust.listed_s,
        )
        if self.trust.revocations.this_update_s:
            yield GaugeMetricFamily(
                "trunkward_gate_revocations_timestamp_seconds",
                "When the revocation list in force was issued.",
                value=self.trust.revocations.this_update_s,
            )
