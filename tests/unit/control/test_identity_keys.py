"""Whose code and certificate calls are signed with: what may be written, and what is said when it is wrong."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import (
    TEST_CERTIFICATES,
    Certificates,
    PolicyAdministrator,
    Revocation,
    SigningSource,
    StiAuthority,
)

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
X5U = "https://cert.example.com/trunkward/test.pem"
ADMINISTRATOR = """
  policy_administrator:
    url: https://sti-pa.example.net/
    certificate: /etc/trunkward/pa.pem
"""
AUTHORITY = """directory: https://ca.example.net/dir, terms_agreed: true, account: "000T", user: noc,
      password_file: /etc/trunkward/password"""


def file(identity: str, x5u: str = X5U, administrator: str = ADMINISTRATOR) -> str:
    assert EXAMPLE.count(f"    x5u: {X5U}\n") == 1
    return EXAMPLE.replace(f"    x5u: {X5U}\n", f"    x5u: {x5u}\n{identity}\n{administrator}")


def read(identity: str, x5u: str = X5U, administrator: str = ADMINISTRATOR) -> Declared:
    return read_node_file(file(identity, x5u, administrator), "node.yaml")


def test_without_a_word_it_is_the_test_authority_and_nobody_is_trusted() -> None:
    node = read_node_file(EXAMPLE, "node.yaml").node
    assert node.signing == TEST_CERTIFICATES
    assert node.policy_administrator is None


def test_acme_in_short() -> None:
    node = read(f"    certificates: acme\n    authority: {{{AUTHORITY}}}", "https://cert.example.com/").node
    assert node.signing == SigningSource(
        certificates=Certificates.ACME,
        authority=StiAuthority(
            directory="https://ca.example.net/dir",
            account="000T",
            user="noc",
            password_file="/etc/trunkward/password",
        ),
    )
    assert node.policy_administrator == PolicyAdministrator(
        url="https://sti-pa.example.net", certificate_file="/etc/trunkward/pa.pem"
    )


def test_acme_with_everything() -> None:
    whole = f"""    certificates: acme
    authority: {{{AUTHORITY}, contact: noc@example.com, ca: /etc/trunkward/ca.pem, token_key: atc, fingerprint: jwk,
      external_account: {{key_id: kid-1, hmac_file: /etc/trunkward/hmac}}}}
    publish: {{directory: /srv/certs, ca: /etc/trunkward/web.pem, address: 192.0.2.5}}
    revocation: hard"""
    signing = read(whole, "https://cert.example.com:8443/shaken/").node.signing
    assert signing.authority is not None
    assert signing.authority.contact == "noc@example.com"
    assert (signing.authority.external_key_id, signing.authority.external_key_file) == (
        "kid-1",
        "/etc/trunkward/hmac",
    )
    assert (signing.authority.ca_file, signing.authority.token_key) == ("/etc/trunkward/ca.pem", "atc")
    assert signing.authority.fingerprint == "jwk"
    assert (signing.publish, signing.publish_ca_file, signing.publish_address) == (
        "/srv/certs",
        "/etc/trunkward/web.pem",
        "192.0.2.5",
    )
    assert signing.revocation is Revocation.HARD


def test_files() -> None:
    signing = read(
        "    certificates: files\n    files: {chain: /etc/trunkward/s.pem, key: /etc/trunkward/s.key}"
    ).node.signing
    assert (signing.certificates, signing.chain_file, signing.key_file) == (
        Certificates.FILES,
        "/etc/trunkward/s.pem",
        "/etc/trunkward/s.key",
    )


AT = "node.identity"
ACME = f"    certificates: acme\n    authority: {{{AUTHORITY}}}"
BELOW = "https://cert.example.com/shaken/"
WRONG: dict[tuple[str, str, str], tuple[str, str]] = {
    ("    certificates: acmee", X5U, ADMINISTRATOR): (f"{AT}.certificates", "test"),
    ("    certificates: acme", BELOW, ADMINISTRATOR): (f"{AT}.certificates", "acme needs authority"),
    ("    certificates: files", X5U, ADMINISTRATOR): (f"{AT}.certificates", "files needs files"),
    (ACME, BELOW, ""): (f"{AT}.certificates", "needs node.policy_administrator"),
    (ACME, X5U, ADMINISTRATOR): (f"{AT}.x5u", "let it end with /"),
    ("", BELOW, ""): (f"{AT}.x5u", "does not end with /"),
    (f"    authority: {{{AUTHORITY}}}", X5U, ADMINISTRATOR): (f"{AT}.authority", "not used"),
    (ACME.replace("true", "false"), BELOW, ADMINISTRATOR): (f"{AT}.authority.terms_agreed", "read the"),
    (ACME.replace("user: noc", "user: a b"), BELOW, ADMINISTRATOR): (f"{AT}.authority.user", "as the policy"),
    (ACME.replace("noc,", "noc, token_key: token,"), BELOW, ADMINISTRATOR): (
        f"{AT}.authority.token_key",
        "write tkauth",
    ),
    (ACME.replace("noc,", "noc, fingerprint: md5,"), BELOW, ADMINISTRATOR): (
        f"{AT}.authority.fingerprint",
        "write der",
    ),
    (f"{ACME}\n    publish: {{directory: certs}}", BELOW, ADMINISTRATOR): (
        f"{AT}.publish.directory",
        "absolute path of a directory",
    ),
    (f"{ACME}\n    publish: {{address: web}}", BELOW, ADMINISTRATOR): (
        f"{AT}.publish.address",
        "IP address of the web server",
    ),
    ("    revocation: never", X5U, ADMINISTRATOR): (f"{AT}.revocation", "soft"),
    ("", X5U, ADMINISTRATOR.replace("example.net/", "example.net/api")): (
        "node.policy_administrator.url",
        "without a path",
    ),
    ("", X5U, ADMINISTRATOR.replace("https", "http")): ("node.policy_administrator.url", "https URL"),
    ("", X5U, f"{ADMINISTRATOR}    list_every_s: 0\n"): ("node.policy_administrator.list_every_s", "1"),
}


@pytest.mark.parametrize("written", WRONG, ids=[why for _, why in WRONG.values()])
def test_what_is_wrong_is_said_where_it_stands(written: tuple[str, str, str]) -> None:
    where, why = WRONG[written]
    with pytest.raises(NodeFileRefused) as refused:
        read(*written)
    (problem,) = refused.value.problems
    assert problem.path == where
    assert why in problem.message


@pytest.mark.parametrize("spc", ["000t", "00T", "0000T", "00-T", "٠٠٠T"])
def test_a_code_is_four_letters_or_digits(spc: str) -> None:
    assert EXAMPLE.count('    spc: "000T"\n') == 1
    with pytest.raises(NodeFileRefused) as refused:
        read_node_file(EXAMPLE.replace('    spc: "000T"\n', f'    spc: "{spc}"\n'), "node.yaml")
    (problem,) = refused.value.problems
    assert (problem.path, "four capital letters or digits" in problem.message) == (f"{AT}.spc", True)


@pytest.mark.parametrize(
    "x5u",
    [
        "http://cert.example.com/a.pem",
        "https://cert.example.com:444/a.pem",
        "https://cert.example.com/a.pem?b=c",
        "https://-cert.example.com/a.pem",
        "https://192.0.2.1/a.pem",
        "https://cert.example.com",
    ],
)
def test_a_url_that_verifiers_would_not_fetch_is_refused(x5u: str) -> None:
    """ATIS-1000074: what signs calls must be found by everybody who verifies them."""
    with pytest.raises(NodeFileRefused) as refused:
        read("", x5u)
    (problem,) = refused.value.problems
    assert (problem.path, "https URL on port 443 or 8443" in problem.message) == (f"{AT}.x5u", True)


@pytest.mark.parametrize("port", ["0", "65536"])
def test_a_port_nobody_has_is_refused(port: str) -> None:
    with pytest.raises(NodeFileRefused) as refused:
        read("", administrator=ADMINISTRATOR.replace("example.net/", f"example.net:{port}"))
    (problem,) = refused.value.problems
    assert problem.path == "node.policy_administrator.url"


def test_an_administrator_may_have_any_other_port() -> None:
    for port in ("1", "65535"):
        node = read("", administrator=ADMINISTRATOR.replace("example.net/", f"example.net:{port}")).node
        assert node.policy_administrator is not None
        assert node.policy_administrator.url == f"https://sti-pa.example.net:{port}"


TOKEN = "pkcs11:token=shaken;object=709J?module-path=/usr/lib/softhsm.so&pin-source=/etc/pin"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (TOKEN, ""),
        (TOKEN.replace("object=709J", ""), "object"),
        ("s.key", "the absolute path of a file, or of a key in a token"),
        ("https://example.com/s.key", "the absolute path of a file, or of a key in a token"),
    ],
)
def test_a_key_is_in_a_file_or_in_a_token(key: str, said: str) -> None:
    written = f'    certificates: files\n    files: {{chain: /etc/s.pem, key: "{key}"}}'
    if not said:
        assert read(written).node.signing.key_file == key
        return
    with pytest.raises(NodeFileRefused) as refused:
        read(written)
    (problem,) = refused.value.problems
    assert (problem.path, said in problem.message) == (f"{AT}.files.key", True), problem


@pytest.mark.parametrize("source", ["", "    certificates: test\n", f"{ACME}\n"])
def test_files_that_nobody_uses_are_refused(source: str) -> None:
    x5u = BELOW if "acme" in source else X5U
    with pytest.raises(NodeFileRefused) as refused:
        read(f"{source}    files: {{chain: /etc/s.pem, key: /etc/s.key}}", x5u)
    (problem,) = refused.value.problems
    assert (problem.path, "not used" in problem.message) == (f"{AT}.files", True)
