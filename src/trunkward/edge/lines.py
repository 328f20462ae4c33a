"""The header lines of a message, read once: one look at its text instead of a call for each header.

Kamailio's own header functions cost some microseconds for each question and its regular expressions
are compiled for each message; a message is asked a dozen questions here (RFC 3261 7.3, 7.3.3).
"""

import re

#: RFC 3261 20 and the registry: one-letter forms.
_COMPACT = {
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


#: Characters Kamailio takes in a header's name (`parse_hname2.c`), and how long a name it removes may be.
_NAME = re.compile(r"[0-9a-z._+~-]{1,124}")
#: Lines of a head; a usual one has a dozen. Kamailio's time to remove headers grows with their square.
_MOST_LINES = 256


_MOST_KNOWN = 512
_NONE: list[str] = []


class _Known(dict[str, tuple[str, str, bool]]):
    """Header names as peers write them: lower-case, without compact form, and whether Kamailio takes them."""

    def __missing__(self, written: str) -> tuple[str, str, bool]:
        """A name seen for the first time; peers write the same two dozen over and over."""
        name = written.rstrip(" \t").lower()
        if len(self) >= _MOST_KNOWN:
            self.clear()
        found = self[written] = name, _COMPACT.get(name, name), _NAME.fullmatch(name) is not None
        return found


_known = _Known()


class Lines:
    """Header values by name, in their order."""

    __slots__ = ("_values", "is_clear", "names")

    def __init__(self, message: str) -> None:
        """Reads the head of a message; a folded line is one line (RFC 3261 7.3.1)."""
        # parse_msg() passes over these before it looks for the first line
        head = message.lstrip("\r\n\t\0 ").partition("\r\n\r\n")[0]
        ends = head.count("\r\n")
        #: Whether Kamailio sees the same lines as are seen here. It looks for LF only in most headers, for CR
        #: or LF in others and for CR in a status line: what has one without the other is read in two ways.
        is_clear = head.count("\r") == head.count("\n") == ends < _MOST_LINES and "\0" not in head
        if "\r\n " in head or "\r\n\t" in head:
            head = head.replace("\r\n ", " ").replace("\r\n\t", " ")
        known, names = _known, set[str]()
        values: dict[str, list[str]] = {}
        for line in head.split("\r\n")[1:]:
            written, _, value = line.partition(":")
            name, full, is_taken = known[written]
            if not is_taken:
                is_clear = False
            names.add(name)
            if full in values:
                values[full].append(value.strip(" \t"))
            else:
                values[full] = [value.strip(" \t")]
        #: Names as they stand there, lower-case.
        self.names = names
        self._values = values
        self.is_clear = is_clear

    def values(self, name: str) -> list[str]:
        """All values of a header, by its lower-case name, compact forms included."""
        return self._values.get(name, _NONE)
