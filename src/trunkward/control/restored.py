"""That a node was restored: its journals begin again where the backup ended, and say so."""

from collections.abc import Iterable
from dataclasses import dataclass

from trunkward.trunks.evidence import EvidenceRecord, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The act: a backup took the node's place. What was decided on after it is lost."""

    #: When the backup was made, as it says itself, and by which version of Trunkward.
    made_at: str
    version: str
    #: Records of evidence that hold again, whatever became of them since: by number.
    evidence: tuple[int, ...]


def holding(records: Iterable[EvidenceRecord], now: float) -> list[EvidenceRecord]:
    """Those levels rest on at a time, in seconds since the epoch, the oldest first."""
    return sorted((one for one in records if one.state(now) is State.ACCEPTED), key=lambda one: one.version)


def said(act: Restored) -> str:
    """One line for the history."""
    return f"restored from the backup of {act.made_at}, made by version {act.version}"


def journaled(act: Restored) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    return {"made_at": act.made_at, "by_version": act.version, "evidence": list(act.evidence)}
