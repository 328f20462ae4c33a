"""RFC 3263: from a host that is a name to the servers behind it."""

from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from trunkward.routing.locate import MOST_SERVERS, Located, NotLocated, Server, is_usable, locate
from trunkward.routing.ports import Answer, NamesUnavailable, Naptr, Srv
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Address, Host

V4, V6 = ip_address("198.51.100.10"), ip_address("2001:db8::10")
BOTH = (V4, V6)
DOMAIN = Host(host="north.example.net")


def naptr(order: int, preference: int, service: str, replacement: str, flags: str = "s") -> Naptr:
    return Naptr(order=order, preference=preference, flags=flags, service=service, replacement=replacement)


def srv(priority: int, weight: int, port: int, target: str) -> Srv:
    return Srv(priority=priority, weight=weight, port=port, target=target)


@dataclass
class Zone:
    """A DNS that answers from tables; a name among `silent` is answered by nobody."""

    naptrs: dict[str, list[Naptr]] = field(default_factory=dict)
    srvs: dict[str, list[Srv]] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    ttls: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def naptr(self, name: str) -> Answer[Naptr]:
        return self._answer(f"NAPTR {name}", name, self.naptrs.get(name, []))

    def srv(self, name: str) -> Answer[Srv]:
        return self._answer(f"SRV {name}", name, self.srvs.get(name, []))

    def addresses(self, name: str, version: int) -> Answer[Address]:
        found = [ip_address(text) for text in self.hosts.get(name, [])]
        return self._answer(f"v{version} {name}", name, [a for a in found if a.version == version])

    def _answer[T](self, question: str, name: str, records: list[T]) -> Answer[T]:
        self.asked.append(question)
        if name in self.silent:
            raise NamesUnavailable(f"{question}: timed out")
        return Answer(records=tuple(records), ttl_s=self.ttls.get(name, 300))


ADDRESSES = {
    "a.example.net": ["198.51.100.31", "2001:db8::31"],
    "b.example.net": ["198.51.100.32"],
    "north.example.net": ["198.51.100.30"],
}
SIPS = {
    "_sips._tcp.north.example.net": [srv(20, 0, 5061, "b.example.net"), srv(10, 60, 5071, "a.example.net")]
}
ANY_SIP = {
    "_sip._udp.north.example.net": [srv(1, 1, 5060, "a.example.net")],
    "_sip._tcp.north.example.net": [srv(1, 1, 5080, "b.example.net")],
}


def hosts(found: Located) -> list[str]:
    return [host for server in found.servers for host in server.hosts]


def test_srv_by_the_transports_own_name() -> None:
    zone = Zone(srvs=SIPS | ANY_SIP, hosts=ADDRESSES)
    assert locate(DOMAIN, Transport.TLS, BOTH, zone).servers == (
        Server(priority=10, weight=60, hosts=("[2001:db8::31]:5071", "198.51.100.31:5071")),
        Server(priority=20, weight=0, hosts=("198.51.100.32:5061",)),
    )
    assert hosts(locate(DOMAIN, Transport.UDP, (V4,), zone)) == ["198.51.100.31:5060"]
    assert hosts(locate(DOMAIN, Transport.TCP, (V4,), zone)) == ["198.51.100.32:5080"]


def test_naptr_names_the_srv_record_in_its_order() -> None:
    zone = Zone(
        naptrs={
            DOMAIN.host: [
                naptr(20, 10, "SIPS+D2T", "_sips._tcp.second.example.net"),
                naptr(10, 20, "sips+d2t", "_sips._tcp.first.example.net"),
                naptr(10, 10, "SIP+D2T", "_sip._tcp.plain.example.net"),
                naptr(5, 10, "SIPS+D2T", "not.srv.example.net", flags="u"),
            ]
        },
        srvs={
            "_sips._tcp.second.example.net": [srv(1, 1, 5061, "b.example.net")],
            "_sips._tcp.first.example.net": [srv(1, 1, 5091, "a.example.net")],
            "_sip._tcp.plain.example.net": [srv(1, 1, 5060, "b.example.net")],
        },
        hosts=ADDRESSES,
    )
    assert hosts(locate(DOMAIN, Transport.TLS, (V4,), zone)) == ["198.51.100.31:5091"]
    del zone.srvs["_sips._tcp.first.example.net"]
    assert hosts(locate(DOMAIN, Transport.TLS, (V4,), zone)) == ["198.51.100.32:5061"]


def test_naptr_answers_are_followed_so_far() -> None:
    many = [naptr(1, index, "SIPS+D2T", f"_sips._tcp.n{index}.example.net") for index in range(1500)]
    zone = Zone(naptrs={DOMAIN.host: many}, hosts=ADDRESSES)
    assert hosts(locate(DOMAIN, Transport.TLS, (V4,), zone)) == ["198.51.100.30:5061"]
    assert len([question for question in zone.asked if question.startswith("SRV")]) == MOST_SERVERS


def test_tls_is_never_left_for_what_dns_offers_instead() -> None:
    zone = Zone(
        naptrs={DOMAIN.host: [naptr(1, 1, "SIP+D2U", "_sip._udp.north.example.net")]},
        srvs=ANY_SIP,
        hosts=ADDRESSES,
    )
    assert hosts(locate(DOMAIN, Transport.TLS, (V4,), zone)) == ["198.51.100.30:5061"]
    assert not [question for question in zone.asked if "_sip." in question]


@pytest.mark.parametrize(
    ("transport", "port"), [(Transport.TLS, 5061), (Transport.TCP, 5060), (Transport.UDP, 5060)]
)
def test_without_srv_the_domains_addresses(transport: Transport, port: int) -> None:
    found = locate(DOMAIN, transport, BOTH, Zone(hosts=ADDRESSES))
    assert hosts(found) == [f"198.51.100.30:{port}"]


def test_a_name_with_a_port_has_no_srv() -> None:
    zone = Zone(srvs=SIPS, hosts=ADDRESSES)
    found = locate(Host(host="a.example.net", port=5099), Transport.TLS, BOTH, zone)
    assert hosts(found) == ["[2001:db8::31]:5099", "198.51.100.31:5099"]
    assert zone.asked == ["v6 a.example.net", "v4 a.example.net"]


def test_a_service_that_is_not_there_is_no_failure() -> None:
    zone = Zone(srvs={"_sips._tcp.north.example.net": [srv(0, 0, 0, ".")]}, hosts=ADDRESSES)
    assert locate(DOMAIN, Transport.TLS, BOTH, zone).servers == ()


def test_the_shortest_life_counts() -> None:
    zone = Zone(srvs=SIPS, hosts=ADDRESSES, ttls={"b.example.net": 40, "_sips._tcp.north.example.net": 120})
    assert locate(DOMAIN, Transport.TLS, BOTH, zone).ttl_s == 40


def test_one_silent_server_costs_no_other() -> None:
    zone = Zone(srvs=SIPS, hosts=ADDRESSES, silent=frozenset({"a.example.net"}))
    assert hosts(locate(DOMAIN, Transport.TLS, BOTH, zone)) == ["198.51.100.32:5061"]


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        ({"_sips._tcp.north.example.net"}, "SRV _sips._tcp.north.example.net"),
        ({"a.example.net", "b.example.net"}, "b.example.net: timed out"),
    ],
)
def test_what_nobody_answers_is_said(silent: set[str], said: str) -> None:
    zone = Zone(srvs=SIPS, hosts=ADDRESSES, silent=frozenset(silent))
    with pytest.raises(NotLocated, match=said):
        locate(DOMAIN, Transport.TLS, BOTH, zone)


def test_silence_on_naptr_is_no_end() -> None:
    zone = Zone(srvs=SIPS, hosts={"b.example.net": ["198.51.100.32"], "a.example.net": []})
    zone.silent = frozenset({DOMAIN.host})
    assert hosts(locate(DOMAIN, Transport.TLS, (V4,), zone)) == ["198.51.100.32:5061"]


def test_a_dead_dns_is_not_asked_for_every_server() -> None:
    many = [srv(1, 1, 5061, f"s{index}.example.net") for index in range(16)]
    zone = Zone(srvs={"_sips._tcp.north.example.net": many})
    zone.silent = frozenset(record.target for record in many)
    with pytest.raises(NotLocated):
        locate(DOMAIN, Transport.TLS, BOTH, zone)
    assert len(zone.asked) < 8


@pytest.mark.parametrize(
    ("address", "ours", "usable"),
    [
        ("198.51.100.31", BOTH, True),
        ("10.0.0.1", BOTH, True),
        ("198.51.100.10", BOTH, False),
        ("127.0.0.1", BOTH, False),
        ("127.0.0.31", (ip_address("127.0.0.10"),), True),
        ("::1", BOTH, False),
        ("::ffff:198.51.100.31", BOTH, False),
        ("fe80::1", BOTH, False),
        ("169.254.169.254", BOTH, False),
        ("224.0.0.1", BOTH, False),
        ("0.0.0.0", BOTH, False),
        ("255.255.255.255", BOTH, False),
    ],
)
def test_addresses_that_are_no_peers(address: str, ours: tuple[Address, ...], usable: bool) -> None:
    assert is_usable(ip_address(address), ours) is usable


def test_only_addresses_that_are_no_peers() -> None:
    with pytest.raises(NotLocated, match="no peer's"):
        locate(DOMAIN, Transport.TLS, (V4,), Zone(hosts={DOMAIN.host: ["127.0.0.1"]}))
