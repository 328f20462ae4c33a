"""Shipping records from this node's segments into the database, by record id."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from trunkward.calls.outcome import Outcome
from trunkward.records.model import OutcomeRecord, Record
from trunkward.records.segment import SegmentCorrupt, decode, encode
from trunkward.store.records import RecordStore

#: Bytes read from a segment in one go, so that one transaction stays small.
_CHUNK = 1 << 20
#: Seconds a segment is kept after its last line was shipped.
KEEP_SHIPPED_S = 86_400.0


def ship(records: Path, store: RecordStore, now_s: float, warn: Callable[[str], None]) -> int:
    """Ships what has been appended since; the number of records shipped.

    `records` holds a directory for each gate, with its segments. A segment that nobody writes any
    more (a newer one stands beside it), is shipped whole and older than `KEEP_SHIPPED_S` is deleted.
    """
    count = 0
    for directory in sorted(path for path in records.iterdir() if path.is_dir()):
        segments = sorted(directory.glob("*.jsonl"))
        for segment in segments:
            name = f"{directory.name}/{segment.name}"
            closed = segment != segments[-1]
            shipped, offset = _ship_segment(segment, name, store, warn, closed=closed)
            count += shipped
            state = segment.stat()
            if closed and offset == state.st_size and now_s - state.st_mtime > KEEP_SHIPPED_S:
                segment.unlink()
                store.forget_segment(name)
    return count


def _ship_segment(
    segment: Path, name: str, store: RecordStore, warn: Callable[[str], None], *, closed: bool
) -> tuple[int, int]:
    """Records shipped, and the offset reached. `closed`: nobody writes this segment any more."""
    count, offset, chunk = 0, store.offset(name), _CHUNK
    with segment.open("rb") as file:
        while True:
            began = offset
            file.seek(offset)
            data = file.read(chunk)
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
            # also when all of it was corrupt: each bad line is told once
            store.ship(batch, name, offset)
            count += len(batch)


def take_spool(spool: Path, records: Path, now_s: float, warn: Callable[[str], None]) -> int:
    """Makes a segment of the outcomes the edge spooled while no gate answered; how many there were.

    The file is moved aside in one round and read in the next: the edge opens it by name for each
    line, and one that had it open has written its line by then.
    """
    taken = spool.with_suffix(".taken")
    if not taken.exists():
        if spool.exists():
            os.rename(spool, taken)
        return 0
    lines: list[bytes] = []
    for number, line in enumerate(taken.read_bytes().splitlines(), 1):
        try:
            outcome = msgspec.json.decode(line, type=Outcome)
        except (msgspec.ValidationError, msgspec.DecodeError) as problem:
            warn(f"spooled outcome, line {number}: {problem}: skipped")
            continue
        lines.append(encode(OutcomeRecord(record_id=outcome.record_id, at=now_s, outcome=outcome)))
    directory = records / "edge"
    directory.mkdir(mode=0o750, exist_ok=True)
    if not lines:
        taken.unlink()
        return 0
    part = directory / f"{int(now_s * 1000):015d}.part"
    part.write_bytes(b"".join(lines))
    part.rename(part.with_suffix(".jsonl"))
    taken.unlink()
    return len(lines)
