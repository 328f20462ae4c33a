"""PASSporTs to be signed: claims, exact bytes, the Identity header (RFC 8225, 8588, 8946, 9795; RFC 8224).

1. Claims are values that check themselves: what a strict verifier would refuse does not exist as one.
2. Header and payload are JSON with keys in order and without white space (RFC 8225 section 9).
3. The signature is ES256 over `BASE64URL(header) . BASE64URL(payload)` (RFC 7515 section 5.1).
4. The header's value is the token in full form, and `info`, `alg` and `ppt`, which say what the token says
   (RFC 8224 section 4).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken import base64url
from trunkward.shaken.attest import Attestation
from trunkward.shaken.caller_name import is_caller_name
from trunkward.shaken.causes import Refused
from trunkward.shaken.es256 import sign_es256
from trunkward.shaken.number import canonical_tn
from trunkward.shaken.x5u import UrlRules, read_url

#: Our limit; a SHAKEN call names one destination, a few only after parallel targets.
MAX_DESTINATIONS = 10

#: RFC 9562 text form, lower case (ATIS-1000074 asks for a UUID; RFC 8588 section 5).
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: RFC 8225 section 9: keys in order of their code points, no white space, nothing escaped that need not be.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class PassportError(ValueError):
    """Claims or a URL that must not be signed; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


class ShakenClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The five claims of a `shaken` PASSporT (RFC 8588 section 3).

    Numbers are canonical (`canonical_tn`), `iat` is whole seconds since the epoch, `origid` a UUID
    in lower-case text. Raises `PassportError` on anything else, so that a value of this type
    can always be signed.
    """

    ppt: ClassVar[str] = "shaken"

    orig_tn: str
    dest_tns: tuple[str, ...]
    attest: Attestation
    iat: int
    origid: str

    def __post_init__(self) -> None:
        """Refuse what a strict verifier would refuse."""
        _check_call(self.orig_tn, self.dest_tns, self.iat)
        if not isinstance(self.attest, Attestation):
            raise PassportError("attest-invalid", repr(self.attest))
        if not _UUID.fullmatch(self.origid):
            raise PassportError("origid-invalid", repr(self.origid))

    def payload(self) -> bytes:
        """Exactly `attest`, `dest`, `iat`, `orig` and `origid`; none of their values needs escaping."""
        return (
            f'{{"attest":"{self.attest.value}","dest":{{"tn":{_sorted(self.dest_tns)}}},"iat":{self.iat},'
            f'"orig":{{"tn":"{self.orig_tn}"}},"origid":"{self.origid}"}}'
        ).encode("ascii")


class DivClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a `div` PASSporT (RFC 8946 section 3): a call for `div_tn` goes on to `dest_tn`.

    `orig_tn` and `iat` are those of the call as it came. Raises `PassportError`.
    """

    ppt: ClassVar[str] = "div"

    orig_tn: str
    dest_tn: str
    div_tn: str
    iat: int

    def __post_init__(self) -> None:
        """Refuse what a strict verifier would refuse."""
        _check_call(self.orig_tn, (self.dest_tn, self.div_tn), self.iat)
        if self.div_tn == self.dest_tn:
            raise PassportError("div-to-itself", repr(self.div_tn))

    def payload(self) -> bytes:
        """Exactly `dest`, `div`, `iat` and `orig`."""
        return (
            f'{{"dest":{{"tn":["{self.dest_tn}"]}},"div":{{"tn":"{self.div_tn}"}},"iat":{self.iat},'
            f'"orig":{{"tn":"{self.orig_tn}"}}}}'
        ).encode("ascii")


class RcdClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an `rcd` PASSporT (RFC 9795): a verified name, and why it calls.

    Nothing in it is to be fetched, so it has no digests. Raises `PassportError`.
    """

    ppt: ClassVar[str] = "rcd"

    orig_tn: str
    dest_tns: tuple[str, ...]
    iat: int
    #: Display name.
    nam: str
    #: Call reason; empty: not said.
    crn: str = ""

    def __post_init__(self) -> None:
        """Refuse what a strict verifier would refuse, and text that could mislead on a display."""
        _check_call(self.orig_tn, self.dest_tns, self.iat)
        if not is_caller_name(self.nam, self.crn):
            raise PassportError("rcd-text-invalid", f"{self.nam!r}, {self.crn!r}")

    def payload(self) -> bytes:
        """`crn` if there is one, `dest`, `iat`, `orig` and `rcd`."""
        claims: dict[str, object] = {
            "dest": {"tn": sorted(set(self.dest_tns))},
            "iat": self.iat,
            "orig": {"tn": self.orig_tn},
            "rcd": {"nam": self.nam},
        }
        return deterministic_json(claims | {"crn": self.crn} if self.crn else claims)


type Claims = ShakenClaims | DivClaims | RcdClaims


def _check_call(orig_tn: str, dest_tns: tuple[str, ...], iat: int) -> None:
    """What all kinds say of a call: who calls whom, and when."""
    for number in (orig_tn, *dest_tns):
        if canonical_tn(number) != number:
            raise PassportError("number-not-canonical", repr(number))
    if not dest_tns:
        raise PassportError("dest-missing")
    if len(dest_tns) > MAX_DESTINATIONS:
        raise PassportError("dest-too-many")
    # RFC 8225 errata 5985: an integer, not the quoted string of the examples. bool is an int to Python.
    if type(iat) is not int or not 0 < iat < 2**53:
        raise PassportError("iat-invalid", repr(iat))


def _sorted(numbers: tuple[str, ...]) -> str:
    """A JSON array in one order for one set of numbers, so that equal calls give equal bytes."""
    if len(numbers) == 1:
        return f'["{numbers[0]}"]'
    return _encode(sorted(set(numbers)))


def deterministic_json(value: object) -> bytes:
    """Keys in order of their code points, no white space, UTF-8 (RFC 8225 section 9)."""
    return _encode(value).encode()


def serialise_header(ppt: str, x5u: str) -> bytes:
    """JOSE header with exactly `alg`, `ppt`, `typ` and `x5u` (RFC 8225 section 4, RFC 8588 section 4)."""
    return deterministic_json({"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": x5u})


def signing_input(header: bytes, payload: bytes) -> bytes:
    """`BASE64URL(header) . BASE64URL(payload)` (RFC 7515 section 5.1)."""
    return f"{base64url.encode(header)}.{base64url.encode(payload)}".encode("ascii")


@dataclass(frozen=True, slots=True)
class PassportSigner:
    """Signs claims with one key under one certificate URL; what is the same in all headers is made once."""

    _key: ec.EllipticCurvePrivateKey
    #: By `ppt`: what stands before the payload, and the parameters behind the signature.
    _around: Mapping[str, tuple[bytes, str]]

    @classmethod
    def create(cls, key: ec.EllipticCurvePrivateKey, x5u: str) -> Self:
        """Pin key and URL. Raises `PassportError` for a key not on P-256 or a URL verifiers refuse."""
        if not isinstance(key.curve, ec.SECP256R1):
            raise PassportError("key-not-p256", key.curve.name)
        check_x5u(x5u)
        around = {
            ppt: (
                base64url.encode(serialise_header(ppt, x5u)).encode("ascii") + b".",
                # RFC 8224 section 4.1: `info` is the same URL as `x5u`, byte for byte; `ppt` is a token
                f";info=<{x5u}>;alg=ES256;ppt={ppt}",
            )
            for ppt in (ShakenClaims.ppt, DivClaims.ppt, RcdClaims.ppt)
        }
        return cls(key, around)

    def identity(self, claims: Claims) -> str:
        """Value of the Identity header in full form (RFC 8224 section 4.1), about 600 characters."""
        before, parameters = self._around[claims.ppt]
        message = before + base64url.encode_bytes(claims.payload())
        signature = base64url.encode_bytes(sign_es256(self._key, message))
        return f"{message.decode('ascii')}.{signature.decode('ascii')}{parameters}"


def check_x5u(url: str) -> str:
    """Return the URL if verifiers would fetch it (`read_url`). Raises `PassportError("x5u-invalid")`.

    A host that is an address is let through: some published URLs are such, and a lab has no names.
    """
    try:
        return read_url(url, UrlRules(addresses=True)).text
    except Refused as refused:
        raise PassportError("x5u-invalid", str(refused)) from None
