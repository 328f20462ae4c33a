"""A node's file: good as a whole, or refused with every problem, its line and what to write instead."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.control.yaml_lines import MAX_BYTES, Problem
from trunkward.media.suites import ALLOWED
from trunkward.sip.transport import Transport
from trunkward.trunks.model import MediaPolicy

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text()

SMALL = """\
node:
  name: sbc.example.com
  address: 192.0.2.10
  identity: {spc: "000T", x5u: "https://cert.example.com/a.pem"}
  number_plan: {country: "1"}
tenants:
  - name: acme
    trunks:
      - name: acme-hq
        networks: [198.51.100.0/24, "2001:db8::/64"]
        client_certificate: issued
        numbers: ["+12025550101"]
carriers:
  - name: north
    hosts: ["sip.north.example.net:5061", "[2001:db8::20]:5061"]
    transport: tls
    prefixes: ["+1"]
    networks: [203.0.113.7]
    tls_names: [north.example.net]
"""


def problems(text: str) -> list[Problem]:
    with pytest.raises(NodeFileRefused) as refused:
        read_node_file(text, "node.yaml")
    return refused.value.problems


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_example_is_the_laboratory() -> None:
    declared = read_node_file(EXAMPLE, "examples/node.yaml")
    (trunk,) = declared.trunks
    north, south = declared.carriers
    assert declared.node.name == "sbc.example.com"
    assert declared.node.contact_host == "127.0.0.10"
    assert (trunk.tenant, trunk.certificate_issued_here, trunk.certificate_sha256) == ("acme", True, "")
    assert trunk.numbers == ("+12025550101", "+12025550102", "+12025550103")
    assert (str(trunk.host), trunk.tls_names) == ("127.0.0.1:15061", ("pbx.acme.example.com",))
    assert (north.transport, north.media, north.prefixes) == (Transport.TLS, MediaPolicy.SRTP, ("+1202",))
    assert (south.transport, south.media, south.prefixes) == (Transport.UDP, MediaPolicy.RTP, ("+1303",))
    assert (north.certificate_issued_here, south.certificate_issued_here) == (True, False)


def test_defaults() -> None:
    declared = read_node_file(SMALL, "node.yaml")
    node = declared.node
    assert (node.tls_port, node.plain_port, node.gates) == (5061, 5060, 2)
    assert (node.contact_host, node.media_address) == ("sbc.example.com", ip_address("192.0.2.10"))
    assert (node.media_port_min, node.media_port_max) == (30000, 39999)
    assert (node.emergency_numbers, node.country) == (("911", "933"), "1")
    assert not node.unsafe_unanchored_media
    assert declared.trunks[0].networks[1] == ip_network("2001:db8::/64")
    assert declared.trunks[0].srtp_suites == ALLOWED
    carrier = declared.carriers[0]
    assert (carrier.media, [str(host) for host in carrier.hosts]) == (
        MediaPolicy.SRTP,
        ["sip.north.example.net:5061", "[2001:db8::20]:5061"],
    )


def test_elsewhere_the_emergency_number_is_112() -> None:
    assert read_node_file(SMALL.replace('"1"}', '"44"}'), "x").node.emergency_numbers == ("112",)


@pytest.mark.parametrize(
    ("old", "new", "path", "said"),
    [
        ("  name: sbc.example.com", "  nam: sbc.example.com", "node.nam", "did you mean name?"),
        ("  address: 192.0.2.10", "  address: 192.0.2", "node.address", "IP address"),
        ("  address: 192.0.2.10", "  address: 0.0.0.0", "node.address", "IP address"),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  tls_port: 70000", "node.tls_port", "65535"),
        (
            "  address: 192.0.2.10",
            '  address: 192.0.2.10\n  tls_port: "5061"',
            "node.tls_port",
            "without quotes",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  plain_port: 5061",
            "node.plain_port",
            "same as tls_port",
        ),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  plain_port: 30001", "node.plain_port", "inside"),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  gates: true", "node.gates", "whole number"),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  media: {ports: 3000}",
            "node.media.ports",
            "30000-39999",
        ),
        ("name: sbc.example.com", "name: sbc_example", "node.name", "host name"),
        ("name: sbc.example.com", "name: 192.0.2.10", "node.name", "host name"),
        ('"000T"', "0001", "node.identity.spc", "quotes"),
        ('"000T"', '"toolong"', "node.identity.spc", "four"),
        ("https://cert", "http://cert", "node.identity.x5u", "https"),
        ('{country: "1"}', "{country: 1}", "node.number_plan.country", "quotes"),
        (
            '{country: "1"}',
            '{country: "1", emergency: ["911", "911"]}',
            "node.number_plan.emergency[1]",
            "already",
        ),
        ("198.51.100.0/24", "198.51.100.1/24", "tenants[0].trunks[0].networks[0]", "write 198.51.100.0/24"),
        ("198.51.100.0/24", "all", "tenants[0].trunks[0].networks[0]", "192.0.2.0/24"),
        ('[198.51.100.0/24, "2001:db8::/64"]', "[]", "tenants[0].trunks[0].networks", "empty"),
        ("certificate: issued", "certificate: sha256:xyz", "tenants[0].trunks[0].client_certificate", "64"),
        ("        client_certificate: issued\n", "", "tenants[0].trunks[0].client_certificate", "missing"),
        ('"+12025550101"', '"2025550101"', "tenants[0].trunks[0].numbers[0]", "+12025550101"),
        ('["+12025550101"]', "[+12025550101]", "tenants[0].trunks[0].numbers[0]", "quotes"),
        (
            '["+12025550101"]',
            '["+12025550101", "+12025550101"]',
            "tenants[0].trunks[0].numbers[1]",
            "already",
        ),
        ('["+12025550101"]', '"+12025550101"', "tenants[0].trunks[0].numbers", "list"),
        ("issued\n", "issued\n        host: 192.0.2.9:5061\n", "tenants[0].trunks[0].host", "tls_names"),
        (
            "issued\n",
            "issued\n        tls_names: [a.example.com]\n",
            "tenants[0].trunks[0].tls_names",
            "host",
        ),
        (
            "issued\n",
            "issued\n        srtp: [NULL_HMAC_SHA1_80]\n",
            "tenants[0].trunks[0].srtp[0]",
            "AEAD_AES_256_GCM",
        ),
        ("issued\n", "issued\n        enabled: 'yes'\n", "tenants[0].trunks[0].enabled", "true or false"),
        ("name: acme-hq", "name: Acme HQ", "tenants[0].trunks[0].name", "lower-case"),
        ("name: acme-hq", "name: north", "carriers[0].name", "another trunk or carrier"),
        ("sip.north.example.net:5061", "sip.north.example.net", "carriers[0].hosts[0]", "host:port"),
        ("[2001:db8::20]:5061", "2001:db8::20:5061", "carriers[0].hosts[1]", "[2001:db8::20]:5061"),
        ("sip.north.example.net:5061", "192.0.2:5061", "carriers[0].hosts[0]", "IP address"),
        ("transport: tls", "transport: sctp", "carriers[0].transport", "tls, tcp or udp"),
        ("transport: tls", "transport: tls\n    media: plain", "carriers[0].media", "srtp or rtp"),
        ("    tls_names: [north.example.net]\n", "", "carriers[0]", "needs tls_names"),
        ('["+1"]', '["1"]', "carriers[0].prefixes[0]", "'+'"),
        ('["+1"]', '["+1", "+1"]', "carriers[0].prefixes[1]", "already"),
        ('    prefixes: ["+1"]\n', "", "carriers[0]", "takes no numbers"),
        ("transport: tls", "transport: tls\n    ca: north.pem", "carriers[0].ca", "absolute path"),
        ("carriers:\n", "carriers: &all\n", "", "anchors"),
        (
            "  name: sbc.example.com",
            "  name: sbc.example.com\n  name: b.example.com",
            "node.name",
            "second time",
        ),
        ("tenants:\n", "tenants: [\n", "", ""),
        ("tenants:\n", "\ttenants:\n", "", ""),
        ("node:", "node: !!python/object:os.system", "node", "nothing a node's file needs"),
    ],
)
def test_refuses_with_line_and_reason(old: str, new: str, path: str, said: str) -> None:
    assert SMALL.count(old) >= 1
    text = SMALL.replace(old, new, 1)
    found = problems(text)
    assert any(problem.path == path and said in problem.message for problem in found), found
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in found)


def test_plain_carriers() -> None:
    text = SMALL.replace("transport: tls", "transport: udp").replace("203.0.113.7", "0.0.0.0/0")
    said = {problem.path: problem.message for problem in problems(text)}
    assert "RFC 4568" in said["carriers[0].media"]
    assert "whole Internet" in said["carriers[0].networks[0]"]
    assert "leave it out" in said["carriers[0].tls_names"]


def test_a_number_in_two_trunks() -> None:
    second = SMALL[SMALL.index("      - name: acme-hq") : SMALL.index("carriers:")].replace(
        "acme-hq", "branch"
    )
    text = SMALL.replace("carriers:", second + "carriers:")
    (problem,) = problems(text)
    assert (problem.path, problem.line) == ("tenants[0].trunks[1].numbers[0]", line_of(text, "numbers") + 4)


def test_two_trunks_with_one_certificate() -> None:
    text = SMALL.replace("client_certificate: issued", f"client_certificate: sha256:{'ab' * 32}")
    second = text[text.index("      - name: acme-hq") : text.index("carriers:")]
    second = second.replace("acme-hq", "branch").replace('["+12025550101"]', "[]")
    (problem,) = problems(text.replace("carriers:", second + "carriers:"))
    assert problem.path == "tenants[0].trunks[1].client_certificate"


def test_all_problems_at_once_in_the_order_of_their_lines() -> None:
    text = (
        EXAMPLE.replace("gates: 2", "gatez: 2")
        .replace('"+1303"', '"1303"')
        .replace("transport: tls", "transport: x")
    )
    found = problems(text)
    assert [problem.line for problem in found] == [
        line_of(text, "gatez"),
        line_of(text, "transport: x"),
        line_of(text, '"1303"'),
    ]
    with pytest.raises(NodeFileRefused, match=rf"node.yaml:{found[0].line}:\d+: node.gatez: unknown key"):
        read_node_file(text, "node.yaml")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "- a\n- b\n", "42", "null", "node: 1", "a: [1, 2", "\x00", "--- a\n--- b\n"]
)
def test_scraps(text: str) -> None:
    assert problems(text)


def test_deep_nesting_and_size_are_bounded() -> None:
    assert "deep" in problems("[" * 5000)[0].message
    assert "MiB" in problems("#" * (MAX_BYTES + 1))[0].message


def test_a_merge_key_is_no_key() -> None:
    assert any("plain word" in problem.message for problem in problems(SMALL + "<<: {a: 1}\n"))
