"""What a gate counts of verification, for whoever sent the calls; scraped with the rest of its numbers.

These are the node file's carriers, and its trunks that bring other providers' calls: no caller can make more
series than it names of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkward.admission.verified import Worth
from trunkward.engines.held_lists import REVOCATIONS, TRUSTED
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
        #: By list, why its file is not taken.
        self.lists_refused: Mapping[str, str] = {}

    def judged(self, upstream: str, worth: Worth) -> None:
        """A call of a carrier, or of a trunk in transit, and what its signatures were worth."""
        self._verstats[upstream, worth.verstat, worth.why] += 1
        if worth.passed is not None and worth.passed.attest is not None:
            self._levels[upstream, worth.passed.attest.value] += 1
        for error in worth.errors:
            self._errors[upstream, str(error.code), error.cause] += 1
        self._replays[upstream] += worth.replayed

    def collect(self) -> Iterator[Metric]:
        """What is scraped."""
        verstats = CounterMetricFamily(
            "trunkward_gate_verifications",
            "Calls that others signed, by what verification found; `why` where nobody could tell.",
            labels=["upstream", "verstat", "why"],
        )
        for labels, count in self._verstats.copy().items():
            verstats.add_metric(labels, count)
        yield verstats
        levels = CounterMetricFamily(
            "trunkward_gate_verified_levels",
            "Calls whose signature is good, by its level.",
            labels=["upstream", "level"],
        )
        for (upstream, level), count in self._levels.copy().items():
            levels.add_metric([upstream, level], count)
        yield levels
        errors = CounterMetricFamily(
            "trunkward_gate_verification_errors",
            "PASSporTs that were not good, by answer and cause (RFC 8224).",
            labels=["upstream", "code", "cause"],
        )
        for labels, count in self._errors.copy().items():
            errors.add_metric(labels, count)
        yield errors
        replays = CounterMetricFamily(
            "trunkward_gate_replays", "Signatures that came with another call before.", labels=["upstream"]
        )
        for upstream, count in self._replays.copy().items():
            replays.add_metric([upstream], count)
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
        refused = GaugeMetricFamily(
            "trunkward_gate_list_refused",
            "1 while what is in the list's file is damaged, older or gone; the one before stays in force.",
            labels=["list"],
        )
        for which in (TRUSTED, REVOCATIONS):
            refused.add_metric([which], which in self.lists_refused)
        yield refused
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
