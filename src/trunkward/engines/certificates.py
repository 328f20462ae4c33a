"""Reading certificate files: which are accepted, how long they last, whether a file holds an authority."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from trunkward.control import pki
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


def ends(files: PkiFiles, peers: Iterable[str]) -> dict[str, datetime | None]:
    """When each certificate of the node ends, by its file's name; None for one that cannot be read."""
    named = [files.node, files.shaken, files.sip_authority, files.shaken_authority]
    named += [files.peer(peer) for peer in peers]
    return {str(path.relative_to(files.directory)): _until(path) for path in named}


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
        certificate = pki.read_certificate(path.read_bytes())
    except OSError:
        return None
    return certificate.not_valid_after_utc if certificate else None
