"""The signer's own identity: key, certificate, code, URL, whom to trust: read from files, checked before use.

Files change while it signs: a list is fetched anew, a certificate renewed, one revoked. So all of them are
read again all the time (`look_again`), and held against the time and the lists of now (`Identity.check`).
A certificate that is ordered may not be there yet: then the signer waits for it (`begin`).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from trunkward.engines.held_lists import HeldLists
from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.shaken.certificate import CertificateUnfit, check_own, check_signing_certificate
from trunkward.shaken.crl import NO_LIST, Revocations, Status
from trunkward.shaken.passport import PassportError, PassportSigner
from trunkward.shaken.published import published_at
from trunkward.shaken.trusted_list import ListRefused, TrustedList
from trunkward.trunks.token_key import TokenKey

#: Any of these bits on the key file, and somebody else could read or replace the key.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: No key or certificate file of ours is larger, in bytes.
_MAX_FILE = 64 * 1024
#: Of a key, and of what opens a token.
_WHOSE = "the user of this signer (tw-signer, a reseller's tw-signer-N) has to own it, with mode 0600"
#: What the next certificate of an order puts right, and nobody's hand has to. Whatever else is wrong at a
#: start is for a person.
ENDS_WITH_THE_NEXT = frozenset({CERTIFICATE_AWAITED, "certificate-expired", "certificate-spc-mismatch"})
#: Seconds after which all is looked at while that is so, whatever is in the chain's place: a clock that was
#: wrong may be right by now.
_WHOLE_S = 30.0


class IdentityUnfit(RuntimeError):
    """The signer must not sign with what it was given; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str) -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Administered:
    """Whom to trust is what the policy administrator says, and who is revoked."""

    #: Its signed list of authorities (JWT).
    trusted_list: Path
    #: Its revocation list (DER or PEM).
    revocations: Path
    #: PEM: the certificates both are signed under.
    administrator: Path
    #: Where both are kept as they were good last, a directory of the signer's own.
    kept: Path
    #: A certificate of which no list says whether it was revoked is not used.
    hard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFiles:
    """Where the identity comes from."""

    #: PEM, or in a token.
    key: Path | TokenKey
    #: Leaf first, then its issuers, without the root: what `x5u` serves.
    certificate_chain: Path
    #: Who may issue it: the policy administrator's say, or a PEM file of a person's own.
    trust: Administered | Path
    #: Public half of the key `control` signs evidence with.
    evidence_key: Path
    #: What of it was revoked, signed with that key.
    denied: Path
    x5u: str
    spc: str
    #: The chain comes by an order of the node's own (ACME): it may not be there yet.
    ordered: bool = False


@dataclass(slots=True, kw_only=True)
class Awaited:
    """What there is of an identity while the certificate it may sign with is ordered.

    It is looked at each second, by one thread at a time: where its chain is as it was, at nothing else.
    """

    files: IdentityFiles
    evidence_key: Ed25519PublicKey
    #: As of an `Identity`.
    held: HeldLists | None
    #: Why it signs nothing meanwhile, when all was looked at last, what its chain was then (`_state_of`).
    unfit: IdentityUnfit
    looked: datetime
    chain: tuple[int, ...]
    #: Of no certificate.
    serial: str = ""

    @property
    def x5u(self) -> str:
        """Where its chain will be published; with / at its end: below it."""
        return self.files.x5u


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A loaded identity; `check` says whether it may sign."""

    files: IdentityFiles
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    trusted: TrustedList
    revocations: Revocations
    #: Whatever of both lists was good once; None where a person's own file says whom to trust.
    held: HeldLists | None
    evidence_key: Ed25519PublicKey
    #: Where its chain is published.
    x5u: str
    passports: PassportSigner
    _key: ec.EllipticCurvePrivateKey

    @property
    def serial(self) -> str:
        """Serial number of the certificate, lower-case hex."""
        return f"{self.certificate.serial_number:x}"

    def check(self, now: datetime) -> None:
        """Raise `IdentityUnfit` unless it may be used now.

        1. Nobody else can read or replace the key, or what opens its token.
        2. Key, certificate, chain and code go together, by the lists of now (`check_signing_certificate`).
        3. When no list says whether the certificate is revoked, a person has chosen what then.
        """
        # 1.
        private = self.files.key if isinstance(self.files.key, Path) else Path(self.files.key.pin_file)
        _read(private, private=True)
        # 2.
        try:
            check_signing_certificate(
                certificate=self.certificate,
                key=self._key,
                chain=self.chain,
                authorities=self.trusted.roots,
                spc=self.files.spc,
                now=now,
                revoked=self.revocations,
            )
        except CertificateUnfit as unfit:
            raise IdentityUnfit(unfit.reason, f"{self.files.certificate_chain}: {unfit.detail}") from unfit
        # 3.
        trust = self.files.trust
        if isinstance(trust, Administered) and trust.hard and self.revocation(now) is not Status.GOOD:
            raise IdentityUnfit("revocation-unknown", f"{trust.revocations}: no list says that it is good")

    def revocation(self, now: datetime) -> Status:
        """What the revocation list says of the certificate itself."""
        return self.revocations.status(self.certificate, now.timestamp())


def load_identity(files: IdentityFiles, now: datetime) -> Identity:
    """Read everything and check it. Raises `IdentityUnfit`, which names file and cause."""
    return _checked(files, _lists_of(files), now)


def _lists_of(files: IdentityFiles, *, keeps: bool = True) -> HeldLists | None:
    trust = files.trust
    if isinstance(trust, Path):
        return None
    return HeldLists(
        trusted_list=trust.trusted_list,
        revocations=trust.revocations,
        administrator=trust.administrator,
        kept=trust.kept,
        keeps=keeps,
    )


def _checked(files: IdentityFiles, held: HeldLists | None, now: datetime) -> Identity:
    with _unfit(files):
        identity = _read_identity(files, held, now)
        identity.check(now)
    return identity


def begin(files: IdentityFiles, now: datetime) -> Identity | Awaited:
    """The identity; or what there is of it, when it only waits for the certificate that was ordered.

    Raises `IdentityUnfit` when anything else is wrong.
    """
    held, chain = _lists_of(files), _state_of(files.certificate_chain)
    try:
        return _checked(files, held, now)
    except IdentityUnfit as unfit:
        if not files.ordered or unfit.reason not in ENDS_WITH_THE_NEXT:
            raise
        key = _parse_evidence_key(files.evidence_key)
        return Awaited(files=files, evidence_key=key, held=held, unfit=unfit, looked=now, chain=chain)


def check_files(files: IdentityFiles, now: datetime) -> None:
    """Whether a person's key and chain could be signed with, before anything relies on them; writes nothing.

    By the lists there are; where nobody has said yet whom to trust, without those. Raises `IdentityUnfit`.
    """
    trust = files.trust
    with _unfit(files):
        key = _parse_key(files.key)
        pem = _read(files.certificate_chain)
        certificate, *chain = _parse_certificates(files.certificate_chain, pem)
        try:
            PassportSigner.create(key, published_at(files.x5u, files.spc, pem))
            check_own(certificate, key, files.spc, now)
            if isinstance(trust, Administered) and trust.trusted_list.exists():
                trusted, revoked = _read_trust(trust, _lists_of(files, keeps=False), now)
                check_signing_certificate(
                    certificate=certificate,
                    key=key,
                    chain=chain,
                    authorities=trusted.roots,
                    spc=files.spc,
                    now=now,
                    revoked=revoked,
                )
        except PassportError as error:
            raise IdentityUnfit(error.reason, error.detail) from error
        except CertificateUnfit as unfit:
            raise IdentityUnfit(unfit.reason, f"{files.certificate_chain}: {unfit.detail}") from unfit


def look_again(identity: Identity | Awaited, now: datetime) -> tuple[Identity | None, IdentityUnfit | None]:
    """The identity to sign with from now on, None when nothing may sign; and what is wrong with the files.

    The one before goes on with files that are not fit where each chain has a URL of its own (`x5u` ends with
    `/`): what verifiers find there is still the chain before. Where all have one URL, whatever is in the
    files now is what they find. Trusted list and revocation list are those of now in any case.
    """
    files = identity.files
    if isinstance(identity, Awaited):
        return _still_awaited(identity, now)
    try:
        after = _checked(files, identity.held, now)
    except IdentityUnfit as unfit:
        if not files.x5u.endswith("/"):
            return None, unfit
        try:
            with _unfit(files):
                trusted, revocations = _read_trust(files.trust, identity.held, now)
                before = replace(identity, trusted=trusted, revocations=revocations)
                before.check(now)
        except IdentityUnfit as too:
            return None, too
        return before, unfit
    return after, None


def _still_awaited(awaited: Awaited, now: datetime) -> tuple[Identity, None] | tuple[None, IdentityUnfit]:
    chain = _state_of(awaited.files.certificate_chain)
    lately = abs((now - awaited.looked).total_seconds()) < _WHOLE_S
    if lately and chain == awaited.chain and awaited.unfit.reason in ENDS_WITH_THE_NEXT:
        return None, awaited.unfit
    awaited.looked, awaited.chain = now, chain
    try:
        return _checked(awaited.files, awaited.held, now), None
    except IdentityUnfit as unfit:
        awaited.unfit = unfit
        return None, unfit


def _state_of(path: Path) -> tuple[int, ...]:
    """What changes with a file's content; () of none. Taken before it is read: what comes between is news."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@contextmanager
def _unfit(files: IdentityFiles) -> Iterator[None]:
    """Whatever a file has found in a library, it is not fit, and `IdentityUnfit` says so.

    Without the library's words, which may quote the key.
    """
    try:
        yield
    except IdentityUnfit:
        raise
    except Exception as problem:
        what = f"{files.certificate_chain} and the files beside it: {type(problem).__name__}"
        raise IdentityUnfit("identity-unreadable", what) from problem


def _read_identity(files: IdentityFiles, held: HeldLists | None, now: datetime) -> Identity:
    key = _parse_key(files.key)
    pem = _read_chain(files)
    certificate, *chain = _parse_certificates(files.certificate_chain, pem)
    try:
        x5u = published_at(files.x5u, files.spc, pem)
        passports = PassportSigner.create(key, x5u)
    except PassportError as error:
        raise IdentityUnfit(error.reason, error.detail) from error
    trusted, revocations = _read_trust(files.trust, held, now)
    return Identity(
        files=files,
        certificate=certificate,
        chain=tuple(chain),
        trusted=trusted,
        revocations=revocations,
        held=held,
        evidence_key=_parse_evidence_key(files.evidence_key),
        x5u=x5u,
        passports=passports,
        _key=key,
    )


def _read_trust(
    trust: Administered | Path, held: HeldLists | None, now: datetime
) -> tuple[TrustedList, Revocations]:
    """Whom to trust, and who is revoked. What is no good leaves what is held, until its own end."""
    if isinstance(trust, Path):
        return TrustedList.of(*_parse_certificates(trust, _read(trust))), NO_LIST
    assert held is not None
    try:
        lists = held.look(now.timestamp())
    except ListRefused as refused:
        raise IdentityUnfit("trusted-list-refused", str(refused)) from refused
    except (OSError, ValueError) as problem:
        raise IdentityUnfit("trusted-list-refused", f"{held.administrator}: {problem}") from problem
    return lists.trusted, lists.revocations


def _parse_key(place: Path | TokenKey) -> ec.EllipticCurvePrivateKey:
    if isinstance(place, Path):
        return _key_of_file(place)
    # a library that is only there for tokens
    from trunkward.signer.token import TokenLost, key_in_token

    try:
        return key_in_token(place, lambda pin: _read(Path(pin), private=True).decode().strip())
    except (TokenLost, UnicodeDecodeError) as lost:
        raise IdentityUnfit("key-token-lost", str(lost)) from None


def _key_of_file(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read(path, private=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the parser's words: they may quote the file.
        raise IdentityUnfit("key-unreadable", f"{path}: no unencrypted private key in PEM") from None
    # RFC 8225 section 4.2: ES256
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityUnfit("key-not-p256", f"{path}: calls are signed with a key on P-256 alone")
    return key


def _read_chain(files: IdentityFiles) -> bytes:
    try:
        return _read(files.certificate_chain)
    except IdentityUnfit as unfit:
        if files.ordered and isinstance(unfit.__cause__, FileNotFoundError):
            raise IdentityUnfit(CERTIFICATE_AWAITED, "the first one is ordered, not issued yet") from unfit
        raise


def _parse_certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
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


def _read(path: Path, *, private: bool = False, most: int = _MAX_FILE) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        its = f"; {_WHOSE}" if private and isinstance(error, PermissionError) else ""
        raise IdentityUnfit("file-unreadable", f"{path}: {error.strerror}{its}") from error
    try:
        # Of the open file, not of the name: nothing can be swapped in between.
        status = os.fstat(fd)
        if private and status.st_mode & _OTHERS:
            raise IdentityUnfit(
                "key-file-open-to-others",
                f"{path}: mode {stat.S_IMODE(status.st_mode):04o}; it must be 0600 or less",
            )
        if private and status.st_uid not in {0, os.geteuid()}:
            raise IdentityUnfit(
                "key-file-owned-by-other", f"{path}: belongs to user id {status.st_uid}; {_WHOSE}"
            )
        with open(fd, "rb", closefd=False) as file:
            return file.read(most)
    except OSError as error:
        raise IdentityUnfit("file-unreadable", f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)
