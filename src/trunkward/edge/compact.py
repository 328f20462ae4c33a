"""JSON without blanks, by the C encoder and scanner themselves: a call is written and read at every step.

`json.dumps` with separators builds an encoder for each value, and `json.loads` looks for blanks twice.
"""

import contextlib
import json
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

_encode = c_make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def compact(value: object) -> str:
    """A value as JSON."""
    return "".join(_encode(value, 0))


def expand(text: str) -> Any:
    """What `compact` wrote. Raises `ValueError` for anything else."""
    value, end = None, -1
    with contextlib.suppress(StopIteration):
        value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError(f"not a value of ours: {text[:80]!r}")
    return value
