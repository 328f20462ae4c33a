"""The SIP messages a user agent saw, from baresip's trace (-s): what a TLS peer sees after decryption."""

import re
from dataclasses import dataclass

_TRACED = re.compile(
    rb"\x1b\[36;1m#\n(?P<transport>TLS|TCP|UDP) (?P<src>\S+):(?P<sport>\d+) -> (?P<dst>\S+):(?P<dport>\d+)\n"
    rb"(?P<message>.*?)\x1b\[;m",
    re.DOTALL,
)
_COMPACT = {
    "i": "call-id", "m": "contact", "v": "via", "f": "from", "t": "to", "l": "content-length",
    "c": "content-type", "k": "supported", "y": "identity",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SipMessage:
    """One message as sent or received, header values in order of appearance."""

    transport: str
    source: tuple[str, int]
    destination: tuple[str, int]
    received: bool
    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str
    text: str

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, compact forms included (RFC 3261 section 7.3.3)."""
        wanted = name.lower()
        return tuple(v for n, v in self.headers if _COMPACT.get(n.lower(), n.lower()) == wanted)

    def first(self, name: str) -> str:
        """The first value of a header, or the empty string."""
        return next(iter(self.values(name)), "")

    @property
    def is_request(self) -> bool:
        """Whether the start line is a request line."""
        return not self.start_line.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The request method, for a response the method of its CSeq."""
        return self.start_line.split(" ", 1)[0] if self.is_request else self.first("cseq").split()[-1]

    @property
    def status(self) -> int | None:
        """The status code of a response."""
        if self.is_request:
            return None
        code = self.start_line.split()[1]
        return int(code) if code.isdigit() else None

    def sdp(self, prefix: str) -> tuple[str, ...]:
        """The SDP lines starting with a prefix such as "a=crypto:", without the prefix."""
        return tuple(line[len(prefix) :] for line in self.body.splitlines() if line.startswith(prefix))


def read_trace(log: bytes, *, own: tuple[str, int], sbc: tuple[str, int]) -> tuple[SipMessage, ...]:
    """Read every message from a log of `baresip -s`.

    A message is received if it went to the party's own listener or came from the node's: the connections of
    all parties leave from 127.0.0.1, so addresses alone do not tell.
    """
    messages = []
    for found in _TRACED.finditer(log):
        source = (found["src"].decode(), int(found["sport"]))
        destination = (found["dst"].decode(), int(found["dport"]))
        messages.append(
            read_message(
                found["message"].decode("utf-8", "replace"),
                transport=found["transport"].decode(),
                source=source,
                destination=destination,
                received=destination == own or source == sbc,
            )
        )
    return tuple(messages)


def read_message(
    text: str, *, transport: str, source: tuple[str, int], destination: tuple[str, int], received: bool
) -> SipMessage:
    """One message; whatever it is, nothing is refused."""
    head, _, body = text.partition("\r\n\r\n")
    start_line, *lines = head.split("\r\n")
    return SipMessage(
        transport=transport,
        source=source,
        destination=destination,
        received=received,
        start_line=start_line,
        headers=_headers(lines),
        body=body,
        text=text,
    )


def _headers(lines: list[str]) -> tuple[tuple[str, str], ...]:
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    pairs = (line.partition(":") for line in unfolded if ":" in line)
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)
