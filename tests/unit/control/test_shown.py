"""What `web` may know of a configuration: its health, and nothing that opens a door."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.declared import InForce
from trunkward.control.evidence_tokens import LIFETIME_S, tokens_of
from trunkward.control.node_file import read_node_file
from trunkward.control.relationship_tokens import relationships_of
from trunkward.control.showing import shown
from trunkward.control.shown import Shown, certificate_parts, certificate_sources, identity_sources
from trunkward.trunks.signing import Certificates, PolicyAdministrator, SigningSource
from trunkward.trunks.transit import SigningIdentity

EXAMPLE = Path(__file__).parents[3] / "examples/node.yaml"
FINGERPRINT = "ab" * 32
NOW = 1_800_000_000


def in_force() -> InForce:
    text = EXAMPLE.read_text(encoding="utf-8")
    made = InForce(version=3, node_file=text, certificates={"acme-hq": [FINGERPRINT]}, evidence={})
    key = Ed25519PrivateKey.generate()
    evidence = tokens_of(made.declared(), (), key, {}, now_s=NOW)
    relationships = relationships_of(made.declared(), key, {}, now_s=NOW + 1)
    return msgspec.structs.replace(made, evidence=evidence, relationships=relationships)


def test_it_tells_what_health_needs() -> None:
    made = in_force()
    told = shown(made, made.declared(), 5.0)
    assert (told.version, told.since, told.gates) == (3, 5.0, 2)
    assert (told.addresses, told.tls_port, told.clock_trusted) == (["127.0.0.10"], 5061, True)
    assert told.issued == ["acme-hq", "north"]
    assert told.evidence_until == NOW + LIFETIME_S
    # of a trunk without numbers it is told when the declaration of whose it is ends
    alone = msgspec.structs.replace(made, evidence={})
    assert shown(alone, made.declared(), 5.0).evidence_until == NOW + 1 + LIFETIME_S
    nothing = msgspec.structs.replace(alone, relationships={})
    assert shown(nothing, made.declared(), 5.0).evidence_until is None
    # 731 days after 2026-01-15
    assert told.customers_until == 1_831_593_600
    assert "carrier south" in {found.where for found in told.deviations_found()}


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("local", []),
        ("acme https://ca.example/directory", ["acme", "certificates"]),
        ("files /etc/chain.pem", ["certificates"]),
    ],
)
def test_processes_for_certificates_are_there_when_one_is_from_elsewhere(
    source: str, parts: list[str]
) -> None:
    assert certificate_parts({"server": source, "client-north": "local"}, {}) == parts


def test_where_certificates_are_from() -> None:
    assert certificate_sources(in_force().declared()) == {"server": "local"}
    acme = "  certificate:\n    acme:\n      directory: https://ca.example/dir\n      terms_agreed: true\n"
    text = EXAMPLE.read_text(encoding="utf-8")
    declared = read_node_file(text.replace("node:\n", f"node:\n{acme}", 1), "test")
    assert certificate_sources(declared) == {"server": "acme https://ca.example/dir"}


def test_identities_are_those_of_the_node_and_of_its_resellers() -> None:
    """Nobody says whom to trust: no process for it, and nothing to tell of."""
    declared = in_force().declared()
    assert identity_sources(declared) == {}
    administrator = PolicyAdministrator(url="https://sti-pa.example.net", certificate_file="/etc/pa.pem")
    west = SigningIdentity(
        spc="111T",
        x5u="https://cert.example.com/",
        signing=SigningSource(certificates=Certificates.ACME),
    )
    declared = replace(
        declared,
        node=replace(declared.node, policy_administrator=administrator),
        reseller_identities={"west": west},
    )
    assert identity_sources(declared) == {"node": "test", "west": "acme"}
    assert certificate_parts({"server": "local"}, identity_sources(declared)) == ["identities"]


def test_who_signs_under_the_test_authority() -> None:
    """The node and each reseller: all of them can end, and nobody's is renewed but by `up`."""
    made = in_force()
    declared = made.declared()
    tested = SigningIdentity(spc="111T", x5u="https://cert.example.com/shaken.pem")
    acme = replace(tested, signing=SigningSource(certificates=Certificates.ACME))
    resold = replace(declared, reseller_identities={"west": tested, "east": tested, "south": acme})
    assert shown(made, declared, 5.0).tested == ["node"]
    assert shown(made, resold, 5.0).tested == ["node", "east", "west"]
    acme_alone = replace(resold, node=replace(declared.node, signing=acme.signing))
    assert shown(made, acme_alone, 5.0).tested == ["east", "west"]


def test_nothing_in_it_opens_a_door() -> None:
    made = in_force()
    text = msgspec.json.encode(shown(made, made.declared(), 5.0)).decode()
    assert msgspec.json.decode(text, type=Shown).version == 3
    tokens = [token for tokens in made.evidence.values() for token in tokens]
    assert tokens
    for secret in (FINGERPRINT, "+1202555", "127.0.0.21", "000T", *tokens):
        assert secret not in text
