"""The ladder of a call: its messages and its verdict in their order, with the customer on the left."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trunkward.records.model import MessageRecord

#: Seconds before a verdict in which its INVITE came, and after a call's end in which messages may still come.
BEFORE_S, AFTER_S = 10.0, 60.0


class Arrow(StrEnum):
    """What a step of a ladder shows."""

    #: Between the customer and this node, or this node and the carrier; `FROM` the node, `TO` it.
    LEFT_TO = "left-to"
    LEFT_FROM = "left-from"
    RIGHT_TO = "right-to"
    RIGHT_FROM = "right-from"
    #: Something this node did by itself.
    HERE = "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a ladder."""

    #: Seconds since the first one.
    after_s: float
    arrow: Arrow
    text: str


def cancel_key(call_id: str) -> str:
    """What a CANCEL is noted under, whose call is not known when it is read (`edge.ladder` does the same)."""
    return f"cancel{zlib.crc32(call_id.encode()):08x}"


def keys(view: Mapping[str, Any]) -> list[str]:
    """Everything the messages of a call may be noted under."""
    found = [view["record_id"], view.get("attempt_id") or "", cancel_key(view["call_id"])]
    return [key for key in dict.fromkeys(found) if key]


def period(view: Mapping[str, Any], now_s: float) -> tuple[float, float]:
    """When the messages of a call came."""
    started = view["started_at"] or 0.0
    ended = view["ended_at"] or (now_s if view["verdict"] == "admit" else started)
    return started - BEFORE_S, ended + AFTER_S


def sides(view: Mapping[str, Any]) -> tuple[str, str]:
    """Who stands on the left and on the right: the customer and the carrier, or a stranger and nobody."""
    customer = view.get("trunk") or ""
    if view.get("direction") == "inbound":
        return customer or "customer", view.get("source_name") or "carrier"
    return customer or "stranger", view.get("peer") or "carrier"


def steps(view: Mapping[str, Any], messages: Sequence[MessageRecord]) -> list[Step]:
    """The ladder; a message that was repeated says so."""
    events = sorted([*_of_messages(view, messages), *_of_verdict(view)], key=lambda event: event[0])
    first = events[0][0] if events else 0.0
    return [Step(after_s=at - first, arrow=arrow, text=text) for at, arrow, text in events]


def _of_messages(
    view: Mapping[str, Any], messages: Sequence[MessageRecord]
) -> Iterator[tuple[float, Arrow, str]]:
    left = "callee" if view.get("direction") == "inbound" else "caller"
    seen: set[tuple[str, ...]] = set()
    for message in messages:
        if message.side == left:
            arrow = Arrow.LEFT_TO if message.way == "in" else Arrow.LEFT_FROM
        else:
            arrow = Arrow.RIGHT_TO if message.way == "in" else Arrow.RIGHT_FROM
        said = _said(message)
        # a reply that comes again before anything else is asked is a repetition
        this = (message.side, message.way, message.what, message.of, message.why)
        again = bool(message.of) and this in seen
        if not message.of and message.what not in ("ACK", "CANCEL"):
            seen.clear()
        seen.add(this)
        yield message.at, arrow, f"{said} (again)" if again else said


def _said(message: MessageRecord) -> str:
    parts = [message.what]
    if message.of and message.of != "INVITE":
        parts.append(f"({message.of})")
    elif message.what in _PHRASES:
        parts.append(_PHRASES[message.what])
    if message.media:
        parts.append(f"[{message.media}]")
    if message.why:
        parts.append(f"to {message.why}" if message.what == "INVITE" else message.why)
    return " ".join(parts)


def _of_verdict(view: Mapping[str, Any]) -> Iterator[tuple[float, Arrow, str]]:
    if view["started_at"] and view["verdict"]:
        rule = (view.get("attestation") or {}).get("rule", "")
        by = f" ({rule})" if rule else ""
        level = f", signed {view['attest']}{by}" if view.get("attest") else ""
        routes = f", to {', '.join(view['routes'])}" if view.get("routes") else ""
        yield view["started_at"], Arrow.HERE, f"{view['verdict']}: {view['reason']}{level}{routes}"
    if view["ended_at"]:
        by = f" by {view['ended_by']}" if view["ended_by"] else ""
        why = f", {view['end_reason']}" if view.get("end_reason") else ""
        yield view["ended_at"], Arrow.HERE, f"ended: {view['ending']}{by}{why}"


#: RFC 3261 section 21, RFC 3262, 3311; what a peer wrote beside its status is not kept.
_PHRASES = {
    "100": "Trying",
    "180": "Ringing",
    "181": "Forwarded",
    "182": "Queued",
    "183": "Session Progress",
    "200": "OK",
    "302": "Moved Temporarily",
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "407": "Proxy Authentication Required",
    "408": "Request Timeout",
    "410": "Gone",
    "415": "Unsupported Media Type",
    "480": "Temporarily Unavailable",
    "481": "Call Does Not Exist",
    "484": "Address Incomplete",
    "486": "Busy Here",
    "487": "Request Terminated",
    "488": "Not Acceptable Here",
    "491": "Request Pending",
    "500": "Server Internal Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Server Time-out",
    "600": "Busy Everywhere",
    "603": "Decline",
}
