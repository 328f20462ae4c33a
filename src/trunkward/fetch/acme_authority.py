"""A certification authority that speaks ACME (RFC 8555): an account, an order, a certificate.

The messages, their signatures and nonces are certbot's `acme` library's. What is added here is the guard
around its connections (`guard`), and that how a challenge is met is a matter of its own: an order goes the
same way whether it is proved by HTTP-01 or by an authority token (RFC 9447).

The certificate's private key is not here. An order needs a request that was signed with it, once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol

import requests
from acme import errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from trunkward import __version__
from trunkward.fetch.guard import ANSWER_S, Guard, cause, guarded_session

#: Seconds an order may take in all: a public authority looks from several places, each in its own time.
ORDER_S = 180.0
#: Longest wait an authority may ask for, our limit: a certificate ends meanwhile.
MAX_RETRY_AFTER_S = 86_400
_MAX_SAID = 600
#: Times a request is sent with two nonces before a refusal of both is one of the request.
_NONCES = 4


class AcmeFailed(Exception):
    """There is no certificate; the message says what the authority, or the way there, had against it."""

    def __init__(self, message: str, retry_after_s: int = 0) -> None:
        """`retry_after_s`: what it asked us to wait, 0 when it did not."""
        self.retry_after_s = retry_after_s
        super().__init__(_plain(message))


class Solver(Protocol):
    """A way to prove that an identifier is ours."""

    #: The challenge's type, such as `http-01`.
    kind: str

    def prepare(self, challenge: messages.ChallengeBody, account: JWK) -> JSONDeSerializable:
        """Makes everything ready for the authority's look, and returns what it is told."""

    def forget(self) -> None:
        """The look is over, however it went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where the authority is, and our account there."""

    directory: str
    #: PEM with an EC P-256 private key.
    account_key: Path
    #: PEM of the authorities its HTTPS certificate must lead to.
    trusted: Path
    contact: str = ""
    external_key_id: str = ""
    #: MAC key of the external account in base64url.
    external_key: Path | None = None
    profile: str = ""


class _Network(ClientNetwork):
    """The library's, more patient: an authority may refuse nonces as it likes (RFC 8555 section 6.5)."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a request; one whose nonce is refused goes again with another, as the library does once."""
        for _ in range(_NONCES - 1):
            try:
                return super().post(*args, **dict(kwargs))
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


class _Client(ClientV2):
    """The library's, for orders whose identifiers are not the names in the request."""

    def new_order_for(
        self, identifiers: Sequence[messages.Identifier], request_pem: bytes, profile: str
    ) -> messages.OrderResource:
        """As `new_order`, whose identifiers are DNS names and addresses."""
        order = messages.NewOrder(identifiers=list(identifiers), profile=profile)
        response = self._post(self.directory["newOrder"], order)
        body = messages.Order.from_json(response.json())
        return messages.OrderResource(
            body=body,
            uri=response.headers.get("Location"),
            authorizations=[
                self._authzr_from_response(self._post_as_get(url), uri=url) for url in body.authorizations
            ],
            csr_pem=request_pem,
        )


class AcmeClient:
    """One conversation with an authority. Blocks; only the account's key is kept from one to the next."""

    def __init__(self, authority: Authority) -> None:
        """Says nothing yet. Raises `AcmeFailed` for an account key that is none."""
        self._authority = authority
        self._guard = Guard(authority.directory)
        try:
            key = JWK.load(authority.account_key.read_bytes())
        except (OSError, JoseError, ValueError) as problem:
            raise AcmeFailed(f"{authority.account_key}: no account key: {problem}") from None
        # what is no PEM at all the library takes for a secret of bytes
        if not isinstance(key, JWKEC):
            raise AcmeFailed(f"{authority.account_key}: no account key: not EC")
        self._key = key

    @property
    def account_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of our account's key."""
        public: ec.EllipticCurvePublicKey = load_pem_private_key(  # type: ignore[assignment]
            self._authority.account_key.read_bytes(), password=None
        ).public_key()
        return public

    def issue(
        self,
        request_pem: bytes,
        solvers: Sequence[Solver],
        identifiers: Sequence[messages.Identifier] = (),
    ) -> bytes:
        """A chain in PEM for a certificate request. Raises `AcmeFailed`.

        `identifiers`: what the order is for; none: the names in the request.
        """
        try:
            return self._issue(request_pem, solvers, identifiers)
        except AcmeFailed:
            raise
        except errors.ValidationError as problem:
            raise AcmeFailed(f"{self._authority.directory} {_refused_challenges(problem)}") from None
        except Exception as problem:  # the library raises whatever an answer made it stumble over
            raise self._failed(problem) from None
        finally:
            for solver in solvers:
                solver.forget()

    def suggested_renewal(self, chain_pem: bytes) -> tuple[datetime | None, datetime]:
        """When the authority would have a certificate renewed (RFC 9773), and when to ask again.

        The first is None where it does not say. Raises `AcmeFailed`.
        """
        try:
            client = self._client()
            when, ask_again = client.renewal_time(chain_pem)
        except Exception as problem:  # as above
            raise self._failed(problem) from None
        return (_aware(when) if when else None), _aware(ask_again)

    def _issue(
        self, request_pem: bytes, solvers: Sequence[Solver], identifiers: Sequence[messages.Identifier]
    ) -> bytes:
        client = self._client()
        self._log_in(client)
        profile = self._authority.profile
        order = (
            client.new_order_for(identifiers, request_pem, profile)
            if identifiers
            else client.new_order(request_pem, profile=profile or None)
        )
        for authorization in order.authorizations:
            if authorization.body.status == messages.STATUS_VALID:
                continue  # proved in an order before this one
            solver, challenge = _chosen(authorization, solvers)
            # what the library asks of a response is that it makes JSON of itself
            response: Any = solver.prepare(challenge, self._key)
            client.answer_challenge(challenge, response)
        # the library's clock has no zone
        deadline = datetime.now() + timedelta(seconds=ORDER_S)  # noqa: DTZ005
        order = client.poll_authorizations(order, deadline)
        return bytes(client.finalize_order(order, deadline).fullchain_pem, "ascii")

    def _client(self) -> _Client:
        net = _Network(
            self._key,
            alg=ES256,
            user_agent=f"trunkward/{__version__}",
            timeout=int(ANSWER_S),
        )
        net.session.close()
        net.session = guarded_session(self._guard)
        # requests takes a file of authorities where the library says bool
        net.verify_ssl = str(self._authority.trusted)  # type: ignore[assignment]
        return _Client(ClientV2.get_directory(self._authority.directory, net), net)

    def _log_in(self, client: ClientV2) -> None:
        binding = None
        if self._authority.external_key is not None:
            binding = messages.ExternalAccountBinding.from_data(
                self._key.public_key(),
                self._authority.external_key_id,
                self._authority.external_key.read_text(encoding="ascii").strip(),
                client.directory,
            )
        elif client.external_account_required():
            raise AcmeFailed(
                "wants to know who we are: write external_account with the key identifier and key it gave you"
            )
        account = messages.NewRegistration.from_data(
            email=self._authority.contact or None,
            terms_of_service_agreed=True,
            external_account_binding=binding,
        )
        try:
            client.new_account(account)
        except errors.ConflictError as known:
            # RFC 8555 section 7.3.1: the same key, the same account
            client.net.account = messages.RegistrationResource(
                uri=known.location, body=messages.Registration()
            )

    def _failed(self, problem: Exception) -> AcmeFailed:
        host = self._authority.directory
        match problem:
            case errors.IssuanceError():
                said = f"{host} did not issue: {problem.error.detail or problem.error}"
            case messages.Error():
                said = f"{host} refused ({problem.code or problem.typ}): {problem.detail or problem}"
            case errors.ARIError():
                said = f"{host}: {cause(problem)}"
            case errors.TimeoutError():
                said = f"{host} did not finish within {ORDER_S:.0f} s"
            case requests.RequestException() | OSError():
                said = f"{host}: {cause(problem)}"
            case _:
                said = f"{host} answered with something that is not ACME: {problem!r}"
        return AcmeFailed(said, retry_after_s(self._guard.retry_after, datetime.now(UTC)))


def retry_after_s(header: str, now: datetime) -> int:
    """Seconds that a `Retry-After` header asks for (RFC 9110 section 10.2.3); 0 for none that can be read."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        return min(int(header), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return 0
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0, int((aware - now).total_seconds())), MAX_RETRY_AFTER_S)


def _chosen(
    authorization: messages.AuthorizationResource, solvers: Sequence[Solver]
) -> tuple[Solver, messages.ChallengeBody]:
    offered: list[str] = []
    for challenge in authorization.body.challenges:
        kind = str(challenge.to_partial_json().get("type"))
        offered.append(kind)
        for solver in solvers:
            if solver.kind == kind:
                return solver, challenge
    raise AcmeFailed(
        f"{authorization.body.identifier.value}: offers {', '.join(offered) or 'no challenge'}; "
        f"this node proves itself by {', '.join(solver.kind for solver in solvers)}"
    )


def _refused_challenges(problem: errors.ValidationError) -> str:
    said = [
        f"{failed.body.identifier.value}: {challenge.error.detail or challenge.error}"
        for failed in problem.failed_authzrs
        for challenge in failed.body.challenges
        if challenge.error is not None
    ]
    return f"could not see that the name is ours: {'; '.join(said)}"


def _plain(text: str) -> str:
    """One line of printable characters: it comes from outside and goes into logs and onto terminals."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= _MAX_SAID else line[: _MAX_SAID - 3] + "..."


def _aware(when: datetime) -> datetime:
    return when.astimezone(UTC)
