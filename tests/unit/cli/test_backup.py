"""What `backup` says."""

from pathlib import Path

import pytest

from trunkward.cli.backup import _files_elsewhere, _size
from trunkward.control.node_file import read_node_file
from trunkward.settings import Paths

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(34_120, "34 kB"), (99_999, "100 kB"), (100_000, "0.1 MB"), (12_340_000, "12.3 MB")],
)
def test_a_size_is_never_nothing(size_bytes: int, said: str) -> None:
    assert _size(size_bytes) == said


def test_a_backup_in_the_checkout_is_not_committed() -> None:
    top = Path(__file__).parents[3]
    assert "*.backup" in (top / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_files_of_signing_identities_are_taken(tmp_path: Path) -> None:
    signing = """
    certificates: files
    files: {chain: /etc/provider/chain.pem, key: KEY}
    publish: {ca: /etc/provider/web-ca.pem}
  policy_administrator: {url: https://pa.example.net, certificate: /etc/provider/pa.pem}
  verification: {ca: /etc/provider/hosts-ca.pem}
"""
    x5u = "    x5u: https://cert.example.com/trunkward/test.pem"
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path, log=tmp_path)

    def taken(key: str) -> set[str]:
        paths.config.write_text(EXAMPLE.replace(x5u, x5u + signing.replace("KEY", key)), encoding="utf-8")
        declared = read_node_file(paths.config.read_text(encoding="utf-8"), "node.yaml")
        return {file.name for file in _files_elsewhere(paths, declared)}

    named = {"chain.pem", "web-ca.pem", "pa.pem", "hosts-ca.pem"}
    assert taken("/etc/provider/signing.key") == named | {"signing.key"}
    # no file holds it
    token = "pkcs11:token=t;object=o?module-path=/usr/lib/m.so&pin-source=/etc/pin"
    assert taken(token) == named
