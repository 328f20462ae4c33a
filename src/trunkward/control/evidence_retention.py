"""Records of evidence and findings whose time is over are deleted; a line of the journal says so."""

from collections.abc import Iterable

from trunkward.trunks.callers import Verification
from trunkward.trunks.evidence import GRACE_S, EvidenceForgotten, EvidenceRecord
from trunkward.trunks.retention import DAY_S


def forgotten(
    records: Iterable[EvidenceRecord], findings: Iterable[Verification], days: int, now: float
) -> EvidenceForgotten | None:
    """Those that ended so many days ago, whatever became of them; None: no such one.

    `now` in seconds since the epoch. Not while calls may still rest on one (`GRACE_S`).
    """

    def over(held: Iterable[EvidenceRecord | Verification]) -> tuple[int, ...]:
        return tuple(sorted(one.version for one in held if now >= one.until + max(days * DAY_S, GRACE_S)))

    act = EvidenceForgotten(records=over(records), findings=over(findings), kept_days=days)
    return act if act.records or act.findings else None


def said(act: EvidenceForgotten) -> str:
    """One line for the history."""
    kinds = (("evidence", act.records), ("verified number", act.findings))
    which = ", ".join(f"{kind} {number}" for kind, numbers in kinds for number in numbers)
    return f"deleted {act.kept_days} days after the end: {which}"


def journaled(act: EvidenceForgotten) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    return {"records": list(act.records), "findings": list(act.findings), "kept_days": act.kept_days}
