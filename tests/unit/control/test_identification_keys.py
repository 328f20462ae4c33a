"""How a trunk is recognised, in the node file: what goes together, and what is refused as ambiguous."""

import pytest

from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.control.objects import effective
from trunkward.trunks.model import CertifiedBy, IdentifiedBy, Trunk

FILE = """\
node:
  name: sbc.example.com
  address: 192.0.2.10
  identity: {{spc: "000T", x5u: "https://cert.example.com/a.pem"}}
  number_plan: {{country: "1"}}
tenants:
  - name: acme
    trunks:
{trunks}
carriers:
  - {{name: north, hosts: ["192.0.2.20:5061"], transport: tls, prefixes: ["+1"], networks: [203.0.113.7],
     tls_names: [north.example.net]}}
"""
BY_CA = "{ca: /etc/trunkward/acme-ca.pem, subject: PBX.acme.example.com}"
FINGERPRINT = "sha256:" + "ab" * 32


def text_of(*trunks: str) -> str:
    return FILE.format(trunks="\n".join(f"      - {{{trunk}}}" for trunk in trunks))


def read(*trunks: str) -> tuple[Trunk, ...]:
    return read_node_file(text_of(*trunks), "node.yaml").trunks


def refused(*trunks: str) -> list[tuple[str, str]]:
    with pytest.raises(NodeFileRefused) as why:
        read(*trunks)
    return [(problem.path, problem.message) for problem in why.value.problems]


def test_the_default_is_network_and_certificate() -> None:
    (trunk,) = read("name: a, networks: [192.0.2.1], client_certificate: issued")
    assert trunk.identified_by == (IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE)
    assert (trunk.username, trunk.certified_by, trunk.unsafe_md5) == ("", None, False)


def test_any_combination_in_any_order() -> None:
    (trunk,) = read(
        f"name: a, identified_by: [digest, certificate, network], networks: [192.0.2.1], client_certificate: {BY_CA}"
    )
    assert trunk.identified_by == (IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE, IdentifiedBy.DIGEST)
    assert trunk.certified_by == CertifiedBy(ca="/etc/trunkward/acme-ca.pem", subject="pbx.acme.example.com")
    assert (trunk.username, trunk.certificate_sha256, trunk.certificate_issued_here) == ("a", "", False)
    for ways, more in [
        ("[network]", "networks: [192.0.2.1]"),
        ("[certificate]", f'client_certificate: "{FINGERPRINT}"'),
        ("[digest]", "username: acme@hq"),
        ("[certificate, digest]", "client_certificate: issued"),
        ("[network, digest]", "networks: [192.0.2.1], unsafe_md5: true"),
    ]:
        (trunk,) = read(f"name: a, identified_by: {ways}, {more}")
        assert f"[{', '.join(trunk.identified_by)}]" == ways


@pytest.mark.parametrize(
    ("trunk", "path", "said"),
    [
        ("client_certificate: issued", "networks", "missing; it must be written"),
        ("networks: [192.0.2.1]", "client_certificate", "missing; it must be written"),
        (
            "identified_by: [network, digest]",
            "networks",
            "missing; it must be written, or take network out of identified_by",
        ),
        (
            "identified_by: [digest], networks: [192.0.2.1]",
            "networks",
            "network is not in identified_by: add it there, or leave networks out",
        ),
        (
            "identified_by: [digest], client_certificate: issued",
            "client_certificate",
            "certificate is not in identified_by: add it there, or leave client_certificate out",
        ),
        (
            "networks: [192.0.2.1], client_certificate: issued, username: a",
            "username",
            "digest is not in identified_by: add it there, or leave username out",
        ),
        (
            "identified_by: [digest], unsafe_md5: true",
            "unsafe_md5",
            "MD5 is offered to the trunk's own networks",
        ),
        ("identified_by: [digest], username: 'a b'", "username", "a username is 1 to 64 letters"),
        ("identified_by: [digest], username: 'a:b'", "username", "a username is 1 to 64 letters"),
        ("identified_by: []", "identified_by", "write a list of one or more of network, certificate, digest"),
        ("identified_by: digest", "identified_by", "write a list of one or more"),
        ("identified_by: [password]", "identified_by", "write a list of one or more"),
        ("identified_by: [digest, digest]", "identified_by", "the same way twice"),
        (
            "identified_by: [digets]",
            "identified_by",
            "digets is no way to recognise a trunk; did you mean digest?",
        ),
        (
            "identified_by: [network], networks: [192.0.2.1, 0.0.0.0/0]",
            "networks[1]",
            "the whole Internet, and nothing else tells this trunk",
        ),
        (
            "networks: [192.0.2.1], client_certificate: pinned",
            "client_certificate",
            "write issued, or sha256:",
        ),
        (
            "networks: [192.0.2.1], client_certificate: {ca: /a.pem}",
            "client_certificate",
            "write two keys below it",
        ),
        (
            "networks: [192.0.2.1], client_certificate: {ca: a.pem, subject: pbx}",
            "client_certificate",
            "ca: write the absolute path",
        ),
        (
            "networks: [192.0.2.1], client_certificate: {ca: /a.pem, subject: '*.acme.example.com'}",
            "client_certificate",
            "subject: write the DNS name",
        ),
    ],
)
def test_what_does_not_go_together(trunk: str, path: str, said: str) -> None:
    ((where, what),) = refused(f"name: a, {trunk}")
    assert where == f"tenants[acme].trunks[a].{path}"
    assert what.startswith(said)


@pytest.mark.parametrize(
    ("trunks", "path", "said"),
    [
        (
            ["name: b, identified_by: [digest]", "name: a, identified_by: [digest], username: b"],
            "trunks[a].username",
            "another trunk has this username",
        ),
        (
            [
                f"name: a, networks: [192.0.2.1], client_certificate: {BY_CA}",
                f"name: b, networks: [192.0.2.2], client_certificate: {BY_CA.replace('PBX', 'pbx')}",
            ],
            "trunks[b].client_certificate",
            "another trunk is recognised by this certificate",
        ),
        (
            [
                "name: a, identified_by: [network], networks: [192.0.2.0/24]",
                "name: b, identified_by: [network], networks: [198.51.100.1, 192.0.2.64/26]",
            ],
            "trunks[b].networks[1]",
            "also trunk a's, and nothing but its network tells that one",
        ),
        (
            [
                "name: a, identified_by: [network], networks: [192.0.2.64/26]",
                "name: b, identified_by: [network], networks: [192.0.2.0/24]",
            ],
            "trunks[a].networks[0]",
            "also trunk b's",
        ),
        (
            [
                'name: a, identified_by: [network], networks: ["2001:db8::/32"]',
                'name: b, identified_by: [network, digest], networks: ["2001:db8:1::/48"]',
            ],
            "trunks[b].networks[0]",
            "also trunk a's, and nothing but its network tells that one",
        ),
        (
            [
                "name: a, identified_by: [network], networks: [192.0.2.1]",
                "name: b, identified_by: [network, digest], networks: [192.0.2.0/24]",
            ],
            "trunks[a].networks[0]",
            "also trunk b's, and nothing but its network tells this one",
        ),
    ],
)
def test_what_would_be_ambiguous(trunks: list[str], path: str, said: str) -> None:
    ((where, what),) = refused(*trunks)
    assert where == f"tenants[acme].{path}"
    assert what.startswith(said)


@pytest.mark.parametrize(
    "trunks",
    [
        # a certificate, or credentials, tell them apart
        [
            "name: a, identified_by: [network], networks: [192.0.2.0/24]",
            "name: b, networks: [192.0.2.1], client_certificate: issued",
        ],
        [
            "name: a, identified_by: [network, digest], networks: [192.0.2.1]",
            "name: b, identified_by: [network, digest], networks: [192.0.2.1]",
        ],
        [
            "name: a, identified_by: [network], networks: [192.0.2.0/25]",
            'name: b, identified_by: [network], networks: [192.0.2.128/25, "2001:db8::/32"]',
        ],
        # one subject of two authorities
        [
            f"name: a, networks: [192.0.2.1], client_certificate: {BY_CA}",
            f"name: b, networks: [192.0.2.1], client_certificate: {BY_CA.replace('acme-ca', 'west-ca')}",
        ],
    ],
)
def test_what_only_looks_so(trunks: list[str]) -> None:
    assert len(read(*trunks)) == 2


def test_an_authority_that_cannot_be_read_is_a_problem_of_its_line() -> None:
    text = text_of(f"name: a, networks: [192.0.2.1], client_certificate: {BY_CA}")
    with pytest.raises(NodeFileRefused) as why:
        read_node_file(text, "node.yaml", lambda file: f"{file}: no such file")
    ((path, said),) = [(problem.path, problem.message) for problem in why.value.problems]
    assert (path, said) == (
        "tenants[acme].trunks[a].client_certificate",
        "/etc/trunkward/acme-ca.pem: no such file",
    )


def test_a_reader_sees_what_holds() -> None:
    accepted = accept_node_file(
        text_of(
            f"name: a, networks: [192.0.2.1], client_certificate: {BY_CA}", "name: b, identified_by: [digest]"
        ),
        "node.yaml",
    )
    found = effective(accepted.objects)
    assert found["node"]["node"]["realm"] == "sbc.example.com"
    first, second = found["trunks"]["a"], found["trunks"]["b"]
    assert first["identified_by"] == ["network", "certificate"]
    assert first["client_certificate"] == "pbx.acme.example.com by /etc/trunkward/acme-ca.pem"
    assert not {"username", "unsafe_md5"} & first.keys()
    assert second["username"] == "b"
    assert not {"networks", "client_certificate"} & second.keys()
