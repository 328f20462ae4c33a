"""Which parties of a configuration the call test can play, and what is said when it can play none."""

from copy import replace
from pathlib import Path

import msgspec
import pytest

from trunkward.calltest.parties import Lab, Media, NotALabError, PartyKind, Transport
from trunkward.cli.lab import read_lab
from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.settings import Paths
from trunkward.trunks.signing import Certificates, SigningSource

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def lab_of(text: str, home: Path) -> Lab:
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    paths.declared.parent.mkdir(parents=True)
    in_force = InForce(version=1, node_file=text, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    paths.declared.write_bytes(msgspec.json.encode(in_force))
    return read_lab(paths)


def test_the_example_is_a_lab(tmp_path: Path) -> None:
    lab = lab_of(EXAMPLE, tmp_path)
    assert [
        (p.kind, p.name, p.sip_host, p.sip_port, p.transport, p.media, p.numbers[0], p.sbc_host, p.sbc_port)
        for p in (lab.customer, lab.tls_carrier, lab.udp_carrier)
    ] == [
        (PartyKind.CUSTOMER, "acme-hq", "127.0.0.21", 15061, Transport.TLS, Media.SDES, "+12025550101", "127.0.0.10", 5061),
        (PartyKind.CARRIER, "north", "127.0.0.31", 25061, Transport.TLS, Media.SDES, "+12025550142", "127.0.0.10", 5061),
        (PartyKind.CARRIER, "south", "127.0.0.41", 35060, Transport.UDP, Media.PLAIN, "+13035550142", "127.0.0.10", 5060),
    ]  # fmt: skip
    assert lab.foreign_number not in lab.customer.numbers
    assert lab.node_hosts == {"127.0.0.10"}
    assert lab.udp_carrier.certificate is None
    assert lab.shaken.authority_key == tmp_path / "state" / "pki" / "authority" / "shaken.key"
    assert not lab.shaken.administered
    assert lab.tls_carrier.certificate == tmp_path / "state" / "pki" / "peers" / "north.pem"


@pytest.mark.parametrize(
    ("north", "called"),
    [
        ('["+1"]', "+12025550142"),
        ('["+1", "+44"]', "+12025550142"),
        ('["+1312555"]', "+13125550142"),
        ('["+44"]', "+445550142"),
        # the longer prefix is the other one's
        ('["+13", "+1"]', "+13125550142"),
    ],
)
def test_a_whole_number_is_called_whatever_the_prefix(north: str, called: str, tmp_path: Path) -> None:
    assert EXAMPLE.count('prefixes: ["+1202"]') == 1
    lab = lab_of(EXAMPLE.replace('prefixes: ["+1202"]', f"prefixes: {north}"), tmp_path)
    assert (lab.tls_carrier.numbers, lab.udp_carrier.numbers) == ((called,), ("+13035550142",))


def test_a_carrier_that_gets_no_call_is_no_party(tmp_path: Path) -> None:
    with pytest.raises(NotALabError, match="carrier south: of the numbers"):
        lab_of(EXAMPLE.replace('prefixes: ["+1202"]', 'prefixes: ["+1303"]'), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("host: 127.0.0.21:15061", "host: 192.0.2.9:5061", "a trunk with"),
        (
            "  tls_port: 5061",
            "  certificate: {files: {chain: /c.pem, key: /c.key}}\n  tls_port: 5061",
            "`certificate: local`",
        ),
        ("client_certificate: issued", f"client_certificate: sha256:{'ab' * 32}", "a trunk with"),
        ("hosts: [127.0.0.31:25061]", "hosts: [north.example.net:5061]", "a carrier with `transport: tls`"),
        ("ca: local", "ca: /etc/trunkward/north-ca.pem", "a carrier with `transport: tls`"),
        ("hosts: [127.0.0.41:35060]", "hosts: [192.0.2.9:5060]", "a carrier with `transport: udp`"),
        (
            "hosts: [127.0.0.31:25061]",
            "hosts: [127.0.0.21:25061]",
            "north and acme-hq are both at 127.0.0.21",
        ),
        (
            "hosts: [127.0.0.41:35060]",
            "hosts: [127.0.0.10:35060]",
            "south and the node are both at 127.0.0.10",
        ),
    ],
)
def test_what_is_no_lab_is_said(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert EXAMPLE.count(old) == 1
    with pytest.raises(NotALabError, match=said):
        lab_of(EXAMPLE.replace(old, new), tmp_path)


def test_nothing_is_called_that_a_resellers_real_certificate_would_sign(tmp_path: Path) -> None:
    """The node's own is a TEST one, and so no shield: each trunk's calls are signed by its reseller's."""
    named = "  policy_administrator: {url: 'https://pa.example.com', certificate: /pa.pem}\n  identity:\n"
    sold = EXAMPLE.replace("  identity:\n", named, 1).replace(
        "\ntenants:\n  - name: acme\n",
        "\nresellers:\n  - name: resale\n    identity: {spc: '567T', x5u: 'https://cr.resale.example.com/c.pem'%s}\n"
        "\ntenants:\n  - name: acme\n    reseller: resale\n",
    )
    assert lab_of(sold % "", tmp_path / "test").customer.name == "acme-hq"
    with pytest.raises(NotALabError, match="a loopback address, signed TEST"):
        lab_of(sold % ", certificates: files, files: {chain: /c.pem, key: /c.key}", tmp_path / "real")


@pytest.mark.parametrize(("source", "name"), [(Certificates.ACME, "acme"), (Certificates.FILES, "files")])
def test_under_another_authority_it_says_so_and_what_to_do_instead(
    source: Certificates, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: that call-test is for the TEST authority alone is said first, whatever else is missing."""
    declared = read_node_file(EXAMPLE.replace("hosts: [127.0.0.41:35060]", "hosts: [192.0.2.9:5060]"), "x")
    real = replace(declared, node=replace(declared.node, signing=SigningSource(certificates=source)))
    monkeypatch.setattr(InForce, "declared", lambda _: real)
    with pytest.raises(NotALabError) as refused:
        lab_of(EXAMPLE, tmp_path)
    said = str(refused.value)
    assert (
        f"under the TEST authority that up makes, and this node signs under another (identity.certificates: {name})"
        in said
    )
    for instead in (
        "trunkward try",
        "trunkward why",
        "trunkward verify-identity",
        "identity.certificates: test",
    ):
        assert instead in said
    assert "no a carrier" not in said


def test_a_node_that_never_ran_or_a_broken_file_is_said(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path, state=tmp_path / "state", run=tmp_path, log=tmp_path)
    with pytest.raises(NotALabError, match="no node has been started here yet"):
        read_lab(paths)
    paths.declared.parent.mkdir(parents=True)
    paths.declared.write_bytes(b'{"version": 1')
    with pytest.raises(NotALabError, match="cannot be read"):
        read_lab(paths)


def test_whom_a_policy_administrator_names_is_told(tmp_path: Path) -> None:
    named = "  policy_administrator: {url: 'https://pa.example.com', certificate: /pa.pem}\n  identity:\n"
    assert lab_of(EXAMPLE.replace("  identity:\n", named, 1), tmp_path).shaken.administered
