"""A node's file: good as a whole, or refused with every problem, its line and what to write instead."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.control.yaml_lines import MAX_BYTES, Problem
from trunkward.media.suites import ALLOWED
from trunkward.sip.transport import Transport
from trunkward.trunks.model import MediaPolicy, Probes

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
    hosts: ["sip.north.example.net:5061", "192.0.2.20:5061"]
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


def test_a_tenant_is_sold_to_by_its_reseller_and_home_is_a_country() -> None:
    text = SMALL.replace("tenants:", "resellers: [{name: west}]\ntenants:").replace(
        "  - name: acme\n", "  - name: acme\n    reseller: west\n"
    )
    declared = read_node_file(text.replace('{country: "1"}', '{country: "1", region: CA}'), "node.yaml")
    assert (declared.resellers, declared.trunks[0].reseller) == (("west",), "west")
    assert declared.node.region == "CA"
    plain = read_node_file(SMALL, "node.yaml")
    assert (plain.resellers, plain.trunks[0].reseller, plain.node.region) == ((), "", "US")


def test_a_tenant_that_is_off_has_no_trunk_that_is_on() -> None:
    text = SMALL.replace("  - name: acme\n", "  - name: acme\n    enabled: false\n", 1)
    assert [trunk.enabled for trunk in read_node_file(text, "node.yaml").trunks] == [False]
    assert [trunk.enabled for trunk in read_node_file(SMALL, "node.yaml").trunks] == [True]


def test_the_example_is_the_laboratory() -> None:
    declared = read_node_file(EXAMPLE, "examples/node.yaml")
    (trunk,) = declared.trunks
    north, south = declared.carriers
    assert declared.node.name == "sbc.example.com"
    assert declared.node.contact_hosts == ("127.0.0.10",)
    assert (trunk.tenant, trunk.certificate_issued_here, trunk.certificate_sha256) == ("acme", True, "")
    assert trunk.numbers == ("+12025550101", "+12025550102", "+12025550103")
    assert (str(trunk.host), trunk.tls_names) == ("127.0.0.21:15061", ("pbx.acme.example.com",))
    assert (north.transport, north.media, north.prefixes) == (Transport.TLS, MediaPolicy.SRTP, ("+1202",))
    assert (south.transport, south.media, south.prefixes) == (Transport.UDP, MediaPolicy.RTP, ("+1303",))
    assert (north.certificate_issued_here, south.certificate_issued_here) == (True, False)


def test_defaults() -> None:
    declared = read_node_file(SMALL, "node.yaml")
    node = declared.node
    assert (node.tls_port, node.plain_port, node.gates) == (5061, 5060, 2)
    assert (node.contact_hosts, node.media_addresses) == (("sbc.example.com",), (ip_address("192.0.2.10"),))
    assert (node.tls12_port, node.resolvers, node.probes) == (5062, (), Probes())
    assert (node.media_port_min, node.media_port_max) == (30000, 39999)
    assert (node.emergency_numbers, node.country) == (("911", "933"), "1")
    assert not node.unsafe_unanchored_media
    assert (node.max_call_s, node.grant_s, declared.trunks[0].max_call_s) == (14_400, 60, 14_400)
    assert declared.trunks[0].networks[1] == ip_network("2001:db8::/64")
    assert declared.trunks[0].srtp_suites == ALLOWED
    carrier = declared.carriers[0]
    assert (carrier.media, [str(host) for host in carrier.hosts]) == (
        MediaPolicy.SRTP,
        ["sip.north.example.net:5061", "192.0.2.20:5061"],
    )


def test_a_carrier_may_take_every_number() -> None:
    assert read_node_file(SMALL.replace('["+1"]', '["+"]'), "x").carriers[0].prefixes == ("+",)


def test_a_trunk_s_own_maximum_stands_above_the_node_s() -> None:
    text = SMALL.replace("  address: 192.0.2.10", "  address: 192.0.2.10\n  max_call_s: 600")
    assert [trunk.max_call_s for trunk in read_node_file(text, "node.yaml").trunks] == [600]
    client = "client_certificate: issued"
    assert text.count(client) == 1
    text = text.replace(client, f"{client}\n        max_call_s: 7200")
    assert [trunk.max_call_s for trunk in read_node_file(text, "node.yaml").trunks] == [7200]


@pytest.mark.parametrize(
    ("plan", "numbers"),
    [
        ('"1"}', ("911", "933")),
        ('"1", region: BB}', ("211", "311", "511", "911", "933")),
        ('"44"}', ("112", "999")),
        ('"64"}', ("111", "112")),
        ('"44", emergency: ["999"]}', ("999",)),
    ],
)
def test_emergency_numbers_are_those_of_the_region(plan: str, numbers: tuple[str, ...]) -> None:
    assert read_node_file(SMALL.replace('"1"}', plan), "x").node.emergency_numbers == numbers


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "said"),
    [
        ("  name: sbc.example.com", "  nam: sbc.example.com", 2, "node.nam", "did you mean name?"),
        ("  address: 192.0.2.10", "  address: 192.0.2", 3, "node.address", "IP address"),
        ("  address: 192.0.2.10", "  address: 0.0.0.0", 3, "node.address", "IP address"),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  tls_port: 70000",
            4,
            "node.tls_port",
            "1024 to 65535",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  tls_port: 443",
            4,
            "node.tls_port",
            "no privilege to take one below",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  plain_port: 1023",
            4,
            "node.plain_port",
            "no privilege to take one below",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  tls_port: 05061",
            4,
            "node.tls_port",
            "05061 would be read as another number; write plain digits",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  tls_port: 0x13c5",
            4,
            "node.tls_port",
            "0x13c5 would be read as another number; write plain digits",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  tls_port: 5_061",
            4,
            "node.tls_port",
            "5_061 would be read as another number; write plain digits",
        ),
        (
            "  address: 192.0.2.10",
            '  address: 192.0.2.10\n  media: {address: "2001:db8::10"}',
            4,
            "node.media.address",
            "write an IPv4 address",
        ),
        (
            "  address: 192.0.2.10",
            '  address: "2001:db8::10"\n  media:\n    address: 192.0.2.10',
            5,
            "node.media.address",
            "write an IPv6 address",
        ),
        (
            "  address: 192.0.2.10",
            '  address: 192.0.2.10\n  tls_port: "5061"',
            4,
            "node.tls_port",
            "without quotes",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  plain_port: 5061",
            4,
            "node.plain_port",
            "same as tls_port",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  plain_port: 30001",
            4,
            "node.plain_port",
            "inside",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  journal_retention: 729",
            4,
            "node.journal_retention",
            "less than signature_retention, 730",
        ),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  gates: true", 4, "node.gates", "whole number"),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  media: {ports: 3000}",
            4,
            "node.media.ports",
            "30000-39999",
        ),
        (
            "  address: 192.0.2.10",
            "  address: 192.0.2.10\n  max_call_s: 82801",
            4,
            "node.max_call_s",
            "1 to 82800",
        ),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  max_call_s: 0", 4, "node.max_call_s", "14400"),
        ("  address: 192.0.2.10", "  address: 192.0.2.10\n  grant_s: 3", 4, "node.grant_s", "4 to 3600"),
        (
            "  address: 192.0.2.10",
            '  address: 192.0.2.10\n  grant_s: "60"',
            4,
            "node.grant_s",
            "whole number",
        ),
        ("name: sbc.example.com", "name: sbc_example", 2, "node.name", "host name"),
        ("name: sbc.example.com", "name: 192.0.2.10", 2, "node.name", "host name"),
        ('"000T"', "0001", 4, "node.identity.spc", "quotes"),
        ('"000T"', '"toolong"', 4, "node.identity.spc", "four"),
        ("https://cert", "http://cert", 4, "node.identity.x5u", "https"),
        ('{country: "1"}', "{country: 1}", 5, "node.number_plan.country", "quotes"),
        ('{country: "1"}', '{country: "999"}', 5, "node.number_plan.country", "no country's code"),
        ('{country: "1"}', '{country: "1", region: us}', 5, "node.number_plan.region", "two capital"),
        ('{country: "1"}', '{country: "1", region: GB}', 5, "node.number_plan.region", "of it are: US, AG"),
        (
            "  - name: acme\n",
            "  - name: acme\n    reseller: west\n",
            8,
            "tenants[acme].reseller",
            "under resellers",
        ),
        (
            "tenants:\n  - name: acme\n",
            "resellers: [{name: west}]\ntenants:\n  - name: acme\n    reseller: wset\n",
            9,
            "tenants[acme].reseller",
            "did you mean west?",
        ),
        (
            "tenants:\n",
            "resellers: [{name: west}, {name: west}]\ntenants:\n",
            6,
            "resellers[west].name",
            "another reseller",
        ),
        (
            '{country: "1"}',
            '{country: "1", emergency: ["911", "911"]}',
            5,
            "node.number_plan.emergency[1]",
            "already",
        ),
        (
            "198.51.100.0/24",
            "198.51.100.1/24",
            10,
            "tenants[acme].trunks[acme-hq].networks[0]",
            "write 198.51.100.0/24",
        ),
        ("198.51.100.0/24", "all", 10, "tenants[acme].trunks[acme-hq].networks[0]", "192.0.2.0/24"),
        ('[198.51.100.0/24, "2001:db8::/64"]', "[]", 10, "tenants[acme].trunks[acme-hq].networks", "empty"),
        (
            "certificate: issued",
            "certificate: sha256:xyz",
            11,
            "tenants[acme].trunks[acme-hq].client_certificate",
            "64",
        ),
        (
            "        client_certificate: issued\n",
            "",
            9,
            "tenants[acme].trunks[acme-hq].client_certificate",
            "missing",
        ),
        ('"+12025550101"', '"2025550101"', 12, "tenants[acme].trunks[acme-hq].numbers[0]", "+12025550101"),
        ('["+12025550101"]', "[+12025550101]", 12, "tenants[acme].trunks[acme-hq].numbers[0]", "quotes"),
        (
            '["+12025550101"]',
            '["+12025550101", "+12025550101"]',
            12,
            "tenants[acme].trunks[acme-hq].numbers[1]",
            "already",
        ),
        ('["+12025550101"]', '"+12025550101"', 12, "tenants[acme].trunks[acme-hq].numbers", "list"),
        (
            "issued\n",
            "issued\n        host: 192.0.2.9:5061\n",
            12,
            "tenants[acme].trunks[acme-hq].host",
            "tls_names",
        ),
        (
            "issued\n",
            "issued\n        tls_names: [a.example.com]\n",
            12,
            "tenants[acme].trunks[acme-hq].tls_names",
            "host",
        ),
        (
            "issued\n",
            "issued\n        srtp: [NULL_HMAC_SHA1_80]\n",
            12,
            "tenants[acme].trunks[acme-hq].srtp[0]",
            "AEAD_AES_256_GCM",
        ),
        (
            "issued\n",
            "issued\n        enabled: 'yes'\n",
            12,
            "tenants[acme].trunks[acme-hq].enabled",
            "true or false",
        ),
        ("name: acme-hq", "name: Acme HQ", 9, "tenants[acme].trunks[0].name", "lower-case"),
        ("name: acme-hq", "name: north", 14, "carriers[north].name", "another trunk or carrier"),
        ("sip.north.example.net:5061", "192.0.2.21", 15, "carriers[north].hosts[0]", "host:port"),
        ("192.0.2.20:5061", "2001:db8::20:5061", 15, "carriers[north].hosts[1]", "[2001:db8::20]:5061"),
        ("192.0.2.20:5061", "[2001:db8::20]:5061", 15, "carriers[north].hosts[1]", "none of that version"),
        ("sip.north.example.net:5061", "192.0.2:5061", 15, "carriers[north].hosts[0]", "IP address"),
        ("transport: tls", "transport: sctp", 16, "carriers[north].transport", "tls, tcp or udp"),
        ("transport: tls", "transport: tls\n    media: plain", 17, "carriers[north].media", "srtp or rtp"),
        ("    tls_names: [north.example.net]\n", "", 14, "carriers[north]", "needs tls_names"),
        ('["+1"]', '["1"]', 17, "carriers[north].prefixes[0]", '"+" is every number'),
        ('["+1"]', '["+0"]', 17, "carriers[north].prefixes[0]", "first digits"),
        ('["+1"]', '["+1", "+1"]', 17, "carriers[north].prefixes[1]", "already"),
        ('    prefixes: ["+1"]\n', "", 14, "carriers[north]", "takes no numbers"),
        ("transport: tls", "transport: tls\n    ca: north.pem", 17, "carriers[north].ca", "absolute path"),
        ("carriers:\n", "carriers: &all\n", 13, "", "anchors"),
        (
            "  name: sbc.example.com",
            "  name: sbc.example.com\n  name: b.example.com",
            3,
            "node.name",
            "second time",
        ),
        ("tenants:\n", "tenants: [\n", 7, "", "expected the node content, but found '-'"),
        ("tenants:\n", "\ttenants:\n", 6, "", "a tab"),
        ("node:", "node: !!python/object:os.system", 1, "node", "nothing a node's file needs"),
    ],
)
def test_refuses_with_line_and_reason(old: str, new: str, line: int, path: str, said: str) -> None:
    assert SMALL.count(old) >= 1
    text = SMALL.replace(old, new, 1)
    found = problems(text)
    assert any((p.line, p.path) == (line, path) and said in p.message for p in found), found


PLAIN = """\
  - name: {name}
    hosts: ["192.0.2.77:5060"]
    transport: {transport}
    media: rtp
    prefixes: ["+1303"]
    networks: [{network}]
"""


def test_where_it_stood_first_is_told() -> None:
    trunk = "      - name: second\n        networks: [192.0.2.9]\n        client_certificate: issued\n"
    text = SMALL.replace("carriers:\n", f'{trunk}        numbers: ["+12025550101"]\ncarriers:\n')
    (problem,) = problems(text)
    assert problem.path == "tenants[acme].trunks[second].numbers[0]"
    assert (
        problem.message == "this number stands here already; a number belongs to one trunk (first on line 12)"
    )


def plain(name: str, network: str, transport: str = "udp", more: str = "") -> str:
    """A carrier without TLS, to stand after those of SMALL, which ends in line 19."""
    return PLAIN.format(name=name, transport=transport, network=network) + more


def secure(name: str, *, ca: str = "", names: str = "north.example.net") -> str:
    """A TLS carrier, to stand after those of SMALL."""
    given = f"    ca: {ca}\n" if ca else ""
    return f"""\
  - name: {name}
    hosts: ["192.0.2.77:5061"]
    transport: tls
    prefixes: ["+1303"]
    networks: [192.0.2.77]
    tls_names: [{names}]
{given}"""


#: What does not go together, line and path of the problem, and what to write instead.
CONTRADICTIONS = [
    (plain("south", "192.0.2.0/28") + plain("east", "192.0.2.8/29"), 31, "carriers[east].networks[0]",
     "also carrier south's, and without TLS only the address tells them apart: write networks that do not overlap"),
    (plain("south", "192.0.2.8/29") + plain("east", "192.0.2.0/28"), 31, "carriers[east].networks[0]",
     "write networks that do not overlap"),
    (plain("south", "192.0.2.7", "tcp") + plain("east", "192.0.2.7", "tcp"), 31, "carriers[east].networks[0]",
     "write networks that do not overlap"),
    (secure("east", ca="/etc/trunkward/east.pem"), 25, "carriers[east].tls_names[0]",
     "north has this name first, too, with another authority (ca: local): write the same ca, or another name first"),
    (plain("south", "192.0.2.7", more="    srtp: [AEAD_AES_256_GCM]\n"), 26, "carriers[south].srtp",
     "this carrier has no SRTP; leave it out, or write media: srtp"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "line", "path", "said"), CONTRADICTIONS)
def test_contradictions_between_entries(added: str, line: int, path: str, said: str) -> None:
    (problem,) = problems(SMALL + added)
    assert (problem.line, problem.path) == (line, path)
    assert said in problem.message


def test_a_trunk_and_a_carrier_of_one_name_need_one_authority() -> None:
    text = SMALL.replace(
        "issued\n", "issued\n        host: 192.0.2.9:5061\n        tls_names: [north.example.net]\n"
    )
    assert read_node_file(text, "x").carriers
    (problem,) = problems(text + "    ca: /etc/trunkward/north.pem\n")
    assert (problem.line, problem.path) == (21, "carriers[north].tls_names[0]")
    assert "acme-hq has this name first" in problem.message


@pytest.mark.parametrize(
    "added",
    [
        plain("south", "192.0.2.0/29") + plain("east", "192.0.2.8/29"),
        plain("south", "192.0.2.7") + plain("east", "192.0.2.7", "tcp"),
        plain("south", "192.0.2.7") + plain("east", "192.0.2.7", more="    enabled: false\n"),
        plain("south", "192.0.2.7") + plain("east", '"2001:db8::/32"'),
        secure("east"),
        secure("east", ca="/etc/trunkward/east.pem", names="east.example.net, north.example.net"),
    ],
)
def test_what_only_looks_like_a_contradiction_is_accepted(added: str) -> None:
    assert read_node_file(SMALL + added, "x").carriers


def test_plain_carriers() -> None:
    text = SMALL.replace("transport: tls", "transport: udp").replace("203.0.113.7", "0.0.0.0/0")
    said = {problem.path: problem.message for problem in problems(text)}
    assert "RFC 4568" in said["carriers[north].media"]
    assert "whole Internet" in said["carriers[north].networks[0]"]
    assert "leave it out" in said["carriers[north].tls_names"]


def test_a_number_in_two_trunks() -> None:
    second = SMALL[SMALL.index("      - name: acme-hq") : SMALL.index("carriers:")].replace(
        "acme-hq", "branch"
    )
    text = SMALL.replace("carriers:", second + "carriers:")
    (problem,) = problems(text)
    assert (problem.path, problem.line) == (
        "tenants[acme].trunks[branch].numbers[0]",
        line_of(text, "numbers") + 4,
    )


def test_two_trunks_with_one_certificate() -> None:
    text = SMALL.replace("client_certificate: issued", f"client_certificate: sha256:{'ab' * 32}")
    second = text[text.index("      - name: acme-hq") : text.index("carriers:")]
    second = second.replace("acme-hq", "branch").replace('["+12025550101"]', "[]")
    (problem,) = problems(text.replace("carriers:", second + "carriers:"))
    assert problem.path == "tenants[acme].trunks[branch].client_certificate"


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


def test_an_authority_that_cannot_be_read_is_a_problem_of_its_line() -> None:
    text = EXAMPLE
    line = text.splitlines().index("    ca: local") + 1
    named = text.replace("    ca: local", "    ca: /etc/trunkward/north.pem")
    asked: list[str] = []

    def why(path: str) -> str:
        asked.append(path)
        return "no certificate in PEM"

    with pytest.raises(NodeFileRefused) as refused:
        read_node_file(named, "node.yaml", why)
    assert asked == ["/etc/trunkward/north.pem"]
    assert str(refused.value) == f"node.yaml:{line}:5: carriers[north].ca: no certificate in PEM"
    assert read_node_file(named, "node.yaml", lambda _: "").carriers[0].ca_file == asked[0]
