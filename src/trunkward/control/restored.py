"""That a node was restored: its journals begin again where the backup ended, and say so.

What was decided on after the backup is lost with the rest, but for one thing: evidence that was revoked stays
revoked. A node at hand that has gone on from the backup knows of each revocation since; where none is at hand
nobody knows, and a person has to look through what holds again.
"""

from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from trunkward.journal.chain import ChainBroken, Entry, verify
from trunkward.journal.heads import Head
from trunkward.journal.own import End
from trunkward.trunks.evidence import EvidenceRecord, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The act: a backup took the node's place. What was decided on after it is lost."""

    #: When the backup was made, as it says itself, and by which version of Trunkward.
    made_at: str
    version: str
    #: Records of evidence that hold again, whatever became of them since: by number.
    evidence: tuple[int, ...]
    #: Of others the node that was at hand knew that they were revoked.
    denied: tuple[int, ...] = ()
    #: That node has gone on from the backup: it knew of all revocations since.
    known: bool = False
    #: Where the signers' journals begin again.
    journals: tuple[Head, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """Entries of the journal of acts that root has not written."""

    #: Number of the first.
    first: int
    last: End


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreConfirmed:
    """The act: a person has looked through the evidence that came back with a backup."""

    #: Of that backup, as `Restored.made_at`; "": the database alone was brought back.
    made_at: str
    #: What holds, by number.
    evidence: tuple[int, ...]
    #: Entries of the journal of acts that root has not written, the last of all: from then on root answers
    #: for them, and nobody has accepted what only they accepted. None: there are none.
    foreign: Foreign | None = None


def holding(
    records: Iterable[EvidenceRecord], now: float, denied: Container[int] = ()
) -> list[EvidenceRecord]:
    """Those levels rest on at a time, in seconds since the epoch, the oldest first.

    `denied`: numbers of those that were revoked, though the record does not say so.
    """
    accepted = (one for one in records if one.state(now) is State.ACCEPTED and one.version not in denied)
    return sorted(accepted, key=lambda one: one.version)


def has_gone_on(entries: Iterable[Entry], head: Entry | None) -> bool:
    """Whether a journal of acts is that of a backup, and what was done since: it has the backup's last entry.

    One that was changed is nobody's.
    """
    entries = list(entries)
    try:
        verify(entries)
    except ChainBroken:
        return False
    return head is not None and any((one.seq, one.hash) == (head.seq, head.hash) for one in entries)


def lost_between(entries: Iterable[Entry]) -> list[tuple[float, float]]:
    """Of each restore when its backup was made, and when it was restored, in seconds since the epoch.

    What journals said of the time between is in none any more. `entries`: of a journal that is sound.
    """
    found = []
    for entry in entries:
        facts = msgspec.json.decode(entry.text)
        if said := facts.get("restored"):
            with suppress(ValueError):  # a backup says by itself when it was made
                found.append((datetime.fromisoformat(said["made_at"]).timestamp(), facts["at"]))
    return found


def said(act: Restored | RestoreConfirmed) -> str:
    """One line for the history."""
    match act:
        case Restored():
            return f"restored from the backup of {act.made_at}, made by version {act.version}"
        case RestoreConfirmed():
            number = len(act.evidence)
            hold = "1 record holds" if number == 1 else f"{number} records hold"
            whence = f" of the backup of {act.made_at}" if act.made_at else ""
            foreign = act.foreign
            taken = f"; entries {foreign.first} to {foreign.last[0]} of others taken over" if foreign else ""
            return f"evidence{whence} looked through: {hold}{taken}"


def journaled(act: Restored | RestoreConfirmed) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    if isinstance(act, RestoreConfirmed):
        foreign = {"foreign": [act.foreign.first, act.foreign.last[0]]} if act.foreign else {}
        return {"made_at": act.made_at, "evidence": list(act.evidence), **foreign}
    return {
        "made_at": act.made_at,
        "by_version": act.version,
        "evidence": list(act.evidence),
        "denied": list(act.denied),
        "known": act.known,
        "journals": {head.journal: [head.seq, head.hash] for head in act.journals},
    }
