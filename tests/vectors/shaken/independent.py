#!/usr/bin/env python3
"""A second verifier of Identity headers, written from the RFCs alone, to hold Trunkward's against.

It imports nothing of Trunkward's and none of its libraries: JSON, base64 and hashes are the standard library's, the
arithmetic of P-256 is here, and chains are checked by the `openssl` command. It is slow and says little: for each
PASSporT of a kind it knows 0 (verified) or the response code of RFC 8224 section 6.2.2, and the outcome.

    echo '{"identities": [...], "orig": [...], ...}' | python3 independent.py

Read: RFC 8224 (4, 6.2, 8), RFC 8225 (4 to 9), RFC 8226 (9), RFC 8588 (3 to 5), RFC 8946 (3, 4.2), RFC 7515 (2, 4, 5.2),
RFC 7518 (3.4), RFC 3966, FIPS 186-5 (6.4), SEC 2 (2.4.2).
"""

import base64
import binascii
import functools
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

# ------------------------------------------------------------------ P-256 (SEC 2 section 2.4.2)

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

type Point = tuple[int, int] | None


def add(one: Point, other: Point) -> Point:
    if one is None:
        return other
    if other is None:
        return one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def times(factor: int, point: Point) -> Point:
    found: Point = None
    while factor:
        if factor & 1:
            found = add(found, point)
        point = add(point, point)
        factor >>= 1
    return found


def signed(public: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """FIPS 186-5 section 6.4.2; the signature as RFC 7518 section 3.4 writes it."""
    x, y = public
    if len(signature) != 64 or (y * y - (x * x * x + A * x + B)) % P:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    e = int.from_bytes(hashlib.sha256(message).digest(), "big")
    w = pow(s, -1, N)
    point = add(times(e * w % N, G), times(r * w % N, public))
    return point is not None and point[0] % N == r


# ------------------------------------------------------------------ reading


class Wrong(Exception):
    """A PASSporT is not verified; the response code."""


def unbase64(text: str) -> bytes:
    """RFC 7515 section 2: the alphabet of URLs, no padding, nothing else."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Wrong(438)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Wrong(438) from None
    # the last character has bits that belong to nothing (RFC 4648 section 3.5)
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise Wrong(438)
    return data


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 7515 section 4, RFC 7519 section 4: a name comes once."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise Wrong(438)
    return dict(pairs)


def refuse(_: str) -> None:
    raise Wrong(438)


def unjson(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no character
    except (UnicodeError, json.JSONDecodeError):
        raise Wrong(438) from None
    if not isinstance(found, dict):
        raise Wrong(438)
    return found


def parameters(text: str) -> dict[str, str]:
    """What follows the token: `;name=value`, values tokens, quoted strings, or for `info` a URI in brackets."""
    found: dict[str, str] = {}
    while text:
        match = re.match(
            r'[ \t]*;[ \t]*([\w.!%*+`\'~-]+)(?:[ \t]*=[ \t]*(<[^<>\s"]*>|"(?:[^"\\\x00-\x1f]|\\.)*"|[\w.!%*+`\'~\[\]:-]+))?'
            r"[ \t]*",
            text,
            re.ASCII,
        )
        if match is None:
            raise Wrong(438)
        name, value = match[1].lower(), match[2] or ""
        if name in found or (value[:1] == "<") != (name == "info"):
            raise Wrong(438)
        found[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] in ("<", '"') else value
        text = text[match.end() :]
    return found


def canonical(text: Any) -> str:
    """RFC 8224 section 8.3: digits, `*` and `#`."""
    if not isinstance(text, str):
        raise Wrong(438)
    number = re.sub(r"[-.()]", "", text)
    if not re.fullmatch(r"\+?[0-9*#]{1,15}", number) or not re.search("[0-9]", number):
        raise Wrong(438)
    return number.removeprefix("+")


def identifiers(value: Any, lists: bool) -> list[str]:
    """RFC 8225 section 5.2.1: numbers and URIs; `orig` and `div` have one, `dest` arrays."""
    if not isinstance(value, dict):
        raise Wrong(438)
    found: list[str] = []
    for kind in ("tn", "uri"):
        if kind not in value:
            continue
        entries = value[kind]
        if isinstance(entries, list) != lists:
            raise Wrong(438)
        for entry in entries if lists else [entries]:
            if kind == "uri" and not isinstance(entry, str):
                raise Wrong(438)
            found.append(canonical(entry) if kind == "tn" else entry)
    if not found or (not lists and len(found) != 1):
        raise Wrong(438)
    return found


class Token:
    """One PASSporT with a kind that is known."""

    iat: int

    def __init__(self, value: str, request: dict[str, Any]) -> None:
        token, semicolon, rest = value.strip().partition(";")
        said = parameters(semicolon + rest)
        self.ppt = said.get("ppt", "")
        self.known = self.ppt in ("", "shaken", "div", "rcd")
        if not self.known:
            return
        parts = token.strip().split(".")
        if len(parts) != 3 or not parts[2]:
            raise Wrong(438)
        self.url = said.get("info", "")
        if not self.url:
            raise Wrong(436)
        if said.get("alg", "ES256") != "ES256":
            raise Wrong(438)
        self.candidates = [parts[:2]]
        if not parts[0]:
            if parts[1] or "ppt" in said or request["date"] is None:
                raise Wrong(438)
            self.candidates = [rebuilt(self.url, orig, request) for orig in request["orig"]]
        elif not parts[1]:
            raise Wrong(438)
        self.signature = unbase64(parts[2])
        for head, body in self.candidates:
            self.read(unjson(unbase64(head)), unjson(unbase64(body)), said)

    def read(self, header: dict[str, Any], claims: dict[str, Any], said: dict[str, str]) -> None:
        if header.get("alg") != "ES256" or header.get("typ") != "passport" or "crit" in header:
            raise Wrong(438)
        if header.get("ppt", "") != said.get("ppt", "") or header.get("x5u") != self.url:
            raise Wrong(438)
        if not self.url.startswith("https://"):
            raise Wrong(436)
        iat = claims.get("iat")
        if type(iat) is not int or iat <= 0:
            raise Wrong(438)
        self.iat = iat
        (self.orig,) = identifiers(claims.get("orig"), lists=False)
        self.dest = identifiers(claims.get("dest"), lists=True)
        if self.ppt == "shaken":
            if claims.get("attest") not in ("A", "B", "C") or not isinstance(claims.get("attest"), str):
                raise Wrong(438)
            try:
                if str(uuid.UUID(claims["origid"])) != claims["origid"].lower():
                    raise Wrong(438)
            except (KeyError, ValueError, AttributeError, TypeError):
                raise Wrong(438) from None
        if self.ppt == "div":
            (self.div,) = identifiers(claims.get("div"), lists=False)


def rebuilt(url: str, orig: str, request: dict[str, Any]) -> list[str]:
    """RFC 8224 section 4.1.1, RFC 8225 section 9: what the signer of a compact form must have signed."""
    parts: list[Any] = [
        {"alg": "ES256", "typ": "passport", "x5u": url},
        {"dest": {"tn": [request["to"]]}, "iat": int(request["date"]), "orig": {"tn": orig}},
    ]
    texts = [json.dumps(part, separators=(",", ":"), sort_keys=True).encode() for part in parts]
    return [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in texts]


# ------------------------------------------------------------------ certificates, by openssl


def openssl(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=False)


@functools.cache
def public_key(chain: bytes, roots: bytes, now: int) -> tuple[int, int]:
    """The point of the leaf's key, once the chain holds and is one of SHAKEN."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", chain, re.DOTALL)
    if not blocks:
        raise Wrong(436)
    with tempfile.TemporaryDirectory() as directory:
        for name, content in (("roots", roots), ("between", b"\n".join(blocks[1:])), ("leaf", blocks[0])):
            (Path(directory) / name).write_bytes(content)
        checked = openssl(
            *("verify", "-attime", str(now), "-no-CApath", "-no-CAstore", "-CAfile", f"{directory}/roots"),
            *(("-untrusted", f"{directory}/between") if blocks[1:] else ()),
            f"{directory}/leaf",
        )
    if checked.returncode:
        raise Wrong(437)
    text = openssl("x509", "-noout", "-text", given=blocks[0]).stdout.decode()
    wanted = (
        "NIST CURVE: P-256",
        "CA:FALSE",
        "2.16.840.1.114569.1.1.",
        "Signature Algorithm: ecdsa-with-SHA256",
    )
    usage = re.search(r"X509v3 Key Usage: critical\s+(.*)", text)
    if not all(each in text for each in wanted) or usage is None or usage[1].strip() != "Digital Signature":
        raise Wrong(437)
    # TNAuthList (RFC 8226 section 9) of one service provider code of four characters
    dump = openssl("asn1parse", given=blocks[0]).stdout.decode()
    code = re.search(
        r"OBJECT +:1\.3\.6\.1\.5\.5\.7\.1\.26\s+\S+.*OCTET STRING +\[HEX DUMP\]:3008A0061604(\w{8})\n", dump
    )
    if code is None or not re.fullmatch(rb"[A-Z0-9]{4}", bytes.fromhex(code[1])):
        raise Wrong(437)
    der = openssl(
        "pkey",
        "-pubin",
        "-outform",
        "DER",
        given=openssl("x509", "-noout", "-pubkey", given=blocks[0]).stdout,
    )
    point = der.stdout[-65:]
    return int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")


# ------------------------------------------------------------------ the verification service


def verify(request: dict[str, Any]) -> dict[str, Any]:
    """RFC 8224 section 6.2, RFC 8588 section 3, RFC 8946 section 4.2.

    `request`: identities, orig (who it says calls), to, request_uri, date (or null), now, window (seconds back
    and ahead), chains (PEM by URL), roots (PEM).
    """
    tokens: list[Token | None] = []
    codes: list[int] = []
    for value in request["identities"]:
        try:
            token = Token(value, request)
        except Wrong as wrong:
            tokens.append(None)
            codes.append(wrong.args[0])
            continue
        if token.known:
            tokens.append(token)
            codes.append(0)
    diverted = any(kind(value) == "div" for value in request["identities"])
    for place, one in enumerate(tokens):
        if one is not None:
            try:
                alone(one, request, diverted)
            except Wrong as wrong:
                codes[place] = wrong.args[0]
    if diverted and not any(codes):
        chain([one for one in tokens if one is not None], codes, request)
    outcome = "TN-Validation-Passed"
    missing = [
        place for place, one in enumerate(tokens) if one and codes[place] == 436 and unpublished(one, request)
    ]
    if any(codes):
        everything = all(place in missing for place, code in enumerate(codes) if code)
        outcome = "No-TN-Validation" if everything else "TN-Validation-Failed"
    elif not any(one and one.ppt in ("", "shaken") for one in tokens):
        outcome = "No-TN-Validation"
    return {"outcome": outcome, "codes": codes}


def kind(value: str) -> str:
    """The kind a header says its PASSporT is of, whatever else is wrong with it."""
    try:
        return parameters("".join(value.strip().partition(";")[1:])).get("ppt", "")
    except Wrong:
        return ""


def unpublished(token: Token, request: dict[str, Any]) -> bool:
    return token.url not in request["chains"]


def fresh(time: Any, request: dict[str, Any]) -> None:
    back, ahead = request["window"]
    if not -ahead <= request["now"] - time <= back:
        raise Wrong(403)


def alone(token: Token, request: dict[str, Any], diverted: bool) -> None:
    """Steps 2 to 4 of RFC 8224 section 6.2 for one PASSporT."""
    if not diverted:
        fresh(token.iat, request)
        if request["date"] is not None:
            fresh(request["date"], request)
    elif token.iat > request["now"] + request["window"][1]:
        raise Wrong(403)
    if token.orig not in request["orig"]:
        raise Wrong(438)
    if not diverted and not {request["to"], request["request_uri"]} <= set(token.dest):
        raise Wrong(438)
    if unpublished(token, request):
        raise Wrong(436)
    key = public_key(request["chains"][token.url].encode(), request["roots"].encode(), request["now"])
    if not any(signed(key, ".".join(parts).encode(), token.signature) for parts in token.candidates):
        raise Wrong(438)


def chain(tokens: list[Token], codes: list[int], request: dict[str, Any]) -> None:
    """RFC 8946 section 4.2, forward: from the number that was first called to the one that is called."""
    bases = [token for token in tokens if token.ppt in ("", "shaken")]
    left = [token for token in tokens if token.ppt == "div"]
    reached = {number for base in bases for number in base.dest}
    used: list[Token] = []
    passed: set[str] = set()
    while step := next((token for token in left if token.div in reached), None):
        left.remove(step)
        used.append(step)
        passed.add(step.div)
        if set(step.dest) & passed or any(step.orig != base.orig for base in bases):
            codes[tokens.index(step)] = 438
        reached = set(step.dest)
    for unused in left:
        codes[tokens.index(unused)] = 438
    if used and request["request_uri"] not in reached:
        codes[tokens.index(used[-1])] = 438
    if used:
        try:
            fresh(used[-1].iat, request)
        except Wrong:
            codes[tokens.index(used[-1])] = 403


if __name__ == "__main__":
    json.dump(verify(json.load(sys.stdin)), sys.stdout)
