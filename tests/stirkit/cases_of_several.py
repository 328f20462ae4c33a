"""Cases of several PASSporTs on one call: of those who sent it on, of other kinds, in compact form."""

from __future__ import annotations

from stirkit import pki
from stirkit.calls import (
    FAILED,
    NONE,
    PASSED,
    WAY,
    Case,
    base_header,
    base_payload,
    compact_form,
    div,
    diversions,
    key,
    one,
)
from stirkit.pki import NOW_S
from stirkit.tokens import CALLER, GONE, X5U, div_payload, header, identity, payload

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
    "base": one(None, head=base_header(), body=base_payload()),
    "base, forged": one("orig-mismatch", head=base_header(), body=base_payload(), orig=("12025550101",)),
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
