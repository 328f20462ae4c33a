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
from trunkward.edge.targets import Targets

#: By what must be shown (`OutboundTls._mark`) and `host:port`: the id of a connection that passed, or that
#: the peer was refused, and until when. By `#` and such an id: what it passed by.
PASSED = "tls_passed"
#: By the tag of an OPTIONS of ours: what must be shown, and the `host:port` it was sent to.
ASKED = "tls_asked"
#: By `host:port` what waits for a connection there, and what to do then by its name.
WAITING = "tls_waiting"
#: Seconds a peer has for connection, handshake and reply.
_WAIT_S = 1.5
_STEP_S = 0.004
_REFUSED = "refused"
#: Who waits when nothing does.
JUST_ASKING = "?"
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
        self,
        peers: dict[str, dict[str, list[str]]],
        authorities: dict[str, str],
        targets: Targets,
        node: str,
    ) -> None:
        """`peers`: by server name, the names accepted; `authorities`: what its chain must lead to.

        `targets`: which name is to be asked for where.
        """
        self._peers = peers
        #: By name, what a connection must have passed; another one when the configuration says other.
        self._trusts = {
            name: sha256("\n".join([authorities.get(name, ""), *peer["names"]]).encode()).hexdigest()[:16]
            for name, peer in peers.items()
        }
        self._node = node
        self._targets = targets

    def is_peer(self, host: str) -> bool:
        """Whether this `host:port` is one we dial, and so must show a name."""
        return bool(self._targets.expected_name(host))

    def expect(self, host: str) -> None:
        """Has a connection that our next request opens ask for the name this peer must show."""
        ksr.expect_tls_server(self._targets.expected_name(host))

    def ready(self, host: str) -> int:
        """The id of a live connection that passed, 0 when there is none."""
        connection = ksr.table_get(PASSED, self._key(host))
        return int(connection) if connection.isdigit() and ksr.connection_alive(int(connection)) else 0

    def may_wait(self, host: str) -> bool:
        """Whether a connection may be waited for.

        Not to a peer that was refused a moment ago; and one that failed the last time is tried again by one
        call alone, so that a dead peer does not delay the others, which have other ways to go.
        """
        what, _, until = ksr.table_get(PASSED, self._key(host)).partition(" ")
        ago = time.monotonic() - float(until) if what == _REFUSED else _REMEMBERED_S
        nobody_waits = ksr.table_get(WAITING, host).split() in ([], [JUST_ASKING])
        return ago >= _REMEMBERED_S or (ago >= 0 and nobody_waits)

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
        key = self._key(host)
        before = ksr.table_get(PASSED, key)
        until = time.monotonic() + _WAIT_S
        self._close_for_another(host, until)
        tag = uuid.uuid4().hex
        ksr.table_set(ASKED, tag, key, 30)
        self.expect(host)
        ksr.send_options(f"sip:{host};transport=tls", f"<sip:{self._node}>;tag={tag}", f"<sip:{host}>")
        connection, stood = 0, False
        while time.monotonic() < until:
            connection = ksr.connection_to(host)
            if ksr.table_get(PASSED, key) != before:
                return  # `replied` has judged
            if not connection:
                why = "closed during the handshake (OpenSSL's reason, if any, stands in the lines above)"
                self._unreachable(host, why if stood else "nothing accepts TCP connections there")
                return
            stood = ksr.is_connected(connection)
            time.sleep(_STEP_S)
        self._unreachable(
            host, f"no {'TLS handshake and reply' if stood else 'TCP connection'} within {_WAIT_S} s"
        )
        ksr.close_connection(connection)  # else the next attempt would wait on the same

    def replied(self) -> None:
        """For every reply to an OPTIONS: judges the connection it came on, if we asked there."""
        key = ksr.table_get(ASKED, ksr.pv("$ft"))
        mark, _, host = key.partition(" ")
        if not host or ksr.pv("$proto") != "tls":
            return
        if mark != self._mark(host):
            ksr.close_connection(ksr.connection_id())  # asked by what is not in force any more
            return
        names = certificate_names()
        accepted = self._peers[self._targets.expected_name(host)]["names"]
        connection = ksr.connection_id()
        if ksr.pv("$tls_peer_verified") == "1" and any(accepts(names, one) for one in accepted):
            ksr.table_set(PASSED, f"#{connection}", mark, 86_400)
            ksr.table_set(PASSED, f"status {host}", str(ksr.status()), _REMEMBERED_S)
            ksr.table_set(PASSED, key, str(connection), 86_400)
            return
        shown = ", ".join(names) or "no name"
        why = f"expected {' or '.join(accepted)}, the certificate is for {shown}"
        _refused(key, why)
        ksr.table_set(PASSED, f"why {host}", why, _REMEMBERED_S)
        ksr.close_connection(connection)

    def _close_for_another(self, host: str, until: float) -> None:
        """None is taken over from a peer of another name or authority, or of another configuration."""
        held = ksr.connection_to(host)
        if held and ksr.table_get(PASSED, f"#{held}") not in ("", self._mark(host)):
            ksr.close_connection(held)
            while ksr.connection_to(host) == held and time.monotonic() < until:
                time.sleep(_STEP_S)

    def ask(self, host: str) -> None:
        """Has a connection opened for nobody in particular; `why_not` tells when it could not be."""
        ksr.table_remove(PASSED, f"why {host}")
        self.dial(host, JUST_ASKING)  # when no worker is free to, it is asked again another time

    def answered(self, host: str) -> str:
        """What the OPTIONS that opened the last connection was answered."""
        return ksr.table_get(PASSED, f"status {host}")

    def why_not(self, host: str) -> str:
        """Why the last connection could not be opened, "" when it could or is not settled yet."""
        return ksr.table_get(PASSED, f"why {host}")

    def _unreachable(self, host: str, why: str) -> None:
        # a question of `health` that nobody else waits for must not keep the next call from trying
        with ksr.table_locked(WAITING, host):
            just_asking = ksr.table_get(WAITING, host).split() == [JUST_ASKING]
        if not just_asking:
            _refused(self._key(host), why)
        ksr.table_set(PASSED, f"why {host}", why, _REMEMBERED_S)

    def _key(self, host: str) -> str:
        return f"{self._mark(host)} {host}"

    def _mark(self, host: str) -> str:
        name = self._targets.expected_name(host)
        return f"{name}#{self._trusts.get(name, '')}"


def _refused(key: str, why: str) -> None:
    # with its own end: htable gives a row that is written again the table's time to live, not ours
    ksr.table_set(PASSED, key, f"{_REFUSED} {time.monotonic() + _REST_S:.3f}", 86_400)
    ksr.log_error(f"outbound TLS to {key.partition(' ')[2]} refused: {why}")


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
