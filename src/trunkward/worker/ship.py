"""Shipping records from this node's segments into the database, by record id."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from trunkward.records.model import Record
from trunkward.records.segment import SegmentCorrupt, decode
from trunkward.store.records import RecordStore

#: Bytes read from a segment in one go, so that one transaction stays small.
_CHUNK = 1 << 20
#: Seconds after its last change in which somebody may still be writing to a segment that is not the newest.
_LATE_S = 60.0
#: Seconds a segment is kept after its last line was shipped.
KEEP_SHIPPED_S = 86_400.0
#: The same by directory: messages are many, nobody's evidence, and in memory.
_KEEP_SHIPPED_S = {"ladder": 0.0}


def ship(
    directories: Iterable[Path],
    store: RecordStore,
    now_s: float,
    warn: Callable[[str], None],
    went_on: Callable[[], None] = lambda: None,
) -> int:
    """Ships what has been appended since; the number of records shipped.

    `directories` hold segments, one for each writer, those of decisions before those of outcomes: an outcome
    is shipped after its decision, so that nobody finds a call with an end and no verdict. A segment that
    nobody writes any more (a newer one stands beside it), that is shipped whole and older than
    `KEEP_SHIPPED_S` (messages: at once) is deleted.
    `went_on` is called after each batch.
    """
    count = 0
    # a decision is on disk before its call goes on: what the last writers have written until now follows from
    # what the first ones have until a moment later
    found = [
        (d, [(s, s.stat().st_size) for s in sorted(d.glob("*.jsonl"))]) for d in reversed([*directories])
    ]
    for directory, segments in reversed(found):
        keep_s = _KEEP_SHIPPED_S.get(directory.name, KEEP_SHIPPED_S)
        for segment, end in segments:
            name = f"{directory.name}/{segment.name}"
            state = segment.stat()
            closed = segment != segments[-1][0] and now_s - state.st_mtime > _LATE_S
            offset = store.offset(name)
            if offset > state.st_size:  # another file of that name, as after a disk was replaced
                warn(f"{name}: shorter than what was shipped of it ({offset} bytes): read from its beginning")
                offset = 0
            if offset >= end:
                shipped = 0
            else:
                shipped, offset = _ship_segment(
                    segment, name, offset, end, store, warn, went_on, closed=closed
                )
            count += shipped
            if closed and offset == state.st_size and now_s - state.st_mtime > keep_s:
                segment.unlink()
                store.forget_segment(name)
    return count


def _ship_segment(
    segment: Path,
    name: str,
    offset: int,
    end: int,
    store: RecordStore,
    warn: Callable[[str], None],
    went_on: Callable[[], None],
    *,
    closed: bool,
) -> tuple[int, int]:
    """Records shipped of those before `end`, and the offset reached. `closed`: nobody writes it any more."""
    count, chunk = 0, _CHUNK
    with segment.open("rb") as file:
        while True:
            began = offset
            file.seek(offset)
            data = file.read(min(chunk, end - offset))
            batch: list[Record] = []
            for record, after in decode(data, offset):
                offset = after
                if isinstance(record, SegmentCorrupt):
                    warn(f"{name}: {record}: the line is skipped and stays in the segment")
                else:
                    batch.append(record)
            if offset == began and len(data) == chunk:
                chunk *= 2  # one line longer than all that was read
                continue
            if offset == began and data and closed:
                warn(f"{name}: at byte {offset}: {len(data)} bytes of a line its writer died in: skipped")
                offset += len(data)
            if offset == began:
                return count, offset
            # before the database knows of it: an offset past what a power cut left would skip what comes next
            os.fdatasync(file.fileno())
            # also when all of it was corrupt: each bad line is told once
            store.ship(batch, name, offset)
            went_on()
            count += len(batch)
