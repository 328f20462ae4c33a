"""Where a peer's name leads: what the worker has found in DNS, read from its file. Nobody here asks DNS.

The worker is believed about addresses and nothing else: which name a certificate there must carry stands in
the edge's own settings. So what DNS says can break calls, and never move one to a host of another name
(RFC 5922 section 7.3 checks the domain that was configured).
"""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

#: Seconds between two looks at the file, in each process.
_LOOK_S = 1.0
# not `random` itself: processes that Kamailio forks would all draw the same
_chance = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The file as it was read last."""

    #: By peer and by the name that was configured: servers with `priority`, `weight` and `hosts`.
    servers: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    #: By `address:port` of TLS peers: the name to ask for there.
    expected: dict[str, str] = field(default_factory=dict)
    #: Addresses of peers without TLS.
    plain: frozenset[str] = frozenset()


class Targets:
    """`address:port`s of peers, whether they were written or found."""

    def __init__(
        self, path: str, tls_peers: dict[str, dict[str, list[str]]], peers: dict[str, dict[str, Any]]
    ) -> None:
        """`tls_peers`, `peers`: as in `EdgeSettings`; `path`: the worker's file, which may not exist yet."""
        self._path = path
        self._peers = peers
        self._written = {
            host: name for name, peer in tls_peers.items() for host in peer["hosts"] if is_address(host)
        }
        self._plain = _plain(
            host for peer in peers.values() if peer["transport"] != "tls" for host in peer["hosts"]
        )
        self._looked_at = 0.0
        self._state: tuple[int, int] | None = None
        self._seen = _Seen()
        self._version = 0

    @property
    def version(self) -> int:
        """Goes up whenever something may have changed."""
        self._now()
        return self._version

    def in_order(self, peer: str, host: str) -> list[str]:
        """Where to go, in the order to try: the host itself, or what was found for its name.

        For a TLS peer without what is known under another name: that connection would have been checked
        for somebody else.
        """
        if is_address(host):
            return [host]
        servers = self._now().servers.get(peer, {}).get(host, [])
        ordered = by_priority_and_weight(servers, _chance)
        declared = self._peers.get(peer, {})
        if declared.get("transport") != "tls":
            return ordered
        return [found for found in ordered if self.expected_name(found) == _first_name(declared)]

    def expected_name(self, host: str) -> str:
        """The name to ask for at a TLS peer's `address:port`, "" when it is no peer's."""
        return self._written.get(host) or self._now().expected.get(host, "")

    def of_peer(self, peer: str) -> list[str]:
        """Every `address:port` of a peer."""
        written = self._peers.get(peer, {}).get("hosts", [])
        found = self._now().servers.get(peer, {}).values()
        return [host for host in written if is_address(host)] + [
            host for servers in found for server in servers for host in server["hosts"]
        ]

    def is_plain(self, address: str) -> bool:
        """Whether this is a peer's without TLS, or was one's while running calls may have begun."""
        return address in self._plain or address in self._now().plain

    def _now(self) -> _Seen:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._look()
        return self._seen

    def _look(self) -> None:
        try:
            state = os.stat(self._path)
            if (seen := (state.st_mtime_ns, state.st_ino)) == self._state:
                return
            with open(self._path, encoding="utf-8") as file:
                document = json.load(file)
            self._seen = self._read(document)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return  # none yet, or not ours to understand: what was there before holds
        self._state = seen
        self._version += 1

    def _read(self, document: dict[str, Any]) -> _Seen:
        servers: dict[str, dict[str, list[dict[str, Any]]]] = {}
        expected: dict[str, str] = {}
        for peer, names in document["peers"].items():
            if peer not in self._peers:
                continue  # of a configuration before or after this one
            servers[peer] = {name: found["servers"] for name, found in names.items()}
            if self._peers[peer]["transport"] == "tls":
                for found in servers[peer].values():
                    for host in (host for server in found for host in server["hosts"]):
                        expected.setdefault(host, _first_name(self._peers[peer]))
        # where running calls may have been sent before DNS changed its mind
        former = {host: peer for host, peer in document["former"].items() if peer in self._peers}
        for host, peer in former.items():
            if self._peers[peer]["transport"] == "tls":
                expected.setdefault(host, _first_name(self._peers[peer]))
        present = {
            host: peer
            for peer, names in servers.items()
            for of_name in names.values()
            for server in of_name
            for host in server["hosts"]
        }
        plain = (h for h, peer in (former | present).items() if self._peers[peer]["transport"] != "tls")
        return _Seen(servers=servers, expected=expected, plain=_plain(plain))


def is_address(host: str) -> bool:
    """Whether `host` or `host:port` names an address, so that nobody has to look it up."""
    return host.startswith("[") or host.partition(":")[0].replace(".", "").isdigit()


def family(host: str) -> str:
    """`IP4` or `IP6`, of an address and port."""
    return "IP6" if host.startswith("[") else "IP4"


def by_priority_and_weight(servers: list[dict[str, Any]], chance: SystemRandom) -> list[str]:
    """Servers in the order of RFC 2782: lower priorities first, among equal ones drawn by weight."""
    ordered: list[str] = []
    for priority in sorted({server["priority"] for server in servers}):
        left = [server for server in servers if server["priority"] == priority]
        chance.shuffle(left)
        # "a very small chance" for those of weight 0: they stand first, and 0 may be drawn
        left.sort(key=lambda server: bool(server["weight"]))
        while left:
            drawn, reached = chance.randint(0, sum(server["weight"] for server in left)), 0
            for server in left:
                reached += server["weight"]
                if reached >= drawn:
                    break
            left.remove(server)
            ordered += server["hosts"]
    return list(dict.fromkeys(ordered))


def address_of(host: str) -> str:
    """The address of an `address:port`, without brackets."""
    return host.rpartition(":")[0].strip("[]")


def _plain(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(address_of(host) for host in hosts if is_address(host))


def _first_name(peer: dict[str, Any]) -> str:
    names: list[str] = peer.get("names") or [""]
    return names[0]
