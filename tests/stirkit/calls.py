"""One call with Identity headers and its judgement, as the tables of cases make it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from stirkit import pki
from stirkit.pki import NOW_S, Issued
from stirkit.tokens import (
    CALLED,
    CALLER,
    GONE,
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


def one(
    cause: str | None, *, head: Any = None, body: Any = None, parameters: str | None = None, **more: Any
) -> Case:
    """A call with one header."""
    return Case(
        values=lambda: [identity(key(), head=head, body=body, parameters=parameters)],
        outcome=more.pop("outcome", PASSED if cause is None else FAILED),
        causes=(cause,),
        **more,
    )


def changed_text(cause: str | None, change: Callable[[str], str], **more: Any) -> Case:
    """A call with a good header, changed as text."""
    return Case(
        values=lambda: [change(identity(key()))],
        outcome=more.pop("outcome", PASSED if cause is None else FAILED),
        causes=(cause,),
        **more,
    )


def signed_under(cause: str | None, make: Callable[[], tuple[Issued, ...]], **more: Any) -> Case:
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


def parts(value: str) -> tuple[str, str, str, str]:
    tokens, semicolon, parameters = value.partition(";")
    head, body, signature = tokens.split(".")
    return head, body, signature, semicolon + parameters


def with_signature(change: Callable[[str], str]) -> Callable[[str], str]:
    def spoil(value: str) -> str:
        head, body, signature, parameters = parts(value)
        return f"{head}.{body}.{change(signature)}{parameters}"

    return spoil


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
