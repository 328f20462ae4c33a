"""What people have found and decided, as far as the journal of acts bears it out: nothing else is in force.

Evidence, verified numbers, holds and raises stand in a database that others may be able to write to. The
journal of acts is a chain whose end root keeps (`sound_journal`); gates judge by what is made of both here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from trunkward.control import evidence_journal, spending_journal, verified
from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.declared import InForce
from trunkward.control.sound_journal import sound_journal
from trunkward.control.spending import holds_now, raises_now
from trunkward.trunks.callers import Verification
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.spending import Hold, Raise


@dataclass(frozen=True, slots=True, kw_only=True)
class BorneOut:
    """All of it."""

    #: Of evidence, the newest first.
    records: list[EvidenceRecord] = field(default_factory=list)
    #: That trunks may show a number; also those whose time is over.
    findings: list[Verification] = field(default_factory=list)
    #: Those in force.
    holds: list[Hold] = field(default_factory=list)
    raises: list[Raise] = field(default_factory=list)
    #: Findings that are in force by row or journal alone: their trunk, by version. An act on it ends them.
    unproven: dict[int, str] = field(default_factory=dict)
    #: The same of rows of holds and raises that nobody has made.
    nobodys: list[Hold | Raise] = field(default_factory=list)
    #: Sentences on what is not as it was journaled.
    problems: list[str] = field(default_factory=list)


def borne_out(store: ConfigurationStore, before: InForce | None, at: float) -> BorneOut:
    """What may be in force at a time, in seconds since the epoch.

    `before` is what is in force, in root's own file: where the journal is not sound nothing but a hold is
    added to it.
    """
    records, findings, rows = store.evidence(), store.verifications(), (store.holds(), store.raises())
    try:
        entries = sound_journal(store)
    except HistoryBroken as broken:
        kept = _as_before(findings, rows, before, at)
        at_stake = records or any(one.holds(at) for one in findings) or kept.holds or raises_now(rows[1], at)
        if at_stake:
            kept.problems.append(
                f"{broken}: until that is put right no record of evidence signs anything, no number is"
                " verified anew, no cap is raised, and no hold ends"
            )
        return kept
    good, told = evidence_journal.sound_by(records, entries)
    proven, unproven = verified.borne_out(findings, entries, at)
    holds, raises = journaled = spending_journal.journaled_now(entries, at)
    return BorneOut(
        records=good,
        findings=proven,
        holds=holds,
        raises=raises,
        unproven=unproven,
        nobodys=[
            *spending_journal.nobodys(holds_now(rows[0]), holds),
            *spending_journal.nobodys(raises_now(rows[1], at), raises),
        ],
        problems=[
            *told,
            *(verified.unproven_told(number, trunk) for number, trunk in unproven.items()),
            *spending_journal.unlike_journal(rows, journaled, at),
        ],
    )


def _as_before(
    findings: Iterable[Verification],
    rows: tuple[Iterable[Hold], Iterable[Raise]],
    before: InForce | None,
    at: float,
) -> BorneOut:
    """What was in force and still stands in the rows; of holds what stands in either."""
    shown, held, raised = (before.verified, before.holds, before.raises) if before else ([], [], [])
    known = {(one.number, one.trunk, one.until) for one in shown}
    its = {one.version for one in held}
    return BorneOut(
        findings=[one for one in findings if (one.number, one.trunk, one.until) in known],
        holds=[*(one for one in holds_now(rows[0]) if one.version not in its), *held],
        raises=[one for one in raises_now(rows[1], at) if one in raised],
    )
