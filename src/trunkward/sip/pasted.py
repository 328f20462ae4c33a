"""An INVITE, or a header's value alone, as somebody has copied it out of a trace or a log."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_INVITE = re.compile(r"^(?P<before>.*?)INVITE[ \t]+(?P<uri>\S+)[ \t]+SIP/2\.0[ \t]*$", re.MULTILINE)
_HEADER = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:[ \t]*(.*)")
#: RFC 3261 section 7.3.3, RFC 8224 section 4: those that are asked for here.
_COMPACT = {"f": "from", "t": "to", "y": "identity", "i": "call-id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What it says. `uri` is the Request-URI; "" where there was no INVITE."""

    uri: str
    #: By lower-case name, never a compact one, in their order.
    headers: dict[str, list[str]] = field(default_factory=dict)

    def values(self, name: str) -> list[str]:
        """Of a header, by its lower-case name."""
        return self.headers.get(name, [])


def read_pasted(text: str, *, alone: str) -> Pasted:
    """The first INVITE of a text; where there is none, each line is a value of the header `alone`.

    What stands before the INVITE is left out, and as many blanks at the beginning of each line of it: traces
    indent. A line that begins with a blank otherwise belongs to the one before (RFC 3261 section 7.3.1).
    """
    text = text.replace("\r\n", "\n")
    invite = _INVITE.search(text)
    if invite is None:
        values = [_value(line, alone) for line in _unfolded(text.split("\n"))]
        return Pasted(uri="", headers={alone: values})
    indent = len(invite["before"]) if not invite["before"].strip() else 0
    lines = [
        line[indent:] if not line[:indent].strip() else line for line in text[invite.end() + 1 :].split("\n")
    ]
    head = lines[: lines.index("")] if "" in lines else lines
    headers: dict[str, list[str]] = {}
    for line in _unfolded(head):
        if found := _HEADER.fullmatch(line):
            name = found[1].lower()
            headers.setdefault(_COMPACT.get(name, name), []).append(found[2])
    return Pasted(uri=invite["uri"], headers=headers)


def _unfolded(lines: Iterable[str]) -> list[str]:
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line.strip())
    return [line for line in whole if line]


def _value(line: str, name: str) -> str:
    found = _HEADER.fullmatch(line)
    named = found is not None and _COMPACT.get(found[1].lower(), found[1].lower()) == name
    return found[2] if found is not None and named else line
