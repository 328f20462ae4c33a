"""A received PASSporT, opened: JOSE header and claims, each of the type it must have (RFC 8225, RFC 8588).

The bytes that arrived are what the signature is held against; nothing is written anew. The compact form alone
(RFC 8224 section 4.1.1) is made of what the request says.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from trunkward.shaken import base64url, identity_header, jose
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, Refused
from trunkward.shaken.es256 import SIGNATURE_BYTES
from trunkward.shaken.number import MAX_DIGITS, NotANumber, canonical_tn
from trunkward.shaken.party import canonical_party
from trunkward.shaken.passport import deterministic_json
from trunkward.sip.uri import MalformedUri

#: The kinds we know; "" is a base PASSporT. Others are left alone (RFC 8224 section 6.2 step 1).
BASE, SHAKEN, DIV, RCD = "", "shaken", "div", "rcd"
KNOWN = frozenset((BASE, SHAKEN, DIV, RCD))
#: Those that vouch for the caller.
VOUCHING = (BASE, SHAKEN)

#: Most parties of one `dest` (our limit).
MAX_DEST = 20

#: RFC 9562 section 4: lower case when written, either when read.
_HEX = "[0-9A-Fa-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_is_uuid = re.compile(_UUID).fullmatch

#: The payload of a `shaken` PASSporT as RFC 8588 section 3 and RFC 8225 section 9 have it written: five
#: claims in their order, without white space, all parties numbers. Nearly all are, and are read at once.
_TN = rf"[0-9]{{1,{MAX_DIGITS}}}+"
_as_written = re.compile(
    rf'\{{"attest":"([ABC])","dest":\{{"tn":\["({_TN}(?:","{_TN}){{0,{MAX_DEST - 1}}}+)"\]\}},'
    rf'"iat":([1-9][0-9]{{0,14}}+),"orig":\{{"tn":"({_TN})"\}},"origid":"({_UUID})"\}}'
).fullmatch


class Unopened(msgspec.Struct, frozen=True):
    """One PASSporT whose header is in order; its payload has not been looked at.

    (A struct, as the next one: they are made for each PASSporT of each call.)
    """

    #: As they came; the first two are empty in the compact form.
    header: str
    payload: str
    signature: str
    ppt: str
    x5u: str

    @property
    def ppi(self) -> str:
        """It in compact form, for `Reason` (RFC 9410 section 5)."""
        return f"..{self.signature}"


class Received(msgspec.Struct, frozen=True):
    """One PASSporT, opened: each claim is of its type."""

    ppt: str
    x5u: str
    #: What was signed, as it came.
    message: bytes
    #: R then S.
    signature: bytes
    #: Canonical (`canonical_party`).
    orig: str
    dest: tuple[str, ...]
    #: Seconds since the epoch.
    iat: int
    #: Its JSON, which has been found good.
    payload: bytes
    #: Of a `shaken` one.
    attest: Attestation | None = None
    origid: str | None = None
    #: Whom a `div` was for.
    div: str | None = None
    #: Whether there is rich call data among the claims.
    has_rcd: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """All, with those we give no meaning to. Read anew: only constraints and `rcd` ask for them."""
        return jose.decode(self.payload, jose.PAYLOAD_DEPTH)


def read_header(value: str) -> Unopened | None:
    """Read an Identity header up to its payload; None for a kind we do not know. Raises `Refused`."""
    header, payload, signature, parameters = identity_header.read(value)
    said = _said(header, parameters)
    if said is None:
        return None
    ppt, x5u = said
    return Unopened(header, payload, signature, ppt, x5u)


@lru_cache(maxsize=1024)  # one signer's are all the same; what is refused is not remembered
def _said(header: str, text: str) -> tuple[str, str] | None:
    """What JOSE header (in base64url) and parameters say: `ppt` and `x5u`. Raises `Refused`.

    1. A `ppt` we do not know: nothing of ours (RFC 8224 section 6.2 step 1).
    2. `info` is there.
    3. The JOSE header: `alg` is exactly ES256, before any key is thought of; `typ`; no `crit`; `x5u`.
    4. Header and parameters say the same: `ppt`, `alg` where it is given, `info` and `x5u` byte for byte.
    """
    parameters = identity_header.read_parameters(text)
    # 1.
    if parameters.ppt is not None and parameters.ppt not in KNOWN:
        return None
    # 2.
    if not parameters.info:
        raise Refused(Cause.INFO_MISSING, "no info parameter")
    # 3.
    if header:
        ppt, x5u = _jose(header)
    elif parameters.ppt is None:
        ppt, x5u = BASE, parameters.info
    else:
        # RFC 8224 section 4.1.1: only what SIP itself says can be left out, so only of a base PASSporT
        raise Refused(Cause.COMPACT_FORM, f"the claims of {parameters.ppt} are not in the request")
    if ppt not in KNOWN and parameters.ppt is None:
        return None
    # 4.
    if ppt != (parameters.ppt or BASE):
        raise Refused(Cause.PPT_MISMATCH, f"header says {ppt!r}, parameter {parameters.ppt!r}")
    if parameters.alg not in (None, "ES256"):
        raise Refused(Cause.ALG, f"parameter alg is {parameters.alg!r}")
    if x5u != parameters.info:
        raise Refused(Cause.URL_NOT_INFO, "x5u and info differ")
    return ppt, x5u


def _jose(text: str) -> tuple[str, str]:
    """`ppt` and `x5u` of a JOSE header in base64url."""
    header = jose.decode(_decode(text), jose.HEADER_DEPTH)
    if header.get("alg") != "ES256":
        raise Refused(Cause.ALG, f"alg is {header.get('alg')!r}"[:80])
    if header.get("typ") != "passport":
        raise Refused(Cause.TYP, f"typ is {header.get('typ')!r}"[:80])
    if "crit" in header:
        raise Refused(Cause.CRIT, "extensions that must be understood")
    x5u, ppt = header.get("x5u"), header.get("ppt", BASE)
    if not isinstance(x5u, str) or not x5u:
        raise Refused(Cause.URL_MISSING, "no x5u in the header")
    if not isinstance(ppt, str) or (ppt == BASE and "ppt" in header):
        raise Refused(Cause.PPT_MISMATCH, "a ppt that is no name")
    return ppt, x5u


def open_payload(unopened: Unopened, orig: str, dest: str, date_s: float | None) -> Received:
    """Read payload and signature; for the compact form `orig`, `dest` and `date_s` are the request's.

    1. The signature is 64 bytes.
    2. The payload is strict JSON.
    3. `orig` is one party, `dest` arrays of parties, `iat` an integer.
    4. By its kind: `attest` and `origid`; `div`. Other claims may stand beside them.

    Raises `Refused`. A payload that matches `_as_written` has passed 2 to 4: of it they would say the same.
    """
    ppt = unopened.ppt
    # 1.
    signature = _decode(unopened.signature)
    if len(signature) != SIGNATURE_BYTES:
        raise Refused(Cause.SIGNATURE, f"{len(signature)} bytes")
    if unopened.header:
        header, text = unopened.header, unopened.payload
    else:
        header, text = _rebuilt(unopened.x5u, orig, dest, date_s)
    payload = _decode(text)  # which is ASCII then, as the header is, which has been read
    message = f"{header}.{text}".encode("ascii")
    # 2. to 4. at once
    if ppt == SHAKEN and (found := _as_written(payload.decode("latin-1"))):
        level, tns, at, tn, uuid = found.groups()
        to = tuple(tns.split('","'))
        return Received(
            SHAKEN, unopened.x5u, message, signature, tn, to, int(at), payload, _LEVELS[level], uuid
        )
    # 2.
    claims = jose.decode(payload, jose.PAYLOAD_DEPTH)
    # 3.
    iat, caller, called = claims.get("iat"), claims.get("orig"), claims.get("dest")
    if iat is None or caller is None or called is None:
        raise Refused(Cause.CLAIM_MISSING, "no iat, orig or dest")
    # a bool is an int to Python, and errata 5985 of RFC 8225 to a quoted one
    if type(iat) is not int or not 0 < iat < 2**53:
        raise Refused(Cause.CLAIM_MALFORMED, "iat is no whole number of seconds")
    parties = _party("orig", caller), _dest(called)
    # 4.
    attest = origid = div = None
    if ppt == SHAKEN:
        attest, origid = _level(claims)
    elif ppt == DIV:
        if claims.get("div") is None:
            raise Refused(Cause.CLAIM_MISSING, "no div")
        div = _party("div", claims["div"])
    has_rcd = "rcd" in claims or "rcdi" in claims
    return Received(
        ppt, unopened.x5u, message, signature, *parties, iat, payload, attest, origid, div, has_rcd
    )


def _level(claims: dict[str, Any]) -> tuple[Attestation, str]:
    """`attest` and `origid` (RFC 8588 sections 4 and 5)."""
    level, origid = claims.get("attest"), claims.get("origid")
    if level is None or origid is None:
        raise Refused(Cause.CLAIM_MISSING, "no attest or origid")
    attest = _LEVELS.get(level) if isinstance(level, str) else None
    if attest is None:
        raise Refused(Cause.ATTEST, f"attest is {level!r}"[:80])
    if not isinstance(origid, str) or not _is_uuid(origid):
        raise Refused(Cause.ORIGID, "origid is no UUID")
    return attest, origid


_LEVELS = {level.value: level for level in Attestation}


def _party(name: str, value: Any) -> str:
    """The one party of `orig` or `div`, canonical (RFC 8225 section 5.2.1)."""
    if not isinstance(value, dict) or ("tn" in value) == ("uri" in value):
        raise Refused(Cause.CLAIM_MALFORMED, f"{name} is not one of tn and uri")
    return _number(name, value["tn"]) if "tn" in value else _uri(name, value["uri"])


def _dest(value: Any) -> tuple[str, ...]:
    """All parties of `dest`, canonical: arrays of numbers, of URIs, or both."""
    if not isinstance(value, dict):
        raise Refused(Cause.CLAIM_MALFORMED, "dest is no object")
    numbers, uris = value.get("tn", _NONE), value.get("uri", _NONE)
    if not isinstance(numbers, list) or not isinstance(uris, list):
        raise Refused(Cause.CLAIM_MALFORMED, "dest has something else than arrays of tn and uri")
    if not 0 < len(numbers) + len(uris) <= MAX_DEST:
        raise Refused(Cause.CLAIM_MALFORMED, f"dest names {len(numbers) + len(uris)} parties")
    found = [_number("dest", text) for text in numbers]
    return tuple(found + [_uri("dest", text) for text in uris] if uris else found)


_NONE: list[Any] = []


def _number(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise Refused(Cause.CLAIM_MALFORMED, f"{name}.tn is no text")
    if text.isdigit() and text.isascii() and len(text) <= MAX_DIGITS:
        return text  # canonical already, as nearly all are
    if ";" in text:
        raise Refused(Cause.CLAIM_MALFORMED, f"{name}.tn has parameters")
    try:
        return canonical_tn(text)
    except NotANumber as refused:
        raise Refused(Cause.CLAIM_MALFORMED, f"{name}.tn: {refused}") from None


def _uri(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise Refused(Cause.CLAIM_MALFORMED, f"{name}.uri is no URI")
    try:
        return canonical_party(text)
    except MalformedUri as refused:
        raise Refused(Cause.CLAIM_MALFORMED, f"{name}.uri: {refused}") from None


def _rebuilt(x5u: str, orig: str, dest: str, date_s: float | None) -> tuple[str, str]:
    """Header and payload as the signer must have written them (RFC 8224 section 4.1.1, RFC 8225 9)."""
    if date_s is None:
        raise Refused(Cause.COMPACT_FORM, "no Date to take iat from")
    header = {"alg": "ES256", "typ": "passport", "x5u": x5u}
    payload = {
        "dest": {_kind(dest): [dest]},
        "iat": int(date_s),
        "orig": {_kind(orig): orig},
    }
    return base64url.encode(deterministic_json(header)), base64url.encode(deterministic_json(payload))


def _kind(party: str) -> str:
    return "uri" if ":" in party else "tn"


def _decode(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError:
        raise Refused(Cause.ENCODING, "not base64url without padding") from None
