"""Reading certificate files: which are accepted, how long they last, whether a file holds an authority."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from trunkward.control import pki
from trunkward.control.health import CertificateFacts, CertificateOf
from trunkward.engines.pki_files import PkiFiles


def accepted_fingerprints(files: PkiFiles, peer: str, *, now: datetime) -> list[str]:
    """SHA-256 of the certificates issued to a peer: the one in force, then those before it that still last.

    Raises `OSError` or `ValueError` when the one in force cannot be read.
    """
    newest = pki.certificate_sha256(files.peer(peer).read_bytes())
    # a peer's name has no dot (`control.node_schema`)
    before = {
        pki.certificate_sha256(path.read_bytes())
        for path in files.peers_before.glob(f"{peer}.*.pem")
        if (until := _until(path)) and until > now
    }
    return [newest, *sorted(before - {newest})]


def certificate_facts(
    files: PkiFiles, issued: Iterable[str], authorities: Mapping[str, datetime | None]
) -> list[CertificateFacts]:
    """Every certificate that can end: the node's own, those of peers issued here, carriers' authorities."""
    own = [
        (files.node, CertificateOf.NODE),
        (files.shaken, CertificateOf.SHAKEN),
        (files.sip_authority, CertificateOf.SIP_AUTHORITY),
        (files.shaken_authority, CertificateOf.SHAKEN_AUTHORITY),
        *((files.peer(peer), CertificateOf.PEER) for peer in issued),
    ]
    found = [
        CertificateFacts(name=str(path.relative_to(files.directory)), of=of, until=_until(path))
        for path, of in own
    ]
    return found + [
        CertificateFacts(name=f"carrier {carrier}: ca", of=CertificateOf.CARRIER_AUTHORITY, until=until)
        for carrier, until in authorities.items()
    ]


def authority_ends(path: Path) -> datetime | None:
    """When the first authority in a carrier's file ends; None when there is none to be read."""
    try:
        return min(one.not_valid_after_utc for one in load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        return None


def why_no_authority(path: Path) -> str:
    """Why a file cannot be what a peer's certificate must lead to; "" when it can."""
    try:
        load_pem_x509_certificates(path.read_bytes())
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    except ValueError:
        return f"{path}: no certificate in PEM"
    return ""


def _until(path: Path) -> datetime | None:
    try:
        return _until_of(path, path.stat().st_mtime_ns)
    except OSError:
        return None


# whoever is asked for the node's health every few seconds reads each of thousands of files once
@lru_cache(maxsize=32_768)
def _until_of(path: Path, _changed_ns: int) -> datetime | None:
    certificate = pki.read_certificate(path.read_bytes())
    return certificate.not_valid_after_utc if certificate else None
