"""What Kamailio is told about addresses, versions of TLS, and names; whether it works is proved on the wire."""

import json
import re
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines.kamailio import TLS12_CIPHERS, render_edge_json, render_kamailio_cfg, render_tls_cfg
from trunkward.engines.rtpengine import rtpengine_command
from trunkward.settings import Paths
from trunkward.trunks.model import Declared, Host, IdentifiedBy
from trunkward.trunks.secret import SealedSecret

V4, V6 = ip_address("127.0.0.10"), ip_address("2001:db8::10")
PATHS = Paths(config=Path("/c"), state=Path("/s"), run=Path("/r"), log=Path("/l"))
KEY = "00" * 16


@pytest.fixture
def declared() -> Declared:
    example = Path(__file__).parents[3] / "examples" / "node.yaml"
    return read_node_file(example.read_text(encoding="utf-8"), "node.yaml")


@pytest.fixture
def both(declared: Declared) -> Declared:
    """On both IP versions, with a trunk that may speak TLS 1.2."""
    node = replace(
        declared.node,
        addresses=(V4, V6),
        media_addresses=(V4, V6),
        contact_hosts=(str(V4), str(V6)),
        tls12_port=5062,
    )
    return replace(declared, node=node, trunks=(replace(declared.trunks[0], unsafe_tls12=True),))


def lines(text: str, start: str) -> list[str]:
    return [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)]


def profiles(text: str) -> dict[str, str]:
    """By its heading, or by the name it is for, the method of each profile."""
    found = {}
    for heading, body in re.findall(r"^\[(\S+)\]\n((?:[^\[#\n].*\n)+)", text, re.MULTILINE):
        name = re.search(r"^server_name = (.+)$", body, re.MULTILINE)
        method = re.search(r"^method = (.+)$", body, re.MULTILINE)
        assert method
        assert ("cipher_list = " + TLS12_CIPHERS in body) is (method[1] != "TLSv1.3")
        found[name[1] if name else heading] = method[1]
    return found


def test_one_address_and_tls_1_3_alone(declared: Declared) -> None:
    cfg = render_kamailio_cfg(declared, PATHS, mask_key=KEY)
    assert lines(cfg, "listen=") == ["tls:127.0.0.10:5061", "udp:127.0.0.10:5060"]
    assert lines(cfg, "tcp_source_ipv") == ["4=127.0.0.10"]
    assert set(profiles(render_tls_cfg(declared, PATHS)).values()) == {"TLSv1.3"}


def test_both_versions_with_the_usual_port_first(both: Declared) -> None:
    cfg = render_kamailio_cfg(both, PATHS, mask_key=KEY)
    assert lines(cfg, "listen=") == [
        "tls:127.0.0.10:5061",
        "tls:[2001:db8::10]:5061",
        "tls:127.0.0.10:5062",
        "tls:[2001:db8::10]:5062",
        "udp:127.0.0.10:5060",
        "udp:[2001:db8::10]:5060",
    ]
    assert lines(cfg, "tcp_source_ipv") == ["4=127.0.0.10", "6=[2001:db8::10]"]
    assert "contact_host" not in cfg


@pytest.mark.parametrize(
    ("host", "shown"), [("sbc.example.com", "sbc.example.com"), (str(V6), "[2001:db8::10]")]
)
def test_one_contact_host(declared: Declared, host: str, shown: str) -> None:
    cfg = render_kamailio_cfg(
        replace(declared, node=replace(declared.node, contact_hosts=(host,))), PATHS, mask_key=KEY
    )
    assert f'modparam("topos", "contact_host", "{shown}")' in cfg


def test_tls_1_2_for_its_listener_and_its_name_alone(both: Declared) -> None:
    assert profiles(render_tls_cfg(both, PATHS)) == {
        "server:default": "TLSv1.3",
        "server:127.0.0.10:5062": "TLSv1.2+",
        "server:[2001:db8::10]:5062": "TLSv1.2+",
        "client:default": "TLSv1.3",
        "north.example.net": "TLSv1.3",
        "pbx.acme.example.com": "TLSv1.2+",
    }


def test_tls_1_2_suites_are_ecdhe_and_aead() -> None:
    for suite in TLS12_CIPHERS.split(":"):
        assert suite.startswith("ECDHE-")
        assert "GCM" in suite or "POLY1305" in suite


def test_rtpengine_has_every_address_on_each_side(both: Declared) -> None:
    assert [part for part in rtpengine_command(both, PATHS) if part.startswith("--interface")] == [
        "--interface=cust/127.0.0.10",
        "--interface=cust/2001:db8::10",
        "--interface=carr/127.0.0.10",
        "--interface=carr/2001:db8::10",
        "--interface=core/127.0.0.1",
    ]


def test_the_edge_is_told_whom_to_ask(declared: Declared) -> None:
    north, south = declared.carriers
    named = replace(
        declared,
        carriers=(replace(north, hosts=(Host(host="north.example.net"),)), replace(south, enabled=False)),
    )
    told = json.loads(render_edge_json(named, PATHS, [], mask_key=KEY, sealed={}))
    assert told["asked"] == {"carrier:north": "tls"}
    assert told["probes"] == [30, 3, 2]
    assert told["tls12_port"] == 0
    assert told["peers"]["carrier:north"]["hosts"] == ["north.example.net"]


def test_the_edge_is_told_what_registrations_stand_on(declared: Declared) -> None:
    def secret(number: int, until: float | None, realm: str = "sbc.example.com") -> SealedSecret:
        return SealedSecret(
            id=number, trunk="hq", username="hq", realm=realm, key_id="k", sha256=b"s", until=until
        )

    trunk = declared.trunks[0]
    digest = replace(
        trunk, name="hq", username="hq", registers=True, host=None, identified_by=(IdentifiedBy.DIGEST,)
    )
    named = replace(
        declared,
        node=replace(declared.node, realm="sbc.example.com"),
        # one that is dialled has no registrations, one by its connection nothing that is not seen there
        trunks=(digest, replace(digest, name="dialled", registers=False), replace(trunk, registers=True)),
    )
    held = {"hq": [secret(7, None), secret(3, 1.8e9), secret(2, None, "another.example.com")]}
    told = json.loads(render_edge_json(named, PATHS, [], mask_key=KEY, sealed=held))
    assert told["proofs"] == {"hq": [["secret 7", None], ["secret 3", 1.8e9]]}
    assert json.loads(render_edge_json(named, PATHS, [], mask_key=KEY, sealed={}))["proofs"] == {"hq": []}
