"""The test authorities' keys and certificates in one directory: made once, so that trust in them lasts."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.control import pki
from trunkward.control.pki import SipNames
from trunkward.stiauthority.issuing import (
    Issuer,
    Revoked,
    issue_administrator,
    issue_intermediate,
    issue_root,
    revocations_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Everything that is kept."""

    directory: Path
    administrator: Issuer
    root: Issuer
    intermediate: Issuer

    @classmethod
    def at(cls, directory: Path, *, hosts: tuple[str, ...], revocations_url: str) -> Self:
        """What is there, and what is missing made.

        `hosts`: names and addresses of the HTTPS servers; `revocations_url`: where the revocation list is.
        """
        directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        administrator = _kept(
            directory / "administrator", lambda key: issue_administrator(key, serial=serial(), now=now)
        )
        revocations = revocations_at(revocations_url, administrator.certificate)
        root = _kept(directory / "root", lambda key: issue_root(key, serial=serial(), now=now))
        home = cls(
            directory=directory,
            administrator=administrator,
            root=root,
            intermediate=_kept(
                directory / "intermediate",
                lambda key: issue_intermediate(
                    key.public_key(), root=root, revocations=revocations, serial=serial(), now=now
                ),
            ),
        )
        home._make_https(hosts, now)
        return home

    @property
    def administrator_certificate(self) -> Path:
        """What the trusted list, tokens and revocation list are checked against."""
        return self.directory / "administrator.pem"

    @property
    def https_authority(self) -> Path:
        """What the servers' own HTTPS is checked against."""
        return self.directory / "https-ca.pem"

    @property
    def https(self) -> Path:
        """Their key and certificate."""
        return self.directory / "https.pem"

    def revoked(self) -> list[Revoked]:
        """What was revoked so far."""
        return _revoked_in(self.directory)

    def revoke(self, certificate: x509.Certificate, now: datetime) -> None:
        """One more."""
        _revoke(self.directory, Revoked(issuer=certificate.issuer, serial=certificate.serial_number, at=now))

    def _make_https(self, hosts: tuple[str, ...], now: datetime) -> None:
        authority = _kept(
            self.directory / "https-ca",
            lambda key: pki.issue_sip_authority(key, node="test authority", serial=serial(), now=now),
        )
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = pki.issue_sip_certificate(
            key.public_key(),
            SipNames(
                common_name=hosts[0],
                dns=tuple(host for host in hosts if not _is_address(host)),
                addresses=tuple(ip_address(host) for host in hosts if _is_address(host)),
            ),
            authority=pki.Pair(certificate=authority.certificate, key=authority.key),
            serial=serial(),
            now=now,
        )
        _write(self.https, _key_pem(key) + certificate.public_bytes(Encoding.PEM), 0o600)


def revoke_in(directory: Path, number: int, now: datetime) -> None:
    """Revokes what the authority of this directory has issued under a serial number.

    One that runs has it in its list with the next request. Raises `OSError` where there is none.
    """
    issuer = x509.load_pem_x509_certificate((directory / "intermediate.pem").read_bytes()).subject
    if not any((one.issuer, one.serial) == (issuer, number) for one in _revoked_in(directory)):
        _revoke(directory, Revoked(issuer=issuer, serial=number, at=now))


def _revoked_in(directory: Path) -> list[Revoked]:
    try:
        kept = json.loads((directory / "revoked.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [
        Revoked(
            issuer=x509.Name.from_rfc4514_string(one["issuer"]),
            serial=int(one["serial"], 16),
            at=datetime.fromisoformat(one["at"]),
        )
        for one in kept
    ]


def _revoke(directory: Path, more: Revoked) -> None:
    kept = [
        {"issuer": one.issuer.rfc4514_string(), "serial": f"{one.serial:x}", "at": one.at.isoformat()}
        for one in (*_revoked_in(directory), more)
    ]
    # whole: another process serves it
    part = directory / "revoked.json.part"
    part.write_text(json.dumps(kept), encoding="utf-8")
    part.replace(directory / "revoked.json")


def serial() -> int:
    """A serial number: positive, of 127 random bits (RFC 5280 section 4.1.2.2)."""
    return secrets.randbits(127) | 1 << 126


def _kept(stem: Path, issue: Callable[[ec.EllipticCurvePrivateKey], x509.Certificate]) -> Issuer:
    certificate_file, key_file = stem.with_suffix(".pem"), stem.with_suffix(".key")
    if certificate_file.exists():
        pair = pki.read_pair(certificate_file.read_bytes(), key_file.read_bytes())
        assert pair is not None, f"{certificate_file}: broken; delete the directory"
        return Issuer(certificate=pair.certificate, key=pair.key)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue(key)
    _write(key_file, _key_pem(key), 0o600)
    _write(certificate_file, certificate.public_bytes(Encoding.PEM), 0o644)
    return Issuer(certificate=certificate, key=key)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
        file.write(content)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
