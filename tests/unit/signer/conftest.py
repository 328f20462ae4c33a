"""A whole identity in files, made for each test run."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.shaken.evidence import Evidence, Kind, issue
from trunkward.signer.identity import IdentityFiles
from trunkward.trunks.transit import OF_NODE

NOW_S = 1_795_435_200


@pytest.fixture
def house(tmp_path: Path) -> Any:
    """Keys, certificates, and `token(trunk, tn)`; `now_s` is when they were made."""
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
        )
        return issue(evidence_key, statement)

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

    return SimpleNamespace(files=files, token=token, identity=identity, now_s=NOW_S, tmp=tmp_path)
