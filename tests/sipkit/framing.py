"""Cutting a byte stream into SIP messages by Content-Length (RFC 3261 sections 7.5 and 18.3), pure."""

from __future__ import annotations

import re

_BLANK_LINE = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", re.IGNORECASE)

#: Largest header section read before the stream is given up, bytes.
MAX_HEAD_BYTES = 256 * 1024


class UnframeableStreamError(ValueError):
    """The stream holds no end of headers within `MAX_HEAD_BYTES`."""


class Framer:
    """Feed it bytes, take whole messages. A message without Content-Length is taken to have no body."""

    def __init__(self) -> None:
        """Start empty."""
        self._buffer = b""
        #: Keep-alive pings (double CRLF between messages, RFC 5626 section 4.4.1) seen and not yet answered.
        self.pings = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return every message that is complete now.

        Raises:
            UnframeableStreamError: the peer sent headers without end.
        """
        buffer = self._buffer + data if self._buffer else data
        position = 0
        messages: list[bytes] = []
        while True:
            while buffer.startswith(b"\r\n", position):
                if buffer.startswith(_BLANK_LINE, position):
                    self.pings += 1
                    position += 2
                position += 2
            end = buffer.find(_BLANK_LINE, position)
            if end < 0:
                break
            found = _LENGTH.search(buffer, position, end)
            stop = end + 4 + (int(found[1]) if found else 0)
            if stop > len(buffer):
                break
            messages.append(buffer[position:stop])
            position = stop
        self._buffer = buffer[position:]
        if len(self._buffer) > MAX_HEAD_BYTES and _BLANK_LINE not in self._buffer:
            raise UnframeableStreamError(f"no end of headers in {len(self._buffer)} bytes")
        return messages
