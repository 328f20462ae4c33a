"""The messages of each call, noted as they come and go: one short line for each, for people who look later.

A line says when, on which side, in or out, which method or status, and whether its body sets up or holds
media (`trunkward.records.model.MessageRecord`). Nothing in it is a peer's own text: no header, no body, no
phrase. The lines of one callback are appended in one write at its end, to memory: workers that carry SIP wait
for no disk. When they cannot be, the call does not care.

Noted is what the script sees. The hop's own business that tm does alone is not: repetitions it absorbs, the
ACK of a refusal, the CANCEL it makes of a caller's and the 200 it gives for it.
"""

import binascii
import functools
import re
import time
from collections.abc import Callable

from trunkward.edge.segments import Segments

#: Of a request in a dialog by `forward`: the side it comes from.
SIDES = ("callee", "caller")
_CAUSE = re.compile(r"Q\.850\s*;\s*cause\s*=\s*([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_HELD = ("a=sendonly", "a=recvonly", "a=inactive", "c=IN IP4 0.0.0.0")
#: Seconds between two complaints: a full disk would fill the log as well.
_COMPLAIN_S = 60.0
#: Seconds of one segment, and bytes that may wait for the worker: it is memory.
_LASTS_S, _MOST_BYTES = 60, 256 << 20


class _Notes:
    """What this process has noted in the callback that runs."""

    def __init__(self) -> None:
        self.segments: Segments | None = None
        self.complain: Callable[[str], None] = print
        self.complained_at = float("-inf")
        self.lines: list[str] = []
        #: A reply that goes on when the callback is over: record id, side, status, method, media.
        self.going: tuple[str, str, str, str, str] | None = None


_notes = _Notes()


def keep_in(directory: str, complain: Callable[[str], None]) -> None:
    """Where lines go from now on, and who hears that they cannot."""
    _notes.segments = Segments(directory, lasts_s=_LASTS_S, most_bytes=_MOST_BYTES)
    _notes.complain, _notes.complained_at = complain, float("-inf")


def got(
    record_id: str, side: str, what: str, of: str = "", body: str = "", reason: str = "", at: float = 0.0
) -> None:
    """A message has come from `side`, or came `at` a time; `reason` is its Reason header (RFC 3326)."""
    _note(record_id, side, "in", what, of, _media(body), _cause(reason), at)


def sent(
    record_id: str, side: str, what: str, of: str = "", body: str = "", why: str = "", at: float = 0.0
) -> None:
    """A message goes to `side`, or went `at` a time. `why` in words of ours alone."""
    _note(record_id, side, "out", what, of, _media(body), why, at)


def passed(record_id: str, side: str, what: str, of: str = "", body: str = "", reason: str = "") -> None:
    """A reply has come from `side`, and goes on to the other one when this callback is over (`instead`)."""
    media = _media(body)
    _note(record_id, side, "in", what, of, media, _cause(reason))
    if what != "100":  # goes no further (RFC 3261 16.7)
        _notes.going = record_id, SIDES[side == "callee"], what, of, media


def instead(status: int) -> None:
    """It goes on as another one, without a body."""
    if _notes.going is not None:
        record_id, side, _, of, _ = _notes.going
        _notes.going = (record_id, side, str(status), of, "") if status > 100 else None


def cancel_key(call_id: str) -> str:
    """What stands for the record id of a CANCEL and its replies, whose call is not known yet."""
    return f"cancel{binascii.crc32(call_id.encode()):08x}"


def flushed[**P, R](callback: Callable[P, R]) -> Callable[P, R]:
    """Wraps a callback: what it has noted is written when it is over, however it ends."""

    @functools.wraps(callback)
    def noting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return callback(*args, **kwargs)
        finally:
            if _notes.lines:
                flush()

    return noting


def flush() -> None:
    """Writes what has been noted. Never raises."""
    if _notes.going is not None:
        (record_id, side, what, of, media), _notes.going = _notes.going, None
        _note(record_id, side, "out", what, of, media, "")
    lines, _notes.lines = _notes.lines, []
    if _notes.segments is None or not lines:
        return
    try:
        _notes.segments.append("".join(lines))
    except OSError as problem:
        if (now := time.monotonic()) - _notes.complained_at > _COMPLAIN_S:
            _notes.complained_at = now
            _notes.complain(f"messages of calls are not noted: {problem}")


def _note(
    record_id: str, side: str, way: str, what: str, method: str, media: str, why: str, at: float = 0.0
) -> None:
    if not record_id:
        return
    # nothing in it needs to be escaped: ids, words of ours, digits, and methods that are known here
    _notes.lines.append(
        f'["{record_id}",{at or time.time():.6f},"{side}","{way}","{what}","{method}","{media}","{why}"]\n'
    )


def _media(body: str) -> str:
    if not body or "m=" not in body:
        return ""
    return "hold" if any(mark in body for mark in _HELD) else "sdp"


def _cause(text: str) -> str:
    """`Q.850 16` of a Reason header: the number alone, the rest is a peer's own text."""
    found = _CAUSE.search(text) if text else None
    return f"Q.850 {found[1]}" if found else ""
