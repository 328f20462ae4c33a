"""Where a node file may say its certificates come from, and what is said when it does so wrongly."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.model import AcmeSettings, CertificateFiles, Declared

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
FILES = CertificateFiles(chain="/etc/trunkward/sbc.pem", key="/etc/trunkward/sbc.key")
WHOLE = """{acme: {
    directory: https://ca.example.net:8443/acme/directory, terms_agreed: true, contact: noc@example.com,
    external_account: {key_id: kid-1, hmac_file: /etc/trunkward/hmac},
    ca: /etc/trunkward/ca.pem, http_port: 8080, profile: shortlived}}"""


def with_certificate(value: str, client: str = "local") -> str:
    text = EXAMPLE.replace("  tls_port: 5061\n", f"  certificate: {value}\n  tls_port: 5061\n")
    return text.replace("    ca: local\n", f"    ca: local\n    client_certificate: {client}\n")


def read(value: str, client: str = "local") -> Declared:
    return read_node_file(with_certificate(value, client), "node.yaml")


def test_it_is_local_unless_something_else_is_written() -> None:
    assert read_node_file(EXAMPLE, "node.yaml").node.certificate is None
    assert read("local").node.certificate is None
    assert read("local").carriers[0].client_certificate is None


def test_acme() -> None:
    assert read("{acme: {directory: https://ca.example.net/d, terms_agreed: true}}").node.certificate == (
        AcmeSettings(directory="https://ca.example.net/d")
    )
    assert read(WHOLE).node.certificate == AcmeSettings(
        directory="https://ca.example.net:8443/acme/directory",
        contact="noc@example.com",
        external_key_id="kid-1",
        external_key_file="/etc/trunkward/hmac",
        ca_file="/etc/trunkward/ca.pem",
        http_port=8080,
        profile="shortlived",
    )


def test_files_for_either_side() -> None:
    written = f"{{files: {{chain: {FILES.chain}, key: {FILES.key}}}}}"
    declared = read(written, written)
    assert declared.node.certificate == FILES
    assert declared.carriers[0].client_certificate == FILES
    assert declared.carriers[1].client_certificate is None


def acme(more: str, directory: str = "https://ca.example.net/d", agreed: str = "true") -> str:
    return f"{{acme: {{directory: '{directory}', terms_agreed: {agreed}{', ' if more else ''}{more}}}}}"


AT = "node.certificate"
REFUSED = {
    "public": (AT, "write local, or acme: or files:"),
    "{}": (AT, "write local, or acme: or files:"),
    "[acme]": (AT, "write local, or acme: or files:"),
    "{acme: {terms_agreed: true}}": (f"{AT}.acme.directory", "missing"),
    "{acme: {directory: 'https://ca.example.net/d'}}": (f"{AT}.acme.terms_agreed", "missing"),
    "{acmee: {}}": (f"{AT}.acmee", "did you mean acme?"),
    "{acme: {directroy: x}}": (f"{AT}.acme.directroy", "did you mean directory?"),
    acme("", agreed="false"): (f"{AT}.acme.terms_agreed", "read the authority's terms"),
    acme("", directory="http://ca.example.net/d"): (f"{AT}.acme.directory", "https URL"),
    acme("", directory="https://ca.example.net"): (f"{AT}.acme.directory", "https URL"),
    acme("", directory="https://u:p@ca.example.net/"): (f"{AT}.acme.directory", "https URL"),
    acme("", directory="https://ca.example.net:0/"): (f"{AT}.acme.directory", "https URL"),
    acme("contact: 'mailto:noc@example.com'"): (f"{AT}.acme.contact", "one mail address"),
    acme("contact: noc"): (f"{AT}.acme.contact", "one mail address"),
    acme("ca: ca.pem"): (f"{AT}.acme.ca", "absolute path"),
    acme("http_port: 0"): (f"{AT}.acme.http_port", "1 to 65535"),
    acme("http_port: 5061"): (f"{AT}.acme.http_port", "a port of SIP"),
    acme("profile: 'a b'"): (f"{AT}.acme.profile", "certificate profile"),
    acme("external_account: {key_id: k}"): (f"{AT}.acme.external_account.hmac_file", "missing"),
    acme("external_account: {key_id: '', hmac_file: /h}"): (f"{AT}.acme.external_account.key_id", "key identifier"),
    "{files: {chain: /c.pem}}": (f"{AT}.files.key", "missing"),
    "{files: {chain: c.pem, key: /k}}": (f"{AT}.files.chain", "absolute path"),
    acme("")[:-1] + ", files: {chain: /c, key: /k}}": (f"{AT}.files", "keep one of the two"),
}  # fmt: skip


@pytest.mark.parametrize("value", REFUSED)
def test_refused(value: str) -> None:
    path, said = REFUSED[value]
    with pytest.raises(NodeFileRefused) as refused:
        read(value)
    found = refused.value.problems
    assert any(problem.path == path and said in problem.message for problem in found), found


def test_a_carriers_own_is_refused_where_it_would_never_be_shown() -> None:
    text = EXAMPLE.replace(
        "    media: rtp\n", "    media: rtp\n    client_certificate: {files: {chain: /c, key: /k}}\n"
    )
    with pytest.raises(NodeFileRefused, match=r"client_certificate: only for transport: tls"):
        read_node_file(text, "node.yaml")


def test_what_is_shown_is_found_by_the_first_name() -> None:
    north2 = """
  - name: north-2
    hosts: [127.0.0.51:5061]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.51]
    tls_names: [north.example.net]
"""
    assert len(read_node_file(EXAMPLE + north2, "node.yaml").carriers) == 3
    with pytest.raises(
        NodeFileRefused, match=r"carriers\[north-2\].tls_names\[0\]: north has this name first, too"
    ):
        read_node_file(
            EXAMPLE + north2 + "    client_certificate: {files: {chain: /c, key: /k}}\n", "node.yaml"
        )


def test_an_authority_file_is_looked_at_where_it_stands() -> None:
    with pytest.raises(NodeFileRefused, match=r"node.certificate.acme.ca: no certificate in PEM"):
        read_node_file(with_certificate(WHOLE), "node.yaml", lambda _: "no certificate in PEM")
