"""What is in force and not borne out any more by the journal of acts: nothing is to rest on it.

A token holds by itself until its end, whatever becomes of the row it was made of; and what gates judge by
stays as it is until something is put in force.
"""

from trunkward.control.borne_out import BorneOut
from trunkward.control.contracts import read_contracts
from trunkward.control.declared import InForce
from trunkward.control.evidence_journal import evidence_id
from trunkward.shaken.evidence import read_token


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
    return sorted(named - {evidence_id(one.version) for one in kept.records})


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
