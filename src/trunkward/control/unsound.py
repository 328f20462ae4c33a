"""What is in force and not borne out any more by the journal of acts: nothing is to rest on it.

A token holds by itself until its end, whatever becomes of the row it was made of; and what gates judge by
stays as it is until something is put in force.
"""

from collections.abc import Iterable
from math import ceil

from trunkward.control.borne_out import BorneOut
from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.contracts import read_contracts
from trunkward.control.declared import InForce
from trunkward.control.evidence_journal import acts_of, evidence_id
from trunkward.control.sound_journal import sound_journal
from trunkward.shaken.evidence import read_token
from trunkward.trunks.evidence import GRACE_S, EvidenceRecord


def unsound(in_force: InForce, kept: BorneOut) -> list[str]:
    """Ids of records that tokens or blocks in force name, and that are not among those that are sound.

    Also of those whose row is gone: what is deleted when its time is over has no token any more.
    """
    said = (read_token(token) for tokens in in_force.evidence.values() for token in tokens)
    named = {
        *(one.id for one in said if one.is_recorded),
        *(evidence_id(one.record) for one in in_force.blocks),
        *(one.id for one in read_contracts(in_force.contracts).values()),
    }
    return sorted(named - {evidence_id(one.version) for one in kept.records if one.accepted})


def unproven(in_force: InForce, kept: BorneOut, at: float) -> list[str]:
    """Of verified numbers, holds and raises the same, in words. `at` in seconds since the epoch."""
    proven = {(one.number, one.trunk, one.until) for one in kept.findings}
    shown = (one for one in in_force.verified if at < one.until)
    return [
        *(
            f"{one.number} of {one.trunk}"
            for one in shown
            if (one.number, one.trunk, one.until) not in proven
        ),
        *(f"the hold of {one.owner}" for one in in_force.holds if one not in kept.holds),
        *(f"the hold of {one.owner}" for one in kept.holds if one not in in_force.holds),
        *(f"the raise of {one.owner}" for one in in_force.raises if one.holds(at) and one not in kept.raises),
    ]


def to_deny(store: ConfigurationStore, records: Iterable[EvidenceRecord], now: float) -> dict[str, int]:
    """What the list of denied evidence is to say of records that were accepted and are not among `records`.

    By id, until nobody could show a number by it any more; all in seconds since the epoch. By the journal's
    word, not the row's. Of a journal that does not hold nothing is known, and what is denied is for good.
    """
    try:
        acts = acts_of(sound_journal(store))
    except HistoryBroken:
        return {}
    good = {one.version for one in records}
    ends = {number: its["add"].said["until"] + GRACE_S for number, its in acts.items() if "accept" in its}
    return {evidence_id(number): ceil(at) for number, at in ends.items() if number not in good and now < at}
