"""What a second person is to look at: a record by the journal of acts, not by what its row says today."""

from collections.abc import Iterable

from trunkward.access.actor import Actor
from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.evidence import EvidenceActRefused
from trunkward.control.evidence_documents import exchanged
from trunkward.control.evidence_journal import acts_of, borne_out, unlike_journal
from trunkward.control.sound_journal import sound_journal
from trunkward.trunks.evidence import EvidenceRecord


def to_review(store: ConfigurationStore, number: int) -> tuple[list[EvidenceRecord], Actor]:
    """All records, that one as entries root has written bear it out, and who answers for its entry.

    Raises `EvidenceActRefused` for one that is not as it was entered, or whose document is not: whoever can
    write to the database would say who entered it, and show the second person something else.
    """
    records = store.evidence()
    record = next((one for one in records if one.version == number), None)
    if record is None:
        raise EvidenceActRefused(f"there is no record {number}; ./trunkward evidence list shows them")
    try:
        acts = acts_of(sound_journal(store))
    except HistoryBroken as broken:
        raise EvidenceActRefused(str(broken)) from None
    if problem := unlike_journal(record, acts):
        raise EvidenceActRefused(problem)
    for problem in exchanged(store, [record]).values():
        raise EvidenceActRefused(problem)
    shown = borne_out(record, acts)
    return [shown if one is record else one for one in records], acts[number]["add"].by


def reviewed_again(rows: Iterable[EvidenceRecord], believed: Iterable[EvidenceRecord]) -> set[int]:
    """Numbers of those that are accepted by rows, and not as far as root has written."""
    accepted = {one.version for one in rows if one.accepted}
    return {one.version for one in believed if one.version in accepted and not one.accepted}
