"""Outbound TLS: chain and name are checked before any call uses a connection (RFC 5922 7.4).

Kamailio 6.0 checks the chain of an outbound connection and not the name on the certificate, and
runs its `tls:connection-out` event only where the handshake ends in the sending process, which it
does not. So a connection is opened by an OPTIONS, which tells nothing but our name; the reply to
it comes on the new connection, and there the certificate's names are read. Requests are then sent
by connection id, to a connection that passed, and never open one themselves: the default client
profile trusts nobody, and only the OPTIONS names another.

To open one takes time, or fails. One worker of a group of its own does it for a host at a time; what wants
to go there waits suspended, in a list, and holds nobody.
"""

import time
import uuid

# `hashlib` would load OpenSSL a second time; this is CPython's own SHA-2.
from _sha2 import sha256  # type: ignore[import-not-found]

from trunkward.edge import groups, ksr

#: By `host:port`: the id of a connection that passed and what it was trusted by, or that the peer was
#: refused, and until when.
PASSED = "tls_passed"
#: `host:port`, and what it is to be trusted by, by the tag of the OPTIONS that was sent there.
ASKED = "tls_asked"
#: By `host:port` what waits for a connection there, and what to do then by its name.
WAITING = "tls_waiting"
#: Seconds a peer has for connection, handshake and reply.
_WAIT_S = 1.5
_STEP_S = 0.004
_REFUSED = "refused"
#: Seconds a peer that was refused, or gave no answer, is left alone,
_REST_S = 2
#: and for which it is remembered that it was.
_REMEMBERED_S = 60
#: Seconds after which nobody waits any more, whatever became of who was to tell.
_FORGOTTEN_S = 10
_MOST_NAMES = 32


class OutboundTls:
    """Verified connections to the peers that are dialled by name."""

    def __init__(
        self, peers: dict[str, dict[str, list[str]]], authorities: dict[str, str], node: str
    ) -> None:
        """`peers`: by server name, the names accepted and the `host:port`s dialled.

        `authorities`: by server name, what its chain must lead to.
        """
        self._peers = peers
        self._authorities = authorities
        self._node = node
        self._server = {host: name for name, peer in peers.items() for host in peer["hosts"]}

    def is_peer(self, host: str) -> bool:
        """Whether this `host:port` is one we dial, and so must show a name."""
        return host in self._server

    def ready(self, host: str) -> int:
        """The id of a live connection that passed, 0 when there is none."""
        connection, _, trust = ksr.table_get(PASSED, host).partition(" ")
        if not connection.isdigit() or trust != self._trust(host):
            return 0
        return int(connection) if ksr.connection_alive(int(connection)) else 0

    def _trust(self, host: str) -> str:
        """What a connection to this host must have passed; another one when the configuration says other."""
        name = self._server.get(host, "")
        accepted = self._peers[name]["names"] if name else []
        told = "\n".join([name, self._authorities.get(name, ""), *accepted])
        return str(sha256(told.encode()).hexdigest()[:16])

    def may_wait(self, host: str) -> bool:
        """Whether a connection may be waited for.

        Not to a peer that was refused a moment ago; and one that failed the last time is tried again by one
        call alone, so that a dead peer does not delay the others, which have other ways to go.
        """
        what, _, until = ksr.table_get(PASSED, host).partition(" ")
        ago = time.monotonic() - float(until) if what == _REFUSED else _REMEMBERED_S
        return ago >= _REMEMBERED_S or (ago >= 0 and not ksr.table_get(WAITING, host))

    def wait(self, host: str, held: str, callback: str, group: str, text: str) -> bool:
        """Has `callback` run in `group`, with `HELD TEXT`, as soon as it is known whether the peer is there.

        False when no worker is free to dial it.
        """
        ksr.table_set(WAITING, held, f"{callback} {group} {held} {text}", _FORGOTTEN_S)
        return self.dial(host, held)

    def dial(self, host: str, held: str = "-") -> bool:
        """Has a connection opened by a worker, unless one is at it; False when none is free."""
        with ksr.table_locked(WAITING, host):
            waiting = ksr.table_get(WAITING, host)
            if not waiting and not ksr.later("ksr_connect", host, groups.CONNECT):
                return False
            return ksr.table_set(WAITING, host, f"{waiting} {held}", _FORGOTTEN_S)

    def connect(self, _event: str) -> None:
        """Opens and checks a connection, then lets go on what waits for it; in a worker of its own group."""
        host = ksr.later_data()
        try:
            if not self.ready(host):
                self._open(host)
        finally:
            with ksr.table_locked(WAITING, host):
                waiting = ksr.table_get(WAITING, host).split()
                ksr.table_remove(WAITING, host)
            for held in waiting:
                _go_on(held)

    def _open(self, host: str) -> None:
        before = ksr.table_get(PASSED, host)
        self._let_go(host, before)
        tag = uuid.uuid4().hex
        ksr.table_set(ASKED, tag, f"{host} {self._trust(host)}", 30)
        ksr.expect_tls_server(self._server[host])
        ksr.send_options(f"sip:{host};transport=tls", f"<sip:{self._node}>;tag={tag}", f"<sip:{host}>")
        connection, stood = 0, False
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            connection = ksr.connection_to(host)
            if ksr.table_get(PASSED, host) != before:
                return  # `replied` has judged
            if not connection:
                why = "closed during the handshake (OpenSSL's reason, if any, stands in the lines above)"
                _refused(host, why if stood else "nothing accepts TCP connections there")
                return
            stood = ksr.is_connected(connection)
            time.sleep(_STEP_S)
        _refused(host, f"no {'TLS handshake and reply' if stood else 'TCP connection'} within {_WAIT_S} s")
        ksr.close_connection(connection)  # else the next attempt would wait on the same

    def _let_go(self, host: str, before: str) -> None:
        """Closes a connection that passed by what is not in force any more: it would be used again."""
        connection, _, trust = before.partition(" ")
        if not connection.isdigit() or trust == self._trust(host):
            return
        ksr.close_connection(int(connection))
        until = time.monotonic() + _WAIT_S
        while ksr.connection_alive(int(connection)) and time.monotonic() < until:
            time.sleep(_STEP_S)

    def replied(self) -> None:
        """For every reply to an OPTIONS: judges the connection it came on, if we asked there."""
        host, _, trust = ksr.table_get(ASKED, ksr.pv("$ft")).partition(" ")
        if not host or ksr.pv("$proto") != "tls":
            return
        if trust != self._trust(host):
            ksr.close_connection(ksr.connection_id())  # asked by what is not in force any more
            return
        names = certificate_names()
        accepted = self._peers[self._server[host]]["names"]
        connection = ksr.connection_id()
        if ksr.pv("$tls_peer_verified") == "1" and any(accepts(names, name) for name in accepted):
            ksr.table_set(PASSED, host, f"{connection} {self._trust(host)}", 86_400)
            return
        shown = ", ".join(names) or "no name"
        _refused(host, f"expected {' or '.join(accepted)}, the certificate is for {shown}")
        ksr.close_connection(connection)


def _refused(host: str, why: str) -> None:
    # with its own end: htable gives a row that is written again the table's time to live, not ours
    ksr.table_set(PASSED, host, f"{_REFUSED} {time.monotonic() + _REST_S:.3f}", 86_400)
    ksr.log_error(f"outbound TLS to {host} refused: {why}")


def _go_on(held: str) -> None:
    task = ksr.table_get(WAITING, held)
    ksr.table_remove(WAITING, held)
    if not task:
        return
    callback, group, data = task.split(" ", 2)
    until = time.monotonic() + _WAIT_S
    while not ksr.later(callback, data, group) and time.monotonic() < until:
        time.sleep(_STEP_S)  # else tm refuses it, when its time is over


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
