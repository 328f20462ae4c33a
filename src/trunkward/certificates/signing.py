"""One identity's certificate: asked for, published, found from outside, and only then put into use.

1. The authority token: the policy administrator says that the code is ours, for our account's key.
2. The order: with the token, and the request that root signed once. No key of a certificate is here.
3. What was issued is held against what was asked for (`control.signing_certificate`), and put aside.
4. It is published under a name of its own, and looked for at its URL as anybody would.
5. Found, exactly so, it takes the place of the one before: signers read that file, and check it again.

Whatever fails, the one before goes on, and stays published until long after its end.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from trunkward.certificates.lists import Lists
from trunkward.control.renewal import Attempts, next_attempt
from trunkward.control.shown_certificate import MAX_CHAIN_BYTES, CertificateRefused, Lifetime
from trunkward.control.signing_certificate import as_published, check_signing_chain
from trunkward.engines.certificate_state import IdentityState
from trunkward.engines.identity_task import IdentityTask, Ordering
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.fetch.acme_authority import AcmeClient, AcmeFailed, Authority
from trunkward.fetch.authority_token import AuthorityToken, identifiers
from trunkward.fetch.policy_administrator import Login, PolicyAdministrator, PolicyFailed
from trunkward.fetch.published import CONTENT_TYPE, NotPublished, look_at
from trunkward.shaken.authority_token import TokenRefused, atc_claim, check_token
from trunkward.shaken.crl import Status
from trunkward.shaken.published import PUBLISHED, published_at, published_name

#: Seconds between two looks at a chain from outside; and after it was not found, doubling up to that.
LOOK_EVERY_S, FIRST_LOOK_S = 3600.0, 10.0
#: How much longer than its certificate lasts a published chain stays (ATIS-1000074: verifiers, and records of
#: calls that were signed under it, may ask for it).
KEPT_FOR = timedelta(days=30)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_REVOKED = (
    "find out why. If the key is lost: stop the node, delete {key}, start it; "
    "it makes another, and asks for a certificate for that"
)
#: Chance here only spreads load; nothing secret depends on it.
_chance = random.SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A chain that may be used."""

    pem: bytes
    lifetime: Lifetime
    url: str

    @property
    def certificate(self) -> x509.Certificate:
        """The provider's own."""
        return x509.load_pem_x509_certificate(self.pem)


class Signing:
    """One identity. Blocks while it works; `state` may be read by anybody meanwhile."""

    def __init__(
        self, task: IdentityTask, lists: Lists, administrator: PolicyAdministrator, log: Any
    ) -> None:
        """What is on the disk is looked at with the first round."""
        self._task, self._lists, self._administrator = task, lists, administrator
        self._log = log.bind(identity=task.name)
        self._chain = Path(task.chain)
        self._issued = self._chain.with_name(f"{task.name}.issued.pem")
        self._used: Held | None = None
        #: Of the one in use last, when that has ended: tries go on as often as before.
        self._ended: Lifetime | None = None
        #: Issued, and not yet found where it is published.
        self._waiting: Held | None = None
        self._attempts = Attempts()
        self._renewal_chance, self._retry_chance = _chance(), _chance()
        self._looked: datetime | None = None
        self._looks_failed, self._pause = 0, NO_PAUSE
        self._revoked = self._hurried = False
        self._not_found = self._served = self._order_problem = self._problem = ""
        self.state = IdentityState(spc=task.spc, source=task.source)

    def round(self, now: datetime) -> None:
        """Does what is due. Never raises."""
        self._problem = ""
        try:
            self._read(now)
            if self._task.ordering is not None:
                if now >= self._due(now):
                    self._order(self._task.ordering, now)
                self._put_into_use(now)
                self._keep_published(now)
            self._look(now)
        except Exception as problem:  # seen in state and log; the next round may find it mended
            self._problem = f"{type(problem).__name__}: {problem}"
        self._hurried = False
        before = self.state.problem
        self.state = self._told(now)
        if self.state.problem and self.state.problem != before:
            self._log.error("certificate", problem=self.state.problem)

    def hurry(self, now: datetime) -> None:
        """A person's wish: the next round asks for a certificate, if it may, and looks at the published."""
        self._hurried, self._pause = True, NO_PAUSE

    def _due(self, now: datetime) -> datetime:
        """When to ask for one: never while one waits, or nothing is trusted, or a person must look first."""
        if self._waiting is not None or self._lists.trusted is None or self._revoked:
            return _NEVER
        if self._hurried:
            return now
        return next_attempt(
            self._used.lifetime if self._used else self._ended,
            self._attempts,
            suggested=None,
            now=now,
            renewal_chance=self._renewal_chance,
            retry_chance=self._retry_chance,
        )

    # ---- 0. what is there

    def _read(self, now: datetime) -> None:
        self._revoked = False
        self._ended = None
        self._used = self._held(self._chain, now)
        self._waiting = self._held(self._issued, now) if self._task.ordering is not None else None
        if self._waiting is not None and self._used is not None and self._waiting.pem == self._used.pem:
            self._issued.unlink()
            self._waiting = None

    def _held(self, file: Path, now: datetime) -> Held | None:
        try:
            pem = read_plain(file, MAX_CHAIN_BYTES + 1, follow=self._task.ordering is None)
        except FileNotFoundError:
            return None
        except OSError as problem:
            self._problem = f"{file}: {problem.strerror or problem}"
            return None
        try:
            return self._checked(pem, now)
        except CertificateRefused as refused:
            self._problem = f"{file}: {refused}"
            if refused.reason == "certificate-expired":
                ended = x509.load_pem_x509_certificate(pem)
                self._ended = Lifetime(begins=ended.not_valid_before_utc, ends=ended.not_valid_after_utc)
            if refused.reason == "certificate-revoked" and self._is_for_our_key(pem):
                self._revoked = True
                if self._task.ordering is not None:
                    key = Path(self._task.ordering.request).with_suffix(".key")  # beside the request
                    self._problem += f"; {_REVOKED.format(key=key)}"
            return None

    def _is_for_our_key(self, pem: bytes) -> bool:
        """Whether it is not one that a person has replaced already, by another key."""
        ours = self._public_key()
        return ours is None or x509.load_pem_x509_certificate(pem).public_key() == ours

    def _checked(self, pem: bytes, now: datetime) -> Held:
        if self._lists.trusted is None:
            raise CertificateRefused("no-trusted-list", "nobody has said yet which authorities are trusted")
        lifetime = check_signing_chain(
            pem,
            spc=self._task.spc,
            public_key=self._public_key(),
            trusted=self._lists.trusted,
            revocations=self._lists.revocations,
            now=now,
        )
        return Held(pem=pem, lifetime=lifetime, url=published_at(self._task.x5u, self._task.spc, pem))

    def _public_key(self) -> object:
        """Whose it must be: with an order that of the request; of a person's only its signer has the key."""
        if self._task.ordering is None:
            return None
        return x509.load_pem_x509_csr(Path(self._task.ordering.request).read_bytes()).public_key()

    # ---- 1. to 3.

    def _order(self, ordering: Ordering, now: datetime) -> None:
        hurried, self._hurried = self._hurried, False
        self._log.info("order", directory=ordering.directory, spc=self._task.spc)
        try:
            pem = as_published(self._issue(ordering))
            self._waiting = self._checked(pem, datetime.now(UTC))
            write_whole(self._issued, pem, 0o644)
        except (AcmeFailed, PolicyFailed, TokenRefused, CertificateRefused, OSError) as problem:
            asked_s = problem.retry_after_s if isinstance(problem, AcmeFailed) else 0
            # a person's try, where others follow anyway, puts them off only when the authority wants so
            if not (hurried and self._attempts.failures) or asked_s:
                self._attempts = self._attempts.failed(datetime.now(UTC), asked_s)
                self._retry_chance = _chance()
            self._order_problem = str(problem) or type(problem).__name__
            self._log.error(
                "no certificate",
                problem=self._order_problem,
                failures=self._attempts.failures,
                next_attempt=self._due(datetime.now(UTC)).isoformat(timespec="seconds"),
            )
        else:
            self._attempts, self._order_problem = Attempts(last=datetime.now(UTC)), ""
            self._renewal_chance = _chance()
            self._looks_failed, self._pause = 0, NO_PAUSE
            self._log.info("certificate issued", until=self._waiting.lifetime.ends.isoformat())

    def _issue(self, ordering: Ordering) -> bytes:
        client = AcmeClient(
            Authority(
                directory=ordering.directory,
                account_key=Path(ordering.account_key),
                trusted=Path(ordering.trusted),
                contact=ordering.contact,
                external_key_id=ordering.external_key_id,
                external_key=Path(ordering.external_key) if ordering.external_key else None,
            )
        )
        request = Path(ordering.request).read_bytes()
        # RFC 8555 section 11.1; found in the field: who has the one key would have the other
        if x509.load_pem_x509_csr(request).public_key() == client.account_key:
            raise CertificateRefused("same-key", "the account's key is the certificate's: make another")
        # before the order: an administrator that is down costs the authority nothing
        login = Login(account=ordering.account, user=ordering.user, password=Path(ordering.password))
        account, form = client.account_key, ordering.fingerprint
        token = self._administrator.token(login, atc_claim(self._task.spc, account, form))
        check_token(token, spc=self._task.spc, account=account, now=datetime.now(UTC), form=form)
        return client.issue(request, [AuthorityToken(token, ordering.token_key)], identifiers(self._task.spc))

    # ---- 4. and 5.

    def _put_into_use(self, now: datetime) -> None:
        waiting = self._waiting
        if waiting is None or not self._pause.is_over(now.timestamp()):
            return
        self._publish(waiting)
        try:
            self._found(waiting, now)
        except NotPublished as problem:
            # seconds at first, for a copy to another machine; then as a person would look
            wait_s = min(FIRST_LOOK_S * 2.0 ** min(self._looks_failed, 20), LOOK_EVERY_S)
            self._looks_failed += 1
            self._pause, self._not_found = Pause(now.timestamp(), wait_s), str(problem)
            return
        write_whole(self._chain, waiting.pem, 0o644)
        self._issued.unlink(missing_ok=True)
        self._used, self._waiting = waiting, None
        self._problem = ""  # what was wrong with the one before
        self._log.info("in use", url=waiting.url, until=waiting.lifetime.ends.isoformat())

    def _publish(self, held: Held) -> None:
        file = Path(self._task.publish) / published_name(self._task.spc, held.pem)
        try:
            if read_plain(file, MAX_CHAIN_BYTES) == held.pem:
                return
        except FileNotFoundError:
            pass
        write_whole(file, held.pem, 0o644)
        self._log.info("published", file=str(file))

    def _found(self, held: Held, now: datetime) -> None:
        """Raises `NotPublished`."""
        called = look_at(held.url, held.pem, Path(self._task.published_trusted), self._task.address)
        self._served = "" if called == CONTENT_TYPE else called or "nothing"
        self._looked, self._looks_failed, self._not_found = now, 0, ""
        self._pause = Pause(now.timestamp(), LOOK_EVERY_S)

    def _keep_published(self, now: datetime) -> None:
        """What is in use stays where it is; what ended long ago goes."""
        if self._used is not None:
            self._publish(self._used)
        for file in Path(self._task.publish).iterdir():
            if not PUBLISHED.fullmatch(file.name) or not file.name.startswith(f"{self._task.spc}-"):
                continue
            try:
                certificate = x509.load_pem_x509_certificate(read_plain(file, MAX_CHAIN_BYTES))
            except (ValueError, OSError):
                continue  # none of ours
            if certificate.not_valid_after_utc + KEPT_FOR < now:
                file.unlink()
                self._log.info("published no more", file=str(file))

    def _look(self, now: datetime) -> None:
        """The chain in use, from outside, now and then: who takes it away breaks every signature."""
        if self._used is None or self._waiting is not None or not self._pause.is_over(now.timestamp()):
            return
        try:
            self._found(self._used, now)
        except NotPublished as problem:
            wait_s = min(FIRST_LOOK_S * 2.0 ** min(self._looks_failed, 20), LOOK_EVERY_S)
            self._looks_failed += 1
            self._pause, self._not_found = Pause(now.timestamp(), wait_s), str(problem)

    # ---- what is told

    def _told(self, now: datetime) -> IdentityState:
        # an attempt of this round has ended after it began
        used, due = self._used, self._due(max(now, datetime.now(UTC)))
        certificate = used.certificate if used else None
        problems = (self._problem, self._order_problem, self._not_found)
        return IdentityState(
            spc=self._task.spc,
            source=self._task.source,
            begins=used.lifetime.begins if used else None,
            until=used.lifetime.ends if used else None,
            ended=self._ended.ends if self._ended and not used else None,
            serial=f"{certificate.serial_number:x}" if certificate else "",
            issuer=certificate.issuer.rfc4514_string() if certificate else "",
            url=used.url if used else "",
            found=self._looked,
            not_found=self._not_found,
            served=self._served,
            revocation=self._revocation(certificate, now),
            next_attempt=due if self._task.ordering and due < _NEVER else None,
            waiting_url=self._waiting.url if self._waiting else "",
            failures=self._attempts.failures,
            problem="; ".join(filter(None, problems)),
        )

    def _revocation(self, certificate: x509.Certificate | None, now: datetime) -> str:
        if self._revoked:
            return str(Status.REVOKED)
        if certificate is None:
            return str(Status.UNKNOWN)
        return str(self._lists.revocations.status(certificate, now.timestamp()))
