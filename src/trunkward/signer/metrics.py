"""What the signer counts. One registry per process, served on loopback only when asked."""

from datetime import datetime

from prometheus_client import Counter, Gauge

from trunkward.engines.exporter import Heartbeat, new_registry, serve


class SignerMetrics:
    """Counters and gauges of one signer."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = new_registry()
        self.heartbeat = Heartbeat()
        self.registry.register(self.heartbeat)
        self.signatures = Counter(
            "trunkward_signer_signatures", "Signatures given", ["attest"], registry=self.registry
        )
        self.refusals = Counter(
            "trunkward_signer_refusals", "Requests refused", ["reason"], registry=self.registry
        )
        self.refused_peers = Counter(
            "trunkward_signer_refused_peers", "Connections closed: user not allowed", registry=self.registry
        )
        self.broken_streams = Counter(
            "trunkward_signer_broken_streams", "Connections closed: frame too large", registry=self.registry
        )
        self.journal_failures = Counter(
            "trunkward_signer_journal_failures",
            "Batches not answered: journal not writable",
            registry=self.registry,
        )
        self.connections = Gauge("trunkward_signer_connections", "Open connections", registry=self.registry)
        self.fit = Gauge(
            "trunkward_signer_fit", "1 while key and certificate may sign", registry=self.registry
        )
        self.certificate_expiry = Gauge(
            "trunkward_signer_certificate_expiry_timestamp_seconds",
            "When the certificate in use expires",
            registry=self.registry,
        )
        self.journal_lines = Gauge(
            "trunkward_signer_journal_lines", "Lines in the journal", registry=self.registry
        )

    def certificate_checked(self, *, fit: bool, not_after: datetime) -> None:
        """Take over the result of a check."""
        self.fit.set(1 if fit else 0)
        self.certificate_expiry.set(not_after.timestamp())

    def serve(self, port: int) -> None:
        """Answer Prometheus on 127.0.0.1 in a thread of its own. Raises `OSError` when the port is taken."""
        serve(port, self.registry)
