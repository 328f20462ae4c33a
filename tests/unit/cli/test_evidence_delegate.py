"""Against whom `evidence add --kind delegate` holds a certificate: whoever a gate trusts, and as strictly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.cli import evidence
from trunkward.control.evidence import EvidenceActRefused
from trunkward.control.node_file import read_node_file
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.trust import Trust
from trunkward.settings import Paths
from trunkward.shaken import base64url
from trunkward.shaken.es256 import sign_es256
from trunkward.shaken.trusted_list import TrustedList
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.signing import Revocation

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
HARD, SOFT = Revocation.HARD, Revocation.SOFT


class Files:
    """Files of a node that has a list."""

    def __init__(self, *_: Any, hard: bool, **__: Any) -> None:
        self.trust = Trust(authorities=TrustedList.of(), hard=hard)

    def refresh(self) -> None:
        """There is nothing to read."""


KEY = ec.generate_private_key(ec.SECP256R1())
RECORD = EvidenceRecord(
    version=0,
    trunk="acme-hq",
    tenant="acme",
    customer="KYC-2026-17",
    kind="delegate",
    first="+12025550150",
    last="+12025550150",
    file_name="chain.pem",
    file_sha256="ab" * 32,
    why="w",
    salt="5a" * 16,
    until=2.0,
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Of a node with the key that signs evidence."""
    found = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    place = PkiFiles(found.pki).evidence_key
    place.parent.mkdir(parents=True)
    key = Ed25519PrivateKey.generate()
    place.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return found


@pytest.mark.parametrize(("own", "others", "hard"), [(SOFT, HARD, True), (HARD, SOFT, False)])
def test_the_policy_is_that_for_certificates_of_others(
    monkeypatch: pytest.MonkeyPatch, paths: Paths, own: Revocation, others: Revocation, *, hard: bool
) -> None:
    """`node.verification.revocation`; `node.identity.revocation` is about our own."""
    asked: list[bool] = []

    def checked(*_: Any, hard: bool, **__: Any) -> ec.EllipticCurvePublicKey:
        asked.append(hard)
        return KEY.public_key()

    monkeypatch.setattr(evidence, "TrustFiles", Files)
    monkeypatch.setattr(evidence, "check_delegate", checked)
    declared = read_node_file(EXAMPLE, "node.yaml")
    node = replace(
        declared.node,
        signing=replace(declared.node.signing, revocation=own),
        verification=replace(declared.node.verification, revocation=others),
    )
    with pytest.raises(EvidenceActRefused, match="have the customer sign the challenge above"):
        evidence._check_delegate(paths, b"", RECORD, replace(declared, node=node), 1.0)
    assert asked == [hard]


def test_the_challenge_is_given_and_its_answer_taken(
    monkeypatch: pytest.MonkeyPatch, paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chain is public: without what its key signed, anybody could have handed it in."""
    monkeypatch.setattr(evidence, "TrustFiles", Files)
    monkeypatch.setattr(evidence, "check_delegate", lambda *_, **__: KEY.public_key())
    declared = read_node_file(EXAMPLE, "node.yaml")
    now = 1_795_435_200.0
    with pytest.raises(EvidenceActRefused, match="compact form, ES256, within 7 days"):
        evidence._check_delegate(paths, b"", RECORD, declared, now)
    (asked,) = capsys.readouterr().out.split()

    def signed(key: ec.EllipticCurvePrivateKey) -> str:
        text = ".".join(base64url.encode(part) for part in (b'{"alg":"ES256"}', asked.encode()))
        return f"{text}.{base64url.encode(sign_es256(key, text.encode()))}"

    evidence._check_delegate(paths, b"", replace(RECORD, proof=signed(KEY)), declared, now + 86_400)
    stranger = replace(RECORD, proof=signed(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(EvidenceActRefused, match="no proof that the certificate's key is the customer's"):
        evidence._check_delegate(paths, b"", stranger, declared, now)
    # what was signed for one customer is nothing for another
    other = replace(RECORD, proof=signed(KEY), customer="KYC-2026-18")
    with pytest.raises(EvidenceActRefused, match="for another certificate, customer, trunk"):
        evidence._check_delegate(paths, b"", other, declared, now)
