"""What `control` signs with the key of evidence, which is root's alone, for a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.control.blocks import blocks_of, concerned, contested
from trunkward.control.contracts import contract_tokens
from trunkward.control.declared import InForce
from trunkward.control.evidence_tokens import tokens_of
from trunkward.control.relationship_tokens import relationships_of
from trunkward.engines.pki_files import PkiFiles, read_evidence_key
from trunkward.settings import Paths
from trunkward.trunks.evidence import EvidenceRecord, NumberBlock
from trunkward.trunks.model import Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """As they stand in `InForce`."""

    evidence: dict[str, list[str]]
    relationships: dict[str, str]
    #: Name of the key that signed them.
    evidence_key: str
    #: What the evidence of inventories rests on.
    blocks: list[NumberBlock]
    #: By identity: what supplied levels rest on.
    contracts: dict[str, str]


def tokens_for(
    paths: Paths,
    declared: Declared,
    records: Sequence[EvidenceRecord],
    before: InForce | None,
    *,
    now: datetime,
    only: frozenset[str] | None = None,
) -> Tokens:
    """Every trunk's; what is good of `before` is kept. Arguments as of `engines.issuing.issue`."""
    key = read_evidence_key(PkiFiles(paths.pki).evidence_key)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = sha256(public).hexdigest()
    # root's own document: what this key signed was good, and verifying 10,000 takes seconds
    same_key = before is not None and before.evidence_key == key_id
    evidence, whose = (before.evidence, before.relationships) if before else ({}, {})
    blocks = blocks_of(declared, records, now.timestamp())
    if only is not None and before is not None:
        only |= concerned(declared, before.blocks, blocks) | contested(declared, records)
    # as with certificates: who is not looked at keeps what was in force a moment ago
    kept = {
        trunk.name
        for trunk in declared.trunks
        if only is not None and same_key and trunk.name not in only and trunk.name in evidence
    }
    others = replace(declared, trunks=tuple(trunk for trunk in declared.trunks if trunk.name not in kept))
    now_s = int(now.timestamp())
    return Tokens(
        evidence={name: tokens for name, tokens in evidence.items() if name in kept}
        | tokens_of(declared, records, key, evidence, now_s=now_s, signed_by_it=same_key, but=kept),
        relationships={name: token for name, token in whose.items() if name in kept}
        | relationships_of(others, key, whose, now_s=now_s, signed_by_it=same_key),
        evidence_key=key_id,
        blocks=blocks,
        contracts=contract_tokens(declared, records, key, now.timestamp()),
    )
