"""Outbound TLS: chain and name are checked before any call uses a connection (RFC 5922 7.4).

Kamailio 6.0 checks the chain of an outbound connection and not the name on the certificate, and
runs its `tls:connection-out` event only where the handshake ends in the sending process, which it
does not. So a connection is opened by an OPTIONS, which tells nothing but our name; the reply to
it comes on the new connection, and there the certificate's names are read. Requests are then sent
by connection id, to a connection that passed, and never open one themselves: the default client
profile trusts nobody, and only the OPTIONS names another.
"""

import time
import uuid

from trunkward.edge import ksr

#: Connection id by `host:port`, for connections that passed.
PASSED = "tls_passed"
#: `host:port` by the tag of the OPTIONS that was sent there.
ASKED = "tls_asked"
_WAIT_S = 1.5
_STEP_S = 0.004
_REFUSED = "refused"
_ASKING = "asking"
#: Seconds a peer that was refused, or gave no answer, is left alone.
_REST_S = 2
_MOST_NAMES = 32


class OutboundTls:
    """Verified connections to the peers that are dialled by name."""

    def __init__(self, peers: dict[str, dict[str, list[str]]], node: str) -> None:
        """`peers`: by server name, the names accepted and the `host:port`s dialled."""
        self._peers = peers
        self._node = node
        self._server = {host: name for name, peer in peers.items() for host in peer["hosts"]}

    def is_peer(self, host: str) -> bool:
        """Whether this `host:port` is one we dial, and so must show a name."""
        return host in self._server

    def ready(self, host: str) -> int:
        """The id of a live connection that passed, 0 when there is none."""
        connection = ksr.table_get(PASSED, host)
        return int(connection) if connection.isdigit() and ksr.connection_alive(int(connection)) else 0

    def open(self, host: str) -> int:
        """The same, opening and checking a connection when there is none. Waits: not for SIP workers."""
        if connection := self.ready(host):
            return connection
        answer = _standing(host)
        if answer == _REFUSED:
            return 0
        if answer != _ASKING:
            self._ask(host)
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            time.sleep(_STEP_S)
            answer = _standing(host)
            if answer and answer != _ASKING:
                return 0 if answer == _REFUSED else int(answer)
        # nobody there, or no handshake: calls to a dead peer must not hold every worker of the group
        _stands(host, _REFUSED)
        ksr.log_error(f"outbound TLS to {host}: no answer over a connection whose chain holds")
        return 0

    def _ask(self, host: str) -> None:
        tag = uuid.uuid4().hex
        _stands(host, _ASKING)  # one asks, all who come meanwhile wait for the same answer
        ksr.table_set(ASKED, tag, host, 30)
        ksr.expect_tls_server(self._server[host])
        ksr.send_options(f"sip:{host};transport=tls", f"<sip:{self._node}>;tag={tag}", f"<sip:{host}>")

    def replied(self) -> None:
        """For every reply to an OPTIONS: judges the connection it came on, if we asked there."""
        host = ksr.table_get(ASKED, ksr.pv("$ft"))
        if not host or ksr.pv("$proto") != "tls":
            return
        names = certificate_names()
        accepted = self._peers[self._server[host]]["names"]
        connection = ksr.connection_id()
        if ksr.pv("$tls_peer_verified") == "1" and any(accepts(names, name) for name in accepted):
            ksr.table_set(PASSED, host, str(connection), 86_400)
            return
        _stands(host, _REFUSED)
        ksr.close_connection(connection)
        ksr.log_error(
            f"outbound TLS to {host} refused: expected {' or '.join(accepted)},"
            f" the certificate is for {', '.join(names) or 'no name'}"
        )


def _stands(host: str, what: str) -> None:
    # with its own end: htable gives a row that is written again the table's time to live, not ours
    ksr.table_set(PASSED, host, f"{what} {time.monotonic() + _REST_S:.3f}", 10)


def _standing(host: str) -> str:
    what, _, until = ksr.table_get(PASSED, host).partition(" ")
    return what if not until or time.monotonic() < float(until) else ""


def accepts(names: list[str], expected: str) -> bool:
    """RFC 5922 7.2: whole names, compared without case, no wildcards."""
    return expected.lower() in (name.lower() for name in names)


def certificate_names() -> list[str]:
    """DNS names of the peer's certificate; its common name only when it has none (RFC 5922 7.1)."""
    names: list[str] = []
    for index in range(_MOST_NAMES):
        name = ksr.pv(f"$(tls_peer_san_hostname[{index}])")
        if not name or name in names:
            break
        names.append(name)
    return names or [name for name in [ksr.pv("$tls_peer_subject_cn")] if name]
