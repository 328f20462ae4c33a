"""What call-test's other provider signs, held against the verification that gates use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_pem_x509_certificate

from trunkward.calltest.other_provider import CAUSE_OF, SPC, Fault, OtherProvider
from trunkward.calltest.parties import LabShaken, NotALabError
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.testauthority import build_test_authority
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import CalledAs, Verification, Verstat, urls_of, verify

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CALLING, CALLED = "+12125550199", "+12025550101"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabShaken:
    """A node's TEST authority."""
    home = tmp_path_factory.mktemp("pki")
    key = ec.generate_private_key(ec.SECP256R1())
    root = build_test_authority(key, serial=1 << 100, now=NOW, lifetime=timedelta(days=3650))
    (home / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (home / "ca.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return LabShaken(
        authority=home / "ca.pem", authority_key=home / "ca.key", certificate=Path("unused"), spc="000T"
    )


def found(lab: LabShaken, fault: Fault | None, level: Attestation = Attestation.A) -> Verification:
    provider = OtherProvider.of(lab, NOW)
    value = provider.identity(CALLING, CALLED, level=level, fault=fault, now=NOW)
    trusted = TrustedList.of(load_pem_x509_certificate(lab.authority.read_bytes()))
    credential = credential_of(provider.chain.encode(), trusted, NO_LIST, NOW.timestamp())
    tns = CALLING.removeprefix("+"), CALLED.removeprefix("+")
    return verify(
        [value],
        call=CalledAs(orig=tns[:1], to=tns[1], request_uri=tns[1], date_s=None, call_id="x"),
        credentials={provider.x5u: credential} if provider.x5u in urls_of([value]) else {},
        now_s=NOW.timestamp(),
    )


@pytest.mark.parametrize("level", list(Attestation))
def test_without_a_fault_it_is_good(lab: LabShaken, level: Attestation) -> None:
    verified = found(lab, None, level)
    assert (verified.outcome, verified.attest, verified.spc) == (Verstat.PASSED, level, SPC)
    assert found(lab, Fault.REPLAY, level).outcome is Verstat.PASSED, "the first time"


@pytest.mark.parametrize("level", list(Attestation))
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.REPLAY])
def test_with_a_fault_that_alone_is_wrong(lab: LabShaken, fault: Fault, level: Attestation) -> None:
    (judged,) = found(lab, fault, level).passports
    assert judged.error is not None
    assert judged.error.cause is CAUSE_OF[fault]
    assert judged.error.cause is not Cause.CERTIFICATE_UNAVAILABLE, "no verifier has anybody to ask"


def test_each_run_has_a_key_and_a_url_of_its_own(lab: LabShaken) -> None:
    one, other = OtherProvider.of(lab, NOW), OtherProvider.of(lab, NOW)
    assert one.x5u != other.x5u
    keys = [load_pem_x509_certificate(each.chain.encode()).public_key() for each in (one, other)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("number", ["+12024561111", "+442079460123", "+12025551212"])
def test_nothing_is_signed_for_a_number_that_may_be_somebodys(lab: LabShaken, number: str) -> None:
    with pytest.raises(NotALabError, match="may be somebody's"):
        OtherProvider.of(lab, NOW).identity(number, CALLED, level=Attestation.A, fault=None, now=NOW)


def test_nothing_is_signed_with_an_identity_that_counts_elsewhere(lab: LabShaken, shaken: LabShaken) -> None:
    """Under an authority that is no TEST one, under the node's own code, or where nobody would believe it."""
    for wrong, said in (
        (shaken, "not a TEST authority"),
        (replace(lab, spc=SPC), "the node's own code"),
        (replace(lab, administered=True), "policy_administrator"),
    ):
        with pytest.raises(NotALabError, match=said):
            OtherProvider.of(wrong, NOW)
