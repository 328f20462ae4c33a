"""Records that what is in force rests on, and that are not sound any more: they are to sign nothing.

A token holds by itself until its end, whatever becomes of the row it was made of.
"""

from collections.abc import Iterable

from trunkward.control.contracts import read_contracts
from trunkward.control.declared import InForce
from trunkward.control.evidence_journal import evidence_id
from trunkward.shaken.evidence import read_token
from trunkward.trunks.evidence import EvidenceRecord


def unsound(in_force: InForce, records: Iterable[EvidenceRecord]) -> list[str]:
    """Ids of records that tokens or blocks in force name, and that are not among `records`, the sound ones.

    Also of those whose row is gone: what is deleted when its time is over has no token any more.
    """
    said = (read_token(token) for tokens in in_force.evidence.values() for token in tokens)
    named = {
        *(one.id for one in said if one.is_recorded),
        *(evidence_id(one.record) for one in in_force.blocks),
        *(one.id for one in read_contracts(in_force.contracts).values()),
    }
    return sorted(named - {evidence_id(one.version) for one in records})
