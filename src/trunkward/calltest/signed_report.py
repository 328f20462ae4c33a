"""The report of calls that another provider has signed: for a person, or as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trunkward.calltest.signed_call import SignedCall, in_words
from trunkward.shaken import base64url

#: Columns of what a line is about.
_WIDE = 20


def lines(call: SignedCall, more: Iterable[str]) -> Iterator[str]:
    """What was sent, what each side heard of it, then `more`, which the node itself says of it."""
    yield ""
    yield f"from {call.calling} to {call.dialled}, {in_words(call.level, call.fault)}"
    if call.identity:
        header, claims, _ = call.identity.split(".", 2)
        yield _row("PASSporT", base64url.decode(header).decode())
        yield _row("", base64url.decode(claims).decode())
    yield _row("the customer saw", call.shown or "nothing: no call reached it")
    heard = call.told or (f"{call.status}, no reason",)
    for what, told in zip(("the carrier heard", *[""] * len(heard)), heard, strict=False):
        yield _row(what, told)
    same = "as it had to be" if call.as_expected else f"IT HAD TO BE {call.expected}"
    yield _row("the node found", f"{call.found}, {same}")
    yield from more


def signed_json(calls: Sequence[SignedCall]) -> dict[str, Any]:
    """The same for a machine, with the node's whole record."""
    return {
        "passed": bool(calls) and all(call.as_expected for call in calls),
        "calls": [
            {
                "caller": call.calling,
                "dialled": call.dialled,
                "level": call.level,
                "fault": call.fault,
                "call_id": call.call_id,
                "identity": call.identity,
                "status": call.status,
                "shown": call.shown or None,
                "told": list(call.told),
                "expected": call.expected,
                "found": call.found,
                "passed": call.as_expected,
                "record": dict(call.record) if call.record is not None else None,
            }
            for call in calls
        ],
    }


def _row(what: str, said: str) -> str:
    return f"  {what:<{_WIDE}}{said}"
