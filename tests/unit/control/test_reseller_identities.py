"""Certificates of resellers' own, as the file says them."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.signing import Certificates

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def with_resellers(*lines: str) -> str:
    return EXAMPLE.replace(
        "tenants:\n", "resellers:\n" + "".join(f"  - {line}\n" for line in lines) + "tenants:\n"
    )


def own(name: str, more: str = "") -> str:
    return f'{{name: {name}, identity: {{spc: "001T", x5u: "https://cert.example.com/{name}.pem"{more}}}}}'


def test_an_identity() -> None:
    declared = read_node_file(
        with_resellers(own("resold", ", third_party: true"), "{name: without}"), "node.yaml"
    )
    (found,) = declared.reseller_identities.values()
    assert (found.spc, found.x5u, found.third_party) == ("001T", "https://cert.example.com/resold.pem", True)
    assert found.signing.certificates is Certificates.TEST


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([own("node")], "the node's own identity is called"),
        ([own("resold", ", certificates: acme")], "needs authority"),
        ([own("resold", ", certificates: files")], "needs files"),
        ([own(f"r{number}") for number in range(9)], "8 resellers at most"),
    ],
)
def test_what_does_not_go_together(lines: list[str], why: str) -> None:
    with pytest.raises(NodeFileRefused, match=why):
        read_node_file(with_resellers(*lines), "node.yaml")
