"""The Identity header as the carrier received it, verified by hand and by the openssl command.

Nothing here is shared with the room that makes tokens: a mistake made there must not be repeated here.
"""

import base64
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkward.calltest.parties import LabShaken

IAT_WINDOW_S = 60
"""RFC 8224 section 6.2 step 4 as SHAKEN narrows it."""
OPENSSL_DEADLINE_S = 5.0
OPENSSL = "/usr/bin/openssl"

_HEADER = re.compile(r"^([\w-]+)\.([\w-]+)\.([\w-]+)((?:\s*;\s*[\w-]+=(?:<[^>]*>|\"[^\"]*\"|[^;\s]+))*)$")
_PARAMETER = re.compile(r";\s*([\w-]+)=(?:<([^>]*)>|\"([^\"]*)\"|([^;\s]+))")
_SPC_IN_TNAUTHLIST = re.compile(rb"\x30\x08\xa0\x06\x16\x04([A-Z0-9]{4})", re.DOTALL)
"""TNAuthorizationList with exactly one service provider code (RFC 8226 section 9)."""


class IdentityFault(Exception):
    """One thing wrong with the Identity header, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """What the token must say: numbers without plus, the level expected, and when the INVITE arrived."""

    orig: str
    dest: str
    attest: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFinding:
    """The outcome: the claims read, the checks that passed in order, and every fault."""

    attest: str
    origid: str
    x5u: str
    spc: str
    passed: tuple[str, ...]
    faults: tuple[str, ...]


def check_identity(values: tuple[str, ...], dialled: Dialled, shaken: LabShaken) -> IdentityFinding:
    """Check the Identity header values of one INVITE. Never raises for a bad header: each fault is listed."""
    passed: list[str] = []
    faults: list[str] = []
    if len(values) != 1:
        fault = f"{len(values)} Identity headers, expected exactly one"
        return IdentityFinding(attest="", origid="", x5u="", spc="", passed=(), faults=(fault,))
    try:
        header, claims, signed, signature, parameters = _take_apart(values[0])
    except IdentityFault as fault:
        return IdentityFinding(attest="", origid="", x5u="", spc="", passed=(), faults=(str(fault),))
    checks: tuple[tuple[str, Callable[[], None]], ...] = (
        ("JOSE header", lambda: _check_header(header, parameters, shaken)),
        ("claims", lambda: _check_claims(claims, dialled)),
        ("ES256 signature by openssl", lambda: _check_signature(signed, signature, shaken)),
        ("certificate chain by openssl", lambda: _check_chain(shaken)),
        ("provider code", lambda: _check_spc(shaken)),
    )
    for name, check in checks:
        try:
            check()
        except IdentityFault as fault:
            faults.append(f"{name}: {fault}")
        else:
            passed.append(name)
    return IdentityFinding(
        attest=str(claims.get("attest", "")),
        origid=str(claims.get("origid", "")),
        x5u=str(header.get("x5u", "")),
        spc=_spc(shaken),
        passed=tuple(passed),
        faults=tuple(faults),
    )


def raw_to_der(signature: bytes) -> bytes:
    """R||S (RFC 7518 section 3.4) as the DER sequence openssl reads."""
    if len(signature) != 64:
        raise IdentityFault(f"the signature has {len(signature)} bytes, ES256 has 64")
    body = b"".join(_der_integer(signature[at : at + 32]) for at in (0, 32))
    return bytes((0x30, len(body))) + body


def _der_integer(number: bytes) -> bytes:
    digits = number.lstrip(b"\x00") or b"\x00"
    if digits[0] & 0x80:
        digits = b"\x00" + digits
    return bytes((0x02, len(digits))) + digits


type _Parts = tuple[dict[str, Any], dict[str, Any], bytes, bytes, dict[str, str]]


def _take_apart(value: str) -> _Parts:
    found = _HEADER.match(value.strip())
    if found is None:
        raise IdentityFault(f"not header.payload.signature;parameters: {value[:60]!r}")
    encoded_header, encoded_claims, encoded_signature, tail = found.groups()
    parameters = {name.lower(): a or b or c for name, a, b, c in _PARAMETER.findall(tail)}
    signed = f"{encoded_header}.{encoded_claims}".encode()
    return (
        _json("header", encoded_header),
        _json("payload", encoded_claims),
        signed,
        _unbase64("signature", encoded_signature),
        parameters,
    )


def _unbase64(what: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise IdentityFault(f"{what} is not base64url: {error}") from error


def _json(what: str, text: str) -> dict[str, Any]:
    raw = _unbase64(what, text)
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise IdentityFault(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise IdentityFault(f"{what} is not a JSON object")
    # RFC 8225 section 9: sorted keys, no white space, so there is one way only to write a token.
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if canonical != raw:
        raise IdentityFault(f"{what} is not in the deterministic form of RFC 8225 section 9")
    return value


def _check_header(header: dict[str, Any], parameters: dict[str, str], shaken: LabShaken) -> None:
    x5u = header.get("x5u")
    expected = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": x5u}
    if header != expected:
        raise IdentityFault(f"{header!r} is not exactly alg ES256, ppt shaken, typ passport, x5u")
    if not isinstance(x5u, str) or not x5u.startswith("https://"):
        raise IdentityFault(f"x5u {x5u!r} is not an https URL")
    if shaken.x5u is not None and x5u != shaken.x5u:
        raise IdentityFault(f"x5u {x5u!r}, expected {shaken.x5u!r}")
    if parameters.get("info") != x5u:
        raise IdentityFault(f"info {parameters.get('info')!r} differs from x5u {x5u!r}")
    if parameters.get("ppt") != "shaken" or parameters.get("alg", "ES256") != "ES256":
        raise IdentityFault(f"header parameters {parameters!r} do not say ppt shaken, alg ES256")


def _check_claims(claims: dict[str, Any], dialled: Dialled) -> None:
    if set(claims) != {"attest", "dest", "iat", "orig", "origid"}:
        raise IdentityFault(f"claims are {sorted(claims)}, expected attest dest iat orig origid")
    for name, seen, expected in (
        ("orig", claims["orig"], {"tn": dialled.orig}),
        ("dest", claims["dest"], {"tn": [dialled.dest]}),
        ("attest", claims["attest"], dialled.attest),
    ):
        if seen != expected:
            raise IdentityFault(f"{name} is {seen!r}, expected {expected!r}")
    iat = claims["iat"]
    if type(iat) is not int or abs(iat - dialled.at_s) > IAT_WINDOW_S:
        raise IdentityFault(f"iat {iat!r} is not within {IAT_WINDOW_S} s of the call ({dialled.at_s:.0f})")
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(claims["origid"])):
        raise IdentityFault(f"origid {claims['origid']!r} is not a UUID")


def _check_signature(signed: bytes, signature: bytes, shaken: LabShaken) -> None:
    der = raw_to_der(signature)
    public_key = _openssl("x509", "-in", str(shaken.certificate), "-noout", "-pubkey")
    with tempfile.TemporaryDirectory(prefix="call-test-") as name:
        directory = Path(name)
        (directory / "key").write_bytes(public_key)
        (directory / "der").write_bytes(der)
        (directory / "signed").write_bytes(signed)
        _openssl(
            "dgst", "-sha256", "-verify", str(directory / "key"), "-signature", str(directory / "der"),
            str(directory / "signed"),
        )  # fmt: skip


def _check_chain(shaken: LabShaken) -> None:
    # The certificate file may hold the chain, leaf first: as -untrusted it lends its intermediates.
    leaf = str(shaken.certificate)
    _openssl(
        "verify", "-no-CApath", "-no-CAstore", "-CAfile", str(shaken.authority), "-untrusted", leaf, leaf
    )


def _check_spc(shaken: LabShaken) -> None:
    spc = _spc(shaken)
    if not spc:
        raise IdentityFault("the certificate has no TNAuthList with one service provider code")
    if shaken.spc is not None and spc != shaken.spc:
        raise IdentityFault(f"the certificate is for {spc}, expected {shaken.spc}")


def _spc(shaken: LabShaken) -> str:
    """The provider code in the leaf certificate, or the empty string."""
    try:
        der = _openssl("x509", "-in", str(shaken.certificate), "-outform", "DER")
    except IdentityFault:
        return ""
    found = _SPC_IN_TNAUTHLIST.search(der)
    return found[1].decode() if found else ""


def _openssl(*arguments: str) -> bytes:
    try:
        done = subprocess.run(
            [OPENSSL, *arguments],
            capture_output=True,
            timeout=OPENSSL_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise IdentityFault(f"openssl {arguments[0]}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise IdentityFault(f"openssl {arguments[0]}: {said[0] if said else 'failed'}")
    return done.stdout
