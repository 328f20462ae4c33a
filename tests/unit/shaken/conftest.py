"""Keys and certificates for the tests, made when they run: good ones, and each defect by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Authority:
    """A root of the test's own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(
        self, public_key: ec.EllipticCurvePublicKey, spc: str = "709J", serial: int = 1 << 100
    ) -> x509.Certificate:
        """A good signing certificate."""
        return build_signing_certificate(
            public_key,
            authority=self.certificate,
            authority_key=self.key,
            spc=spc,
            serial=serial,
            now=NOW,
            lifetime=YEAR,
        )


@pytest.fixture(scope="session")
def now() -> datetime:
    """The time of all tests here."""
    return NOW


@pytest.fixture(scope="session")
def key() -> ec.EllipticCurvePrivateKey:
    """The signing key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The TEST authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, build_test_authority(key, serial=1 << 99, now=NOW, lifetime=10 * YEAR))


type Spoil = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


@pytest.fixture
def forge(authority: Authority) -> Callable[..., x509.Certificate]:
    """Re-sign a certificate with one thing changed."""

    def forge(
        model: x509.Certificate,
        *,
        public_key: ec.EllipticCurvePublicKey | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        subject: x509.Name | None = None,
        drop: x509.ObjectIdentifier | None = None,
        put: tuple[x509.ExtensionType, bool] | None = None,
        issuer: x509.Certificate | None = None,
        issuer_key: ec.EllipticCurvePrivateKey | None = None,
        algorithm: SHA256 | SHA384 | None = None,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or model.subject)
            .issuer_name((issuer or authority.certificate).subject)
            .public_key(public_key or model.public_key())
            .serial_number(model.serial_number)
            .not_valid_before(not_before or model.not_valid_before_utc)
            .not_valid_after(not_after or model.not_valid_after_utc)
        )
        for extension in model.extensions:
            if extension.oid != drop and not (put and put[0].oid == extension.oid):
                builder = builder.add_extension(extension.value, extension.critical)
        if put:
            builder = builder.add_extension(*put)
        return builder.sign(issuer_key or authority.key, algorithm or SHA256())

    return forge
