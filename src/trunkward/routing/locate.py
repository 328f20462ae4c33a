"""Finding a peer's servers from what was configured (RFC 3263), for a transport that is declared.

1. A name with a port: its addresses, at that port (section 4.2).
2. A domain alone: NAPTR, for the one service that is this transport (section 4.1).
3. SRV, of the name NAPTR gave or of the transport's own (RFC 2782).
4. Without SRV the domain's addresses, at the transport's port.

TLS has one service, `SIPS+D2T`, and one prefix, `_sips._tcp`: whatever else DNS offers, no peer declared with
TLS is reached without it. What DNS says is an address and no identity: the name on the certificate is that
of the file (RFC 5922 section 7.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from trunkward.routing.ports import Names, NamesUnavailable, Naptr, Srv
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Address, Host

#: By transport: NAPTR service (RFC 3263 section 4.1), SRV prefix and default port (section 4.2).
_SERVICES = {
    Transport.TLS: ("SIPS+D2T", "_sips._tcp.", 5061),
    Transport.TCP: ("SIP+D2T", "_sip._tcp.", 5060),
    Transport.UDP: ("SIP+D2U", "_sip._udp.", 5060),
}
#: Our limits: a carrier has a handful of each.
MOST_SERVERS = 16
MOST_ADDRESSES = 8
#: Questions for servers' addresses that may go unanswered before DNS counts as away.
MOST_SILENCES = 3
#: RFC 2782: the service is decidedly not available.
_NOWHERE = "."


class NotLocated(Exception):
    """Nothing was found, or DNS did not answer; the message says what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of a peer, with its addresses in the order to try."""

    priority: int
    weight: int
    #: `address:port`, IPv6 in brackets.
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """What a name leads to, for how long DNS says so; no servers when it says that there are none."""

    servers: tuple[Server, ...]
    ttl_s: int


def locate(host: Host, transport: Transport, ours: tuple[Address, ...], names: Names) -> Located:
    """The servers behind a host that is a name. `ours`: the node's addresses. Raises `NotLocated`."""
    service, prefix, port = _SERVICES[transport]
    asked = _Asked(names, ours)
    try:
        # 1.
        if host.port:
            return asked.located(
                [Server(priority=0, weight=0, hosts=asked.hosts(host.host, host.port))], host
            )
        # 2.
        srv_names = [record.replacement for record in asked.naptr(host.host, service)[:MOST_SERVERS]]
        # 3.
        for srv_name in srv_names or [prefix + host.host]:
            records = asked.srv(srv_name)
            if [record.target for record in records] == [_NOWHERE]:
                return Located(servers=(), ttl_s=asked.ttl_s)
            if records:
                return asked.located(
                    [
                        Server(
                            priority=record.priority,
                            weight=record.weight,
                            hosts=asked.hosts(record.target, record.port, one_of_several=True),
                        )
                        for record in sorted(records, key=lambda record: record.priority)[:MOST_SERVERS]
                        if record.target != _NOWHERE and record.port
                    ],
                    host,
                )
        # 4.
        return asked.located([Server(priority=0, weight=0, hosts=asked.hosts(host.host, port))], host)
    except NamesUnavailable as problem:
        raise NotLocated(str(problem)) from problem


def is_usable(address: Address, ours: tuple[Address, ...]) -> bool:
    """Whether an address from DNS may be a peer's: never this machine's own, unless it is a laboratory's."""
    if address in ours or address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return False
    if address == IPv4Address("255.255.255.255"):
        return False
    return not address.is_loopback or any(own.is_loopback for own in ours)


class _Asked:
    """What was asked for one host, and the shortest life of the answers."""

    def __init__(self, names: Names, ours: tuple[Address, ...]) -> None:
        self._names = names
        self._ours = ours
        # IPv6 first where we have it (RFC 6724 section 2.1)
        self._versions = sorted({address.version for address in ours}, reverse=True)
        self.ttl_s = 2**31 - 1
        self._dropped = 0
        self._silences = 0

    def naptr(self, name: str, service: str) -> list[Naptr]:
        try:
            answer = self._names.naptr(name)
        except NamesUnavailable:
            return []  # some servers do not know the type; SRV by the usual name gives the same, and no less
        if answer.records:
            self._lives(answer.ttl_s)
        found = [r for r in answer.records if r.service.upper() == service and r.flags.lower() == "s"]
        return sorted(found, key=lambda record: (record.order, record.preference))

    def srv(self, name: str) -> tuple[Srv, ...]:
        answer = self._names.srv(name)
        if answer.records:
            self._lives(answer.ttl_s)
        return answer.records

    def hosts(self, name: str, port: int, *, one_of_several: bool = False) -> tuple[str, ...]:
        found: list[Address] = []
        problem: NamesUnavailable | None = None
        for version in self._versions:
            try:
                answer = self._names.addresses(name, version)
            except NamesUnavailable as unavailable:
                self._silences += 1
                if self._silences > MOST_SILENCES:
                    raise
                problem = unavailable
                continue
            if answer.records:
                self._lives(answer.ttl_s)
            found += [address for address in answer.records if address.version == version]
        usable = [address for address in dict.fromkeys(found) if is_usable(address, self._ours)]
        self._dropped += len(found) - len(usable)
        if not usable and problem is not None and not one_of_several:
            raise problem
        return tuple(str(Host(host=str(address), port=port)) for address in usable[:MOST_ADDRESSES])

    def located(self, servers: Iterable[Server], host: Host) -> Located:
        there = tuple(server for server in servers if server.hosts)
        if not there:
            dropped = f", but for {self._dropped} that are no peer's" if self._dropped else ""
            raise NotLocated(f"DNS has no address for {host} that this node can reach{dropped}")
        return Located(servers=there, ttl_s=self.ttl_s)

    def _lives(self, ttl_s: int) -> None:
        self.ttl_s = min(self.ttl_s, ttl_s)
