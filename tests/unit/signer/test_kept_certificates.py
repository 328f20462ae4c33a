"""Each certificate that was ever signed with stays where `why` finds it, wherever its chain came from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from trunkward.cli.why import _certificate
from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiOwners, ensure_pki
from trunkward.settings import Paths
from trunkward.signer.identity import load_identity
from trunkward.signer.kept_certificates import keep


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(config=tmp_path / "node.yaml", state=tmp_path / "s", run=tmp_path / "r", log=tmp_path / "l")
    made.signer_state("resold").mkdir(parents=True)
    return made


def renew(house: Any, now: datetime) -> None:
    names = SipNames(common_name="sbc.example.com", dns=("sbc.example.com",))
    facts = PkiFacts(node="sbc.example.com", node_names=names, spc="709J")
    nobody = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
    ensure_pki(house.files.directory, facts, nobody, now=now)


def test_the_one_in_use_and_those_before_it(house: Any, paths: Paths) -> None:
    now = datetime.fromtimestamp(house.now_s, UTC)
    kept = paths.signed_with("resold", "any").parent
    first = load_identity(house.identity(), now)
    keep(kept, first)
    later = now + timedelta(days=350)
    renew(house, later)
    second = load_identity(house.identity(), later)
    assert second.serial != first.serial
    keep(kept, second)
    for identity in (first, second):
        found = _certificate(paths, identity.serial, "resold")
        assert found is not None
        assert (found.serial, found.spc) == (identity.serial, "709J")
        assert found.until == identity.certificate.not_valid_after_utc
    # no other's, and none that was never here
    assert _certificate(paths, first.serial, "node") is None
    assert _certificate(paths, "1f", "resold") is None
    assert _certificate(paths, "", "resold") is None


def test_it_is_written_once_with_its_chain(house: Any, paths: Paths) -> None:
    kept = paths.signed_with("resold", "any").parent
    identity = load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
    keep(kept, identity)
    (file,) = kept.iterdir()
    stamp = file.stat().st_mtime_ns
    keep(kept, identity)
    assert file.stat().st_mtime_ns == stamp
    assert x509.load_pem_x509_certificates(file.read_bytes()) == [identity.certificate, *identity.chain]
