"""A decision and an outcome as they stand in segments."""

from typing import Any

DECISION: dict[str, Any] = {
    "kind": "decision", "record_id": "ab", "at": 100.0, "call_id": "c", "attempt_id": "ab", "verdict": "admit",
    "reason": "admitted", "trunk": "acme-hq", "source_name": "acme-hq", "direction": "outbound", "attest": "A",
    "calling_number": "", "called_number": "",
}  # fmt: skip
OUTCOME: dict[str, Any] = {
    "record_id": "ab", "call_id": "c", "ending": "bye", "ringing_at": 101.0, "answered_at": 103.5, "ended_at": 110.0,
    "status": 200, "ended_by": "caller", "peer": "north", "tried": [{"peer": "south", "status": 503}],
    "legs": [{"side": "caller", "transport": "tls"}, {"side": "callee", "peer": "north"}],
}  # fmt: skip
