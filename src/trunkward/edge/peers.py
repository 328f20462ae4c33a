"""Whether a request of a running call comes from the side it says it comes from.

topos finds a dialog by an identifier in the Request-URI that counts up, so who knows one knows its
neighbours. A request in a dialog is therefore taken only from the peer that leg belongs to, told by
what tells it for a new call: a trunk by network and certificate, a carrier by network, chain and name,
over a plain transport by network alone (`admission.identify`).
"""

import time
from ipaddress import ip_address, ip_network
from typing import Any

from trunkward.edge import attempt, ksr
from trunkward.edge.emergency import fingerprint
from trunkward.edge.outbound_tls import accepts, certificate_names

_MOST_KNOWN = 16_384


class Peers:
    """The declared peers, by `trunk:NAME` and `carrier:NAME`."""

    def __init__(
        self, peers: dict[str, dict[str, Any]], departed: dict[str, list[tuple[float, dict[str, Any]]]]
    ) -> None:
        """`peers`: `transport`, `networks`, `hosts` dialled, `certificates` and `names` of each.

        `departed`: what told them before, until when. A change of configuration ends no running call, so
        the peer it began with may go on with it.
        """
        self._peers = peers
        self._departed = departed
        #: By connection, which keeps its peer; by source where there are none.
        self._known: dict[tuple[str, str], bool] = {}

    def sent_this(self, peer: str) -> bool:
        """Whether the message in hand came from this peer, and as well protected as its leg is."""
        transport = ksr.pv("$proto").lower()
        sender = str(ksr.connection_id()) if transport == "tls" else f"{transport} {ksr.source_ip()}"
        known = self._known.get((sender, peer))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[sender, peer] = any(self._told(p, transport) for p in self._ever(peer))
        return known

    def _ever(self, peer: str) -> list[dict[str, Any] | None]:
        now = time.time()
        return [self._peers.get(peer), *(p for until, p in self._departed.get(peer, []) if until > now)]

    @staticmethod
    def _told(peer: dict[str, Any] | None, transport: str) -> bool:
        # keys of a leg over TLS may not cross a plain transport; a plain one may change from UDP to TCP for
        # a long message (RFC 3261 18.1.1)
        if peer is None or (peer["transport"] == "tls") != (transport == "tls"):
            return False
        source = ip_address(ksr.source_ip())
        near = any(source in ip_network(network) for network in peer["networks"])
        if transport != "tls":
            return near
        if near and fingerprint(attempt.tls_facts()["peer_certificate"]) in peer["certificates"]:
            return True
        dialled = ksr.source_host() in peer["hosts"]
        names = certificate_names()
        return (
            (near or dialled)
            and bool(attempt.tls_facts()["peer_verified"])
            and any(accepts(names, name) for name in peer["names"])
        )
