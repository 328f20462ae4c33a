"""The Identity headers a request came with: whether there are too many, and what it was signed as.

Whether a signature is good is the verifier's question (`shaken.verify`). Here only their form counts: what
has the form of a SHAKEN PASSporT was signed by somebody, and is not signed a second time.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from trunkward.shaken import base64url
from trunkward.shaken.causes import Refused
from trunkward.shaken.identity_header import MAX_HEADER, MAX_HEADERS, MAX_TOGETHER, Passport
from trunkward.shaken.identity_header import read as read_identity
from trunkward.shaken.number import NotANumber, canonical_tn

type _Uuid = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class _Numbers(msgspec.Struct, frozen=True):
    tn: list[str] = []
    uri: list[str] = []


class _Number(msgspec.Struct, frozen=True):
    tn: str


class _ShakenHead(msgspec.Struct, frozen=True):
    """RFC 8588 section 4."""

    alg: Literal["ES256"]
    ppt: Literal["shaken"]
    typ: Literal["passport"]
    x5u: Annotated[str, msgspec.Meta(min_length=1)]


class _Shaken(msgspec.Struct, frozen=True):
    """RFC 8588 section 4: all five."""

    attest: Literal["A", "B", "C"]
    dest: _Numbers
    iat: int
    orig: _Number
    origid: _Uuid


class _Div(msgspec.Struct, frozen=True):
    """RFC 8946 section 3."""

    dest: _Numbers
    div: _Number
    orig: _Number


class SignedAs(msgspec.Struct, frozen=True, kw_only=True):
    """What a request was signed as when it came."""

    #: Canonical, as the token has it.
    orig: str
    #: Where it has been signed to go: the first destination, and what each `div` after it leads to.
    reached: tuple[str, ...]
    #: Seconds since the epoch.
    iat: int


_shaken_head = msgspec.json.Decoder(_ShakenHead).decode
_shaken = msgspec.json.Decoder(_Shaken).decode
_div = msgspec.json.Decoder(_Div).decode


def too_much(values: Sequence[str]) -> str:
    """What is too much of a request's Identity headers, in words; "" where nothing is."""
    if len(values) > MAX_HEADERS:
        return f"{len(values)} Identity headers, at most {MAX_HEADERS} are taken"
    lengths = [len(value.encode()) for value in values]
    if lengths and max(lengths) > MAX_HEADER:
        return f"an Identity header of {max(lengths)} bytes, at most {MAX_HEADER} are taken"
    if sum(lengths) > MAX_TOGETHER:
        return f"Identity headers of {sum(lengths)} bytes, at most {MAX_TOGETHER} together are taken"
    return ""


def signed_as(values: Sequence[str]) -> SignedAs | None:
    """What these say that the call is, by the first that has the form of SHAKEN; None: none has it."""
    passports = list(_passports(values))
    for passport in passports:
        if passport.ppt != "shaken":
            continue
        try:
            _shaken_head(base64url.decode(passport.header))
            said = _shaken(base64url.decode(passport.payload))
            base64url.decode(passport.signature)
        except (msgspec.MsgspecError, ValueError):
            continue
        first = (*said.dest.tn, *said.dest.uri)
        if first and _is_canonical(said.orig.tn):
            return SignedAs(orig=said.orig.tn, reached=_reached(first, passports), iat=said.iat)
    return None


def _passports(values: Sequence[str]) -> Iterator[Passport]:
    for value in values:
        try:
            yield read_identity(value)
        except Refused:
            continue


def _reached(first: tuple[str, ...], passports: Sequence[Passport]) -> tuple[str, ...]:
    reached = list(first)
    left = [div for passport in passports if passport.ppt == "div" and (div := _div_of(passport)) is not None]
    while (following := next((div for div in left if div.div.tn in reached), None)) is not None:
        left.remove(following)
        reached += [number for number in following.dest.tn if number not in reached]
    return tuple(reached)


def _div_of(passport: Passport) -> _Div | None:
    try:
        return _div(base64url.decode(passport.payload))
    except (msgspec.MsgspecError, ValueError):
        return None


def _is_canonical(number: str) -> bool:
    try:
        return canonical_tn(number) == number
    except NotANumber:
        return False
