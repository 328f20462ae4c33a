"""JSON without blanks, from one encoder: `json.dumps` with separators builds a new one for each value."""

import json

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def compact(value: object) -> str:
    """A value as JSON."""
    return _ENCODER.encode(value)
