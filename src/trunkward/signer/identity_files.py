"""Where a signer's identity comes from, and its files: one that is not fit is named by `IdentityUnfit`."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.trunks.token_key import TokenKey

#: Any of these bits on the key file, and somebody else could read or replace the key.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: No key or certificate file of ours is larger, in bytes.
_MAX_FILE = 64 * 1024
#: Of a key, and of what opens a token.
_WHOSE = "the user of this signer (tw-signer, a reseller's tw-signer-N) has to own it, with mode 0600"


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


def parse_key(place: Path | TokenKey) -> ec.EllipticCurvePrivateKey:
    """The key calls are signed with. Raises `IdentityUnfit`."""
    if isinstance(place, Path):
        return _key_of_file(place)
    # a library that is only there for tokens
    from trunkward.signer.token import TokenLost, key_in_token

    try:
        return key_in_token(place, lambda pin: read(Path(pin), private=True).decode().strip())
    except (TokenLost, UnicodeDecodeError) as lost:
        raise IdentityUnfit("key-token-lost", str(lost)) from None


def _key_of_file(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(read(path, private=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the parser's words: they may quote the file.
        raise IdentityUnfit("key-unreadable", f"{path}: no unencrypted private key in PEM") from None
    # RFC 8225 section 4.2: ES256
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityUnfit("key-not-p256", f"{path}: calls are signed with a key on P-256 alone")
    return key


def read_chain(files: IdentityFiles) -> bytes:
    """The chain as it stands there. Raises `IdentityUnfit`, `CERTIFICATE_AWAITED` for one that is ordered."""
    try:
        return read(files.certificate_chain)
    except IdentityUnfit as unfit:
        if files.ordered and isinstance(unfit.__cause__, FileNotFoundError):
            raise IdentityUnfit(CERTIFICATE_AWAITED, "the first one is ordered, not issued yet") from unfit
        raise


def parse_certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    """All in a file, at least one. Raises `IdentityUnfit`."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise IdentityUnfit("certificate-unreadable", f"{path}: {error}") from error


def parse_evidence_key(path: Path) -> Ed25519PublicKey:
    """Public half of the key `control` signs with. Raises `IdentityUnfit`."""
    try:
        key = load_pem_public_key(read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityUnfit("evidence-key-unreadable", f"{path}: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise IdentityUnfit("evidence-key-unreadable", f"{path}: not an Ed25519 public key")
    return key


def read(path: Path, *, private: bool = False, most: int = _MAX_FILE) -> bytes:
    """The first `most` bytes. Raises `IdentityUnfit`, of what is `private` also where others can read it."""
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


def state_of(path: Path) -> tuple[int, ...]:
    """What changes with a file's content; () of none. Taken before it is read: what comes between is news."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
