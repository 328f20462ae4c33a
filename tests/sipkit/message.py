"""SIP messages as values: read tolerantly, written exactly (RFC 3261 sections 7 and 25).

Header names and values are kept as they came, in order, repeated headers apart, so `parse(m).to_bytes() ==
m` for every message whose lines end in CRLF and are not folded. Lookup ignores case and knows the compact
forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

#: RFC 3261 section 7.3.3 and the registry of later compact forms (RFC 3265, 3515, 3841, 3891, 3892, 4028,
#: 8224).
COMPACT_FORMS = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

#: Reason phrases of RFC 3261 section 21 that the toolkit itself uses; any other status needs its own phrase.
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}

#: Bytes that are not UTF-8 survive a round trip this way.
_ENCODING = ("utf-8", "surrogateescape")

_CRLF = "\r\n"

Headers = tuple[tuple[str, str], ...]


class MalformedMessageError(ValueError):
    """The bytes are not a SIP message; the text says which line is wrong."""


def canonical(name: str) -> str:
    """Return the long lower-case form of a header name: `V` and `Via` are both `via`."""
    lowered = name.strip().lower()
    return COMPACT_FORMS.get(lowered, lowered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request or response. `headers` are (name, value) as written, in order."""

    start_line: str
    headers: Headers = ()
    body: bytes = b""

    @property
    def is_request(self) -> bool:
        """True unless the start line is a status line."""
        return not self.start_line.upper().startswith("SIP/")

    @property
    def method(self) -> str:
        """The method of a request; of a response the method in its CSeq ("" when there is none)."""
        if self.is_request:
            return self.start_line.split(" ", 1)[0]
        return self.cseq[1]

    @property
    def uri(self) -> str:
        """The Request-URI; "" for a response."""
        parts = self.start_line.split(" ")
        return parts[1] if self.is_request and len(parts) > 1 else ""

    @property
    def status(self) -> int:
        """The status code of a response; 0 for a request or a status that is no number."""
        parts = self.start_line.split(" ")
        return int(parts[1]) if not self.is_request and len(parts) > 1 and parts[1].isdigit() else 0

    @property
    def reason(self) -> str:
        """The reason phrase of a response."""
        parts = self.start_line.split(" ", 2)
        return parts[2] if not self.is_request and len(parts) == 3 else ""

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method of CSeq; (0, "") when it is missing or wrong (RFC 3261 section 20.16)."""
        number, _, method = self.get("CSeq").partition(" ")
        return (int(number), method.strip()) if number.isdigit() else (0, "")

    @property
    def call_id(self) -> str:
        """The Call-ID, "" when missing."""
        return self.get("Call-ID")

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a header, or `default`."""
        return next(self._named(name), default)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return one value per header line, in order."""
        return tuple(self._named(name))

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a header whose lines may be comma lists (RFC 3261 section 7.3.1), in order."""
        return tuple(value for line in self._named(name) for value in split_list(line))

    def has(self, name: str) -> bool:
        """True when the header stands in the message at least once."""
        return next(self._named(name), None) is not None

    def _named(self, name: str) -> Iterator[str]:
        wanted = canonical(name)
        return (value for key, value in self.headers if canonical(key) == wanted)

    def without(self, *names: str) -> Message:
        """Return the message without any line of these headers."""
        unwanted = {canonical(name) for name in names}
        return replace(self, headers=tuple(h for h in self.headers if canonical(h[0]) not in unwanted))

    def with_headers(self, headers: Iterable[tuple[str, str]]) -> Message:
        """Return the message with these header lines appended."""
        return replace(self, headers=self.headers + tuple(headers))

    def to_bytes(self) -> bytes:
        """Write the message exactly as it stands. Nothing is added, also no Content-Length."""
        lines = [self.start_line, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return _CRLF.join(lines).encode(*_ENCODING) + self.body


def parse(raw: bytes) -> Message:
    """Read one message: tolerant of bare LF, folded lines, blank lines before and spaces around the colon.

    A body is cut to Content-Length when the header is there and shorter (RFC 3261 section 18.3).

    Raises:
        MalformedMessageError: no start line, or a header line without a colon.
    """
    head, body = _split_head(raw.lstrip(b"\r\n"))
    lines = head.decode(*_ENCODING).replace(_CRLF, "\n").split("\n")
    if not lines[0].strip() or "SIP/2.0" not in lines[0].upper():
        raise MalformedMessageError(f"no SIP start line: {lines[0][:80]!r}")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and headers:  # folding, RFC 3261 section 7.3.1
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedMessageError(f"header line without a colon: {line[:80]!r}")
        headers.append((name.rstrip(), value.strip()))
    message = Message(start_line=lines[0], headers=tuple(headers), body=body)
    length = message.get("Content-Length")
    return replace(message, body=body[: int(length)]) if length.isdigit() else message


def _split_head(raw: bytes) -> tuple[bytes, bytes]:
    for blank in (b"\r\n\r\n", b"\n\n"):
        head, found, body = raw.partition(blank)
        if found:
            return head, body
    return raw.rstrip(b"\r\n"), b""


def split_list(value: str) -> Iterator[str]:
    """Yield the members of a comma list; commas in quotes or in angle brackets don't part them."""
    start = 0
    quoted = escaped = False
    depth = 0
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            depth += 1
        elif char == ">":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            yield value[start:index].strip()
            start = index + 1
    yield value[start:].strip()


def request(method: str, uri: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Message:
    """Build a request. Content-Length is written last, unless `headers` bring their own."""
    return _measured(Message(start_line=f"{method} {uri} SIP/2.0", headers=tuple(headers), body=body))


def response(
    to: Message,
    status: int,
    *,
    reason: str | None = None,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Message:
    """Build the response to a request (RFC 3261 section 8.2.6.2): Via, From, To, Call-ID, CSeq copied, in
    order.

    `to_tag` is added when the request's To has none and the status is not 100. Record-Route is copied into
    101-299 (RFC 3261 section 12.1.1).
    """
    dialog_forming = 100 < status < 300
    copied: list[tuple[str, str]] = []
    for name, value in to.headers:
        key = canonical(name)
        if key == "to" and to_tag and status != 100 and ";tag=" not in value.lower():
            copied.append((name, f"{value};tag={to_tag}"))
        elif key in ("via", "from", "to", "call-id", "cseq") or (key == "record-route" and dialog_forming):
            copied.append((name, value))
    phrase = reason if reason is not None else REASONS.get(status, "Unknown")
    line = f"SIP/2.0 {status} {phrase}"
    return _measured(Message(start_line=line, headers=(*copied, *headers), body=body))


def _measured(message: Message) -> Message:
    if message.has("Content-Length"):
        return message
    return message.with_headers([("Content-Length", str(len(message.body)))])
