"""A journal in many files: what they are called, and the line each but the first is opened by.

A segment's name is the number of its first line, in twelve digits. Its lines go on where those of the segment
before ended: the first one has that one's last hash as `prev`, like any line, and names its file (`follows`).
So one that is missing is told from one that was cut off.

Old segments are deleted only after a line that says so (`segment-deleted`): which lines they were and the
hash of the last of them, which the first line that is left has to follow.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: Bytes after which a segment is full; it also ends with the day its first line was written on, in UTC.
FULL_BYTES = 64 << 20
#: `kind` of the line that opens one, and of the one that says it is deleted.
OPENED, DELETED = "segment", "segment-deleted"
#: Those of a signer's first line and its last; a start after which there was no end says so (`unended`).
STARTED, STOPPED = "started", "stopped"

#: Numbers of lines are below it: a name has twelve digits.
MOST_LINES = 200_000_000_000

_NAME = re.compile(r"([0-9]{12})\.jsonl")


def name_of(first: int) -> str:
    """What the segment is called whose first line has this number."""
    return f"{first:012}.jsonl"


def first_of(name: str) -> int | None:
    """The number of its first line; None: no segment is called like this."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file of a journal, to be read."""

    name: str
    lines: Callable[[], Iterable[bytes]]
