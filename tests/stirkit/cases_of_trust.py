"""Cases of what a PASSporT is worth: for this call, at this time, by this key, under this certificate."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import BasicConstraints

from stirkit import pki
from stirkit.calls import FAILED, NONE, Case, changed_text, key, one, parts, signed_under, with_signature
from stirkit.pki import NOW, NOW_S, Issued
from stirkit.tokens import CALLED, CALLER, X5U, b64, compact, identity, payload


def _claim(**changes: Any) -> Callable[[str], str]:
    """Another claim under the old signature."""

    def forge(value: str) -> str:
        head, _, signature, parameters = parts(value)
        return f"{head}.{b64(compact(payload(**changes)))}.{signature}{parameters}"

    return forge


def _der(value: str) -> str:
    head, body, _, parameters = parts(value)
    return f"{head}.{body}.{b64(key().sign(f'{head}.{body}'.encode(), ec.ECDSA(SHA256())))}{parameters}"


def _leaf(change: Callable[[pki.Plan], pki.Plan]) -> Callable[[], tuple[Issued, ...]]:
    return lambda: (change(pki.leaf(pki.intermediate())).issue(), pki.intermediate())


#: 4. Who calls whom.
PARTIES = {
    "another caller": one("orig-mismatch", orig=("12025550101",)),
    "PAI and From": one(None, orig=("12025550101", CALLER)),
    "no caller": one("orig-mismatch", orig=()),
    "another To": one("dest-mismatch", to="12025550199"),
    "another Request-URI": one("dest-mismatch", request_uri="12025550199", ours=True),
    "replayed to another callee": one("dest-mismatch", to="12025550199", request_uri="12025550199"),
    "called by a URI": one(
        None,
        body=payload(dest={"uri": ["sip:alice@example.com"]}),
        to="sip:alice@example.com",
        request_uri="sip:alice@example.com",
    ),
    "a number signed, a URI called": one(
        "dest-mismatch", to=f"sip:x{CALLED}@example.com", request_uri=f"sip:x{CALLED}@example.com"
    ),
}


#: 5. Time, to the second. 60 s back and 10 s ahead are our window.
TIME = {
    "60 s old": one(None, now_s=NOW_S + 60),
    "61 s old": one("iat-outside-window", now_s=NOW_S + 61),
    "10 s ahead": one(None, now_s=NOW_S - 10, date_s=NOW_S - 10),
    "11 s ahead": one("iat-outside-window", now_s=NOW_S - 11, date_s=NOW_S - 11),
    "an hour ahead": one("iat-outside-window", body=payload(iat=NOW_S + 3600)),
    "a year ahead": one("iat-outside-window", body=payload(iat=NOW_S + 365 * 86400)),
    "no Date": one(None, date_s=None),
    "Date 60 s old": one(None, date_s=NOW_S - 60),
    "Date 61 s old": one("date-outside-window", date_s=NOW_S - 61),
    "Date 10 s ahead": one(None, date_s=NOW_S + 10),
    "Date 11 s ahead": one("date-outside-window", date_s=NOW_S + 11),
    "Date far from iat": one("date-far-from-iat", now_s=NOW_S + 60, date_s=NOW_S + 61, ours=True),
}


#: 6. Signatures.
SIGNATURES = {
    "another key": Case(values=lambda: [identity(pki.root().key)], outcome=FAILED, causes=("signature",)),
    "another caller under the signature": changed_text(
        "signature", _claim(orig={"tn": "12025550101"}), orig=("12025550101",)
    ),
    "a higher level under the signature": changed_text("signature", _claim(x=1)),
    "DER": changed_text("signature", _der),
    "63 bytes": changed_text("signature", with_signature(lambda text: text[:84])),
    "zeros": changed_text("signature", with_signature(lambda _: b64(bytes(64)))),
    "R and S exchanged": changed_text(
        "signature",
        with_signature(lambda text: b64((raw := base64.urlsafe_b64decode(text + "=="))[32:] + raw[:32])),
    ),
}


#: 7. Credentials.
CREDENTIALS = {
    "not published": one("certificate-unavailable", chains={}, outcome=NONE),
    "published is no certificate": one("certificate-unreadable", chains={X5U: lambda: b"<html>"}),
    "intermediate missing": signed_under("chain-not-trusted", lambda: (pki.provider(),)),
    "under another root": signed_under(
        "chain-not-trusted", lambda: (pki.leaf(pki.authority().issue()).issue(),)
    ),
    "under a namesake of the root": signed_under(
        "chain-not-trusted", lambda: (pki.leaf(pki.authority("SHAKEN Example Root").issue()).issue(),)
    ),
    "directly under the root": signed_under(None, lambda: (pki.leaf(pki.root()).issue(),)),
    "root at the end": signed_under(None, lambda: (pki.provider(), pki.intermediate(), pki.root())),
    "expired": signed_under(
        "certificate-expired", _leaf(lambda p: replace(p, not_after=NOW - timedelta(seconds=1)))
    ),
    "not yet valid": signed_under(
        "certificate-not-yet-valid", _leaf(lambda p: replace(p, not_before=NOW + timedelta(seconds=1)))
    ),
    "TNAuthList missing": signed_under("certificate-profile", _leaf(lambda p: p.without(pki.TN_AUTH_LIST))),
    "two codes": signed_under(
        "certificate-profile",
        _leaf(lambda p: p.having(pki.raw(pki.TN_AUTH_LIST, "3010a006160437303941a006160437303942"))),
    ),
    "an authority's certificate": signed_under(
        "certificate-profile",
        _leaf(lambda p: p.having(BasicConstraints(ca=True, path_length=None), critical=True)),
    ),
    "issuer that is no authority": signed_under(
        "certificate-profile", lambda: (pki.leaf(pki.provider()).issue(), pki.provider(), pki.intermediate())
    ),
}


def _p384() -> tuple[Issued, ...]:
    """A P-384 certificate; the signature, of another key, is never looked at."""
    plan = pki.leaf(pki.intermediate())
    wrong = replace(plan, key=pki.new_key(ec.SECP384R1())).issue()
    return (replace(wrong, plan=replace(plan, key=pki.provider().key)), pki.intermediate())


CREDENTIALS["P-384"] = signed_under("certificate-profile", _p384)
