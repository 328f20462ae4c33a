"""Which trunks' evidence is looked at: those somebody names, and those whose blocks have changed."""

from copy import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from trunkward.control.blocks import blocks_of
from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiOwners, ensure_pki
from trunkward.engines.tokens import tokens_for
from trunkward.settings import Paths
from trunkward.shaken.evidence import read_token
from trunkward.trunks.customer import Customer
from trunkward.trunks.evidence import BLOCK, EvidenceRecord
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
RECORD = EvidenceRecord(
    version=17,
    trunk="",
    tenant="",
    customer="",
    kind=BLOCK,
    first="+12025550100",
    last="+12025550199",
    file_name="assignment.pdf",
    file_sha256="ab" * 32,
    why="filed",
    until=NOW.timestamp() + 86_400,
    reviewed=18,
    accepted=True,
    salt="5a" * 16,
    identity=OF_NODE,
    spc="000T",
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A node's, with its keys."""
    found = Paths(config=tmp_path / "c", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log")
    found.pki.mkdir(parents=True)
    facts = PkiFacts(
        node="sbc.example.com",
        node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
        spc="709J",
    )
    owners = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
    ensure_pki(found.pki, facts, owners, now=NOW)
    return found


@pytest.fixture
def declared() -> Declared:
    """The example under a real certificate, with a second trunk."""
    read = read_node_file(EXAMPLE, "node.yaml")
    real = replace(read.node, signing=SigningSource(certificates=Certificates.FILES))
    far = replace(read.trunks[0], name="acme-far", numbers=("+12025550110",))
    return replace(read, node=real, trunks=(*read.trunks, far))


def in_force(paths: Paths, declared: Declared, *records: EvidenceRecord) -> InForce:
    tokens = tokens_for(paths, declared, records, None, now=NOW)
    assert tokens.blocks == blocks_of(declared, records, NOW.timestamp())
    return InForce(
        version=1,
        node_file=EXAMPLE,
        certificates={},
        evidence=tokens.evidence,
        evidence_key=tokens.evidence_key,
        blocks=tokens.blocks,
    )


def ids(evidence: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [read_token(token).id for token in tokens] for name, tokens in evidence.items()}


def test_a_block_that_was_accepted_or_revoked_concerns_the_trunks_with_numbers_in_it(
    paths: Paths, declared: Declared
) -> None:
    """An act that names no trunk at all, which is what accepting a block is."""
    before = in_force(paths, declared)
    near = replace(RECORD, last="+12025550109")
    evidence = tokens_for(paths, declared, [near], before, now=NOW, only=frozenset()).evidence
    assert ids(evidence) == {"acme-hq": ["evidence-17"], "acme-far": []}
    after = in_force(paths, declared, near)
    revoked = replace(near, revoked=19)
    evidence = tokens_for(paths, declared, [revoked], after, now=NOW, only=frozenset()).evidence
    assert ids(evidence) == {"acme-hq": [], "acme-far": []}


def test_a_record_of_another_tenant_s_concerns_whose_inventory_has_its_numbers(
    paths: Paths, declared: Declared
) -> None:
    """Revoked, it is in the way of the inventory no more, from the same act on."""
    port = replace(
        RECORD,
        version=30,
        kind="port",
        trunk="other",
        tenant="other",
        customer="OTHER-1",
        first="+12025550110",
        last="+12025550110",
    )
    before = in_force(paths, declared, RECORD, port)
    assert ids(before.evidence) == {"acme-hq": ["evidence-17"], "acme-far": []}
    evidence = tokens_for(
        *(paths, declared, [RECORD, replace(port, revoked=40)], before), now=NOW, only=frozenset()
    ).evidence
    assert ids(evidence) == {"acme-hq": ["evidence-17"], "acme-far": ["evidence-17"]}


def test_a_record_of_a_trunk_that_is_not_looked_at_counts_as_it_does_when_all_are(
    paths: Paths, declared: Declared
) -> None:
    """A port to another provider is in nobody's way, whichever trunks are looked at; one to ours is."""
    hq, far = declared.trunks
    customer = Customer(reference="O-1", verified_s=1)
    theirs = replace(hq, name="other", tenant="other", numbers=(), customer=customer)
    declared = replace(declared, trunks=(hq, far, theirs))
    ours = replace(
        RECORD,
        version=30,
        kind="port",
        trunk="other",
        tenant="other",
        customer="O-1",
        first="+12025550110",
        last="+12025550110",
    )
    for port, left in ((ours, []), (replace(ours, spc="567T"), ["evidence-17"])):
        before = in_force(paths, declared, RECORD, port)
        assert ids(before.evidence)["acme-far"] == left
        after = tokens_for(paths, declared, [RECORD, port], before, now=NOW, only=frozenset({"acme-far"}))
        assert after.evidence == before.evidence


def test_while_no_block_changes_nobodys_evidence_is_looked_at(paths: Paths, declared: Declared) -> None:
    """A hold of one trunk makes no token of another."""
    before = msgspec.structs.replace(
        in_force(paths, declared, RECORD), evidence={"acme-hq": ["a"], "acme-far": ["b"]}
    )
    evidence = tokens_for(paths, declared, [RECORD], before, now=NOW, only=frozenset()).evidence
    assert evidence == before.evidence
