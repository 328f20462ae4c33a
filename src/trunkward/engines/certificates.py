"""Reading certificate files: which are accepted, how long they last, whether a file holds an authority."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from trunkward.control import pki
from trunkward.control.health_facts import CertificateFacts, CertificateOf
from trunkward.control.shown import LOCAL, TEST, certificate_sources
from trunkward.control.shown_certificate import WARN_AT, Lifetime
from trunkward.engines.certificate_state import (
    IdentitiesState,
    IdentityState,
    ListState,
    ObtainState,
    PlaceState,
    ShownState,
    read_state,
)
from trunkward.engines.held_lists import REVOCATIONS, TRUSTED, told
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE


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
        if self.source == LOCAL:  # only `up` renews it
            return self.lifetime.ends - now < pki.RENEW_BEFORE
        return self.lifetime.left(now) < WARN_AT


def accepted_fingerprints(files: PkiFiles, peer: str, *, now: datetime) -> list[str]:
    """SHA-256 of the certificates issued to a peer: the one in force, then those before it that still last.

    Raises `OSError` or `ValueError` when the one in force cannot be read.
    """
    newest = pki.certificate_sha256(files.peer(peer).read_bytes())
    # a peer's name has no dot (`control.keys`)
    before = {
        pki.certificate_sha256(path.read_bytes())
        for path in files.peers_before.glob(f"{peer}.*.pem")
        if (until := _until(path)) and until > now
    }
    return [newest, *sorted(before - {newest})]


def certificate_facts(
    files: PkiFiles,
    issued: Iterable[str],
    authorities: Mapping[str, datetime | None],
    *,
    tested: Sequence[str],
) -> list[CertificateFacts]:
    """Every certificate that can end: the node's own, those of peers issued here, carriers' authorities.

    `tested`: identities that sign under the node's own TEST authority (`control.shown.Shown`).
    """
    chains = (files.shaken if name == OF_NODE else files.identity_chain(name) for name in tested)
    own = [
        (files.node, CertificateOf.NODE),
        (files.sip_authority, CertificateOf.SIP_AUTHORITY),
        *((chain, CertificateOf.SHAKEN) for chain in chains),
        *([(files.shaken_authority, CertificateOf.SHAKEN_AUTHORITY)] if tested else []),
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
        return first_end(path.read_bytes())
    except OSError:
        return None


def first_end(pem: bytes) -> datetime | None:
    """When the first of these certificates ends; None when there is none."""
    try:
        return min(one.not_valid_after_utc for one in load_pem_x509_certificates(pem))
    except ValueError:
        return None


def shown(declared: Declared, paths: Paths) -> list[Shown]:
    """Every certificate peers see: the node's first, then those carriers issued to it."""
    return shown_from(certificate_sources(declared), paths)


def shown_from(sources: Mapping[str, str], paths: Paths) -> list[Shown]:
    """The same, for who knows only where they are from (`control.shown.certificate_sources`)."""
    state = read_state(paths.shown_state, ShownState)
    known = state.places if state else {}
    return [_shown(name, source, known.get(name, PlaceState()), paths) for name, source in sources.items()]


def shown_facts(found: Iterable[Shown], now: datetime) -> list[CertificateFacts]:
    """Those of them that are from elsewhere; the node's own are in `certificate_facts`."""
    return [
        CertificateFacts(
            name=f"certificate of {one.name}",
            of=CertificateOf.SHOWN,
            until=one.lifetime.ends if one.lifetime else None,
            problem=one.problem
            or ("" if one.lifetime else "none yet; the own authority's is shown meanwhile"),
            late=one.lifetime is not None and one.lifetime.left(now) < WARN_AT,
        )
        for one in found
        if one.source != LOCAL
    ]


def identity_facts(
    identities: Mapping[str, str], state: IdentitiesState | None, held: Path, now: datetime
) -> list[CertificateFacts]:
    """Signing certificates from elsewhere, and the lists all of them stand on.

    `identities`: where each is from (`control.shown.identity_sources`); {} where there are no lists. `held`:
    where gates say what is wrong with the lists' files, whatever their writer says of them.
    """
    if not identities:
        return []
    known, refused = state or IdentitiesState(at=now), told(held, now.timestamp())
    return [
        *(
            _identity_facts(name, known.identities.get(name), now)
            for name, source in identities.items()
            if source != TEST
        ),
        _list_facts("trusted list", CertificateOf.TRUSTED_LIST, known.trusted_list, refused.get(TRUSTED, "")),
        _list_facts(
            "revocation list", CertificateOf.REVOCATIONS, known.revocations, refused.get(REVOCATIONS, "")
        ),
    ]


def _identity_facts(name: str, one: IdentityState | None, now: datetime) -> CertificateFacts:
    lifetime, problem = (one.lifetime, one.problem) if one else (None, "")
    until = lifetime.ends if lifetime else one.ended if one else None
    return CertificateFacts(
        name=f"signing certificate of {name}",
        of=CertificateOf.SIGNING,
        until=until,
        problem=_line(problem) or ("" if until else "none yet"),
        late=lifetime is not None and lifetime.left(now) < WARN_AT,
    )


def _list_facts(name: str, of: CertificateOf, one: ListState, refused: str) -> CertificateFacts:
    problem = _line(one.problem or refused) if one.at else _line(one.problem) or "none yet"
    return CertificateFacts(name=name, of=of, until=one.until, problem=problem, late=False)


def _shown(name: str, source: str, state: PlaceState, paths: Paths) -> Shown:
    if source == LOCAL:
        return Shown(name=name, source=source, lifetime=lifetime_of(PkiFiles(paths.pki).node))
    used = Lifetime(begins=state.begins, ends=state.until) if state.begins and state.until else None
    if source.startswith("files "):
        return Shown(name=name, source=source, lifetime=used, problem=_line(state.problem))
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
        source=source,
        lifetime=used,
        next_attempt=obtained.next_attempt if obtained else None,
        problem=_line(said),
    )


def _line(text: str) -> str:
    """One line that is safe on a terminal, whoever wrote it."""
    return "".join(character if character.isprintable() else " " for character in text)


def lifetime_of(path: Path) -> Lifetime | None:
    """Of the first certificate in a file; None where there is none that can be read."""
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
        return _until_of(path, path.stat().st_mtime_ns)
    except OSError:
        return None


# whoever is asked for the node's health every few seconds reads each of thousands of files once
@lru_cache(maxsize=32_768)
def _until_of(path: Path, _changed_ns: int) -> datetime | None:
    certificate = pki.read_certificate(path.read_bytes())
    return certificate.not_valid_after_utc if certificate else None
