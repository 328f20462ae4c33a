"""What an authority issued is held against what was asked for, before anything is signed under it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from trunkward.control.shown_certificate import CertificateRefused
from trunkward.control.signing_certificate import as_published, check_signing_chain
from trunkward.shaken.crl import NO_LIST, Revocations
from trunkward.shaken.trusted_list import TrustedList
from trunkward.stiauthority.home import serial
from trunkward.stiauthority.issuing import (
    Issuer,
    issue_administrator,
    issue_intermediate,
    issue_root,
    issue_signing,
    revocations_at,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def root() -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    return Issuer(certificate=issue_root(key, serial=serial(), now=NOW), key=key)


def below(above: Issuer) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_intermediate(
        key.public_key(), root=above, revocations=POINTS, serial=serial(), now=NOW
    )
    return Issuer(certificate=certificate, key=key)


ADMINISTRATOR = issue_administrator(OTHER_KEY, serial=serial(), now=NOW)
POINTS = revocations_at("https://sti-pa.example.net/download/v1/crl", ADMINISTRATOR)
ROOT = root()
INTERMEDIATE = below(ROOT)
STRANGE_ROOT = root()
STRANGE = below(STRANGE_ROOT)


def issued(
    spc: str = "000T", key: ec.EllipticCurvePrivateKey = KEY, issuer: Issuer = INTERMEDIATE
) -> x509.Certificate:
    return issue_signing(
        key.public_key(),
        spc=spc,
        issuer=issuer,
        revocations=POINTS,
        serial=serial(),
        now=NOW,
        lifetime=timedelta(days=30),
    )


def pem(*chain: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


def of_a_web_authority() -> bytes:
    """A good certificate for a web site, from an authority every browser trusts: none of SHAKEN's."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sbc.example.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(STRANGE.certificate.subject).public_key(KEY.public_key())
        .serial_number(serial()).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sbc.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(STRANGE.key, SHA256())
    )  # fmt: skip
    return pem(certificate, STRANGE.certificate)


def revoked(certificate: x509.Certificate) -> Revocations:
    return Revocations(
        revoked=frozenset({(certificate.issuer.public_bytes(), certificate.serial_number)}),
        issuer=ADMINISTRATOR.subject.public_bytes(),
        indirect=True,
        number=1,
        this_update_s=NOW.timestamp(),
        next_update_s=NOW.timestamp() + 86_400,
    )


def check(chain: bytes, now: datetime = NOW, revocations: Revocations = NO_LIST) -> datetime:
    return check_signing_chain(
        chain,
        spc="000T",
        public_key=KEY.public_key(),
        trusted=TrustedList.of(ROOT.certificate),
        revocations=revocations,
        now=now,
    ).ends


def test_a_good_one_lasts_as_long_as_it_says() -> None:
    assert check(pem(issued(), INTERMEDIATE.certificate)) == NOW + timedelta(days=30)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "certificate-unreadable"),
    "another code": (lambda: pem(issued("111T"), INTERMEDIATE.certificate), "certificate-spc-mismatch"),
    "another key": (lambda: pem(issued(key=OTHER_KEY), INTERMEDIATE.certificate), "key-mismatch"),
    "an authority of no list": (
        lambda: pem(issued(issuer=STRANGE), STRANGE.certificate),
        "chain-not-trusted",
    ),
    "the link between is missing": (lambda: pem(issued()), "chain-not-trusted"),
    "an authority's own": (lambda: pem(INTERMEDIATE.certificate), "certificate-profile"),
    "a web site's": (of_a_web_authority, "certificate-profile"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    """Property 20: among them certificates of authorities that other lists trust, a web site's for one."""
    made, reason = REFUSED[case]
    with pytest.raises(CertificateRefused) as refused:
        check(made())
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - timedelta(days=1), "certificate-not-yet-valid"),
        (NOW + timedelta(days=31), "certificate-expired"),
    ],
)
def test_its_time(now: datetime, reason: str) -> None:
    with pytest.raises(CertificateRefused) as refused:
        check(pem(issued(), INTERMEDIATE.certificate), now)
    assert refused.value.reason == reason
    assert str(refused.value).count(reason) == 1


def test_a_revoked_one_and_one_below_a_revoked_authority() -> None:
    """Property 19, the signing side."""
    leaf = issued()
    for bad in (leaf, INTERMEDIATE.certificate):
        with pytest.raises(CertificateRefused, match="certificate-revoked"):
            check(pem(leaf, INTERMEDIATE.certificate), revocations=revoked(bad))


def test_what_is_published_has_no_root_and_nothing_beside_the_certificates() -> None:
    leaf = issued()
    received = b"# from the authority\n" + pem(leaf, INTERMEDIATE.certificate, ROOT.certificate)
    assert as_published(received) == pem(leaf, INTERMEDIATE.certificate)
    with pytest.raises(CertificateRefused, match="nothing but a root"):
        as_published(pem(ROOT.certificate))
