"""What the edge makes of the worker's file: addresses, and never another peer's name."""

import json
import os
from collections import Counter
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest

from trunkward.edge.targets import Targets, by_priority_and_weight, family, is_address

TLS_PEERS = {
    "north.example.net": {"names": ["north.example.net"], "hosts": ["north.example.net"]},
    "east.example.net": {"names": ["east.example.net"], "hosts": ["192.0.2.9:5061"]},
    "pbx.example.com": {"names": ["pbx.example.com"], "hosts": ["pbx.example.com:5061"]},
}
PEERS: dict[str, dict[str, Any]] = {
    "carrier:north": {"transport": "tls", "names": ["north.example.net"], "hosts": ["north.example.net"]},
    "carrier:east": {"transport": "tls", "names": ["east.example.net"], "hosts": ["192.0.2.9:5061"]},
    "carrier:south": {"transport": "udp", "names": [], "hosts": ["south.example.net", "192.0.2.41:5060"]},
    "trunk:pbx": {"transport": "tls", "names": ["pbx.example.com"], "hosts": ["pbx.example.com:5061"]},
}


def server(*hosts: str, priority: int = 0, weight: int = 0) -> dict[str, Any]:
    return {"priority": priority, "weight": weight, "hosts": list(hosts)}


class File:
    """The worker's file, read without waiting a second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0

    def write(self, peers: dict[str, Any], former: dict[str, str] | None = None) -> None:
        document = {
            "peers": {
                peer: {name: {"servers": servers} for name, servers in names.items()}
                for peer, names in peers.items()
            },
            "former": former or {},
        }
        self.path.write_text(json.dumps(document))
        self.written += 1
        os.utime(self.path, ns=(self.written, self.written))

    def read(self) -> Targets:
        return Targets(str(self.path), TLS_PEERS, PEERS)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "targets.json")


def test_an_address_is_its_own_target(file: File) -> None:
    assert file.read().in_order("carrier:east", "192.0.2.9:5061") == ["192.0.2.9:5061"]
    assert file.read().in_order("carrier:six", "[2001:db8::9]:5061") == ["[2001:db8::9]:5061"]


def test_a_name_leads_nowhere_before_it_was_looked_up(file: File) -> None:
    assert file.read().in_order("carrier:north", "north.example.net") == []


def test_a_name_leads_to_what_was_found(file: File) -> None:
    file.write(
        {
            "carrier:north": {
                "north.example.net": [
                    server("192.0.2.2:5061", priority=20),
                    server("[2001:db8::1]:5061", "192.0.2.1:5061", priority=10),
                ]
            },
            "carrier:south": {"south.example.net": [server("192.0.2.40:5060")]},
        }
    )
    targets = file.read()
    assert targets.in_order("carrier:north", "north.example.net") == [
        "[2001:db8::1]:5061",
        "192.0.2.1:5061",
        "192.0.2.2:5061",
    ]
    assert targets.expected_name("192.0.2.2:5061") == "north.example.net"
    assert targets.expected_name("192.0.2.40:5060") == ""
    assert targets.of_peer("carrier:south") == ["192.0.2.41:5060", "192.0.2.40:5060"]


def test_dns_cannot_send_a_carriers_calls_to_another_peer(file: File) -> None:
    """East's host is written in the file; a record of north's that points there is not followed."""
    file.write(
        {
            "carrier:north": {"north.example.net": [server("192.0.2.9:5061"), server("192.0.2.1:5061")]},
            "trunk:pbx": {"pbx.example.com:5061": [server("192.0.2.1:5061")]},
        }
    )
    targets = file.read()
    assert targets.in_order("carrier:north", "north.example.net") == ["192.0.2.1:5061"]
    assert targets.in_order("trunk:pbx", "pbx.example.com:5061") == []
    assert targets.expected_name("192.0.2.9:5061") == "east.example.net"
    assert targets.expected_name("192.0.2.1:5061") == "north.example.net"


def test_a_former_address_keeps_its_name_for_running_calls(file: File) -> None:
    file.write({"carrier:north": {}}, {"192.0.2.1:5061": "carrier:north", "192.0.2.40:5060": "carrier:south"})
    targets = file.read()
    assert targets.expected_name("192.0.2.1:5061") == "north.example.net"
    assert targets.in_order("carrier:north", "north.example.net") == []


def test_plain_peers_are_known_by_their_addresses(file: File) -> None:
    file.write(
        {"carrier:south": {"south.example.net": [server("[2001:db8::40]:5060")]}},
        {"192.0.2.40:5060": "carrier:south", "192.0.2.1:5061": "carrier:north"},
    )
    targets = file.read()
    addresses = ("192.0.2.41", "2001:db8::40", "192.0.2.40", "192.0.2.1", "192.0.2.9")
    assert [targets.is_plain(address) for address in addresses] == [True, True, True, False, False]


def test_peers_nobody_declared_are_passed_over(file: File) -> None:
    file.write({"carrier:gone": {"gone.example.net": [server("192.0.2.7:5061")]}})
    targets = file.read()
    assert targets.expected_name("192.0.2.7:5061") == ""
    assert targets.in_order("carrier:gone", "gone.example.net") == []


def test_a_spoilt_file_changes_nothing(file: File) -> None:
    file.write({"carrier:south": {"south.example.net": [server("192.0.2.40:5060")]}})
    targets = file.read()
    assert targets.in_order("carrier:south", "south.example.net") == ["192.0.2.40:5060"]
    for spoilt in ("", "[]", '{"peers": 1, "former": {}}', "\x00"):
        file.path.write_text(spoilt)
        targets._looked_at = 0.0
        assert targets.in_order("carrier:south", "south.example.net") == ["192.0.2.40:5060"]
    file.write({"carrier:south": {"south.example.net": [server("192.0.2.43:5060")]}})
    targets._looked_at = 0.0
    assert targets.in_order("carrier:south", "south.example.net") == ["192.0.2.43:5060"]
    assert targets.version == 2


@pytest.mark.parametrize(
    ("host", "yes", "version"),
    [
        ("192.0.2.1:5061", True, "IP4"),
        ("192.0.2.1", True, "IP4"),
        ("[2001:db8::1]:5061", True, "IP6"),
        ("north.example.net", False, "IP4"),
        ("a1.example:5061", False, "IP4"),
        ("", False, "IP4"),
    ],
)
def test_addresses(host: str, yes: bool, version: str) -> None:
    assert (is_address(host), family(host)) == (yes, version)


def test_weights_share_the_calls() -> None:
    """RFC 2782: of two servers with weights 75 and 25 the first is tried first three times of four."""
    servers = [server("a", weight=75), server("b", weight=25), server("last", priority=1, weight=100)]
    drawn = Counter(by_priority_and_weight(servers, SystemRandom())[0] for _ in range(4000))
    assert set(drawn) == {"a", "b"}
    assert 0.70 < drawn["a"] / 4000 < 0.80


def test_servers_without_weights_share_the_calls_alike() -> None:
    drawn = Counter(
        by_priority_and_weight([server("a"), server("b")], SystemRandom())[0] for _ in range(4000)
    )
    assert 0.45 < drawn["a"] / 4000 < 0.55


def test_every_server_is_tried_once_in_the_end() -> None:
    servers = [server("a", weight=0), server("b", weight=0), server("a", "c", priority=3)]
    ordered = by_priority_and_weight(servers, SystemRandom())
    assert sorted(ordered[:2]) == ["a", "b"]
    assert ordered[2:] == ["c"]
