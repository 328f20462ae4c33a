"""What the signer counts. One registry per process, served on loopback only when asked."""

from datetime import datetime
from math import nan

from prometheus_client import Counter, Gauge

from trunkward.engines.denied_file import TAKEN, TAKEN_IS
from trunkward.engines.exporter import Heartbeat, new_registry, serve
from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.journal.heads import Head
from trunkward.shaken.crl import Status


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
            "trunkward_signer_broken_streams",
            "Connections closed: a frame too large, or no request",
            registry=self.registry,
        )
        self.failures = Counter(
            "trunkward_signer_failures",
            "What it does beside signing, and could not; journal: it failed, though not its disk",
            ["what"],
            registry=self.registry,
        )
        self.failing = Gauge(
            "trunkward_signer_failing",
            "1 while the last try of it failed: look, forget, head",
            ["what"],
            registry=self.registry,
        )
        self.journal_failures = Counter(
            "trunkward_signer_journal_failures",
            "Writes of the journal that failed",
            registry=self.registry,
        )
        self.connections = Gauge("trunkward_signer_connections", "Open connections", registry=self.registry)
        self.fit = Gauge(
            "trunkward_signer_fit", "1 while key and certificate may sign", registry=self.registry
        )
        self.identity = Gauge(
            "trunkward_signer_identity",
            "1; which certificate it holds (serial number), and why it may not sign; empty: it may",
            ["serial", "unfit"],
            registry=self.registry,
        )
        self.files_fit = Gauge(
            "trunkward_signer_files_fit",
            "1 while the certificate in the files is the one in use, 0 while there is one that is not fit",
            registry=self.registry,
        )
        self.revocation_known = Gauge(
            "trunkward_signer_revocation_known",
            "1 while a revocation list says that the certificate is good",
            registry=self.registry,
        )
        self.certificate_expiry = Gauge(
            "trunkward_signer_certificate_expiry_timestamp_seconds",
            "When the certificate in use expires",
            registry=self.registry,
        )
        self.denied = Gauge(TAKEN, TAKEN_IS, registry=self.registry)
        self.journal_lines = Gauge(
            "trunkward_signer_journal_lines", "Lines in the journal", registry=self.registry
        )
        self.journal_gap = Gauge(
            "trunkward_signer_journal_gap_lines",
            "Lines the journal's disk did not take, not declared yet",
            registry=self.registry,
        )

    def identity_checked(
        self, *, serial: str, unfit: str, taken: bool, not_after: datetime, revocation: Status
    ) -> None:
        """Take over the result of a check; `unfit`: why nothing is signed, "" when all is well."""
        self.fit.set(0 if unfit else 1)
        self.identity.clear()
        self.identity.labels(serial, unfit).set(1)
        self.files_fit.set(1 if taken else 0)
        self.revocation_known.set(1 if revocation is Status.GOOD else 0)
        self.certificate_expiry.set(not_after.timestamp())

    def identity_awaited(self, unfit: str) -> None:
        """It holds no certificate to sign with yet; `unfit`: why."""
        self.fit.set(0)
        self.identity.clear()
        self.identity.labels("", unfit).set(1)
        self.files_fit.set(1 if unfit == CERTIFICATE_AWAITED else 0)
        self.certificate_expiry.set(nan)

    def journal_is(self, head: Head) -> None:
        """Take over how far the journal is."""
        self.journal_lines.set(head.seq)
        self.journal_gap.set(head.gap.count)

    def serve(self, port: int) -> None:
        """Answer Prometheus on 127.0.0.1 in a thread of its own. Raises `OSError` when the port is taken."""
        serve(port, self.registry)
