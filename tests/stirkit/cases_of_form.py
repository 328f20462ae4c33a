"""Cases of what a PASSporT is: its header field and parameters, its JOSE header, its claims."""

from __future__ import annotations

import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stirkit.calls import FAILED, Case, base_header, changed_text, key, one, parts, with_signature
from stirkit.pki import NOW_S
from stirkit.tokens import CALLED, CALLER, GONE, ORIGID, X5U, b64, compact, header, payload


def _hs256() -> list[str]:
    """The confusion of keys: a MAC with the public key for a secret."""
    secret = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{b64(compact(header(alg='HS256')))}.{b64(compact(payload()))}"
    return [f"{message}.{b64(hmac.digest(secret, message.encode(), 'sha256'))};info=<{X5U}>;ppt=shaken"]


def _json(value: dict[str, Any], **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


#: 1. Header and parameters.
SYNTAX = {
    "good": one(None),
    "ppt in quotes": one(None, parameters=f';info=<{X5U}>;alg="ES256";ppt="shaken"'),
    "parameters in another order": one(None, parameters=f";ppt=shaken;alg=ES256;info=<{X5U}>"),
    "without alg": one(None, parameters=f";info=<{X5U}>;ppt=shaken"),
    "with white space": one(None, parameters=f" ; info = <{X5U}> ;\talg=ES256; ppt = shaken "),
    "names in capitals": one(None, parameters=f";INFO=<{X5U}>;ALG=ES256;PPT=shaken"),
    "unknown parameters": one(None, parameters=f';x;info=<{X5U}>;y="a;b\\"c";ppt=shaken;z=1'),
    "info missing": one("info-missing", parameters=";alg=ES256;ppt=shaken"),
    "info empty": one("info-missing", parameters=";info=<>;ppt=shaken"),
    "info without brackets": one("header-malformed", parameters=f";info={X5U};ppt=shaken"),
    "info in quotes": one("header-malformed", parameters=f';info="{X5U}";ppt=shaken'),
    "info twice": one("parameter-twice", parameters=f";info=<{X5U}>;info=<{X5U}>;ppt=shaken"),
    "ppt twice": one("parameter-twice", parameters=f";info=<{X5U}>;ppt=shaken;PPT=shaken"),
    "ppt not as in the header": one("ppt-mismatch", parameters=f";info=<{X5U}>;ppt=div"),
    "ppt only in the header": one("ppt-mismatch", parameters=f";info=<{X5U}>"),
    "ppt only a parameter": one("ppt-mismatch", head=base_header(), parameters=f";info=<{X5U}>;ppt=shaken"),
    "alg not as in the header": one("alg", parameters=f";info=<{X5U}>;alg=RS256;ppt=shaken"),
    "info not x5u": one("url-not-info", parameters=";info=<https://cert.example.com/other.pem>;ppt=shaken"),
    "brackets not closed": one("header-malformed", parameters=f";info=<{X5U};ppt=shaken"),
    "quotes not closed": one("header-malformed", parameters=f';info=<{X5U}>;ppt="shaken'),
    "a second value": one("header-malformed", parameters=f";info=<{X5U}>;ppt=shaken, x"),
    "control character": one("header-malformed", parameters=f";info=<{X5U}>;ppt=shaken;x=\x01"),
    "empty": changed_text("header-malformed", lambda _: ""),
    "no token": changed_text("header-malformed", lambda value: ";" + value.partition(";")[2]),
    "two parts": changed_text("header-malformed", lambda value: value[value.index(".") + 1 :]),
    "four parts": changed_text("header-malformed", lambda value: "e30." + value),
    "no signature": changed_text("header-malformed", with_signature(lambda _: "")),
    "no payload": changed_text("header-malformed", lambda value: "{0}..{2}{3}".format(*parts(value))),
    "padding": changed_text("encoding", with_signature(lambda text: text + "==")),
    "base64 of the other alphabet": changed_text("encoding", with_signature(lambda text: "+/" + text[2:])),
    "white space in the token": changed_text(
        "encoding", with_signature(lambda text: text[:9] + " " + text[9:])
    ),
    "stray bits": changed_text(
        "encoding", with_signature(lambda text: text[:-1] + ("B" if text[-1] == "A" else "x"))
    ),
    "too long": changed_text("header-too-long", lambda value: value + ";x=" + "a" * 8192, ours=True),
}


#: 2. JOSE header; the table of `alg`.
JOSE = {
    "alg none": one("alg", head=header(alg="none")),
    "alg None": one("alg", head=header(alg="None")),
    "alg empty": one("alg", head=header(alg="")),
    "alg es256": one("alg", head=header(alg="es256")),
    "alg ES384": one("alg", head=header(alg="ES384")),
    "alg ES256K": one("alg", head=header(alg="ES256K")),
    "alg RS256": one("alg", head=header(alg="RS256")),
    "alg EdDSA": one("alg", head=header(alg="EdDSA")),
    "alg missing": one("alg", head=header(alg=GONE)),
    "alg null": one("alg", head=header(alg=None)),
    "alg a list": one("alg", head=header(alg=["ES256"])),
    "alg with a space": one("alg", head=header(alg="ES256 ")),
    "alg HS256 with the public key": Case(values=_hs256, outcome=FAILED, causes=("alg",)),
    "typ missing": one("typ", head=header(typ=GONE)),
    "typ JWT": one("typ", head=header(typ="JWT")),
    "typ in capitals": one("typ", head=header(typ="PASSPORT")),
    "crit": one("crit", head=header(crit=["x"])),
    "x5u missing": one("url-missing", head=header(x5u=GONE)),
    "x5u a number": one("url-missing", head=header(x5u=1), parameters=f";info=<{X5U}>;ppt=shaken"),
    "ppt a number": one("ppt-mismatch", head=header(ppt=1), parameters=f";info=<{X5U}>;ppt=shaken"),
    "unknown keys": one(None, head=header(kid="1", x="y")),
    "another order": one(None, head=_json({"x5u": X5U, "typ": "passport", "alg": "ES256", "ppt": "shaken"})),
    "indented": one(None, head=_json(header(), indent=2)),
    "alg twice": one("json-key-twice", head=b'{"alg":"none",' + compact(header())[1:]),
    "alg twice, once escaped": one("json-key-twice", head=b'{"\\u0061lg":"ES256",' + compact(header())[1:]),
    "no JSON": one("json-malformed", head=b"{"),
    "a list": one("json-malformed", head=b"[]"),
    "not UTF-8": one("json-malformed", head=compact(header())[:-1] + b',"x":"\xff"}'),
    "half a surrogate pair": one("json-malformed", head=compact(header())[:-1] + b',"x":"\\ud800"}'),
    "NaN": one("json-malformed", head=compact(header())[:-1] + b',"x":NaN}'),
    "something behind": one("json-malformed", head=compact(header()) + b"{}"),
    "too deep": one("json-malformed", head=header(x=[[[[1]]]]), ours=True),
    "http": one("url-refused", head=header(x5u="http://cert.example.com/1.pem")),
    "another port": one("url-refused", head=header(x5u="https://cert.example.com:5000/1.pem"), ours=True),
    "user information": one("url-refused", head=header(x5u="https://u:p@cert.example.com/1.pem"), ours=True),
    "query": one("url-refused", head=header(x5u="https://cert.example.com/1.pem?x"), ours=True),
    "an address": one("url-refused", head=header(x5u="https://127.0.0.1/1.pem"), ours=True),
}


#: 3. Claims.
CLAIMS = {
    "level B": one(None, body=payload(attest="B")),
    "level C": one(None, body=payload(attest="C")),
    "level ABC": one("attest", body=payload(attest="ABC")),
    "level a": one("attest", body=payload(attest="a")),
    "level D": one("attest", body=payload(attest="D")),
    "level empty": one("attest", body=payload(attest="")),
    "level a list": one("attest", body=payload(attest=["A"])),
    "attest missing": one("claim-missing", body=payload(attest=GONE)),
    "attest null": one("claim-missing", body=payload(attest=None)),
    "origid missing": one("claim-missing", body=payload(origid=GONE)),
    "origid empty": one("origid", body=payload(origid="")),
    "origid no UUID": one("origid", body=payload(origid="customer-7")),
    "origid with a line end": one("origid", body=payload(origid=ORIGID + "\n")),
    "origid in capitals": one(None, body=payload(origid=ORIGID.upper())),
    "iat missing": one("claim-missing", body=payload(iat=GONE)),
    "iat in quotes": one("claim-malformed", body=payload(iat=str(NOW_S))),
    "iat a fraction": one("claim-malformed", body=payload(iat=NOW_S + 0.5)),
    "iat true": one("claim-malformed", body=payload(iat=True)),
    "iat negative": one("claim-malformed", body=payload(iat=-1)),
    "orig missing": one("claim-missing", body=payload(orig=GONE)),
    "orig a text": one("claim-malformed", body=payload(orig=CALLER)),
    "orig a list": one("claim-malformed", body=payload(orig={"tn": [CALLER]})),
    "orig two": one("claim-malformed", body=payload(orig={"tn": CALLER, "uri": "sip:a@example.com"})),
    "orig empty": one("claim-malformed", body=payload(orig={})),
    "orig no number": one("claim-malformed", body=payload(orig={"tn": "anonymous"})),
    "orig a number of JSON": one("claim-malformed", body=payload(orig={"tn": int(CALLER)})),
    "dest missing": one("claim-missing", body=payload(dest=GONE)),
    "dest a text": one("claim-malformed", body=payload(dest={"tn": CALLED})),
    "dest empty": one("claim-malformed", body=payload(dest={"tn": []})),
    "dest with null": one("claim-malformed", body=payload(dest={"tn": [CALLED, None]})),
    "claim twice": one("json-key-twice", body=b'{"attest":"A",' + compact(payload(attest="C"))[1:]),
    "claim twice within": one(
        "json-key-twice", body=compact(payload()).replace(b'{"tn":"', b'{"tn":"1","tn":"')
    ),
    "payload not UTF-8": one("json-malformed", body=compact(payload())[:-1] + b',"x":"\xc3\x28"}'),
    "payload too deep": one("json-malformed", body=payload(x=[[[[[[[[1]]]]]]]]), ours=True),
    # Property 14: whatever was validly signed is verified as it came
    "extra claims": one(None, body=payload(x={"y": [1, 2.5, None, "é"]}, exp=1)),
    "another order of claims": one(
        None, body=_json(dict(reversed(payload().items())), separators=(",", ":"))
    ),
    "claims with white space": one(None, body=_json(payload(), indent=1)),
    "two dests": one(None, body=payload(dest={"tn": ["12025550199", CALLED]})),
    "a dest that is a URI too": one(None, body=payload(dest={"tn": [CALLED], "uri": ["sip:a@example.com"]})),
    "numbers with a plus": one(None, body=payload(orig={"tn": "+" + CALLER}, dest={"tn": ["+" + CALLED]})),
    "a text beginning with a colon": one(None, body=payload(x=":", y="a:b", z='"x":"y"')),
}
