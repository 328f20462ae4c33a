"""Keys of the node file that say where the node listens, how peers are found, and who may speak TLS 1.2."""

from ipaddress import ip_address

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.model import Declared, Host, Probes

FILE = """\
node:
  name: sbc.example.com
  address: [192.0.2.10, "2001:db8::10"]
  identity: {spc: "000T", x5u: "https://cert.example.com/a.pem"}
  number_plan: {country: "1"}
tenants:
  - name: acme
    trunks:
      - name: acme-hq
        networks: [198.51.100.0/24, "2001:db8:1::/64"]
        client_certificate: issued
        numbers: ["+12025550101"]
        host: "[2001:db8:1::5]:5061"
        tls_names: [pbx.acme.example.com]
carriers:
  - name: north
    hosts: [north.example.net]
    transport: tls
    prefixes: ["+1"]
    networks: [203.0.113.7]
  - name: south
    hosts: [south.example.net, "[2001:db8:2::5]:5060"]
    transport: udp
    media: rtp
    prefixes: ["+44"]
    networks: [203.0.113.9]
"""
ADDRESS = '[192.0.2.10, "2001:db8::10"]'


def read(*changes: tuple[str, str]) -> Declared:
    text = FILE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return read_node_file(text, "node.yaml")


def test_one_address_of_each_version() -> None:
    node = read().node
    both = (ip_address("192.0.2.10"), ip_address("2001:db8::10"))
    assert [node.addresses, node.media_addresses, node.versions] == [both, both, {4, 6}]
    only = read((ADDRESS, '"2001:db8::10"'), ("south.example.net, ", "")).node
    assert [only.addresses, only.versions] == [both[1:], {6}]


def test_a_domain_alone_has_no_port_and_names_its_certificate() -> None:
    north, south = read().carriers
    assert (north.hosts, north.tls_names) == ((Host(host="north.example.net"),), ("north.example.net",))
    assert str(north.hosts[0]) == "north.example.net"
    assert south.tls_names == ()
    named = read(("networks: [203.0.113.7]", "networks: [203.0.113.7]\n    tls_names: [sip.example.net]"))
    assert named.carriers[0].tls_names == ("sip.example.net",)


def test_resolvers_and_probes() -> None:
    text = (
        '\n  resolvers: [192.0.2.53, "2001:db8::53", "127.0.0.1:5353"]\n  probes: {every_s: 5, up_after: 1}\n'
    )
    node = read(("\n  identity", f"{text}  identity")).node
    assert [str(resolver) for resolver in node.resolvers] == [
        "192.0.2.53:53",
        "[2001:db8::53]:53",
        "127.0.0.1:5353",
    ]
    assert node.probes == Probes(every_s=5, down_after=3, up_after=1)


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ("sip.example.com", ("sip.example.com",)),
        ('[192.0.2.10, "2001:db8::10"]', ("192.0.2.10", "2001:db8::10")),
    ],
)
def test_what_stands_in_contact_suits_both_versions(hosts: str, shown: tuple[str, ...]) -> None:
    assert read(("\n  identity", f"\n  contact_host: {hosts}\n  identity")).node.contact_hosts == shown


def test_a_trunk_may_speak_tls_1_2() -> None:
    declared = read(("client_certificate: issued", "client_certificate: issued\n        unsafe_tls12: true"))
    assert declared.has_tls12
    assert not read().has_tls12


HOST = """host: "[2001:db8:1::5]:5061"
        tls_names: [pbx.acme.example.com]"""


def test_a_trunk_may_register() -> None:
    declared = read((HOST, "host: registered"))
    assert (declared.trunks[0].host, declared.trunks[0].registers) == (None, True)
    assert not read().trunks[0].registers


TLS12 = ("client_certificate: issued", "client_certificate: issued\n        unsafe_tls12: true")
SAME_NAME = """\
networks: [203.0.113.7]
    tls_names: [pbx.acme.example.com]"""
SAME_HOST = """\
networks: [203.0.113.7]
    tls_names: [north.example.net]
  - name: east
    hosts: ["[2001:db8:1::5]:5061"]
    transport: tls
    prefixes: ["+3"]
    networks: [203.0.113.8]
    tls_names: [east.example.net]"""


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ([(ADDRESS, '[192.0.2.10, "192.0.2.11"]')], "node.address", "one of each version"),
        ([(ADDRESS, "[]")], "node.address", "one of each version"),
        ([(ADDRESS, '[192.0.2.10, "fe80::1"]')], "node.address", "link-local"),
        ([(ADDRESS, '"fe80::1%eth0"')], "node.address", "link-local"),
        ([(ADDRESS, '"::ffff:192.0.2.10"')], "node.address", "IPv4-mapped"),
        (
            [("\n  identity", "\n  media: {address: 192.0.2.10}\n  identity")],
            "node.media.address",
            "write an IPv4 address and an IPv6 address",
        ),
        (
            [("\n  identity", "\n  contact_host: 192.0.2.10\n  identity")],
            "node.contact_host",
            "write a name, or both addresses",
        ),
        (
            [("\n  identity", '\n  contact_host: [192.0.2.77, "2001:db8::10"]\n  identity')],
            "node.contact_host",
            "write a name, or both addresses",
        ),
        (
            [("\n  identity", "\n  contact_host: [a.example.com, b.example.com]\n  identity")],
            "node.contact_host",
            "one of each IP version",
        ),
        ([(ADDRESS, "192.0.2.10"), ('south.example.net, "[2001:db8:2::5]:5060"', "south.example.net")],
         "tenants[acme].trunks[acme-hq].host", "node.address has none of that version"),
        ([('"[2001:db8:1::5]:5061"', "pbx.example.com")], "tenants[acme].trunks[acme-hq].host", "host:port"),
        ([('"[2001:db8:1::5]:5061"', "registers")], "tenants[acme].trunks[acme-hq].host", "or registered, for a PBX"),
        (
            [('"[2001:db8:1::5]:5061"', "registered")],
            "tenants[acme].trunks[acme-hq].tls_names",
            "no name is asked of it; leave it out",
        ),
        ([("[north.example.net]", "[192.0.2.44]")], "carriers[north].hosts[0]", "host:port"),
        ([("[north.example.net]", "[localhost]")], "carriers[north].hosts[0]", "with its domain"),
        (
            [("[north.example.net]", '[north.example.net, "192.0.2.44:5061"]')],
            "carriers[north]",
            "a TLS carrier needs tls_names",
        ),
        ([("\n  identity", "\n  resolvers: [dns.example.net]\n  identity")], "node.resolvers[0]", "DNS server"),
        ([("\n  identity", "\n  probes: {every_s: -1}\n  identity")], "node.probes.every_s", "must be 0 or more"),
        ([TLS12, ("\n  identity", "\n  tls12_port: 5061\n  identity")], "node.tls12_port", "same as tls_port"),
        ([TLS12, ("\n  identity", "\n  tls12_port: 30001\n  identity")], "node.tls12_port", "media.ports"),
        (
            [TLS12, ("networks: [203.0.113.7]", SAME_NAME)],
            "carriers[north].tls_names[0]",
            "may speak TLS 1.2: write another name first",
        ),
        ([("networks: [203.0.113.7]", SAME_HOST)], "carriers[east].hosts[0]", "one host has one certificate"),
    ],
)  # fmt: skip
def test_refused_where_it_stands(changes: list[tuple[str, str]], path: str, said: str) -> None:
    with pytest.raises(NodeFileRefused) as refused:
        read(*changes)
    found = [(problem.path, problem.message) for problem in refused.value.problems]
    assert any(where == path and said in message for where, message in found), found


def test_the_port_for_tls_1_2_is_nobodys_business_while_it_is_closed() -> None:
    assert read(("\n  identity", "\n  plain_port: 5062\n  identity")).node.plain_port == 5062
