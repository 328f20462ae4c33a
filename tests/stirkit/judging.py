"""The calls of the table, judged by the verification under test."""

from dataclasses import replace
from typing import Any

from stirkit import pki
from stirkit.calls import Case
from stirkit.pki import NOW_S
from stirkit.tokens import CALLED, CALLER
from trunkward.shaken.causes import CredentialFault
from trunkward.shaken.credential import Credential, credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import CalledAs, Verification, verify


def credential(chain: bytes) -> Credential | CredentialFault:
    try:
        return credential_of(chain, TrustedList.of(pki.root().x509), NO_LIST, NOW_S)
    except CredentialFault as fault:
        return fault


def judged(case: Case, **changes: Any) -> Verification:
    case = replace(case, **changes)
    return verify(
        case.values(),
        call=CalledAs(
            orig=case.orig, to=case.to, request_uri=case.request_uri, date_s=case.date_s, call_id="x"
        ),
        credentials={url: credential(chain()) for url, chain in case.chains.items()},
        now_s=case.now_s,
    )


def call(**changes: Any) -> CalledAs:
    said: dict[str, Any] = {
        "orig": (CALLER,),
        "to": CALLED,
        "request_uri": CALLED,
        "date_s": float(NOW_S),
        "call_id": "x",
    }
    return CalledAs(**(said | changes))
