"""Records that are on this node's disk and not in the database yet: how many bytes, and since when."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

#: Bytes read at the place shipping has reached: more than one record has.
_LOOK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits to be shipped."""

    size_bytes: int
    #: Seconds since the epoch of the oldest record that waits; None when none does.
    since: float | None


def waiting(directories: Iterable[Path], shipped: Callable[[str], int]) -> Waiting:
    """What waits in these directories; `shipped` says how far a segment has come, by its name.

    Half a line at the end of a segment waits for its writer, not for us. A segment that goes away meanwhile
    was shipped.
    """
    size, oldest = 0, None
    for directory in directories:
        for segment in directory.glob("*.jsonl"):
            try:
                offset = shipped(f"{directory.name}/{segment.name}")
                left = segment.stat().st_size - offset
                since = _first_at(segment, offset) if left > 0 else None
            except FileNotFoundError:
                continue
            if since is not None:
                size += left
                oldest = since if oldest is None else min(oldest, since)
    return Waiting(size_bytes=size, since=oldest)


def _first_at(segment: Path, offset: int) -> float | None:
    """When the first whole record after `offset` was made; if it does not say, the file's last change."""
    with segment.open("rb") as file:
        file.seek(offset)
        data = file.read(_LOOK)
    lines = data.split(b"\n")
    whole = [line for line in lines[:-1] if line]
    if not whole:
        return segment.stat().st_mtime if len(data) == _LOOK else None
    try:
        found = json.loads(whole[0])
        # messages are lists, to be short (`records.model.MessageRecord`)
        return float(found["at"] if isinstance(found, dict) else found[1])
    except (ValueError, TypeError, LookupError):
        return segment.stat().st_mtime
