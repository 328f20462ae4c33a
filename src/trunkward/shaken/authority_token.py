"""The authority token: a policy administrator says whose a service provider code is (RFC 9447, RFC 9448).

It binds a TNAuthList to the key of one ACME account, so who steals it can order nothing with it.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.shaken import base64url, jwt
from trunkward.shaken.passport import deterministic_json
from trunkward.shaken.tnauthlist import encode_spc

#: RFC 9448 section 3: the type of identifier and of token.
TN_AUTH_LIST = "TNAuthList"
#: RFC 9447 section 3.1: the type of challenge, and of the token it wants.
CHALLENGE, ATC = "tkauth-01", "atc"


class TokenRefused(ValueError):
    """An authority token that must not be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityToken:
    """What one says of itself; only `token.is_signed_by` makes it true."""

    text: str
    token: jwt.Token
    jti: str
    expires: datetime


class Form(StrEnum):
    """What of an account's key is hashed to name it: authorities differ."""

    #: Its DER (RFC 9448 section 5.4).
    DER = "der"
    #: Its JSON Web Key, as for a thumbprint (RFC 7638).
    JWK = "jwk"


def fingerprint(account: ec.EllipticCurvePublicKey, form: Form = Form.DER) -> str:
    """How an account's key is named in a token: `SHA256 AB:CD:...`."""
    hashed = account.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if form is Form.JWK:
        numbers = account.public_numbers()
        x, y = (base64url.encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        hashed = deterministic_json({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    return "SHA256 " + sha256(hashed).digest().hex(":").upper()


def identifier_value(spc: str) -> str:
    """What an ACME order is for: the TNAuthList's DER in base64url (RFC 9448 section 3)."""
    return urlsafe_b64encode(encode_spc(spc)).rstrip(b"=").decode("ascii")


def atc_claim(spc: str, account: ec.EllipticCurvePublicKey, form: Form = Form.DER) -> dict[str, object]:
    """What is asked of the policy administrator, and stands in its token (RFC 9448 section 5.4)."""
    return {
        "tktype": TN_AUTH_LIST,
        "tkvalue": b64encode(encode_spc(spc)).decode("ascii"),
        "ca": False,
        "fingerprint": fingerprint(account, form),
    }


def check_token(
    text: str,
    *,
    spc: str,
    account: ec.EllipticCurvePublicKey,
    now: datetime,
    form: Form = Form.DER,
) -> AuthorityToken:
    """Read a token and hold it against what it is for. Raises `TokenRefused`.

    1. A JSON Web Token signed with ES256 that says who it is and when it ends (RFC 9448 section 5.4).
    2. It has not ended.
    3. It is for this service provider code, for an end entity's certificate, and for this account.

    Who signed it is not looked at here: the certification authority does, against its policy administrator.
    """
    # 1.
    try:
        token = jwt.read(text)
        claims = token.claims()
    except jwt.TokenMalformed as problem:
        raise TokenRefused(f"the authority token is none: {problem}") from None
    jti, expires, atc = (claims.get(name) for name in ("jti", "exp", "atc"))
    if type(expires) is not int or not isinstance(jti, str) or not jti or not isinstance(atc, Mapping):
        raise TokenRefused("the authority token lacks one of exp, jti and atc")
    # 2.
    try:
        end = datetime.fromtimestamp(expires, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenRefused(f"the authority token ends at no time: {expires}") from None
    if end <= now:
        raise TokenRefused(
            f"the authority token ended at {end:%Y-%m-%d %H:%M:%S} UTC, and it is {now:%Y-%m-%d %H:%M:%S}: "
            "look at this machine's clock first"
        )
    # 3.
    wanted = atc_claim(spc, account, form)
    for name, expected in wanted.items():
        if (said := _canonical(name, atc.get(name))) != _canonical(name, expected):
            raise TokenRefused(f"the authority token's {name} is {said!r}, not {expected!r}")
    return AuthorityToken(text=text, token=token, jti=jti, expires=end)


def _canonical(name: str, value: Any) -> Any:
    # the alphabets and paddings of base64 are all met in the field (RFC 9448 writes base64url)
    if name == "tkvalue" and isinstance(value, str):
        return value.rstrip("=").replace("-", "+").replace("_", "/")
    return value
