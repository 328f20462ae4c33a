"""Reading certificate files: which are accepted, how long they last, whether a file holds an authority."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from trunkward.control import pki
from trunkward.control.shown_certificate import WARN_AT, Lifetime
from trunkward.engines.certificate_state import ObtainState, PlaceState, ShownState, read_state
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.shown_pair import SERVER, places
from trunkward.settings import Paths
from trunkward.trunks.model import CertificateFiles, CertificateSource, Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One certificate that peers see, where it comes from, and what is wrong."""

    #: `server`, which is shown to whoever connects, or `client-CARRIER`, shown where we connect.
    name: str
    #: `local`, `acme DIRECTORY` or `files PATH`.
    source: str
    #: Of what is really in use; None: nothing from its source is, and the node's own authority's stands in.
    lifetime: Lifetime | None
    #: When the next one is asked for; None where nobody asks.
    next_attempt: datetime | None = None
    #: What is wrong; "": nothing.
    problem: str = ""

    def is_worrying(self, now: datetime) -> bool:
        """Whether a person should look: something is wrong, or renewal is late."""
        if self.problem or self.lifetime is None:
            return True
        if self.source == "local":  # only `up` renews it
            return self.lifetime.ends - now < pki.RENEW_BEFORE
        return self.lifetime.left(now) < WARN_AT


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


def shown(declared: Declared, paths: Paths) -> list[Shown]:
    """Every certificate peers see: the node's first, then those carriers issued to it."""
    state = read_state(paths.shown_state, ShownState)
    known = state.places if state else {}
    sources: dict[str, CertificateSource] = {place.name: None for place in places(declared, paths)}
    sources |= {SERVER: declared.node.certificate}
    sources |= {
        f"client-{carrier.name}": carrier.client_certificate
        for carrier in declared.carriers
        if f"client-{carrier.name}" in sources
    }
    names = sorted(sources, key=lambda name: (name != SERVER, name))
    return [_shown(name, sources[name], known.get(name, PlaceState()), paths) for name in names]


def _shown(name: str, source: CertificateSource, state: PlaceState, paths: Paths) -> Shown:
    if source is None:
        return Shown(name=name, source="local", lifetime=_lifetime(PkiFiles(paths.pki).node))
    used = Lifetime(begins=state.begins, ends=state.until) if state.begins and state.until else None
    if isinstance(source, CertificateFiles):
        return Shown(name=name, source=f"files {source.chain}", lifetime=used, problem=_line(state.problem))
    obtained = read_state(paths.acme_state, ObtainState)
    said = ""
    if obtained is not None and obtained.problem:
        times = "once" if obtained.failures == 1 else f"{obtained.failures} times"
        said = f"asked for {times} in vain: {obtained.problem}"
    # that nothing lies ready yet is no news while it is being asked for
    elif obtained is not None and obtained.until is not None:
        said = state.problem
    return Shown(
        name=name,
        source=f"acme {source.directory}",
        lifetime=used,
        next_attempt=obtained.next_attempt if obtained else None,
        problem=_line(said),
    )


def _line(text: str) -> str:
    """One line that is safe on a terminal, whoever wrote it."""
    return "".join(character if character.isprintable() else " " for character in text)


def _lifetime(path: Path) -> Lifetime | None:
    try:
        certificate = pki.read_certificate(path.read_bytes())
    except OSError:
        return None
    if certificate is None:
        return None
    return Lifetime(begins=certificate.not_valid_before_utc, ends=certificate.not_valid_after_utc)


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
