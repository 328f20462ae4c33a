"""A decision and its outcome as one flat record: what a person or a program asks for.

Every fact has its name here, whatever is known of it; `None` is "not known" or "did not happen". The page
`docs/records.md` explains each.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkward.records.model import DecisionRecord

#: A call of which only the outcome is there: as the decision of nobody.
_UNDECIDED = msgspec.to_builtins(
    DecisionRecord(record_id="", at=0.0, attempt_id="", call_id="", verdict="", reason="", blame="")
)


def call_view(decision: dict[str, Any] | None, outcome: dict[str, Any] | None) -> dict[str, Any]:
    """The record of one call; times in seconds since the epoch, durations in seconds, None for not yet.

    One of the two may be missing: a call that goes on has no outcome, and one whose decision has not
    been shipped yet no decision.
    """
    ended = outcome or {}
    if decision is None:
        first = min((at for name in _TIMES if (at := ended.get(name))), default=None)
        decision = (
            _UNDECIDED | {name: ended.get(name, "") for name in ("record_id", "call_id")} | {"at": first}
        )
    outbound = decision.get("direction") == "outbound"
    ringing_at, answered_at, ended_at = (ended.get(name) or None for name in _TIMES)
    source = decision.get("source_name") or None
    return {name: value for name, value in decision.items() if name not in ("kind", "at")} | {
        "started_at": decision["at"],
        "ringing_at": ringing_at,
        "answered_at": answered_at,
        "ended_at": ended_at,
        # what is charged: by a clock that nobody puts right
        "answered_ms": ended.get("answered_ms"),
        "ring_s": _between(ringing_at, answered_at or ended_at),
        "duration_s": _between(answered_at, ended_at),
        "ending": ended.get("ending"),
        "end_code": ended.get("status"),
        "ended_by": ended.get("ended_by"),
        # why the node refused it after it was admitted
        "end_reason": ended.get("reason") or None,
        # why the node itself ended it, and whom it could not tell
        "cut": ended.get("cut") or None,
        "unreached": ended.get("unreached", []),
        # its node died over it: who tells of its end, and what the carrier answered that one's BYE
        "survivor": ended.get("survivor"),
        "bye_status": ended.get("bye_status"),
        "by_hand": ended.get("by_hand"),
        # who took the call: on the way out a carrier, on the way in the trunk itself
        "peer": ended.get("peer"),
        "carrier": ended.get("peer") if outbound else source,
        "tried": ended.get("tried", []),
        "emergency": is_emergency(decision["called_number"]),
        "legs": [leg | ({"peer": source} if _nameless(leg, source) else {}) for leg in ended.get("legs", [])],
    }


def level_of(view: Mapping[str, Any]) -> str:
    """At which level it is signed, by us or, where that was verified, by others; "" for none."""
    return view.get("attest") or (view.get("verification") or {}).get("attest") or ""


def verstat_of(view: Mapping[str, Any]) -> str:
    """What became of others' signatures: `passed`, `failed` or `none`; "" where nobody was to look."""
    told = view.get("verification") or {}
    return _VERSTATS.get(told.get("verstat", ""), "") if told.get("why") != "not-asked" else ""


#: By the names of 3GPP TS 24.229 section 7.2A.20.
_VERSTATS = {"TN-Validation-Passed": "passed", "TN-Validation-Failed": "failed", "No-TN-Validation": "none"}


def is_emergency(called_number: str) -> bool:
    """Whether it was a call for help: an emergency number is on record as dialled, any other one with `+`."""
    return called_number != "" and not called_number.startswith("+")


_TIMES = ("ringing_at", "answered_at", "ended_at")


def _nameless(leg: dict[str, Any], source: str | None) -> bool:
    return leg.get("side") == "caller" and not leg.get("peer") and source is not None


def _between(start: float | None, end: float | None) -> float | None:
    return round(max(end - start, 0.0), 3) if start and end else None
