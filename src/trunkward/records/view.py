"""A decision and its outcome as one flat record: what a person or a program asks for."""

from typing import Any


def call_view(decision: dict[str, Any], outcome: dict[str, Any] | None) -> dict[str, Any]:
    """The record of one call; times in seconds since the epoch, durations in seconds, None for not yet."""
    view = {name: value for name, value in decision.items() if name not in ("kind", "at")}
    ended = outcome or {}
    answered_at, ended_at = ended.get("answered_at") or None, ended.get("ended_at") or None
    return view | {
        "started_at": decision["at"],
        "answered_at": answered_at,
        "ended_at": ended_at,
        "duration_s": round(ended_at - answered_at, 3) if answered_at and ended_at else None,
        "ending": ended.get("ending"),
        "end_code": ended.get("status"),
        "ended_by": ended.get("ended_by"),
        # why the node itself ended it, and whom it could not tell
        "cut": ended.get("cut") or None,
        "unreached": ended.get("unreached", []),
        # who took the call: on the way out a carrier, on the way in the trunk itself
        "peer": ended.get("peer"),
        "carrier": ended.get("peer")
        if decision.get("direction") == "outbound"
        else decision.get("source_name"),
        "legs": ended.get("legs", []),
    }
