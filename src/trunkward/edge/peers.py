"""Whether a request of a running call comes from the side it says it comes from.

topos finds a dialog by an identifier in the Request-URI that counts up, so who knows one knows its
neighbours. A request in a dialog is therefore taken only from the peer that leg belongs to, told by
what tells it for a new call: a trunk by network and certificate or by its network alone, a carrier by
network, chain and name, over a plain transport by network alone (`admission.identify`). What tells some
trunks, digest credentials or a chain to an authority of their own, cannot be seen here: of them a request is
taken on a connection that a gate has recognised as theirs (`identified`), or from the address the call came
from, whose tags it must know besides (`dialogs`): a PBX whose connection was lost can still hang up.
"""

import time
from ipaddress import ip_address, ip_network
from typing import Any

from trunkward.edge import attempt, identified, ksr
from trunkward.edge.emergency import fingerprint
from trunkward.edge.outbound_tls import accepts, certificate_names
from trunkward.edge.targets import Targets, address_of

_MOST_KNOWN = 16_384


class Peers:
    """The declared peers, by `trunk:NAME` and `carrier:NAME`."""

    def __init__(
        self,
        peers: dict[str, dict[str, Any]],
        departed: dict[str, list[tuple[float, dict[str, Any]]]],
        targets: Targets,
        tls12_port: int,
    ) -> None:
        """`peers`: `transport`, `networks`, `hosts` dialled, `certificates`, `names`, of each.

        And `by_network`, `by_connection`, where that tells it.
        `departed`: what told them before, until when. A change of configuration ends no running call, so
        the peer it began with may go on with it. `targets`: what DNS says of hosts that are names;
        `tls12_port`: where TLS 1.2 is spoken, 0 for none.
        """
        self._peers = peers
        self._departed = departed
        self._targets = targets
        self._tls12_port = tls12_port
        #: By connection, which keeps its peer; by source where there are none.
        self._known: dict[tuple[str, str, str, int], bool] = {}

    def sent_this(self, peer: str, home: str, seen_at: str, *, old_tls: bool) -> bool:
        """Whether the message in hand came from this peer, and as well protected as its leg is.

        `home`: the `address:port` the call was sent to, "" for the side that called. `seen_at`: where this
        side was last seen, likewise. `old_tls`: the call was admitted on the listener for TLS 1.2.
        """
        transport = ksr.pv("$proto").lower()
        sender = str(ksr.connection_id()) if transport == "tls" else f"{transport} {ksr.source_ip()}"
        if transport == "tls" and not old_tls and self._is_tls12() and not self._may_tls12(peer):
            return False
        key = (sender, peer, home, self._targets.version)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            hosts = [*self._targets.of_peer(peer), home]
            known = self._known[key] = any(_told(one, hosts, transport) for one in self._ever(peer))
        return known or (transport == "tls" and self._by_connection(peer, seen_at))

    def _by_connection(self, peer: str, seen_at: str) -> bool:
        """Not to be remembered with the rest: a connection may be recognised later on."""
        if not any(one.get("by_connection") and _is_near(one) for one in self._ever(peer)):
            return False
        return identified.is_of(ksr.connection_id(), peer) or address_of(seen_at) == ksr.source_ip()

    def _ever(self, peer: str) -> list[dict[str, Any]]:
        now = time.time()
        ever = [self._peers.get(peer), *(p for until, p in self._departed.get(peer, []) if until > now)]
        return [one for one in ever if one is not None]

    def _is_tls12(self) -> bool:
        return self._tls12_port > 0 and ksr.pv("$Rp") == str(self._tls12_port)

    def _may_tls12(self, peer: str) -> bool:
        return any(one.get("tls12") for one in self._ever(peer))


def _is_near(peer: dict[str, Any]) -> bool:
    source = ip_address(ksr.source_ip())
    return not peer["networks"] or any(source in ip_network(network) for network in peer["networks"])


def _told(peer: dict[str, Any], dialled: list[str], transport: str) -> bool:
    """Whether what tells a peer tells the message in hand; `dialled`: where it was found by a name."""
    # keys of a leg over TLS may not cross a plain transport; a plain one may change from UDP to TCP for
    # a long message (RFC 3261 18.1.1)
    if (peer["transport"] == "tls") != (transport == "tls"):
        return False
    near = _is_near(peer)
    hosts = [*peer["hosts"], *dialled]
    if transport != "tls":
        # a carrier speaks from where it was found, too
        return near or ksr.source_ip() in map(address_of, hosts)
    if near and peer.get("by_network"):
        return True
    if near and fingerprint(attempt.tls_facts()["peer_certificate"]) in peer["certificates"]:
        return True
    names = certificate_names()
    return (
        (near or ksr.source_host() in hosts)
        and bool(attempt.tls_facts()["peer_verified"])
        and any(accepts(names, name) for name in peer["names"])
    )
