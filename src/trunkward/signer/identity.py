"""The signer's own identity: key, certificate, code and URL, read from files and checked before use."""

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from trunkward.shaken.certificate import CertificateUnfit, check_signing_certificate
from trunkward.shaken.passport import PassportError, PassportSigner

#: Any of these bits on the key file, and somebody else could read or replace the key.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: No key or certificate file of ours is larger, in bytes.
_MAX_FILE = 64 * 1024


class IdentityUnfit(RuntimeError):
    """The signer must not sign with what it was given; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str) -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFiles:
    """Where the identity comes from."""

    key: Path
    #: Leaf first, then its issuers, without the root: what `x5u` serves.
    certificate_chain: Path
    #: Roots trusted to issue signing certificates.
    authorities: Path
    #: Public half of the key `control` signs evidence with.
    evidence_key: Path
    x5u: str
    spc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A loaded and checked identity."""

    files: IdentityFiles
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    authorities: tuple[x509.Certificate, ...]
    evidence_key: Ed25519PublicKey
    passports: PassportSigner
    _key: ec.EllipticCurvePrivateKey

    @property
    def serial(self) -> str:
        """Serial number of the certificate, lower-case hex."""
        return f"{self.certificate.serial_number:x}"

    def check(self, now: datetime) -> None:
        """Raise `IdentityUnfit` unless key file and certificate may be used now."""
        _read_private(self.files.key)
        try:
            check_signing_certificate(
                certificate=self.certificate,
                key=self._key,
                chain=self.chain,
                authorities=self.authorities,
                spc=self.files.spc,
                now=now,
            )
        except CertificateUnfit as unfit:
            raise IdentityUnfit(unfit.reason, f"{self.files.certificate_chain}: {unfit}") from unfit


def load_identity(files: IdentityFiles, now: datetime) -> Identity:
    """Read everything and check it. Raises `IdentityUnfit`, which names file and cause."""
    key = _parse_key(files.key)
    certificate, *chain = _parse_certificates(files.certificate_chain)
    try:
        passports = PassportSigner.create(key, files.x5u)
    except PassportError as error:
        raise IdentityUnfit(error.reason, str(error)) from error
    identity = Identity(
        files=files,
        certificate=certificate,
        chain=tuple(chain),
        authorities=tuple(_parse_certificates(files.authorities)),
        evidence_key=_parse_evidence_key(files.evidence_key),
        passports=passports,
        _key=key,
    )
    identity.check(now)
    return identity


def _parse_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the parser's words: they may quote the file.
        raise IdentityUnfit("key-unreadable", f"{path}: no unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityUnfit("certificate-not-p256", f"{path}: not an elliptic curve key")
    return key


def _parse_certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise IdentityUnfit("certificate-unreadable", f"{path}: {error}") from error


def _parse_evidence_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityUnfit("evidence-key-unreadable", f"{path}: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise IdentityUnfit("evidence-key-unreadable", f"{path}: not an Ed25519 public key")
    return key


def _read_private(path: Path) -> bytes:
    return _read(path, private=True)


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise IdentityUnfit("file-unreadable", f"{path}: {error.strerror}") from error
    try:
        # Of the open file, not of the name: nothing can be swapped in between.
        status = os.fstat(fd)
        if private and status.st_mode & _OTHERS:
            raise IdentityUnfit(
                "key-file-open-to-others",
                f"{path}: mode {stat.S_IMODE(status.st_mode):04o}; it must be 0600 or less",
            )
        if private and status.st_uid not in {0, os.geteuid()}:
            raise IdentityUnfit("key-file-owned-by-other", f"{path}: belongs to user id {status.st_uid}")
        return os.read(fd, _MAX_FILE)
    except OSError as error:
        raise IdentityUnfit("file-unreadable", f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)
