"""Lines of a signer's journal that say a call was signed: those of a time, read off its segments.

Found by the times of the segments' first lines, and read one after the other: nothing is held in memory.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from trunkward.engines.journal_proof import values_from
from trunkward.engines.journals import segments_of
from trunkward.journal.chain import UNREADABLE
from trunkward.journal.examine import told
from trunkward.journal.segments import Segment
from trunkward.journal.values import Values

_SIGNED = "signed"


class NamedLine(NamedTuple):
    """A line of a signer's journal: whose, and its number."""

    identity: str
    number: int


class SignedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one of them says."""

    seq: int
    #: Seconds since the epoch.
    at: float
    kind: str
    record_id: str = ""
    tenant: str = ""


class _At(msgspec.Struct):
    at: float = 0.0


_decode = msgspec.json.Decoder(SignedLine).decode


def signed_between(journal: Path, since: float, until: float) -> Iterator[SignedLine]:
    """In their order; times in seconds since the epoch, `until` not in it. Raises `OSError`.

    A line that cannot be read is passed over: `journal verify` tells of it.
    """
    segments = segments_of(journal)
    begun = bisect_left(segments, since, key=_begins_at)
    for segment in segments[max(begun - 1, 0) :]:
        if _begins_at(segment) >= until:
            return
        for text in segment.lines():
            if b'"signed"' not in text:
                continue
            try:
                line = _decode(text)
            except UNREADABLE:
                continue
            if line.kind == _SIGNED and since <= line.at < until:
                yield line


def with_values(
    journal: Path, lines: Iterable[SignedLine]
) -> Iterator[tuple[SignedLine, Mapping[str, str] | None]]:
    """Each with what it committed to, by name; None: that is not kept any more. Raises `OSError`."""
    day, its = "", None
    kept: Iterator[Values] = iter(())
    for line in lines:
        if (of := told(line.at)[:10]) != day:
            day, kept = of, values_from(journal, of, line.seq)
            its = next(kept, None)
        while its is not None and its.seq < line.seq:
            its = next(kept, None)
        found = its.values if its is not None and its.seq == line.seq else None
        yield line, None if found is None else {name: value for name, (_, value) in found.items()}


def _begins_at(segment: Segment) -> float:
    first = next(iter(segment.lines()), b"")
    try:
        return msgspec.json.decode(first, type=_At).at
    except UNREADABLE:
        return 0.0
