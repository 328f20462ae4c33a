"""Evidence and findings whose time is over are deleted, never much at once; the journal says so."""

from collections.abc import Iterable

import msgspec

from trunkward.journal.chain import Entry
from trunkward.trunks.callers import Verification
from trunkward.trunks.evidence import GRACE_S, EvidenceForgotten, EvidenceRecord
from trunkward.trunks.retention import DAY_S

#: Seconds between two acts, and of ends that one act deletes: a clock that is wrong after all makes a week of
#: records a day go, and what piles up is still worked off.
EACH_S, AT_ONCE_S = DAY_S, 7 * DAY_S


class _Act(msgspec.Struct):
    at: float = 0.0
    evidence_deleted: object = None


def forgotten(
    records: Iterable[EvidenceRecord], findings: Iterable[Verification], days: int, now: float
) -> EvidenceForgotten | None:
    """Those that ended so many days ago, whatever became of them; None: no such one.

    `now` in seconds since the epoch. Not while calls may still rest on one (`GRACE_S`). The oldest, and those
    that ended within a week after it.
    """
    records, findings = list(records), list(findings)
    ends = [*(one.until for one in records), *(one.until for one in findings)]
    before = min(now - max(days * DAY_S, GRACE_S), min(ends, default=now) + AT_ONCE_S)

    def over(held: Iterable[EvidenceRecord | Verification]) -> tuple[int, ...]:
        return tuple(sorted(one.version for one in held if one.until <= before))

    act = EvidenceForgotten(records=over(records), findings=over(findings), kept_days=days)
    return act if act.records or act.findings else None


def may_next(entries: Iterable[Entry], now: float) -> float:
    """From when on some may be deleted again, by the journal of acts; all in seconds since the epoch.

    An act of more than a day from `now` was by a clock that was wrong, and holds nothing up for years.
    """
    acts = (msgspec.json.decode(entry.text, type=_Act) for entry in entries)
    lasts = (act.at for act in acts if act.evidence_deleted is not None and act.at <= now + EACH_S)
    return max((at + EACH_S for at in lasts), default=0.0)


def said(act: EvidenceForgotten) -> str:
    """One line for the history."""
    kinds = (("evidence", act.records), ("verified number", act.findings))
    which = ", ".join(f"{kind} {number}" for kind, numbers in kinds for number in numbers)
    return f"deleted {act.kept_days} days after the end: {which}"


def journaled(act: EvidenceForgotten) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    return {"records": list(act.records), "findings": list(act.findings), "kept_days": act.kept_days}
