"""What stands in a message byte for byte: headers put in by hand, and those that arrived."""

import re
from collections.abc import Callable

from wire.node.parties import Party

#: A header line with what is folded behind it (RFC 3261 section 7.3.1), whatever form its name has.
_SIGNED = re.compile(
    rb"^(?:identity|y|date)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n", re.IGNORECASE | re.MULTILINE
)


def bringing(block: bytes) -> Callable[[bytes], bytes]:
    """Puts these lines into each initial INVITE just before it leaves (`Party.on_wire`)."""

    def put(data: bytes) -> bytes:
        head, gap, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"INVITE ") or b";tag=" in _line(head, b"To"):
            return data
        return head + b"\r\n" + block.removesuffix(b"\r\n") + gap + body

    return put


def arrived(party: Party) -> list[list[bytes]]:
    """The Identity and Date lines of each initial INVITE a party has received, as they stood there."""
    found = []
    for raw in party.raw:
        head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
        if head.startswith(b"INVITE ") and b";tag=" not in _line(head, b"To"):
            found.append(_SIGNED.findall(head))
    return found


def lines_of(block: bytes) -> list[bytes]:
    """The lines of a block, folded ones whole."""
    return _SIGNED.findall(block)


def _line(head: bytes, name: bytes) -> bytes:
    return next((line for line in head.split(b"\r\n") if line.lower().startswith(name.lower() + b":")), b"")
