"""The test certification authority's ACME (RFC 8555): resources, signed requests, problem documents."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acme.jws import JWS
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.errors import Error as JoseError
from josepy.jwk import JWKEC, JWKOct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkward.shaken import base64url
from trunkward.stiauthority.orders import Account, CertificationAuthority, Order, Problem, Status

_JOSE = "application/jose+json"
_ACCOUNTS = "/acme/account/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request whose signature, nonce and address were found good."""

    payload: Any
    key: ec.EllipticCurvePublicKey
    #: None only where a new account is asked for.
    account: Account | None

    @property
    def by(self) -> Account:
        """Whose it is. Raises `Problem`."""
        if self.account is None:
            raise Problem("accountDoesNotExist", "name the account in kid", 400)
        return self.account


def application(authority: CertificationAuthority, url: str, token_authority: str) -> Starlette:
    """Its HTTP; `url`: its own address without a path, `token_authority`: where tokens come from."""
    resources = _Resources(authority, url, token_authority)

    async def refused(_request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        headers = {"Replay-Nonce": authority.nonce()}
        return Response(
            json.dumps(_document(problem)),
            problem.status,
            headers=headers,
            media_type="application/problem+json",
        )

    async def directory(_request: Request) -> Response:
        return Response(json.dumps(resources.directory()), media_type="application/json")

    async def new_nonce(request: Request) -> Response:
        status = 200 if request.method == "HEAD" else 204
        headers = {"Replay-Nonce": authority.nonce(), "Cache-Control": "no-store"}
        return Response(status_code=status, headers=headers)

    return Starlette(
        routes=[
            Route("/acme/directory", directory),
            Route("/acme/new-nonce", new_nonce),
            *(
                Route(path, _endpoint(authority, url, act), methods=["POST"])
                for path, act in resources.acts().items()
            ),
        ],
        exception_handlers={Problem: refused},
    )


type _Act = Callable[[Signed, Mapping[str, str]], Response]


class _Resources:
    """What each resource answers."""

    def __init__(self, authority: CertificationAuthority, url: str, token_authority: str) -> None:
        self._authority, self._url, self._token_authority = authority, url, token_authority

    def directory(self) -> dict[str, object]:
        names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
        return {name: f"{self._url}/acme/new-{what}" for name, what in names.items()} | {
            "revokeCert": f"{self._url}/acme/revoke-cert",
            "meta": {
                "termsOfService": f"{self._url}/terms",
                "externalAccountRequired": bool(self._authority.external_keys),
            },
        }

    def acts(self) -> dict[str, _Act]:
        return {
            "/acme/new-account": self._new_account,
            _ACCOUNTS + "{name}": self._account,
            "/acme/new-order": self._new_order,
            "/acme/order/{name}": self._order,
            "/acme/authorization/{name}": self._authorization,
            "/acme/challenge/{name}": self._challenge,
            "/acme/order/{name}/finalize": self._finalize,
            "/acme/certificate/{name}": self._certificate,
            "/acme/revoke-cert": self._revoke,
        }

    def _new_account(self, request: Signed, _names: Mapping[str, str]) -> Response:
        body = request.payload if isinstance(request.payload, dict) else {}
        account = self._authority.account_of(request.key)
        status = 200
        if account is None:
            if body.get("onlyReturnExisting"):
                raise Problem("accountDoesNotExist", "no account has this key", 400)
            if not body.get("termsOfServiceAgreed"):
                raise Problem("userActionRequired", "agree to the terms of service first")
            if self._authority.external_keys:
                self._check_external(body.get("externalAccountBinding"), request.key)
            account, status = self._authority.open_account(request.key, body.get("contact", [])), 201
        return self._answer(_account_document(account), status, {"Location": self._at("account", account)})

    def _check_external(self, binding: object, key: ec.EllipticCurvePublicKey) -> None:
        if not isinstance(binding, dict):
            raise Problem("externalAccountRequired", "say by an external account who you are")
        try:
            jws = JWS.from_json(binding)
            header = json.loads(jws.signature.protected)
            good = jws.verify(JWKOct(key=self._authority.external_key(str(header.get("kid")))))
            bound = JWKEC.from_json(json.loads(jws.payload))
        except (JoseError, ValueError) as wrong:
            raise Problem("malformed", f"externalAccountBinding: {wrong}", 400) from None
        # RFC 8555 section 7.3.4
        if not good or header.get("url") != f"{self._url}/acme/new-account" or _public(bound) != key:
            raise Problem(
                "unauthorized", "the external account's binding is not for this key, or not by its MAC"
            )

    def _account(self, request: Signed, names: Mapping[str, str]) -> Response:
        if request.by.name != names["name"]:
            raise Problem("unauthorized", "not your account")
        return self._answer(_account_document(request.by))

    def _new_order(self, request: Signed, _names: Mapping[str, str]) -> Response:
        body = request.payload if isinstance(request.payload, dict) else {}
        order = self._authority.open_order(request.by, body.get("identifiers"))
        return self._answer(self._order_document(order), 201, {"Location": self._at("order", order)})

    def _order(self, request: Signed, names: Mapping[str, str]) -> Response:
        return self._answer(self._order_document(self._authority.order(names["name"], request.by)))

    def _authorization(self, request: Signed, names: Mapping[str, str]) -> Response:
        order = self._authority.order(names["name"], request.by)
        return self._answer(
            {
                "identifier": {"type": "TNAuthList", "value": order.identifier},
                "status": order.proved,
                "expires": _time(order),
                "challenges": [self._challenge_document(order)],
            }
        )

    def _challenge(self, request: Signed, names: Mapping[str, str]) -> Response:
        order = self._authority.order(names["name"], request.by)
        self._authority.prove(order, request.payload)
        link = f'<{self._at("authorization", order)}>;rel="up"'
        return self._answer(self._challenge_document(order), headers={"Link": link})

    def _finalize(self, request: Signed, names: Mapping[str, str]) -> Response:
        order = self._authority.order(names["name"], request.by)
        body = request.payload if isinstance(request.payload, dict) else {}
        try:
            der = base64url.decode(str(body.get("csr")))
        except ValueError as wrong:
            raise Problem("badCSR", f"csr: {wrong}", 400) from None
        self._authority.finalize(order, der)
        return self._answer(self._order_document(order), headers={"Location": self._at("order", order)})

    def _certificate(self, request: Signed, names: Mapping[str, str]) -> Response:
        order = self._authority.order(names["name"], request.by)
        if order.status is not Status.VALID:
            raise Problem("malformed", "nothing was issued", 404)
        return Response(
            order.chain_pem,
            headers={"Replay-Nonce": self._authority.nonce()},
            media_type="application/pem-certificate-chain",
        )

    def _revoke(self, request: Signed, _names: Mapping[str, str]) -> Response:
        body = request.payload if isinstance(request.payload, dict) else {}
        try:
            der = base64url.decode(str(body.get("certificate")))
        except ValueError as wrong:
            raise Problem("malformed", f"certificate: {wrong}", 400) from None
        self._authority.revoke(der, request.by)
        return Response(status_code=200, headers={"Replay-Nonce": self._authority.nonce()})

    def _order_document(self, order: Order) -> dict[str, object]:
        return {
            "status": order.status,
            "expires": _time(order),
            "identifiers": [{"type": "TNAuthList", "value": order.identifier}],
            "authorizations": [self._at("authorization", order)],
            "finalize": f"{self._at('order', order)}/finalize",
            **({"certificate": self._at("certificate", order)} if order.status is Status.VALID else {}),
            **({"error": _document(order.problem)} if order.problem else {}),
        }

    def _challenge_document(self, order: Order) -> dict[str, object]:
        return {
            "type": "tkauth-01",
            "tkauth-type": "atc",
            "token-authority": self._token_authority,
            "url": self._at("challenge", order),
            "token": base64url.encode(order.name.encode()),
            "status": order.proved,
            **({"error": _document(order.problem)} if order.problem else {}),
        }

    def _at(self, what: str, named: Account | Order) -> str:
        return f"{self._url}/acme/{what}/{named.name}"

    def _answer(
        self, content: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        return Response(
            json.dumps(content),
            status,
            headers={"Replay-Nonce": self._authority.nonce(), **(headers or {})},
            media_type="application/json",
        )


def _endpoint(
    authority: CertificationAuthority, url: str, act: _Act
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != _JOSE:
            raise Problem("malformed", f"requests are {_JOSE}", 415)
        signed = _read(authority, url, request.url.path, await request.body())
        return act(signed, request.path_params)

    return endpoint


def _read(authority: CertificationAuthority, url: str, path: str, body: bytes) -> Signed:
    """A request's envelope (RFC 8555 section 6.2). Raises `Problem`."""
    try:
        document = json.loads(body)
        jws = JWS.from_json(document)
        header = json.loads(jws.signature.protected)
    except (JoseError, ValueError, TypeError, AttributeError) as wrong:
        raise Problem("malformed", f"not a signed request: {wrong}", 400) from None
    if "header" in document or "signatures" in document:
        raise Problem("malformed", "a request has one signature, and no unprotected header", 400)
    if header.get("alg") != "ES256":
        raise Problem("badSignatureAlgorithm", "sign with ES256", 400)
    authority.use(str(header.get("nonce")))
    if header.get("url") != url + path:
        raise Problem("unauthorized", f"signed for {header.get('url')}, sent to {url + path}")
    if ("jwk" in header) == ("kid" in header):
        raise Problem("malformed", "one of jwk and kid", 400)
    if "jwk" in header:
        if path != "/acme/new-account":
            raise Problem("malformed", "name the account in kid", 400)
        account, key = None, _public(jws.signature.combined.jwk)
    else:
        name = str(header["kid"]).removeprefix(url + _ACCOUNTS)
        account = authority.account(name)
        key = account.key
    if not jws.verify(JWKEC(key=key)):
        raise Problem("malformed", "the signature does not hold", 400)
    payload = json.loads(jws.payload) if jws.payload else None
    return Signed(payload=payload, key=key, account=account)


def _public(jwk: object) -> ec.EllipticCurvePublicKey:
    key = getattr(jwk, "key", None)
    found = getattr(key, "_wrapped", key)
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(found.curve, ec.SECP256R1):
        raise Problem("badPublicKey", "an account's key is on P-256 here", 400)
    return found


def _account_document(account: Account) -> dict[str, object]:
    return {"status": "valid", "contact": account.contact}


def _document(problem: Problem) -> dict[str, object]:
    return {
        "type": f"urn:ietf:params:acme:error:{problem.kind}",
        "detail": problem.detail,
        "status": problem.status,
    }


def _time(order: Order) -> str:
    return order.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
