"""The signer's own identity: key, certificate, code, URL, whom to trust: read from files, checked before use.

Files change while it signs: a list is fetched anew, a certificate renewed, one revoked. So all of them are
read again all the time (`look_again`), and held against the time and the lists of now (`Identity.check`).
A certificate that is ordered may not be there yet: then the signer waits for it (`begin`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.engines.held_lists import HeldLists
from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.shaken.certificate import CertificateUnfit, check_own, check_signing_certificate
from trunkward.shaken.crl import NO_LIST, Revocations, Status
from trunkward.shaken.passport import PassportError, PassportSigner
from trunkward.shaken.published import published_at
from trunkward.shaken.trusted_list import ListRefused, TrustedList
from trunkward.signer.identity_files import (
    Administered,
    IdentityFiles,
    IdentityUnfit,
    parse_certificates,
    parse_evidence_key,
    parse_key,
    read,
    read_chain,
    state_of,
)

#: What the next certificate of an order puts right, and nobody's hand has to. Whatever else is wrong at a
#: start is for a person.
ENDS_WITH_THE_NEXT = frozenset({CERTIFICATE_AWAITED, "certificate-expired", "certificate-spc-mismatch"})
#: Seconds after which all is looked at while that is so, whatever is in the chain's place: a clock that was
#: wrong may be right by now.
_WHOLE_S = 30.0


@dataclass(slots=True, kw_only=True)
class Awaited:
    """What there is of an identity while the certificate it may sign with is ordered.

    It is looked at each second, by one thread at a time: where its chain is as it was, at nothing else.
    """

    files: IdentityFiles
    evidence_key: Ed25519PublicKey
    #: As of an `Identity`.
    held: HeldLists | None
    #: Why it signs nothing meanwhile, when all was looked at last, what its chain was then (`state_of`).
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
        read(private, private=True)
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
    held, chain = _lists_of(files), state_of(files.certificate_chain)
    try:
        return _checked(files, held, now)
    except IdentityUnfit as unfit:
        if not files.ordered or unfit.reason not in ENDS_WITH_THE_NEXT:
            raise
        key = parse_evidence_key(files.evidence_key)
        return Awaited(files=files, evidence_key=key, held=held, unfit=unfit, looked=now, chain=chain)


def check_files(files: IdentityFiles, now: datetime) -> None:
    """Whether a person's key and chain could be signed with, before anything relies on them; writes nothing.

    By the lists there are; where nobody has said yet whom to trust, without those. Raises `IdentityUnfit`.
    """
    trust = files.trust
    with _unfit(files):
        key = parse_key(files.key)
        pem = read(files.certificate_chain)
        certificate, *chain = parse_certificates(files.certificate_chain, pem)
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
    chain = state_of(awaited.files.certificate_chain)
    lately = abs((now - awaited.looked).total_seconds()) < _WHOLE_S
    if lately and chain == awaited.chain and awaited.unfit.reason in ENDS_WITH_THE_NEXT:
        return None, awaited.unfit
    awaited.looked, awaited.chain = now, chain
    try:
        return _checked(awaited.files, awaited.held, now), None
    except IdentityUnfit as unfit:
        awaited.unfit = unfit
        return None, unfit


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
    key = parse_key(files.key)
    pem = read_chain(files)
    certificate, *chain = parse_certificates(files.certificate_chain, pem)
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
        evidence_key=parse_evidence_key(files.evidence_key),
        x5u=x5u,
        passports=passports,
        _key=key,
    )


def _read_trust(
    trust: Administered | Path, held: HeldLists | None, now: datetime
) -> tuple[TrustedList, Revocations]:
    """Whom to trust, and who is revoked. What is no good leaves what is held, until its own end."""
    if isinstance(trust, Path):
        return TrustedList.of(*parse_certificates(trust, read(trust))), NO_LIST
    assert held is not None
    try:
        lists = held.look(now.timestamp())
    except ListRefused as refused:
        raise IdentityUnfit("trusted-list-refused", str(refused)) from refused
    except (OSError, ValueError) as problem:
        raise IdentityUnfit("trusted-list-refused", f"{held.administrator}: {problem}") from problem
    return lists.trusted, lists.revocations
