"""The test policy administrator: who has which codes, authority tokens, both lists.

Its way of answering is the one providers see at the STI-PA: `POST /api/v1/auth/login`,
`POST /api/v1/account/ID/token`, `GET /api/v1/ca-list`, `GET /download/v1/crl`.
"""

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkward.shaken import jwt
from trunkward.shaken.authority_token import TN_AUTH_LIST
from trunkward.shaken.base64url import decode
from trunkward.shaken.tnauthlist import TnAuthListError, decode_spc
from trunkward.stiauthority.home import Home
from trunkward.stiauthority.issuing import Issuer, revocation_list

#: Where the revocation list is, below the administrator's own address.
REVOCATIONS = "/download/v1/crl"
#: Seconds a login lasts.
SESSION_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A provider, as the administrator knows it."""

    user: str
    password: str
    #: The service provider codes it may have tokens for.
    codes: tuple[str, ...]


class Refused(Exception):
    """A request that is not granted."""

    def __init__(self, status: int, message: str) -> None:
        """HTTP status and what to say."""
        self.status, self.message = status, message
        super().__init__(message)


@dataclass(kw_only=True)
class PolicyAdministrator:
    """Its state. What is no key and no account may be changed while it runs, to see what becomes of it."""

    home: Home
    #: Its own address, without a path.
    url: str
    #: By account identifier.
    accounts: Mapping[str, Account]
    token_lifetime: timedelta = timedelta(days=1)
    list_lifetime: timedelta = timedelta(days=1)
    revocations_lifetime: timedelta = timedelta(days=1)
    #: Who signs the trusted list; the administrator, unless somebody plays another.
    list_signer: Issuer | None = None
    revocations_signer: Issuer | None = None
    #: What the next trusted lists call themselves; 0: the time, so that each is newer than the one before.
    edition: int = 0
    #: What is answered in place of a revocation list.
    revocations_instead: bytes | None = None
    #: What is answered with 503 instead, by path.
    down: set[str] = field(default_factory=set)
    #: Requests so far, by path.
    asked: dict[str, int] = field(default_factory=dict)
    _sessions: dict[str, tuple[Account, float]] = field(default_factory=dict)

    @property
    def revocations_url(self) -> str:
        """Where the revocation list is."""
        return self.url + REVOCATIONS

    @property
    def certificate_url(self) -> str:
        """Where the certificate is that tokens and the trusted list are signed under."""
        return f"{self.url}/download/v1/certificate"

    def log_in(self, user: str, password: str) -> str:
        """An access token. Raises `Refused`."""
        for account in self.accounts.values():
            if account.user == user and hmac.compare_digest(account.password.encode(), password.encode()):
                access = secrets.token_urlsafe(24)
                self._sessions[access] = account, time.monotonic() + SESSION_S
                return access
        raise Refused(401, "user or password is wrong")

    def token(self, access: str, identifier: str, asked: Any) -> dict[str, str]:
        """An authority token for the account `identifier`. Raises `Refused`."""
        account, until = self._sessions.get(access, (None, 0.0))
        if account is None or until < time.monotonic():
            raise Refused(401, "not logged in")
        if self.accounts.get(identifier) is not account:
            raise Refused(403, f"account {identifier} is not yours")
        atc = asked.get("atc") if isinstance(asked, dict) else None
        if not isinstance(atc, dict) or atc.get("tktype") != TN_AUTH_LIST or atc.get("ca") is not False:
            raise Refused(400, "atc: tktype must be TNAuthList, and ca false")
        code = _code(atc.get("tkvalue"))
        if code not in account.codes:
            raise Refused(403, f"service provider code {code} is not assigned to this account")
        if not str(atc.get("fingerprint", "")).startswith("SHA256 "):
            raise Refused(400, "atc: fingerprint must be SHA256 and the hash of an ACME account's key")
        claims = {
            "exp": int((datetime.now(UTC) + self.token_lifetime).timestamp()),
            "jti": secrets.token_urlsafe(16),
            "atc": {name: atc[name] for name in ("tktype", "tkvalue", "ca", "fingerprint")},
        }
        return {
            "status": "success",
            "token": jwt.sign(self._header, claims, self.home.administrator.key),
            "crl": self.revocations_url,
            "iss": self.home.administrator.certificate.subject.rfc4514_string(),
        }

    def trusted_list(self) -> str:
        """The list of trusted authorities, signed (ATIS-1000084)."""
        claims = {
            "version": 1,
            "sequence": self.edition or time.time_ns() // 1_000_000,
            "exp": int((datetime.now(UTC) + self.list_lifetime).timestamp()),
            "trustList": [self.home.root.certificate.public_bytes(Encoding.PEM).decode("ascii")],
        }
        return jwt.sign(self._header, claims, (self.list_signer or self.home.administrator).key)

    def revocations(self) -> x509.CertificateRevocationList:
        """The revocation list, as of now."""
        now = datetime.now(UTC)
        return revocation_list(
            self.home.revoked(),
            administrator=self.revocations_signer or self.home.administrator,
            url=self.revocations_url,
            number=time.time_ns() // 1_000_000,
            now=now,
            lifetime=self.revocations_lifetime,
        )

    @property
    def _header(self) -> dict[str, str]:
        return {"typ": "JWT", "x5u": self.certificate_url}


def application(administrator: PolicyAdministrator) -> Starlette:
    """Its HTTP."""

    async def counted(request: Request, go_on: RequestResponseEndpoint) -> Response:
        path = request.url.path
        administrator.asked[path] = administrator.asked.get(path, 0) + 1
        if path in administrator.down:
            return _answer({"status": "error", "message": "down for maintenance"}, 503)
        return await go_on(request)

    async def refused(_request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Refused)
        return _answer({"status": "error", "message": problem.message}, problem.status)

    async def log_in(request: Request) -> Response:
        body = await _body(request)
        access = administrator.log_in(str(body.get("userId")), str(body.get("password")))
        return _answer({"status": "success", "accessToken": access})

    async def token(request: Request) -> Response:
        access, identifier = request.headers.get("authorization", ""), request.path_params["identifier"]
        return _answer(administrator.token(access, identifier, await _body(request)))

    async def ca_list(_request: Request) -> Response:
        return _answer({"status": "success", "caList": administrator.trusted_list()})

    async def crl(_request: Request) -> Response:
        der = administrator.revocations_instead
        if der is None:
            der = administrator.revocations().public_bytes(Encoding.DER)
        return Response(der, media_type="application/pkix-crl")

    async def certificate(_request: Request) -> Response:
        pem = administrator.home.administrator.certificate.public_bytes(Encoding.PEM)
        return Response(pem, media_type="application/pem-certificate-chain")

    return Starlette(
        routes=[
            Route("/api/v1/auth/login", log_in, methods=["POST"]),
            Route("/api/v1/account/{identifier}/token", token, methods=["POST"]),
            Route("/api/v1/ca-list", ca_list),
            Route(REVOCATIONS, crl),
            Route("/download/v1/certificate", certificate),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=counted)],
        exception_handlers={Refused: refused},
    )


def _code(value: Any) -> str:
    try:
        return decode_spc(decode(str(value).rstrip("=").replace("+", "-").replace("/", "_")))
    except (TnAuthListError, ValueError):
        raise Refused(400, "atc: tkvalue is not a TNAuthList with one service provider code") from None


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refused(400, "not JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "not a JSON object")
    return body


def _answer(content: Mapping[str, object], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
