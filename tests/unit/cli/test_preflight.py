"""What stands in the way of a start is a sentence a person can act on."""

import socket
from pathlib import Path

import pytest

from trunkward.cli import preflight
from trunkward.cli.preflight import obstacles, ports
from trunkward.control.node_file import read_node_file
from trunkward.engines import packages
from trunkward.settings import Paths

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"


def test_every_port_of_the_example_is_known() -> None:
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "node.yaml")
    assert [(port.part, str(port)) for port in ports(declared)] == [
        ("kamailio", "127.0.0.10:5061/tcp"),
        ("kamailio", "127.0.0.10:5060/udp"),
        ("rtpengine", "127.0.0.1:2223/udp"),
        ("gate-0", "127.0.0.1:9310/tcp"),
        ("gate-1", "127.0.0.1:9311/tcp"),
        ("signer", "127.0.0.1:9309/tcp"),
        ("worker", "127.0.0.1:9308/tcp"),
        ("fetcher", "127.0.0.1:9306/tcp"),
        ("web", "127.0.0.1:9307/tcp"),
    ]


def test_the_port_of_http_01_is_one_of_them() -> None:
    acme = (
        "  certificate: {acme: {directory: https://ca.example.net/dir, terms_agreed: true}}\n  tls_port: 5061"
    )
    text = EXAMPLE.read_text(encoding="utf-8").replace("  tls_port: 5061", acme)
    found = ports(read_node_file(text, "node.yaml"))
    assert ("acme", "127.0.0.10:80/tcp") in [(port.part, str(port)) for port in found]


def test_http_01_is_answered_on_each_address() -> None:
    both = "  address: [127.0.0.10, '2001:db8::10']\n"
    acme = "  certificate: {acme: {directory: https://ca.example.net/dir, terms_agreed: true}}\n"
    text = EXAMPLE.read_text(encoding="utf-8").replace("  address: 127.0.0.10\n", both + acme, 1)
    text = text.replace("  contact_host: 127.0.0.10\n", "  contact_host: sbc.example.com\n")
    text = text.replace("    address: 127.0.0.10\n    ports", "    ports")
    found = ports(read_node_file(text, "node.yaml"))
    assert [str(port) for port in found if port.part == "acme"] == [
        "127.0.0.10:80/tcp",
        "[2001:db8::10]:80/tcp",
    ]


def test_missing_packages_are_one_sentence_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "node.yaml")
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    monkeypatch.setattr(packages, "PACKAGES", ("bash", "no-such-engine", "dpkg", "no-such-module"))
    monkeypatch.setattr(preflight, "ensure_users", lambda: pytest.fail("something was made"))
    (said,) = obstacles(paths, declared)
    assert said.endswith("apt-get install --no-install-recommends no-such-engine no-such-module")
    monkeypatch.setenv("PATH", str(tmp_path))  # no dpkg there
    assert packages.missing_packages() == list(packages.PACKAGES)


def test_a_taken_port_is_told_with_its_holder() -> None:
    import os

    from trunkward.cli.preflight import Port, _taken

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = Port(part="kamailio", host="127.0.0.1", number=taken.getsockname()[1], udp=False)
        assert f"process {os.getpid()}" in _taken(port)
    assert _taken(port) == ""
    # TEST-NET-1 is on no machine
    nowhere = Port(part="kamailio", host="192.0.2.1", number=5061, udp=False)
    assert "does not have the address" in _taken(nowhere)
