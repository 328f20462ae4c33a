"""Every reply, before its transaction is looked at: a connection or a host may be judged by it."""

from trunkward.edge import ksr, ladder
from trunkward.edge.health import Health
from trunkward.edge.outbound_tls import OutboundTls


class IncomingReplies:
    """Replies as they come in."""

    def __init__(self, tls: OutboundTls, health: Health) -> None:
        """Those who ask hosts by OPTIONS."""
        self._tls = tls
        self._health = health

    def came(self) -> None:
        """One reply, to whatever request."""
        method = ksr.method()
        if method == "OPTIONS":
            self._tls.replied()
            self._health.replied()
        elif method == "CANCEL":  # tm's own of a caller's
            ladder.got(ladder.cancel_key(ksr.call_id()), "callee", str(ksr.status()), "CANCEL")
