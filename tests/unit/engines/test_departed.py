"""The edge goes on knowing a peer that was taken out, or told otherwise, for as long as a call may last."""

import json
from pathlib import Path
from typing import Any

from trunkward.engines.departed import edge_settings
from trunkward.engines.kamailio import LONGEST_CALL_S

NOW = 1_000_000


def peer(*networks: str, transport: str = "tls") -> dict[str, Any]:
    return {"transport": transport, "networks": list(networks), "certificates": [], "hosts": [], "names": []}


class Held:
    """The edge's file, written again and again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "edge.json"

    def write(self, now_s: int, **peers: dict[str, Any]) -> dict[str, Any]:
        plain = sorted({n for p in peers.values() if p["transport"] != "tls" for n in p["networks"]})
        new = json.dumps(
            {"peers": peers, "plain_networks": plain, "tls_authorities": {"a": "/ca", "b": "/own"}}
        )
        text = edge_settings(new, self.path, version=3, authorities={"/ca": "ab"}, now_s=now_s)
        self.path.write_text(text)
        found: dict[str, Any] = json.loads(text)
        return found


def test_a_first_file_has_nobody_who_departed(tmp_path: Path) -> None:
    first = Held(tmp_path).write(NOW, acme=peer("192.0.2.0/24"))
    assert (first["departed"], first["version"]) == ({}, 3)
    assert first["tls_authorities"] == {"a": "ab", "b": "/own"}


def test_one_who_is_gone_is_known_until_the_longest_call_is_over(tmp_path: Path) -> None:
    held, acme = Held(tmp_path), peer("192.0.2.0/24")
    held.write(NOW, acme=acme)
    assert held.write(NOW + 5)["departed"] == {"acme": [[NOW + 5 + LONGEST_CALL_S, acme]]}
    assert held.write(NOW + 10)["departed"] == {"acme": [[NOW + 5 + LONGEST_CALL_S, acme]]}
    assert held.write(NOW + 6 + LONGEST_CALL_S)["departed"] == {}


def test_one_told_otherwise_is_known_both_ways_and_once(tmp_path: Path) -> None:
    held, old, new = Held(tmp_path), peer("192.0.2.0/24"), peer("198.51.100.0/24")
    held.write(NOW, acme=old)
    assert held.write(NOW, acme=new)["departed"] == {"acme": [[NOW + LONGEST_CALL_S, old]]}
    # and back: it is told as it was, and what it was in between has gone
    assert held.write(NOW + 1, acme=old)["departed"] == {"acme": [[NOW + 1 + LONGEST_CALL_S, new]]}


def test_the_same_again_is_the_same_file(tmp_path: Path) -> None:
    held = Held(tmp_path)
    held.write(NOW, acme=peer("192.0.2.0/24"), best=peer("192.0.2.1/32"))
    second = held.write(NOW, acme=peer("192.0.2.0/24"))
    assert held.write(NOW + 60, acme=peer("192.0.2.0/24")) == second


def test_a_plain_peers_network_is_answered_as_long(tmp_path: Path) -> None:
    held = Held(tmp_path)
    held.write(NOW, south=peer("203.0.113.0/24", transport="udp"))
    assert held.write(NOW)["plain_networks"] == ["203.0.113.0/24"]
    assert held.write(NOW + 1 + LONGEST_CALL_S)["plain_networks"] == []


def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    held = Held(tmp_path)
    held.path.write_text("{")
    assert held.write(NOW, acme=peer("192.0.2.0/24"))["departed"] == {}
