"""Calls as rows of comma-separated values (RFC 4180), for programs and spreadsheets.

The header is stable: columns are added at its end, and none changes its meaning (docs/records.md).

A spreadsheet takes a cell that begins with one of `= + - @` for a formula, and peers choose some of
what stands in records. So every text beginning like that gets an apostrophe before it, the usual cure.
Except telephone numbers: they are E.164 where they stand here, a plus and digits and nothing else,
which no spreadsheet can take for more than a sum; programs get them as they are.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from trunkward.records.pseudonym import Pseudonyms

_NUMBER = re.compile(r"\+[0-9]{1,15}", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Of each leg.
_LEG = (
    *("peer", "transport", "tls_version", "cipher", "protocol", "codec", "srtp_suite", "key_source"),
    *("packets_in", "packets_out", "errors_in", "reports", "mos", "mos_lowest", "jitter_ms", "loss_percent"),
    *("lost_packets", "round_trip_ms", "round_trip_total_ms"),
)
#: What says where somebody is, or who: left out of an export with pseudonyms.
_PERSONAL = frozenset({"source", "call_id"})


def _time(at: float | None) -> str:
    if not at:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tried(routes: list[dict[str, Any]]) -> str:
    return " ".join(f"{route['peer']}:{route.get('status') or route.get('problem', '')}" for route in routes)


_SPECIAL: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("started_at", "ringing_at", "answered_at", "ended_at"), _time),
    "routes": " ".join,
    "tried": _tried,
}
_OF_CALL = (
    *("record_id", "started_at", "tenant", "trunk", "direction", "calling_number", "called_number"),
    *("verdict", "reason", "blame", "status", "attest", "attest_reason", "routes", "tried", "carrier"),
    *("ringing_at", "answered_at", "ended_at", "ring_s", "duration_s", "ending", "end_code", "ended_by"),
    *("source", "transport", "tls_version", "tls_cipher", "call_id", "policy_version"),
)
#: Added later, at the end: of what a call was signed by.
_ATTESTATION = ("rule", "lack", "customer", "evidence", "evidence_version", "journal")
COLUMNS = (
    *_OF_CALL,
    *(f"{side}_{name}" for side in ("caller", "callee") for name in _LEG),
    "emergency",
    "end_reason",
    *(f"attest_{name}" for name in _ATTESTATION),
    "shown_number",
    "claimed_number",
)


def row(view: Mapping[str, Any], pseudonyms: Pseudonyms | None = None) -> list[str]:
    """The cells of one call, as `COLUMNS` names them; what is not known is empty."""
    legs = {leg.get("side"): leg for leg in view["legs"]}
    cells = []

    def number(name: str) -> str:
        text = _text(name, view.get(name))
        return pseudonyms.of(text) if pseudonyms else guarded(text, number=True)

    for name in _OF_CALL:
        if pseudonyms and name in _PERSONAL:
            cells.append("")
            continue
        value = view.get(name)
        text = _SPECIAL[name](value or []) if name in ("routes", "tried") else _text(name, value)
        cells.append(number(name) if name in ("calling_number", "called_number") else guarded(text))
    for side in ("caller", "callee"):
        leg = legs.get(side, {})
        cells += [guarded(_text(name, leg.get(name))) for name in _LEG]
    cells.append("yes" if view.get("emergency") else "")
    cells.append(guarded(_text("end_reason", view.get("end_reason"))))
    attestation = view.get("attestation") or {}
    # in records of an earlier version it stands beside the rule
    attestation = {"customer": view.get("customer")} | attestation if attestation else {}
    cells += [guarded(_text(name, attestation.get(name))) for name in _ATTESTATION]
    cells += [number("shown_number"), number("claimed_number")]
    return cells


def _text(name: str, value: Any) -> str:
    if name in _SPECIAL:
        return _SPECIAL[name](value)
    return "" if value is None else str(value)


def guarded(text: str, *, number: bool = False) -> str:
    """A cell no spreadsheet takes for a formula. `number`: a telephone number, which stands as it is."""
    if number and _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.startswith(_FORMULA) else text
