"""The test authority's book: accounts, nonces, orders, and what it issued (RFC 8555, RFC 9447, RFC 9448).

Nothing here knows HTTP; `acme` speaks it.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.shaken import base64url
from trunkward.shaken.authority_token import Form, TokenRefused, check_token
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, TnAuthListError, decode_spc
from trunkward.stiauthority.home import Home, serial
from trunkward.stiauthority.issuing import issue_signing, revocations_at

#: How long an order, and its authorization, may be worked on.
ORDER_LIFETIME = timedelta(hours=1)
#: What a request for a certificate may ask for: the identifier, and where the revocation list is.
_ASKED_FOR = {TN_AUTH_LIST, x509.CRLDistributionPoints.oid}


class Problem(Exception):
    """A refusal; `kind` is one of ACME's error types (RFC 8555 section 6.7)."""

    def __init__(self, kind: str, detail: str, status: int = 403) -> None:
        """`kind` without its URN, what to say, and HTTP's status."""
        self.kind, self.detail, self.status = kind, detail, status
        super().__init__(detail)


class Status(StrEnum):
    """Of orders, authorizations and challenges (RFC 8555 section 7.1.6)."""

    PENDING = "pending"
    READY = "ready"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(kw_only=True)
class Account:
    """Who orders."""

    name: str
    key: ec.EllipticCurvePublicKey
    contact: list[str]


@dataclass(kw_only=True)
class Order:
    """One order: for one identifier, so with one authorization and one challenge."""

    name: str
    account: Account
    #: Base64url of a TNAuthList's DER, as it was asked for.
    identifier: str
    spc: str
    expires: datetime
    status: Status = Status.PENDING
    #: Of the challenge, and so of the authorization.
    proved: Status = Status.PENDING
    problem: Problem | None = None
    chain_pem: str = ""


@dataclass(kw_only=True)
class CertificationAuthority:
    """Its state. `lifetime`, `refused` and `external_keys` may be changed while it runs."""

    home: Home
    #: Where the policy administrator has its revocation list.
    revocations_url: str
    #: Of what it issues.
    lifetime: timedelta = timedelta(days=90)
    #: Codes it will not certify.
    refused: set[str] = field(default_factory=set)
    #: MAC keys of external accounts by their identifier; none: nobody needs one (RFC 8555 section 7.3.4).
    external_keys: dict[str, bytes] = field(default_factory=dict)
    #: What a response to the challenge may call its token.
    challenge_keys: tuple[str, ...] = ("tkauth", "atc")
    #: Which hash of an account's key it looks for in a token.
    fingerprint: Form = Form.DER
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _accounts: dict[str, Account] = field(default_factory=dict)
    _orders: dict[str, Order] = field(default_factory=dict)
    _nonces: set[str] = field(default_factory=set)
    _tokens: set[str] = field(default_factory=set)

    # ---- nonces and accounts

    def nonce(self) -> str:
        """A fresh one."""
        nonce = secrets.token_urlsafe(16)
        self._nonces.add(nonce)
        return nonce

    def use(self, nonce: str) -> None:
        """Good for one request (RFC 8555 section 6.5). Raises `Problem`."""
        try:
            self._nonces.remove(nonce)
        except KeyError:
            raise Problem("badNonce", "not a nonce of mine, or used before", 400) from None

    def account(self, name: str) -> Account:
        """By its name. Raises `Problem`."""
        try:
            return self._accounts[name]
        except KeyError:
            raise Problem("accountDoesNotExist", "no such account", 400) from None

    def account_of(self, key: ec.EllipticCurvePublicKey) -> Account | None:
        """By its key."""
        return next((account for account in self._accounts.values() if account.key == key), None)

    def open_account(self, key: ec.EllipticCurvePublicKey, contact: list[str]) -> Account:
        """A new one."""
        account = Account(name=secrets.token_hex(8), key=key, contact=contact)
        self._accounts[account.name] = account
        return account

    # ---- orders

    def open_order(self, account: Account, identifiers: object) -> Order:
        """For one TNAuthList with one service provider code (ATIS-1000080). Raises `Problem`."""
        one = identifiers[0] if isinstance(identifiers, list) and len(identifiers) == 1 else None
        if not isinstance(one, dict) or one.get("type") != "TNAuthList":
            raise Problem(
                "unsupportedIdentifier", "an order here is for one identifier of type TNAuthList", 400
            )
        try:
            spc = decode_spc(base64url.decode(str(one.get("value"))))
        except (TnAuthListError, ValueError) as wrong:
            raise Problem("malformed", f"the identifier's value: {wrong}", 400) from None
        if spc in self.refused:
            raise Problem("rejectedIdentifier", f"this authority does not certify {spc}")
        order = Order(
            name=secrets.token_hex(8),
            account=account,
            identifier=str(one["value"]),
            spc=spc,
            expires=self.now() + ORDER_LIFETIME,
        )
        self._orders[order.name] = order
        return order

    def order(self, name: str, account: Account) -> Order:
        """One of the account's own. Raises `Problem`."""
        order = self._orders.get(name)
        if order is None or order.account is not account:
            raise Problem("malformed", "no such order of this account", 404)
        return order

    def prove(self, order: Order, response: object) -> None:
        """Looks at the authority token in the answer to the challenge (RFC 9447 section 3.2)."""
        if order.proved is not Status.PENDING:
            return
        try:
            self._check_token(order, response)
        except Problem as problem:
            order.proved = order.status = Status.INVALID
            order.problem = problem
        else:
            order.proved, order.status = Status.VALID, Status.READY

    def _check_token(self, order: Order, response: object) -> None:
        said = response if isinstance(response, dict) else {}
        text = next((said[name] for name in self.challenge_keys if isinstance(said.get(name), str)), None)
        if text is None:
            raise Problem("malformed", f"the response has no {' or '.join(self.challenge_keys)}", 400)
        try:
            found = check_token(
                text, spc=order.spc, account=order.account.key, now=self.now(), form=self.fingerprint
            )
        except TokenRefused as refused:
            raise Problem("unauthorized", str(refused)) from None
        if not found.token.is_signed_by(self.home.administrator.certificate.public_key()):
            raise Problem("unauthorized", "the authority token is not signed by the policy administrator")
        if found.jti in self._tokens:
            raise Problem("unauthorized", "the authority token was used before")
        self._tokens.add(found.jti)

    def finalize(self, order: Order, request_der: bytes) -> None:
        """Issues what a request asks for, if it is what was proved. Raises `Problem`."""
        if order.status is not Status.READY:
            raise Problem("orderNotReady", f"the order is {order.status}")
        key = self._checked(order, request_der)
        now = self.now()
        issuer = self.home.intermediate
        certificate = issue_signing(
            key,
            spc=order.spc,
            issuer=issuer,
            revocations=revocations_at(self.revocations_url, self.home.administrator.certificate),
            serial=serial(),
            now=now,
            lifetime=self.lifetime,
        )
        chain = (certificate, issuer.certificate)
        order.chain_pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain).decode("ascii")
        order.status = Status.VALID

    def _checked(self, order: Order, request_der: bytes) -> ec.EllipticCurvePublicKey:
        try:
            request = x509.load_der_x509_csr(request_der)
            asked = {extension.oid: extension.value for extension in request.extensions}
            key, signed = request.public_key(), request.is_signature_valid
        except ValueError as wrong:
            raise Problem("badCSR", f"no certificate request: {wrong}", 400) from None
        if not signed:
            raise Problem("badCSR", "the certificate request is not signed with its own key", 400)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Problem("badCSR", "the key is not on P-256 (ATIS-1000080)", 400)
        # RFC 8555 section 11.1: a certificate's key is no account's
        if self.account_of(key) is not None:
            raise Problem(
                "badCSR", "the key is that of an ACME account: make another for the certificate", 400
            )
        wanted = asked.get(TN_AUTH_LIST)
        if not isinstance(wanted, x509.UnrecognizedExtension):
            raise Problem("badCSR", "the certificate request has no TNAuthList", 400)
        if wanted.value != base64url.decode(order.identifier):
            raise Problem("badCSR", "the request's TNAuthList is not the one this order is for", 400)
        if foreign := set(asked) - _ASKED_FOR:
            names = ", ".join(sorted(oid.dotted_string for oid in foreign))
            raise Problem(
                "badCSR", f"the request asks for extensions no SHAKEN certificate has: {names}", 400
            )
        return key

    # ---- revocation

    def revoke(self, certificate_der: bytes, account: Account) -> None:
        """A certificate of one's own (RFC 8555 section 7.6): it is on the next list. Raises `Problem`."""
        try:
            certificate = x509.load_der_x509_certificate(certificate_der)
        except ValueError:
            raise Problem("malformed", "not a certificate", 400) from None
        pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
        mine = any(o.chain_pem.startswith(pem) and o.account is account for o in self._orders.values())
        if not mine:
            raise Problem("unauthorized", "not a certificate of this account")
        if any(one.serial == certificate.serial_number for one in self.home.revoked()):
            raise Problem("alreadyRevoked", "it is revoked already", 400)
        self.home.revoke(certificate, self.now())

    def external_key(self, identifier: str) -> bytes:
        """The MAC key of an external account. Raises `Problem`."""
        for known, key in self.external_keys.items():
            if hmac.compare_digest(known, identifier):
                return key
        raise Problem("unauthorized", "no external account has this key identifier")
