"""Strict JSON for headers and payloads of PASSporTs (RFC 7515 section 4, RFC 7519 section 4, RFC 8259).

One text has one meaning: what two readers could read as two things is no JSON here.
"""

import re
from typing import Any

import msgspec

from trunkward.shaken.causes import Cause, Refused

#: Levels of objects and arrays in a JOSE header, and in a payload: a jCard in `rcd` needs seven (RFC 9795).
HEADER_DEPTH = 4
PAYLOAD_DEPTH = 8

_parse = msgspec.json.Decoder(dict[str, Any]).decode
_write = msgspec.json.Encoder().encode
_NESTED = (dict, list)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def decode(data: bytes, depth: int = HEADER_DEPTH) -> dict[str, Any]:
    """The object that `data` is. Raises `Refused`: json-malformed, json-key-twice.

    Refused are: what is no JSON object in UTF-8, `NaN`, escapes that are no characters, an object that
    names a key twice, however it is spelled, and more than `depth` levels.
    """
    try:
        found = _parse(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(Cause.JSON_MALFORMED, "no JSON object in UTF-8") from None
    # Written anew as it came, it has each key once: so are nearly all PASSporTs, and this is quickest.
    if _write(found) == data and data.count(b"{") + data.count(b"[") <= depth:
        return found
    # Else: outside of strings a colon stands behind each key, and nowhere else. More colons than keys that
    # came through, and one came twice.
    if _STRING.sub(b"", data).count(b":") != _keys(found, depth):
        raise Refused(Cause.JSON_KEY_TWICE, "an object names a key twice")
    return found


def _keys(value: dict[str, Any] | list[Any], depth: int) -> int:
    """Keys of an object and of all within it."""
    if not depth:
        raise Refused(Cause.JSON_MALFORMED, "too many levels")
    count, inner = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    for item in inner:
        if isinstance(item, _NESTED):
            count += _keys(item, depth - 1)
    return count
