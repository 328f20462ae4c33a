"""Pointing a request at its peer. A leg over TLS never leaves TLS, nor a connection that was verified."""

import re
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.running import RunningCalls
from trunkward.edge.targets import is_address

#: What nathelper notes beside a Contact: address, port, and Kamailio's number of the transport.
_ALIAS = re.compile(r";alias=([^~;]+)~([0-9]+)~([0-9])")
_TRANSPORTS = {"1": "udp", "2": "tcp", "3": "tls"}
#: `host:port` of a URI; a TLS peer is declared with its port.
_HOST = re.compile(r"sips?:(?:[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[^:;?>\[]+)(?::([0-9]+))?")


class Reach:
    """Where the two sides of a call are, and the connections to them."""

    def __init__(self, tls: OutboundTls, running: RunningCalls, bindings: BindingTable) -> None:
        """Keeps what it needs; touches nothing."""
        self._bindings = bindings
        self._tls = tls
        self._running = running

    def on_verified_connection(self) -> bool:
        """Binds an initial request over TLS to a connection whose peer has been verified."""
        host = ksr.next_hop()
        if not self._tls.is_peer(host):
            ksr.open_no_connection()  # a connection the other side opened, and was judged by
            return True
        connection = self._tls.ready(host)
        if connection:
            ksr.use_connection(connection)
        return connection > 0

    def towards(self, call: dict[str, Any], *, forward: bool) -> bool:
        """Points a request of a running call at its peer; False when there is no way to it now.

        Whatever its Contact says (which behind NAT names another address), a peer over TLS is reached on
        the connection it last used, or, when that is gone, on one it has registered on, or at the host we
        dial it at, verified anew.
        """
        transport = call["callee_transport"] if forward else call["caller"]["transport"]
        if transport != "tls":
            self._without_dns(call, transport, forward=forward)
            return True
        source = call.get("callee_source" if forward else "caller_source", "")
        if source and not self._tls.is_peer(source) and (connection := ksr.connection_to(source)):
            ksr.set_next_hop(f"sip:{source};transport=tls")
            ksr.use_connection(connection)
            return True
        if binding := self._registered(call, forward=forward):
            ksr.set_next_hop(f"sip:{binding['source']};transport=tls")
            ksr.use_connection(binding["connection"])
            return True
        if not (peer := self.dialled(call, forward=forward)):
            return False
        connection = self._tls.ready(peer)
        if connection:
            ksr.set_next_hop(f"sip:{peer};transport=tls")
            ksr.use_connection(connection)
        return connection > 0

    def way_to(
        self, call: dict[str, Any], contact: str, routes: list[str], *, forward: bool
    ) -> tuple[str, str]:
        """Where a request of our own to one side is sent, "" for no way now; and whom to dial for one.

        The same as for what the other side sends: a leg over TLS on its own connection, or one verified anew;
        a plain one where it came from (RFC 3581), or else by its route set and Contact, where these name an
        address: nobody here asks DNS.
        """
        target, alias = _without_alias(contact)
        transport: str = call["callee_transport"] if forward else call["caller"]["transport"]
        if transport != "tls":
            hop = alias or (routes[0] if routes else target)
            return hop if is_address(_host(hop)) else _last_seen(call, transport, forward=forward), ""
        source: str = call.get("callee_source" if forward else "caller_source", "")
        if source and not self._tls.is_peer(source) and ksr.connection_to(source):
            return f"sip:{source};transport=tls", ""
        if binding := self._registered(call, forward=forward):
            return f"sip:{binding['source']};transport=tls", ""
        home: str = call["callee_home"] if forward else call["caller_home"]
        hosts = (source, *(_host(route) for route in routes[:1]), _host(target), home)
        peer = next((host for host in hosts if self._tls.is_peer(host)), "")
        return f"sip:{peer};transport=tls" if peer and self._tls.ready(peer) else "", peer

    def _registered(self, call: dict[str, Any], *, forward: bool) -> dict[str, Any] | None:
        """Where a trunk that registers has connected again, when the connection of the call is gone."""
        kind, _, trunk = call["callee_peer" if forward else "caller_peer"].partition(":")
        return self._bindings.again(trunk) if kind == "trunk" else None

    def dial(self, peer: str) -> bool:
        """Has a connection to a peer opened; False when nobody is free to."""
        return self._tls.dial(peer)

    @staticmethod
    def _without_dns(call: dict[str, Any], transport: str, *, forward: bool) -> None:
        """A peer whose Contact is a name is reached where it last spoke from: nobody here asks DNS."""
        if not is_address(ksr.next_hop()):
            ksr.set_next_hop(_last_seen(call, transport, forward=forward))

    def dialled(self, call: dict[str, Any], *, forward: bool) -> str:
        """The `host:port` at which the peer of a request in a dialog can be dialled, "" when at none."""
        source: str = call.get("callee_source" if forward else "caller_source", "")
        if self._tls.is_peer(source):
            return source  # where we dialled it
        for way in (ksr.next_hop, ksr.ruri_host):
            if self._tls.is_peer(host := way()):
                return host
        home: str = call["callee_home"] if forward else call["caller_home"]
        return home if self._tls.is_peer(home) else ""

    def note_source(self, call: dict[str, Any], text: str, *, forward: bool) -> str:
        """Remembers where the sender is now; a PBX that connected again has another port. The call's text."""
        side = "caller_source" if forward else "callee_source"
        if (call["caller"]["transport"] if forward else call["callee_transport"]) != "tls":
            return text
        if call.get(side) == (source := ksr.source_host()):
            return text
        call[side] = source
        text = compact(call)
        self._running.remember(call["record_id"], text)
        return text


def without_alias(contact: str) -> str:
    """A Contact as its peer wrote it."""
    return _without_alias(contact)[0]


def _without_alias(contact: str) -> tuple[str, str]:
    """That, and where it really is (`ksr.add_contact_alias`), as a URI; "" when nothing is noted."""
    found = _ALIAS.search(contact)
    if found is None:
        return contact, ""
    where = f"sip:{found[1]}:{found[2]};transport={_TRANSPORTS.get(found[3], 'udp')}"
    return contact[: found.start()] + contact[found.end() :], where


def _last_seen(call: dict[str, Any], transport: str, *, forward: bool) -> str:
    """Where a side without TLS last spoke from, or was called, as a URI."""
    side, home = ("callee_source", "callee_home") if forward else ("caller_source", "caller_home")
    return f"sip:{call.get(side) or call[home]};transport={transport}"


def _host(uri: str) -> str:
    found = _HOST.match(uri)
    return f"{found[1]}:{found[2] or 5061}" if found else ""
