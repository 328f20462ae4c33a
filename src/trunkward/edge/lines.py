"""The header lines of a message, read once: one look at its text instead of a call for each header.

Kamailio's own header functions cost some microseconds for each question and its regular expressions
are compiled for each message; a message is asked a dozen questions here (RFC 3261 7.3, 7.3.3).
"""

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


class Lines:
    """Header values by name, in their order."""

    def __init__(self, message: str) -> None:
        """Reads the head of a message; a folded line is one line (RFC 3261 7.3.1)."""
        # Kamailio takes a bare CR or LF for the end of a line, too: a line it sees must be seen here
        head = message.replace("\r\n", "\n").replace("\r", "\n").partition("\n\n")[0]
        if "\n " in head or "\n\t" in head:
            head = head.replace("\n ", " ").replace("\n\t", " ")
        #: Names as they stand there, lower-case.
        self.names: set[str] = set()
        self._values: dict[str, list[str]] = {}
        for line in head.split("\n")[1:]:
            name, _, value = line.partition(":")
            name = name.rstrip().lower()
            self.names.add(name)
            self._values.setdefault(_COMPACT.get(name, name), []).append(value.strip())

    def values(self, name: str) -> list[str]:
        """All values of a header, compact forms included."""
        return self._values.get(name.lower(), [])
