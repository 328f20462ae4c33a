"""Calls with Identity headers, good and bad, each with what a verifier must say of it.

One table for the verification under test and for the independent verifier (`tests/vectors/shaken/independent.py`).
A cause is the code under test's own; the other verifier is held to the response codes alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import BasicConstraints

from stirkit import pki
from stirkit.pki import NOW, NOW_S, Issued
from stirkit.tokens import (
    CALLED,
    CALLER,
    GONE,
    ORIGID,
    X5U,
    b64,
    compact,
    div_payload,
    header,
    identity,
    payload,
    sign,
)

PASSED, FAILED, NONE = "TN-Validation-Passed", "TN-Validation-Failed", "No-TN-Validation"
#: Numbers a call goes through.
WAY = (
    "12025550110",
    "12025550120",
    "12025550130",
    "12025550140",
    "12025550150",
    "12025550160",
    "12025550170",
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request and its judgement."""

    values: Callable[[], list[str]]
    outcome: str
    #: For each PASSporT of a kind that is known, in order: its error, or None.
    causes: tuple[str | None, ...]
    orig: tuple[str, ...] = (CALLER,)
    to: str = CALLED
    request_uri: str = CALLED
    date_s: float | None = NOW_S
    now_s: float = NOW_S
    #: What is published, by URL.
    chains: dict[str, Callable[[], bytes]] = field(default_factory=lambda: {X5U: published})
    #: The rules of this case are ours and no RFC's: nothing to cross-check.
    ours: bool = False


def published() -> bytes:
    return pki.pem(pki.provider(), pki.intermediate())


def key() -> pki.Key:
    return pki.provider().key


def _one(
    cause: str | None, *, head: Any = None, body: Any = None, parameters: str | None = None, **more: Any
) -> Case:
    """A call with one header."""
    return Case(
        values=lambda: [identity(key(), head=head, body=body, parameters=parameters)],
        outcome=more.pop("outcome", PASSED if cause is None else FAILED),
        causes=(cause,),
        **more,
    )


def _text(cause: str | None, change: Callable[[str], str], **more: Any) -> Case:
    """A call with a good header, changed as text."""
    return Case(
        values=lambda: [change(identity(key()))],
        outcome=more.pop("outcome", PASSED if cause is None else FAILED),
        causes=(cause,),
        **more,
    )


def _published(cause: str | None, make: Callable[[], tuple[Issued, ...]], **more: Any) -> Case:
    """A call signed with the first of these certificates, which are published."""
    return Case(
        values=lambda: [identity(made(make)[0].key, **more.get("signed", {}))],
        outcome=PASSED if cause is None else FAILED,
        causes=(cause,),
        chains={X5U: lambda: pki.pem(*made(make))},
        **{name: value for name, value in more.items() if name != "signed"},
    )


_MADE: dict[Callable[[], tuple[Issued, ...]], tuple[Issued, ...]] = {}


def made(make: Callable[[], tuple[Issued, ...]]) -> tuple[Issued, ...]:
    """What is signed with is what is published: made once."""
    if make not in _MADE:
        _MADE[make] = make()
    return _MADE[make]


def _leaf(change: Callable[[pki.Plan], pki.Plan]) -> Callable[[], tuple[Issued, ...]]:
    return lambda: (change(pki.leaf(pki.intermediate())).issue(), pki.intermediate())


def _parts(value: str) -> tuple[str, str, str, str]:
    tokens, semicolon, parameters = value.partition(";")
    head, body, signature = tokens.split(".")
    return head, body, signature, semicolon + parameters


def _signature(change: Callable[[str], str]) -> Callable[[str], str]:
    def spoil(value: str) -> str:
        head, body, signature, parameters = _parts(value)
        return f"{head}.{body}.{change(signature)}{parameters}"

    return spoil


def _claim(**changes: Any) -> Callable[[str], str]:
    """Another claim under the old signature."""

    def forge(value: str) -> str:
        head, _, signature, parameters = _parts(value)
        return f"{head}.{b64(compact(payload(**changes)))}.{signature}{parameters}"

    return forge


def _hs256() -> list[str]:
    """The confusion of keys: a MAC with the public key for a secret."""
    secret = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{b64(compact(header(alg='HS256')))}.{b64(compact(payload()))}"
    return [f"{message}.{b64(hmac.digest(secret, message.encode(), 'sha256'))};info=<{X5U}>;ppt=shaken"]


def _der(value: str) -> str:
    head, body, _, parameters = _parts(value)
    return f"{head}.{body}.{b64(key().sign(f'{head}.{body}'.encode(), ec.ECDSA(SHA256())))}{parameters}"


def _json(value: dict[str, Any], **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


def compact_form(orig: str = CALLER, dest: str = CALLED, iat: int = NOW_S, **parameters: str) -> str:
    """A base PASSporT of which only the signature is sent (RFC 8224 section 4.1.1)."""
    head = compact({"alg": "ES256", "typ": "passport", "x5u": X5U})
    body = compact({"dest": {"tn": [dest]}, "iat": iat, "orig": {"tn": orig}})
    signature = sign(key(), f"{b64(head)}.{b64(body)}".encode())
    more = "".join(f";{name}={value}" for name, value in parameters.items())
    return f"..{b64(signature)};info=<{X5U}>{more}"


def base_header() -> dict[str, Any]:
    return header(ppt=GONE)


def base_payload(**changes: Any) -> dict[str, Any]:
    return payload(**({"attest": GONE, "origid": GONE} | changes))


def diversions(depth: int, **changes: Any) -> list[str]:
    """A call that was sent on `depth` times."""
    values = [identity(key())]
    for was, now in pairwise(WAY[: depth + 1]):
        values.append(div(was, now, **changes))
    return values


def div(was: str, now: str, **changes: Any) -> str:
    return identity(key(), head=header(ppt="div"), body=div_payload(was, now, **changes))


def rcd(rcd_claim: Any = None, **changes: Any) -> str:
    body = base_payload(rcd=rcd_claim or {"nam": "Example Corp"}, **changes)
    return identity(key(), head=header(ppt="rcd"), body=body)


def digest(value: object) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(compact(value)).digest()).decode()


CARD = ["vcard", [["fn", {}, "text", "Q Branch"], ["photo", {}, "uri", "https://example.com/q.png"]]]

#: 1. Header and parameters.
SYNTAX = {
    "good": _one(None),
    "ppt in quotes": _one(None, parameters=f';info=<{X5U}>;alg="ES256";ppt="shaken"'),
    "parameters in another order": _one(None, parameters=f";ppt=shaken;alg=ES256;info=<{X5U}>"),
    "without alg": _one(None, parameters=f";info=<{X5U}>;ppt=shaken"),
    "with white space": _one(None, parameters=f" ; info = <{X5U}> ;\talg=ES256; ppt = shaken "),
    "names in capitals": _one(None, parameters=f";INFO=<{X5U}>;ALG=ES256;PPT=shaken"),
    "unknown parameters": _one(None, parameters=f';x;info=<{X5U}>;y="a;b\\"c";ppt=shaken;z=1'),
    "info missing": _one("info-missing", parameters=";alg=ES256;ppt=shaken"),
    "info empty": _one("info-missing", parameters=";info=<>;ppt=shaken"),
    "info without brackets": _one("header-malformed", parameters=f";info={X5U};ppt=shaken"),
    "info in quotes": _one("header-malformed", parameters=f';info="{X5U}";ppt=shaken'),
    "info twice": _one("parameter-twice", parameters=f";info=<{X5U}>;info=<{X5U}>;ppt=shaken"),
    "ppt twice": _one("parameter-twice", parameters=f";info=<{X5U}>;ppt=shaken;PPT=shaken"),
    "ppt not as in the header": _one("ppt-mismatch", parameters=f";info=<{X5U}>;ppt=div"),
    "ppt only in the header": _one("ppt-mismatch", parameters=f";info=<{X5U}>"),
    "ppt only a parameter": _one("ppt-mismatch", head=base_header(), parameters=f";info=<{X5U}>;ppt=shaken"),
    "alg not as in the header": _one("alg", parameters=f";info=<{X5U}>;alg=RS256;ppt=shaken"),
    "info not x5u": _one("url-not-info", parameters=";info=<https://cert.example.com/other.pem>;ppt=shaken"),
    "brackets not closed": _one("header-malformed", parameters=f";info=<{X5U};ppt=shaken"),
    "quotes not closed": _one("header-malformed", parameters=f';info=<{X5U}>;ppt="shaken'),
    "a second value": _one("header-malformed", parameters=f";info=<{X5U}>;ppt=shaken, x"),
    "control character": _one("header-malformed", parameters=f";info=<{X5U}>;ppt=shaken;x=\x01"),
    "empty": _text("header-malformed", lambda _: ""),
    "no token": _text("header-malformed", lambda value: ";" + value.partition(";")[2]),
    "two parts": _text("header-malformed", lambda value: value[value.index(".") + 1 :]),
    "four parts": _text("header-malformed", lambda value: "e30." + value),
    "no signature": _text("header-malformed", _signature(lambda _: "")),
    "no payload": _text("header-malformed", lambda value: "{0}..{2}{3}".format(*_parts(value))),
    "padding": _text("encoding", _signature(lambda text: text + "==")),
    "base64 of the other alphabet": _text("encoding", _signature(lambda text: "+/" + text[2:])),
    "white space in the token": _text("encoding", _signature(lambda text: text[:9] + " " + text[9:])),
    "stray bits": _text("encoding", _signature(lambda text: text[:-1] + ("B" if text[-1] == "A" else "x"))),
    "too long": _text("header-too-long", lambda value: value + ";x=" + "a" * 8192, ours=True),
}

#: 2. JOSE header; the table of `alg`.
JOSE = {
    "alg none": _one("alg", head=header(alg="none")),
    "alg None": _one("alg", head=header(alg="None")),
    "alg empty": _one("alg", head=header(alg="")),
    "alg es256": _one("alg", head=header(alg="es256")),
    "alg ES384": _one("alg", head=header(alg="ES384")),
    "alg ES256K": _one("alg", head=header(alg="ES256K")),
    "alg RS256": _one("alg", head=header(alg="RS256")),
    "alg EdDSA": _one("alg", head=header(alg="EdDSA")),
    "alg missing": _one("alg", head=header(alg=GONE)),
    "alg null": _one("alg", head=header(alg=None)),
    "alg a list": _one("alg", head=header(alg=["ES256"])),
    "alg with a space": _one("alg", head=header(alg="ES256 ")),
    "alg HS256 with the public key": Case(values=_hs256, outcome=FAILED, causes=("alg",)),
    "typ missing": _one("typ", head=header(typ=GONE)),
    "typ JWT": _one("typ", head=header(typ="JWT")),
    "typ in capitals": _one("typ", head=header(typ="PASSPORT")),
    "crit": _one("crit", head=header(crit=["x"])),
    "x5u missing": _one("url-missing", head=header(x5u=GONE)),
    "x5u a number": _one("url-missing", head=header(x5u=1), parameters=f";info=<{X5U}>;ppt=shaken"),
    "ppt a number": _one("ppt-mismatch", head=header(ppt=1), parameters=f";info=<{X5U}>;ppt=shaken"),
    "unknown keys": _one(None, head=header(kid="1", x="y")),
    "another order": _one(None, head=_json({"x5u": X5U, "typ": "passport", "alg": "ES256", "ppt": "shaken"})),
    "indented": _one(None, head=_json(header(), indent=2)),
    "alg twice": _one("json-key-twice", head=b'{"alg":"none",' + compact(header())[1:]),
    "alg twice, once escaped": _one("json-key-twice", head=b'{"\\u0061lg":"ES256",' + compact(header())[1:]),
    "no JSON": _one("json-malformed", head=b"{"),
    "a list": _one("json-malformed", head=b"[]"),
    "not UTF-8": _one("json-malformed", head=compact(header())[:-1] + b',"x":"\xff"}'),
    "half a surrogate pair": _one("json-malformed", head=compact(header())[:-1] + b',"x":"\\ud800"}'),
    "NaN": _one("json-malformed", head=compact(header())[:-1] + b',"x":NaN}'),
    "something behind": _one("json-malformed", head=compact(header()) + b"{}"),
    "too deep": _one("json-malformed", head=header(x=[[[[1]]]]), ours=True),
    "http": _one("url-refused", head=header(x5u="http://cert.example.com/1.pem")),
    "another port": _one("url-refused", head=header(x5u="https://cert.example.com:5000/1.pem"), ours=True),
    "user information": _one("url-refused", head=header(x5u="https://u:p@cert.example.com/1.pem"), ours=True),
    "query": _one("url-refused", head=header(x5u="https://cert.example.com/1.pem?x"), ours=True),
    "an address": _one("url-refused", head=header(x5u="https://127.0.0.1/1.pem"), ours=True),
}

#: 3. Claims.
CLAIMS = {
    "level B": _one(None, body=payload(attest="B")),
    "level C": _one(None, body=payload(attest="C")),
    "level ABC": _one("attest", body=payload(attest="ABC")),
    "level a": _one("attest", body=payload(attest="a")),
    "level D": _one("attest", body=payload(attest="D")),
    "level empty": _one("attest", body=payload(attest="")),
    "level a list": _one("attest", body=payload(attest=["A"])),
    "attest missing": _one("claim-missing", body=payload(attest=GONE)),
    "attest null": _one("claim-missing", body=payload(attest=None)),
    "origid missing": _one("claim-missing", body=payload(origid=GONE)),
    "origid empty": _one("origid", body=payload(origid="")),
    "origid no UUID": _one("origid", body=payload(origid="customer-7")),
    "origid with a line end": _one("origid", body=payload(origid=ORIGID + "\n")),
    "origid in capitals": _one(None, body=payload(origid=ORIGID.upper())),
    "iat missing": _one("claim-missing", body=payload(iat=GONE)),
    "iat in quotes": _one("claim-malformed", body=payload(iat=str(NOW_S))),
    "iat a fraction": _one("claim-malformed", body=payload(iat=NOW_S + 0.5)),
    "iat true": _one("claim-malformed", body=payload(iat=True)),
    "iat negative": _one("claim-malformed", body=payload(iat=-1)),
    "orig missing": _one("claim-missing", body=payload(orig=GONE)),
    "orig a text": _one("claim-malformed", body=payload(orig=CALLER)),
    "orig a list": _one("claim-malformed", body=payload(orig={"tn": [CALLER]})),
    "orig two": _one("claim-malformed", body=payload(orig={"tn": CALLER, "uri": "sip:a@example.com"})),
    "orig empty": _one("claim-malformed", body=payload(orig={})),
    "orig no number": _one("claim-malformed", body=payload(orig={"tn": "anonymous"})),
    "orig a number of JSON": _one("claim-malformed", body=payload(orig={"tn": int(CALLER)})),
    "dest missing": _one("claim-missing", body=payload(dest=GONE)),
    "dest a text": _one("claim-malformed", body=payload(dest={"tn": CALLED})),
    "dest empty": _one("claim-malformed", body=payload(dest={"tn": []})),
    "dest with null": _one("claim-malformed", body=payload(dest={"tn": [CALLED, None]})),
    "claim twice": _one("json-key-twice", body=b'{"attest":"A",' + compact(payload(attest="C"))[1:]),
    "claim twice within": _one(
        "json-key-twice", body=compact(payload()).replace(b'{"tn":"', b'{"tn":"1","tn":"')
    ),
    "payload not UTF-8": _one("json-malformed", body=compact(payload())[:-1] + b',"x":"\xc3\x28"}'),
    "payload too deep": _one("json-malformed", body=payload(x=[[[[[[[[1]]]]]]]]), ours=True),
    # Property 14: whatever was validly signed is verified as it came
    "extra claims": _one(None, body=payload(x={"y": [1, 2.5, None, "é"]}, exp=1)),
    "another order of claims": _one(
        None, body=_json(dict(reversed(payload().items())), separators=(",", ":"))
    ),
    "claims with white space": _one(None, body=_json(payload(), indent=1)),
    "two dests": _one(None, body=payload(dest={"tn": ["12025550199", CALLED]})),
    "a dest that is a URI too": _one(None, body=payload(dest={"tn": [CALLED], "uri": ["sip:a@example.com"]})),
    "numbers with a plus": _one(None, body=payload(orig={"tn": "+" + CALLER}, dest={"tn": ["+" + CALLED]})),
    "a text beginning with a colon": _one(None, body=payload(x=":", y="a:b", z='"x":"y"')),
}

#: 4. Who calls whom.
PARTIES = {
    "another caller": _one("orig-mismatch", orig=("12025550101",)),
    "PAI and From": _one(None, orig=("12025550101", CALLER)),
    "no caller": _one("orig-mismatch", orig=()),
    "another To": _one("dest-mismatch", to="12025550199"),
    "another Request-URI": _one("dest-mismatch", request_uri="12025550199", ours=True),
    "replayed to another callee": _one("dest-mismatch", to="12025550199", request_uri="12025550199"),
    "called by a URI": _one(
        None,
        body=payload(dest={"uri": ["sip:alice@example.com"]}),
        to="sip:alice@example.com",
        request_uri="sip:alice@example.com",
    ),
    "a number signed, a URI called": _one(
        "dest-mismatch", to=f"sip:x{CALLED}@example.com", request_uri=f"sip:x{CALLED}@example.com"
    ),
}

#: 5. Time, to the second. 60 s back and 10 s ahead are our window.
TIME = {
    "60 s old": _one(None, now_s=NOW_S + 60),
    "61 s old": _one("iat-outside-window", now_s=NOW_S + 61),
    "10 s ahead": _one(None, now_s=NOW_S - 10, date_s=NOW_S - 10),
    "11 s ahead": _one("iat-outside-window", now_s=NOW_S - 11, date_s=NOW_S - 11),
    "an hour ahead": _one("iat-outside-window", body=payload(iat=NOW_S + 3600)),
    "a year ahead": _one("iat-outside-window", body=payload(iat=NOW_S + 365 * 86400)),
    "no Date": _one(None, date_s=None),
    "Date 60 s old": _one(None, date_s=NOW_S - 60),
    "Date 61 s old": _one("date-outside-window", date_s=NOW_S - 61),
    "Date 10 s ahead": _one(None, date_s=NOW_S + 10),
    "Date 11 s ahead": _one("date-outside-window", date_s=NOW_S + 11),
    "Date far from iat": _one("date-far-from-iat", now_s=NOW_S + 60, date_s=NOW_S + 61, ours=True),
}

#: 6. Signatures.
SIGNATURES = {
    "another key": Case(values=lambda: [identity(pki.root().key)], outcome=FAILED, causes=("signature",)),
    "another caller under the signature": _text(
        "signature", _claim(orig={"tn": "12025550101"}), orig=("12025550101",)
    ),
    "a higher level under the signature": _text("signature", _claim(x=1)),
    "DER": _text("signature", _der),
    "63 bytes": _text("signature", _signature(lambda text: text[:84])),
    "zeros": _text("signature", _signature(lambda _: b64(bytes(64)))),
    "R and S exchanged": _text(
        "signature",
        _signature(lambda text: b64((raw := base64.urlsafe_b64decode(text + "=="))[32:] + raw[:32])),
    ),
}

#: 7. Credentials.
CREDENTIALS = {
    "not published": _one("certificate-unavailable", chains={}, outcome=NONE),
    "published is no certificate": _one("certificate-unreadable", chains={X5U: lambda: b"<html>"}),
    "intermediate missing": _published("chain-not-trusted", lambda: (pki.provider(),)),
    "under another root": _published(
        "chain-not-trusted", lambda: (pki.leaf(pki.authority().issue()).issue(),)
    ),
    "under a namesake of the root": _published(
        "chain-not-trusted", lambda: (pki.leaf(pki.authority("SHAKEN Example Root").issue()).issue(),)
    ),
    "directly under the root": _published(None, lambda: (pki.leaf(pki.root()).issue(),)),
    "root at the end": _published(None, lambda: (pki.provider(), pki.intermediate(), pki.root())),
    "expired": _published(
        "certificate-expired", _leaf(lambda p: replace(p, not_after=NOW - timedelta(seconds=1)))
    ),
    "not yet valid": _published(
        "certificate-not-yet-valid", _leaf(lambda p: replace(p, not_before=NOW + timedelta(seconds=1)))
    ),
    "TNAuthList missing": _published("certificate-profile", _leaf(lambda p: p.without(pki.TN_AUTH_LIST))),
    "two codes": _published(
        "certificate-profile",
        _leaf(lambda p: p.having(pki.raw(pki.TN_AUTH_LIST, "3010a006160437303941a006160437303942"))),
    ),
    "an authority's certificate": _published(
        "certificate-profile",
        _leaf(lambda p: p.having(BasicConstraints(ca=True, path_length=None), critical=True)),
    ),
    "issuer that is no authority": _published(
        "certificate-profile", lambda: (pki.leaf(pki.provider()).issue(), pki.provider(), pki.intermediate())
    ),
}


def _p384() -> tuple[Issued, ...]:
    """A P-384 certificate; the signature, of another key, is never looked at."""
    plan = pki.leaf(pki.intermediate())
    wrong = replace(plan, key=pki.new_key(ec.SECP384R1())).issue()
    return (replace(wrong, plan=replace(plan, key=pki.provider().key)), pki.intermediate())


CREDENTIALS["P-384"] = _published("certificate-profile", _p384)

#: 8. Diversions.
DIVERSIONS = (
    {
        f"sent on {depth} times": Case(
            values=lambda depth=depth: diversions(depth),  # type: ignore[misc]
            outcome=PASSED,
            causes=(None,) * (depth + 1),
            request_uri=WAY[depth],
        )
        for depth in range(1, 6)
    }
    | {
        "sent on six times": Case(
            values=lambda: diversions(6),
            outcome=FAILED,
            causes=(None, "div-too-deep", None, None, None, None, None),
            request_uri=WAY[6],
            ours=True,
        ),
        "in another order": Case(
            values=lambda: list(reversed(diversions(3))),
            outcome=PASSED,
            causes=(None,) * 4,
            request_uri=WAY[3],
        ),
        "To changed as well": Case(
            values=lambda: diversions(1), outcome=PASSED, causes=(None, None), to=WAY[1], request_uri=WAY[1]
        ),
        "ends elsewhere": Case(
            values=lambda: diversions(1), outcome=FAILED, causes=(None, "div-broken"), request_uri=WAY[2]
        ),
        "middle missing": Case(
            values=lambda: [value for n, value in enumerate(diversions(3)) if n != 2],
            outcome=FAILED,
            causes=(None, "div-broken", "div-broken"),
            request_uri=WAY[3],
        ),
        "begins elsewhere": Case(
            values=lambda: [identity(key()), div(WAY[2], WAY[1])],
            outcome=FAILED,
            causes=(None, "div-broken"),
            request_uri=WAY[1],
        ),
        "nobody vouches": Case(
            values=lambda: diversions(1)[1:], outcome=FAILED, causes=("div-without-base",), request_uri=WAY[1]
        ),
        "loop": Case(
            values=lambda: [identity(key()), div(WAY[0], WAY[1]), div(WAY[1], WAY[0])],
            outcome=FAILED,
            causes=(None, "div-loop", None),
        ),
        "two ways": Case(
            values=lambda: [*diversions(2), div(WAY[0], WAY[2])],
            outcome=FAILED,
            causes=(None, None, "div-twice", "div-twice"),
            request_uri=WAY[2],
            ours=True,
        ),
        "a div that leads nowhere": Case(
            values=lambda: [*diversions(1), div(WAY[3], WAY[4])],
            outcome=FAILED,
            causes=(None, None, "div-broken"),
            request_uri=WAY[1],
            ours=True,
        ),
        "another caller in the div": Case(
            values=lambda: [identity(key()), div(WAY[0], WAY[1], orig={"tn": "12025550101"})],
            outcome=FAILED,
            causes=(None, "div-broken"),
            orig=(CALLER, "12025550101"),
            request_uri=WAY[1],
        ),
        "without div": Case(
            values=lambda: [
                identity(key(), head=header(ppt="div"), body=div_payload(WAY[0], WAY[1], div=GONE))
            ],
            outcome=FAILED,
            causes=("claim-missing",),
            request_uri=WAY[1],
        ),
        "div of a list": Case(
            values=lambda: [
                identity(key()),
                identity(
                    key(), head=header(ppt="div"), body=div_payload(WAY[0], WAY[1], div={"tn": [WAY[0]]})
                ),
            ],
            outcome=FAILED,
            causes=(None, "claim-malformed"),
            request_uri=WAY[1],
        ),
        "rung long before it was sent on": Case(
            values=lambda: [identity(key(), body=payload(iat=NOW_S - 300)), div(WAY[0], WAY[1])],
            outcome=PASSED,
            causes=(None, None),
            request_uri=WAY[1],
            ours=True,
        ),
        "captured long before it was sent on": Case(
            values=lambda: [identity(key(), body=payload(iat=NOW_S - 301)), div(WAY[0], WAY[1])],
            outcome=FAILED,
            causes=("iat-outside-window", None),
            request_uri=WAY[1],
            ours=True,
        ),
        "last div too old": Case(
            values=lambda: diversions(1, iat=NOW_S - 61),
            outcome=FAILED,
            causes=(None, "iat-outside-window"),
            request_uri=WAY[1],
        ),
        "bad signature on a div": Case(
            values=lambda: [
                identity(key()),
                identity(pki.root().key, head=header(ppt="div"), body=div_payload(WAY[0], WAY[1])),
            ],
            outcome=FAILED,
            causes=(None, "signature"),
            request_uri=WAY[1],
        ),
        "no div, Request-URI changed": Case(
            values=lambda: [identity(key())],
            outcome=FAILED,
            causes=("dest-mismatch",),
            request_uri=WAY[1],
            ours=True,
        ),
    }
)

#: 9. Several PASSporTs, base and compact ones.
SEVERAL = {
    "none": Case(values=list, outcome=NONE, causes=()),
    "unknown kind alone": Case(values=lambda: [_unknown()], outcome=NONE, causes=()),
    "unknown kind first": Case(values=lambda: [_unknown(), identity(key())], outcome=PASSED, causes=(None,)),
    "unknown kind last": Case(values=lambda: [identity(key()), _unknown()], outcome=PASSED, causes=(None,)),
    "unknown kind, unreadable": Case(
        values=lambda: ["a.b.c;info=<x>;ppt=rph", identity(key())], outcome=PASSED, causes=(None,)
    ),
    "unknown kind that only its header names": Case(
        values=lambda: [_unknown().partition(";ppt")[0], identity(key())],
        outcome=PASSED,
        causes=(None,),
        ours=True,
    ),
    "good and bad": Case(
        values=lambda: [identity(key()), identity(pki.root().key)], outcome=FAILED, causes=(None, "signature")
    ),
    "bad and good": Case(
        values=lambda: [identity(pki.root().key), identity(key())], outcome=FAILED, causes=("signature", None)
    ),
    "two good ones": Case(
        values=lambda: [identity(key()), identity(key(), body=payload(attest="C"))],
        outcome=PASSED,
        causes=(None, None),
    ),
    "good and not published": Case(
        values=lambda: [identity(key()), identity(key(), head=header(x5u=X5U + "2"))],
        outcome=NONE,
        causes=(None, "certificate-unavailable"),
    ),
    "bad and not published": Case(
        values=lambda: [identity(pki.root().key), identity(key(), head=header(x5u=X5U + "2"))],
        outcome=FAILED,
        causes=("signature", "certificate-unavailable"),
    ),
    "ten": Case(values=lambda: [identity(key())] * 10, outcome=PASSED, causes=(None,) * 10),
    "eleven": Case(
        values=lambda: [identity(key())] * 11, outcome=FAILED, causes=("headers-too-many",), ours=True
    ),
    "more than 16 KiB": Case(
        values=lambda: [identity(key()) + ";x=" + "a" * 5000] * 4,
        outcome=FAILED,
        causes=("header-too-long",),
        ours=True,
    ),
    "base": _one(None, head=base_header(), body=base_payload()),
    "base, forged": _one("orig-mismatch", head=base_header(), body=base_payload(), orig=("12025550101",)),
    "compact": Case(values=lambda: [compact_form()], outcome=PASSED, causes=(None,)),
    "compact by From beside PAI": Case(
        values=lambda: [compact_form()], outcome=PASSED, causes=(None,), orig=("12025550101", CALLER)
    ),
    "compact for another caller": Case(
        values=lambda: [compact_form(orig="12025550101")], outcome=FAILED, causes=("signature",)
    ),
    "compact for another callee": Case(
        values=lambda: [compact_form(dest="12025550199")], outcome=FAILED, causes=("signature",)
    ),
    "compact without Date": Case(
        values=lambda: [compact_form()], outcome=FAILED, causes=("compact-form",), date_s=None
    ),
    "compact shaken": Case(
        values=lambda: [compact_form(ppt="shaken")], outcome=FAILED, causes=("compact-form",)
    ),
    "compact with another alg": Case(
        values=lambda: [compact_form(alg="RS256")], outcome=FAILED, causes=("alg",)
    ),
    "compact of a caller unknown": Case(
        values=lambda: [compact_form()], outcome=FAILED, causes=("claim-malformed",), orig=(), ours=True
    ),
}


def _unknown() -> str:
    return identity(key(), head=header(ppt="rph"), body=payload(rph={"auth": ["ets.0"]}))


CASES: dict[str, Case] = {
    f"{group}: {name}": case
    for group, cases in (
        ("syntax", SYNTAX),
        ("jose", JOSE),
        ("claims", CLAIMS),
        ("parties", PARTIES),
        ("time", TIME),
        ("signatures", SIGNATURES),
        ("credentials", CREDENTIALS),
        ("diversions", DIVERSIONS),
        ("several", SEVERAL),
    )
    for name, case in cases.items()
}
