"""The wire form of baresip's ctrl_tcp: netstrings of JSON, commands out, responses and events in."""

import json
from dataclasses import dataclass
from typing import Any

MAX_FRAME_BYTES = 1 << 20
"""Far above anything ctrl_tcp sends (a callstat is about 1 kB); above it the stream is not ctrl_tcp."""


class CtrlFramingError(ValueError):
    """The bytes are not netstrings of JSON objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrlEvent:
    """An event, e.g. CALL_ESTABLISHED; `param` is its free text, `at_s` its arrival in epoch seconds."""

    type: str
    param: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrlResponse:
    """The answer to one command, matched by its token."""

    token: str
    ok: bool
    data: str


def encode_command(command: str, params: str, token: str) -> bytes:
    """Frame one command."""
    body = json.dumps({"command": command, "params": params, "token": token}).encode()
    return b"%d:%s," % (len(body), body)


class CtrlDecoder:
    """Collects bytes, gives back whole messages. Keeps no clock: the time of arrival comes in."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = b""

    def feed(self, data: bytes, at_s: float) -> list[CtrlEvent | CtrlResponse]:
        """Add bytes and return every message now complete. Raises CtrlFramingError on anything else."""
        self._buffer += data
        messages: list[CtrlEvent | CtrlResponse] = []
        while b":" in self._buffer:
            head, _, rest = self._buffer.partition(b":")
            if not head.isdigit() or int(head) > MAX_FRAME_BYTES:
                raise CtrlFramingError(f"not a netstring length: {head[:20]!r}")
            length = int(head)
            if len(rest) < length + 1:
                break
            if rest[length : length + 1] != b",":
                raise CtrlFramingError("netstring does not end with a comma")
            messages.append(_message(rest[:length], at_s))
            self._buffer = rest[length + 1 :]
        return messages


def _message(body: bytes, at_s: float) -> CtrlEvent | CtrlResponse:
    try:
        # baresip copies peer text into its JSON: undecodable bytes must not stop the test.
        fields: dict[str, Any] = json.loads(body.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        raise CtrlFramingError(f"not JSON: {body[:80]!r}") from error
    if fields.get("event"):
        return CtrlEvent(type=str(fields.get("type", "")), param=str(fields.get("param", "")), at_s=at_s)
    return CtrlResponse(
        token=str(fields.get("token", "")),
        ok=bool(fields.get("ok")),
        data=str(fields.get("data", "")).strip(),
    )
