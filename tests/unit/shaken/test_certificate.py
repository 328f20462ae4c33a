"""One test for each cause that forbids signing, each with a certificate that has just this defect."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from trunkward.shaken.certificate import CertificateUnfit, check_signing_certificate
from trunkward.shaken.crl import NO_LIST, Revocations
from trunkward.shaken.testauthority import build_test_authority
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, encode_spc

type Key = ec.EllipticCurvePrivateKey
type Forge = Callable[..., x509.Certificate]
DAY = timedelta(days=1)


@pytest.fixture
def good(authority: Any, key: Key) -> x509.Certificate:
    certificate: x509.Certificate = authority.issue(key.public_key())
    return certificate


@pytest.fixture
def cause(authority: Any, key: Key, now: datetime) -> Callable[..., str]:
    """The reason a certificate is refused; empty when it is fit."""

    def cause(certificate: x509.Certificate, **changed: Any) -> str:
        facts: dict[str, Any] = {
            "key": key,
            "chain": (),
            "authorities": (authority.certificate,),
            "spc": "709J",
            "now": now,
        }
        try:
            check_signing_certificate(certificate=certificate, **(facts | changed))
        except CertificateUnfit as unfit:
            return unfit.reason
        return ""

    return cause


def test_good_certificate_is_fit(good: x509.Certificate, cause: Callable[..., str]) -> None:
    assert cause(good) == ""


def test_resigned_copy_is_fit_so_the_defects_below_are_the_only_ones(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str]
) -> None:
    assert cause(forge(good)) == ""


def test_key_of_another_certificate(good: x509.Certificate, cause: Callable[..., str]) -> None:
    assert cause(good, key=ec.generate_private_key(ec.SECP256R1())) == "certificate-key-mismatch"


def test_other_curve(good: x509.Certificate, forge: Forge, cause: Callable[..., str]) -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    assert cause(forge(good, public_key=other.public_key()), key=other) == "certificate-not-p256"


def test_validity_to_the_second(good: x509.Certificate, cause: Callable[..., str]) -> None:
    first, last, second = good.not_valid_before_utc, good.not_valid_after_utc, timedelta(seconds=1)
    assert cause(good, now=first) == ""
    assert cause(good, now=first - second) == "certificate-not-yet-valid"
    assert cause(good, now=last) == ""
    assert cause(good, now=last + second) == "certificate-expired"


def test_code_of_another_provider(good: x509.Certificate, cause: Callable[..., str]) -> None:
    assert cause(good, spc="809J") == "certificate-spc-mismatch"


def test_foreign_authority(
    good: x509.Certificate, authority: Any, forge: Forge, cause: Callable[..., str], now: datetime
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    same_name = build_test_authority(key, serial=7, now=now, lifetime=DAY)
    # The same name with another key is not our authority.
    assert cause(forge(good, issuer=same_name, issuer_key=key)) == "chain-not-trusted"
    assert cause(good, authorities=()) == "chain-not-trusted"
    # Yet such a namesake on the list does not hide the right one behind it.
    assert cause(good, authorities=(same_name, authority.certificate)) == ""


def test_expired_authority(
    good: x509.Certificate, authority: Any, forge: Forge, cause: Callable[..., str], now: datetime
) -> None:
    end = authority.certificate.not_valid_after_utc
    long = forge(good, not_after=end + DAY)
    assert cause(long, now=end) == ""
    assert cause(long, now=end + timedelta(seconds=1)) == "chain-expired"


def _usage(**changed: bool) -> x509.KeyUsage:
    bits = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(bits | changed))


def test_first_rule_of_the_profile_that_is_broken_is_the_cause(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str]
) -> None:
    # each rule is in test_profile.py; our own certificate keeps all of them
    point = x509.CRLDistributionPoints.oid
    assert cause(forge(good, drop=point)) == "certificate-crl-distribution-point"
    assert cause(forge(good, drop=TN_AUTH_LIST)) == "certificate-tnauthlist-missing"
    assert cause(forge(good, algorithm=SHA384())) == "certificate-signature-algorithm"


def test_revoked_certificate_stops_the_signer(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str], intermediate: Any, now: datetime
) -> None:
    def listed(*certificates: x509.Certificate) -> Revocations:
        end = now.timestamp() + 60
        names = frozenset((one.issuer.public_bytes(), one.serial_number) for one in certificates)
        return replace(NO_LIST, revoked=names, this_update_s=end - 120, next_update_s=end)

    assert cause(good, revoked=listed()) == ""
    assert cause(good, revoked=listed(good)) == "certificate-revoked"
    middle, key, root = intermediate()
    chain = {"chain": (middle,), "authorities": (root,)}
    assert (
        cause(forge(good, issuer=middle, issuer_key=key), **chain, revoked=listed(middle))
        == "certificate-revoked"
    )


@pytest.fixture
def intermediate(
    authority: Any, forge: Forge, now: datetime
) -> Callable[..., tuple[x509.Certificate, Key, x509.Certificate]]:
    """Root (path length 1) over an intermediate, which may have a defect: (intermediate, its key, root)."""

    def make(*put: Any, not_after: datetime | None = None) -> tuple[x509.Certificate, Key, x509.Certificate]:
        root = forge(authority.certificate, put=(x509.BasicConstraints(ca=True, path_length=1), True))
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Intermediate")])
        model = build_test_authority(key, serial=9, now=now, lifetime=DAY)
        middle = forge(model, subject=subject, put=put or None, not_after=not_after)
        return middle, key, root

    return make


def test_chain_through_an_intermediate(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str], intermediate: Any, authority: Any
) -> None:
    middle, key, root = intermediate()
    leaf = forge(good, issuer=middle, issuer_key=key)
    assert cause(leaf, chain=(middle,), authorities=(root,)) == ""
    assert cause(leaf, authorities=(root,)) == "chain-not-trusted"
    # The TEST authority itself allows no authority below it.
    assert cause(leaf, chain=(middle,), authorities=(authority.certificate,)) == "chain-path-length"
    # Certificates that belong to another chain, or stand in the wrong order.
    assert cause(good, chain=(middle,), authorities=(root,)) == "chain-broken"
    assert cause(leaf, chain=(root, middle), authorities=(root,)) == "chain-broken"
    assert cause(leaf, chain=(middle,) * 7, authorities=(root,)) == "chain-too-long"


def test_intermediate_that_is_no_authority(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str], intermediate: Any
) -> None:
    for defect in (x509.BasicConstraints(ca=False, path_length=None), _usage(digital_signature=True)):
        middle, key, root = intermediate(defect, True)
        leaf = forge(good, issuer=middle, issuer_key=key)
        assert cause(leaf, chain=(middle,), authorities=(root,)) == "chain-issuer-not-an-authority"


def test_intermediate_expired(
    good: x509.Certificate, forge: Forge, cause: Callable[..., str], intermediate: Any, now: datetime
) -> None:
    middle, key, root = intermediate(not_after=now - timedelta(seconds=1))
    leaf = forge(good, issuer=middle, issuer_key=key)
    assert cause(leaf, chain=(middle,), authorities=(root,)) == "chain-expired"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the independent checker is the openssl command")
def test_openssl_agrees(good: x509.Certificate, authority: Any, now: datetime, tmp_path: Path) -> None:
    leaf, root, listed = tmp_path / "leaf.pem", tmp_path / "root.pem", tmp_path / "list.der"
    leaf.write_bytes(good.public_bytes(Encoding.PEM))
    root.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    listed.write_bytes(encode_spc("709J"))

    def openssl(*arguments: str | Path) -> str:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout

    at = str(int(now.timestamp()))
    openssl("verify", "-x509_strict", "-check_ss_sig", "-attime", at, "-CAfile", root, leaf)
    text = openssl("x509", "-noout", "-text", "-in", leaf)
    assert "1.3.6.1.5.5.7.1.26" in text
    assert "Policy: 2.16.840.1.114569.1.1.3" in text
    # SEQUENCE, [0] constructed, IA5String with the code.
    parsed = openssl("asn1parse", "-inform", "DER", "-in", listed)
    assert [
        word in line
        for word, line in zip(("SEQUENCE", "cont [ 0 ]", "IA5STRING"), parsed.splitlines(), strict=True)
    ] == [True] * 3
    assert parsed.rstrip().endswith(":709J")
