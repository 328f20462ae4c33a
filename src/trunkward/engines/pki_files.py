"""The files of the node's keys and certificates: made once, kept while good, healed when half-written.

    authority/   0700, root only: sip.key, shaken.key, evidence.key
    sip-ca.pem, shaken-ca.pem, evidence.pub, evidence.denied
                                                           for everybody
    node.pem, node.key                                     TLS of the node; the key for the edge alone
    shaken.pem, shaken.key                                 of the TEST authority, where the node signs by that
                                                           one; the key for the signer alone
    heads.pub, heads.key                                   the key for the worker alone
    server.key, server.csr                                 of the certificate a public authority issues; the
                                                           key for the edge alone, the request for everybody
    acme-account.key                                       our account there; for the process that speaks ACME
    identities/NAME.key, identities/NAME.csr               of a signing certificate that SHAKEN's authorities
                                                           issue; the key for its signer alone
    identities/NAME-account.key                            our account there; for who speaks with them
    origid.secret                                          for the gate alone
    digest.secret                                          for the gate alone: seals nonces, opens the secrets
                                                           of trunks
    peers/NAME.pem, peers/NAME.key                         issued to trunks and carriers; keys root only
    peers/before/NAME.FINGERPRINT.pem                      issued before that one, until its end

Every file appears whole under its name or not at all; a pair broken off between its two files is found by
the next run, because certificate and key then do not fit. A certificate made anew keeps its key, so that at
every moment the key on disk belongs to the old certificate and to the new one. An authority made anew keeps
key and name, so that what it issued stays good; its files before are put aside, not written over.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, CRLDistributionPoints

from trunkward.control import pki
from trunkward.control.pki import Pair, SipNames

#: Bytes of a secret.
SECRET_BYTES = 32
#: A peer's name becomes a file name.
_PEER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TEMPORARY = ".new-"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFacts:
    """Of a signing certificate that an authority of SHAKEN issues."""

    spc: str
    #: User id of its signer.
    signer_uid: int
    #: Where certificates are revoked; None: nobody could say.
    revocations: CRLDistributionPoints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiFacts:
    """What the configuration says about keys and certificates."""

    #: The node's name; it stands in the name of the SIP authority.
    node: str
    #: Who the node's own SIP certificate is for.
    node_names: SipNames
    #: Service provider code of the signing certificate.
    spc: str
    #: Whether that is of the node's TEST authority; else what is there of it stays as it is, and is used by
    #: nobody.
    signs_tested: bool = True
    #: File name (without ending) to names, for each peer this node issues a certificate to.
    peers: Mapping[str, SipNames] = field(default_factory=dict)
    #: Who the certificate of a public authority is for; None: none is wanted.
    public_names: SipNames | None = None
    #: By name of the identity.
    identities: Mapping[str, IdentityFacts] = field(default_factory=dict)
    #: The same of resellers whose certificate is of the node's TEST authority.
    tested: Mapping[str, IdentityFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiOwners:
    """User ids that own the private files; all others belong to the user who runs this (root)."""

    edge_uid: int
    gate_uid: int
    signer_uid: int
    worker_uid: int
    cert_uid: int
    identities_uid: int


@dataclass(frozen=True, slots=True)
class PkiFiles:
    """Where everything is, below one directory."""

    directory: Path

    @property
    def sip_authority(self) -> Path:
        """Certificate of the SIP authority."""
        return self.directory / "sip-ca.pem"

    @property
    def sip_authority_key(self) -> Path:
        """Its private key."""
        return self.directory / "authority" / "sip.key"

    @property
    def shaken_authority(self) -> Path:
        """Certificate of the SHAKEN TEST authority."""
        return self.directory / "shaken-ca.pem"

    @property
    def shaken_authority_key(self) -> Path:
        """Its private key."""
        return self.directory / "authority" / "shaken.key"

    @property
    def evidence_key(self) -> Path:
        """Private key `control` signs evidence with (Ed25519)."""
        return self.directory / "authority" / "evidence.key"

    @property
    def evidence_public_key(self) -> Path:
        """Its public half, for the signer."""
        return self.directory / "evidence.pub"

    @property
    def denied_evidence(self) -> Path:
        """What of it was revoked, signed with that key (`engines.denied_file`)."""
        return self.directory / "evidence.denied"

    @property
    def denied_copy(self) -> Path:
        """The same again, where root alone gets at it: one damaged file forgets no revocation."""
        return self.directory / "authority" / "evidence.denied"

    @property
    def heads_key(self) -> Path:
        """Private key the heads of journals are signed with (Ed25519), the worker's."""
        return self.directory / "heads.key"

    @property
    def heads_public_key(self) -> Path:
        """Its public half, for whoever verifies a journal."""
        return self.directory / "heads.pub"

    @property
    def node(self) -> Path:
        """The node's SIP certificate."""
        return self.directory / "node.pem"

    @property
    def node_key(self) -> Path:
        """Its private key, the edge's."""
        return self.directory / "node.key"

    @property
    def server_key(self) -> Path:
        """Private key of the certificate that a public authority issues, the edge's."""
        return self.directory / "server.key"

    @property
    def server_request(self) -> Path:
        """What it is asked for, signed with that key once."""
        return self.directory / "server.csr"

    @property
    def acme_account_key(self) -> Path:
        """Private key of our account with it."""
        return self.directory / "acme-account.key"

    @property
    def identities(self) -> Path:
        """What belongs to signing certificates that an authority of SHAKEN issues."""
        return self.directory / "identities"

    def identity_key(self, name: str) -> Path:
        """Private key of one, its signer's."""
        return self.identities / f"{name}.key"

    def identity_chain(self, name: str) -> Path:
        """The certificate of a reseller's that the node's TEST authority issued."""
        return self.identities / f"{name}.pem"

    def identity_request(self, name: str) -> Path:
        """What it is asked for, signed with that key once."""
        return self.identities / f"{name}.csr"

    def identity_account_key(self, name: str) -> Path:
        """Private key of our account with its authority: never the certificate's (RFC 8555 section 11.1)."""
        return self.identities / f"{name}-account.key"

    @property
    def shaken(self) -> Path:
        """The signing certificate: the chain published at `x5u`, without the root."""
        return self.directory / "shaken.pem"

    @property
    def shaken_key(self) -> Path:
        """Its private key, the signer's."""
        return self.directory / "shaken.key"

    @property
    def origid_secret(self) -> Path:
        """Secret behind the origids (hex), the gate's."""
        return self.directory / "origid.secret"

    @property
    def digest_secret(self) -> Path:
        """Secret behind nonces and sealed digest secrets (hex), the gate's; all gates of a node have one."""
        return self.directory / "digest.secret"

    def peer(self, name: str) -> Path:
        """Certificate issued to a peer."""
        return self.directory / "peers" / f"{name}.pem"

    @property
    def peers_before(self) -> Path:
        """Certificates that were issued to peers before those in force."""
        return self.directory / "peers" / "before"

    def peer_key(self, name: str) -> Path:
        """Its private key."""
        return self.directory / "peers" / f"{name}.key"


def ensure_pki(directory: Path, facts: PkiFacts, owners: PkiOwners, *, now: datetime) -> tuple[str, ...]:
    """Make what is missing, keep what is good, make anew what is broken, changed or near its end.

    Owners and modes are set right too. Run as root it gives each private file to its user; otherwise
    everything stays with the caller. Returns one line per change, as `name: reason`; none when all was good.
    Raises `OSError` when a file cannot be written, and `ValueError` for a peer's name that is no file name.
    """
    for name in facts.peers:
        if not _PEER_NAME.fullmatch(name):
            raise ValueError(f"peer {name!r} cannot be a file name")
    files = PkiFiles(directory)
    keeper = _Keeper(base=directory, root=os.geteuid() == 0)
    keeper.directory(directory, 0o755)
    with _locked(directory):
        keeper.directory(directory / "authority", 0o700)
        keeper.directory(directory / "peers", 0o755)
        keeper.directory(files.peers_before, 0o755)
        keeper.directory(files.identities, 0o755)
        places = (
            *(directory, directory / "authority"),
            *(directory / "peers", files.peers_before, files.identities),
        )
        for place in places:
            for left in place.glob(f"{_TEMPORARY}*"):
                left.unlink()

        sip = keeper.authority(
            files.sip_authority,
            files.sip_authority_key,
            issue=lambda key, before: pki.issue_sip_authority(
                key, node=facts.node, serial=_serial(), now=now, before=before
            ),
            now=now,
        )
        shaken = keeper.authority(
            files.shaken_authority,
            files.shaken_authority_key,
            issue=lambda key, _: pki.issue_shaken_test_authority(key, serial=_serial(), now=now),
            now=now,
        )

        def sip_certificate(
            certificate: Path, key: Path, names: SipNames, owner: int | None, before: Path | None = None
        ) -> None:
            keeper.certificate(
                certificate,
                key,
                owner,
                why=lambda old, key: pki.why_replace_sip(old, key, names, authority=sip.certificate, now=now),
                issue=lambda key: pki.issue_sip_certificate(
                    key, names, authority=sip, serial=_serial(), now=now
                ),
                keep=lambda pem: keeper.keep(pem, before, now) if before else None,
            )

        sip_certificate(files.node, files.node_key, facts.node_names, owners.edge_uid)
        for name, names in sorted(facts.peers.items()):
            sip_certificate(files.peer(name), files.peer_key(name), names, None, files.peers_before / name)
        keeper.forget(files.peers_before, now)
        if facts.signs_tested:
            own = IdentityFacts(spc=facts.spc, signer_uid=owners.signer_uid)
            keeper.shaken_certificate(files.shaken, files.shaken_key, own, authority=shaken, now=now)
        if facts.public_names is not None:
            key = keeper.private_key(files.server_key, owners.edge_uid)
            keeper.request(files.server_request, key, facts.public_names)
            keeper.private_key(files.acme_account_key, owners.cert_uid)
        for name, its in sorted(facts.tested.items()):
            keeper.shaken_certificate(
                files.identity_chain(name), files.identity_key(name), its, authority=shaken, now=now
            )
        for name, its in sorted(facts.identities.items()):
            key = keeper.private_key(files.identity_key(name), its.signer_uid)
            keeper.signing_request(files.identity_request(name), key, its)
            keeper.private_key(files.identity_account_key(name), owners.identities_uid)
        keeper.statements(files.evidence_key, files.evidence_public_key, None)
        keeper.statements(files.heads_key, files.heads_public_key, owners.worker_uid)
        keeper.secret(files.origid_secret, owners.gate_uid)
        keeper.secret(files.digest_secret, owners.gate_uid)
    return tuple(keeper.changes)


def ensure_later_keys(directory: Path, gate_uid: int, worker_uid: int) -> None:
    """Make what is missing because a version before this one needed none.

    Raises `OSError`.
    """
    files, keeper = PkiFiles(directory), _Keeper(base=directory, root=os.geteuid() == 0)
    with _locked(directory):
        keeper.secret(files.digest_secret, gate_uid)
        keeper.statements(files.heads_key, files.heads_public_key, worker_uid)


def read_secret(path: Path) -> bytes:
    """Return a secret of the gate's. Raises `ValueError` when the file does not hold one."""
    secret = bytes.fromhex(path.read_text("ascii").strip())
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"{path}: not {SECRET_BYTES} bytes")
    return secret


def read_evidence_key(path: Path) -> Ed25519PrivateKey:
    """Return the key to sign evidence with. Raises `ValueError` when the file does not hold one."""
    key = _evidence_key(path.read_bytes())
    if key is None:
        raise ValueError(f"{path}: no Ed25519 private key")
    return key


@dataclass(slots=True, kw_only=True)
class _Keeper:
    """Reads, writes and repairs files, and notes what it changed."""

    base: Path
    root: bool
    changes: list[str] = field(default_factory=list)

    def authority(
        self,
        certificate_file: Path,
        key_file: Path,
        *,
        issue: Callable[[ec.EllipticCurvePrivateKey, Certificate | None], Certificate],
        now: datetime,
    ) -> Pair:
        pair = pki.read_pair(_read(certificate_file), _read(key_file))
        reason = pki.why_replace_authority(pair, now=now)
        if reason is None and pair is not None:
            self.put_right(key_file, 0o600, None)
            self.put_right(certificate_file, 0o644, None)
            return pair
        why = reason or "missing-or-broken"
        before = pki.read_certificate(_read(certificate_file))
        key = pki.read_key(_read(key_file))
        self.put_aside(certificate_file, key_file.parent, now)
        if key is None:
            self.put_aside(key_file, key_file.parent, now)
            key = ec.generate_private_key(ec.SECP256R1())
            self.write(key_file, _private_pem(key), 0o600, None, why)
        else:
            self.put_right(key_file, 0o600, None)
        certificate = issue(key, before)
        self.write(certificate_file, pki.certificate_pem(certificate), 0o644, None, why)
        return Pair(certificate=certificate, key=key)

    def put_aside(self, path: Path, place: Path, now: datetime) -> None:
        """Out of the way, under a name with the time in it, in a directory for root alone."""
        if path.exists():
            # no longer anything to go by, but what a person may need who has lost a key
            aside = place / f"{path.stem}.before-{now:%Y%m%dT%H%M%SZ}{path.suffix}"
            path.rename(aside)
            aside.chmod(0o600 if path.suffix == ".key" else 0o644)
            self.changes.append(f"{path.relative_to(self.base)}: put aside as {aside.relative_to(self.base)}")

    def certificate(
        self,
        certificate_file: Path,
        key_file: Path,
        owner: int | None,
        *,
        why: Callable[[Certificate | None, ec.EllipticCurvePrivateKey], str | None],
        issue: Callable[[ec.EllipticCurvePublicKey], Certificate],
        keep: Callable[[bytes | None], str | None] = lambda _: None,
    ) -> None:
        key = self.private_key(key_file, owner)
        reason = why(pki.read_certificate(_read(certificate_file)), key)
        if reason is None:
            self.put_right(certificate_file, 0o644, None)
        else:
            kept = keep(_read(certificate_file))
            pem = pki.certificate_pem(issue(key.public_key()))
            said = reason if reason == "missing-or-broken" else f"{reason}, issued anew"
            self.write(certificate_file, pem, 0o644, None, f"{said}{kept or ''}")

    def shaken_certificate(
        self, certificate_file: Path, key_file: Path, its: IdentityFacts, *, authority: Pair, now: datetime
    ) -> None:
        """One of the node's TEST authority that signs calls."""
        self.certificate(
            certificate_file,
            key_file,
            its.signer_uid,
            why=lambda old, key: pki.why_replace_shaken(
                old, key, spc=its.spc, authority=authority.certificate, now=now
            ),
            issue=lambda key: pki.issue_shaken_certificate(
                key, authority=authority, spc=its.spc, serial=_serial(), now=now
            ),
        )

    def private_key(self, path: Path, owner: int | None) -> ec.EllipticCurvePrivateKey:
        """The key in a file, made where there is none."""
        key = pki.read_key(_read(path))
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            self.write(path, _private_pem(key), 0o600, owner, "missing-or-broken")
        else:
            self.put_right(path, 0o600, owner)
        return key

    def request(self, path: Path, key: ec.EllipticCurvePrivateKey, names: SipNames) -> None:
        """What is asked for, made anew when key or names are others."""
        if pki.requests(_read(path), key, names):
            self.put_right(path, 0o644, None)
        else:
            self.write(path, pki.request_certificate(key, names), 0o644, None, "missing-or-broken")

    def signing_request(self, path: Path, key: ec.EllipticCurvePrivateKey, its: IdentityFacts) -> None:
        """The same for a signing certificate."""
        if pki.requests_signing(_read(path), key, its.spc, its.revocations):
            self.put_right(path, 0o644, None)
        else:
            pem = pki.request_signing_certificate(key, its.spc, its.revocations)
            said = "asked for another key, code or revocation list, made anew" if path.exists() else "made"
            self.write(path, pem, 0o644, None, said)

    def keep(self, pem: bytes | None, stem: Path, now: datetime) -> str:
        """Keeps what a peer will go on showing until it is given the new one; what to tell its owner."""
        certificate = pki.read_certificate(pem)
        if pem is None or certificate is None or certificate.not_valid_after_utc <= now:
            return ""
        self.write(stem.with_name(f"{stem.name}.{pki.certificate_sha256(pem)}.pem"), pem, 0o644, None, "")
        until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        return f"; the one before is accepted until {until}: give its owner the new one by then"

    def forget(self, before: Path, now: datetime) -> None:
        """Deletes what has come to its end."""
        for path in before.glob("*.pem"):
            certificate = pki.read_certificate(_read(path))
            if certificate is None or certificate.not_valid_after_utc <= now:
                path.unlink()

    def statements(self, private: Path, public: Path, owner: int | None) -> None:
        """A key that statements of our own are signed with, and its public half."""
        key = _evidence_key(_read(private))
        if key is None:
            key = Ed25519PrivateKey.generate()
            self.write(private, _private_pem(key), 0o600, owner, "missing-or-broken")
        else:
            self.put_right(private, 0o600, owner)
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if _read(public) == pem:
            self.put_right(public, 0o644, None)
        else:
            self.write(public, pem, 0o644, None, "missing-or-broken")

    def secret(self, path: Path, owner: int) -> None:
        try:
            read_secret(path)
        except (OSError, ValueError):
            fresh = secrets.token_hex(SECRET_BYTES).encode() + b"\n"
            self.write(path, fresh, 0o600, owner, "missing-or-broken")
        else:
            self.put_right(path, 0o600, owner)

    def directory(self, path: Path, mode: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)

    def write(self, path: Path, content: bytes, mode: int, owner: int | None, reason: str) -> None:
        """Under a temporary name first, on disk, with owner and mode set before a byte is in it."""
        temporary = path.with_name(_TEMPORARY + path.name)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if self.root:
                os.fchown(fd, owner or 0, 0)
            os.fchmod(fd, mode)
            if os.write(fd, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(fd)
        finally:
            os.close(fd)
        if reason == "missing-or-broken":
            reason = "was broken, made anew" if path.exists() else "made"
        temporary.replace(path)
        _sync_directory(path.parent)
        if reason:
            self.changes.append(f"{path.relative_to(self.base)}: {reason}")

    def put_right(self, path: Path, mode: int, owner: int | None) -> None:
        """Owner and mode of a file that stays."""
        status = path.lstat()
        uid = (owner or 0) if self.root else status.st_uid
        if status.st_uid != uid or stat.S_IMODE(status.st_mode) != mode:
            if self.root:
                os.chown(path, uid, 0, follow_symlinks=False)
            path.chmod(mode)
            self.changes.append(f"{path.relative_to(self.base)}: owner-or-mode-repaired")


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One run at a time; a second one waits. The lock ends with the process."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _serial() -> int:
    # RFC 5280 section 4.1.2.2: positive, 20 octets at most; the top bit set keeps it one length (127 random
    # bits).
    return secrets.randbits(127) | 1 << 127


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _evidence_key(pem: bytes | None) -> Ed25519PrivateKey | None:
    try:
        key = load_pem_private_key(pem, password=None) if pem else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def _private_pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
