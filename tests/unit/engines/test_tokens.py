"""What the key of evidence signs for a configuration: who is not looked at keeps his, unless the key is another."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.engines.tokens import Tokens, tokens_for
from trunkward.settings import Paths
from trunkward.shaken import evidence, relationship
from trunkward.trunks.customer import Customer
from trunkward.trunks.model import Declared

TEXT = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 26, 13, tzinfo=UTC)
FACTS = PkiFacts(
    node="sbc.example.com",
    node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
    spc="000T",
)
NOBODY = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path / "log")
    ensure_pki(found.pki, FACTS, NOBODY, now=NOW)
    return found


@pytest.fixture
def declared() -> Declared:
    """Two trunks, of one customer."""
    read = read_node_file(TEXT, "node.yaml")
    other = replace(read.trunks[0], name="acme-branch", numbers=("+12025550142",))
    return replace(read, trunks=(read.trunks[0], other))


def before(tokens: Tokens) -> InForce:
    return InForce(
        version=1,
        node_file=TEXT,
        certificates={},
        evidence=tokens.evidence,
        relationships=tokens.relationships,
        evidence_key=tokens.evidence_key,
    )


def verified_anew(declared: Declared) -> Declared:
    customer = Customer(reference="KYC-2026-17", verified_s=int(NOW.timestamp()) - 86_400)
    return replace(declared, trunks=tuple(replace(trunk, customer=customer) for trunk in declared.trunks))


def test_each_trunk_has_its_own_and_what_is_good_is_kept(paths: Paths, declared: Declared) -> None:
    first = tokens_for(paths, declared, (), None, now=NOW)
    assert set(first.relationships) == set(first.evidence) == {"acme-hq", "acme-branch"}
    key = read_evidence_key(PkiFiles(paths.pki).evidence_key).public_key()
    for name, token in first.relationships.items():
        assert relationship.open_token(key, token).trunk == name
        assert evidence.open_token(key, first.evidence[name][0]).trunk == name
    assert tokens_for(paths, declared, (), before(first), now=LATER) == first


def test_who_is_not_looked_at_keeps_what_was_in_force(paths: Paths, declared: Declared) -> None:
    first = tokens_for(paths, declared, (), None, now=NOW)
    changed, only = verified_anew(declared), frozenset({"acme-hq"})
    after = tokens_for(paths, changed, (), before(first), now=LATER, only=only)
    same = {name for name, token in first.relationships.items() if after.relationships[name] == token}
    assert same == {"acme-branch"}
    # who is gone has none any more
    gone = tokens_for(
        paths, replace(declared, trunks=declared.trunks[:1]), (), before(first), now=LATER, only=only
    )
    assert set(gone.relationships) == set(gone.evidence) == {"acme-hq"}


def test_another_key_signs_all_of_them_anew(paths: Paths, declared: Declared) -> None:
    first = before(tokens_for(paths, declared, (), None, now=NOW))
    PkiFiles(paths.pki).evidence_key.unlink()
    ensure_pki(paths.pki, FACTS, NOBODY, now=NOW)
    after = tokens_for(paths, declared, (), first, now=LATER, only=frozenset())
    key = read_evidence_key(PkiFiles(paths.pki).evidence_key).public_key()
    assert {relationship.open_token(key, token).trunk for token in after.relationships.values()} == {
        "acme-hq",
        "acme-branch",
    }
    assert after.evidence_key != first.evidence_key
