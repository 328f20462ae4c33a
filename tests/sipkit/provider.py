"""Another provider of the test's own making: its authority, its SHAKEN certificate, and signatures of calls."""

from __future__ import annotations

import time
from copy import copy
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.shaken.attest import Attestation
from trunkward.shaken.passport import Claims, PassportSigner, ShakenClaims
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority

#: Of every call that says no other.
ORIGID = "4437c7eb-8f7a-4f0e-a863-f53a0e60251a"
URL = "https://certificates.example.net/709J.pem"


class Provider:
    """Signs calls; `root` is whom a verifier must trust for it."""

    def __init__(
        self,
        spc: str = "709J",
        *,
        url: str = URL,
        now: datetime | None = None,
        lifetime: timedelta = timedelta(days=30),
        authority: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None,
    ) -> None:
        """Makes keys and certificates. `authority`: another's, instead of one of its own."""
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        self.authority_key, self.root = authority or _authority(now)
        self.certificate = build_signing_certificate(
            key.public_key(),
            authority=self.root,
            authority_key=self.authority_key,
            spc=spc,
            serial=x509.random_serial_number() >> 8 | 1 << 80,
            now=now,
            lifetime=lifetime,
        )
        self.url = url
        self._key = key
        self._signer = PassportSigner.create(key, url)

    def at(self, url: str) -> Provider:
        """The same one, its certificate published elsewhere, too."""
        other = copy(self)
        other.url, other._signer = url, PassportSigner.create(self._key, url)
        return other

    def sign(self, claims: Claims) -> str:
        """The value of an Identity header that says this."""
        return self._signer.identity(claims)

    @property
    def chain(self) -> bytes:
        """What is published at its URL."""
        return self.certificate.public_bytes(Encoding.PEM)

    def identity(
        self, orig: str, dest: str, *, level: str = "A", iat: float | None = None, origid: str = ORIGID
    ) -> str:
        """The value of an Identity header, for numbers in E.164 with or without `+`."""
        return self.sign(
            ShakenClaims(
                orig_tn=orig.lstrip("+"),
                dest_tns=(dest.lstrip("+"),),
                attest=Attestation(level),
                iat=int(time.time() if iat is None else iat),
                origid=origid,
            )
        )


def _authority(now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number() >> 8 | 1 << 80
    return key, build_test_authority(key, serial=serial, now=now, lifetime=timedelta(days=3650))
