"""A whole identity in files, made for each test run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.shaken import contract as contracts
from trunkward.shaken import relationship as relationships
from trunkward.shaken.contract import Contract
from trunkward.shaken.evidence import Evidence, Kind, issue
from trunkward.shaken.relationship import Relationship
from trunkward.signer.identity_files import IdentityFiles
from trunkward.trunks.transit import OF_NODE

NOW_S = 1_795_435_200
ORIGID = "123e4567-e89b-82d3-a456-426655440000"


@pytest.fixture
def house(tmp_path: Path) -> Any:
    """Keys, certificates, tokens and requests; `now_s` is when they were made."""
    directory = tmp_path / "pki"
    facts = PkiFacts(
        node="sbc.example.com",
        node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
        spc="709J",
    )
    ensure_pki(
        directory,
        facts,
        PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0),
        now=datetime.fromtimestamp(NOW_S, UTC),
    )
    files = PkiFiles(directory)
    evidence_key = read_evidence_key(files.evidence_key)

    def token(
        trunk: str = "alpha",
        tn: str = "12025550100",
        not_after: int = NOW_S + 3600,
        identity: str = OF_NODE,
        kind: Kind = Kind.OWN_INVENTORY,
        name: str = "num-1",
        spc: str = "709J",
    ) -> str:
        statement = Evidence(
            kind=kind,
            identity=identity,
            customer="KYC-2026-17",
            trunk=trunk,
            first=tn,
            last=tn,
            not_after=not_after,
            version=2,
            id=name,
            spc=spc,
        )
        return issue(evidence_key, statement)

    def relationship(**changed: Any) -> str:
        said: dict[str, Any] = {
            "identity": OF_NODE,
            "trunk": "alpha",
            "customer": "KYC-2026-17",
            "since": NOW_S - 86_400,
            "until": NOW_S + 7200,
            "supplies_levels": False,
            "nam": "Example Corp",
            "crn": "Delivery",
            "not_after": NOW_S + 3600,
            "version": 3,
        }
        return relationships.issue(evidence_key, Relationship(**said | changed))

    def contract(**changed: Any) -> str:
        said: dict[str, Any] = {
            "identity": "resold",
            "spc": "709J",
            "id": "evidence-31",
            "not_after": NOW_S + 3600,
            "version": 32,
        }
        return contracts.issue(evidence_key, Contract(**said | changed))

    def request(**changed: Any) -> bytes:
        """A gate's; of A and B with whose trunk it is."""
        fields: dict[str, Any] = {
            "id": "7",
            "trunk": "alpha",
            "tenant": "acme",
            "orig": "12025550100",
            "dest": ["12025550110"],
            "level": "B",
            "customer": "KYC-2026-17",
            "rule": "B-known-customer",
            "origid": ORIGID,
            "record_id": "rec-1",
        }
        if changed.get("level") == "A":
            fields["rule"] = "A-own-inventory"
        if changed.get("level", "B") in ("A", "B"):
            fields["relationship"] = relationship()
        return json.dumps(fields | changed).encode()

    def identity(*, x5u: str = "https://cert.example.com/709J/1.pem", spc: str = "709J") -> IdentityFiles:
        return IdentityFiles(
            key=files.shaken_key,
            certificate_chain=files.shaken,
            trust=files.shaken_authority,
            evidence_key=files.evidence_public_key,
            denied=files.denied_evidence,
            x5u=x5u,
            spc=spc,
        )

    return SimpleNamespace(
        files=files,
        token=token,
        relationship=relationship,
        contract=contract,
        request=request,
        identity=identity,
        now_s=NOW_S,
        tmp=tmp_path,
    )
