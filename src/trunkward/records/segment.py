"""The form of a segment: JSON Lines, one record a line, appended and never changed.

A line is complete when its newline is there. Whoever dies while writing leaves at most one line
without one; a reader stops before it and comes back, and a writer that starts anew starts a new
segment. Where several processes write one (the edge), each record starts with a newline, too, so
that it is whole whatever a full disk left of one before; empty lines are nothing.

Decisions, outcomes and events are objects with a `kind`, messages are arrays.
"""

from collections.abc import Iterator

import msgspec

from trunkward.records.model import DecisionRecord, EventRecord, MessageRecord, OutcomeRecord, Record

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(DecisionRecord | OutcomeRecord | EventRecord)
_message_decoder = msgspec.json.Decoder(MessageRecord)


class SegmentCorrupt(Exception):
    """A complete line that is no record; `offset` is where it starts, in bytes."""

    def __init__(self, offset: int, problem: str) -> None:
        """Keeps the place."""
        super().__init__(f"at byte {offset}: {problem}")
        self.offset = offset


def encode(record: Record) -> bytes:
    """One line, newline included."""
    return _encoder.encode(record) + b"\n"


def decode(data: bytes, offset: int) -> Iterator[tuple[Record | SegmentCorrupt, int]]:
    """Records of the complete lines in `data`, which starts at byte `offset` of its segment.

    Each comes with the offset after it. A line that is no record comes as `SegmentCorrupt`, so
    that one bad line costs one line and is seen.
    """
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        line = data[start:end]
        if not line:  # of a writer whose every record starts a line, whatever stands before it
            start = end + 1
            continue
        record: Record | SegmentCorrupt
        try:
            record = (_message_decoder if line.startswith(b"[") else _decoder).decode(line)
        except (msgspec.ValidationError, msgspec.DecodeError) as problem:
            record = SegmentCorrupt(offset + start, str(problem))
        start = end + 1
        yield record, offset + start
