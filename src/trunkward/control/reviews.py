"""Records of evidence that somebody has entered and nobody else has looked at: nothing rests on them yet."""

from collections.abc import Iterable

from trunkward.trunks.evidence import EvidenceRecord, State

_WAITS = "{one.kind}, {one.about}, waits for another person: ./trunkward evidence review {one.version}"


def waiting(records: Iterable[EvidenceRecord], now: float) -> list[tuple[str, str]]:
    """For each which it is, and what to do. `now` in seconds since the epoch."""
    return [
        (
            f"evidence record {one.version}",
            _WAITS.format(one=one),
        )
        for one in records
        if one.state(now) is State.ENTERED and now < one.until
    ]
