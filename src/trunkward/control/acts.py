"""Acts the node file does not say: about secrets, numbers, evidence, decks, money, calls, and what was told.

Each is a version of the same file: it has a number, a time, an actor and a command, its journal entry names
it, and gates judge by it as by any other version.
"""

import msgspec

from trunkward.access.actor import Actor
from trunkward.control import (
    decks,
    evidence_journal,
    evidence_retention,
    rerating,
    restored,
    secrets,
    spending,
    traceback_requests,
    verified,
)
from trunkward.control.configuration import Act, ConfigurationStore, Version, same_file_again
from trunkward.control.restored import RestoreConfirmed, Restored
from trunkward.control.traceback_requests import TracebackAnswered, TracebackClosed, TracebackOpened
from trunkward.spend.kept import DeckChange, Rerating
from trunkward.trunks.callers import NumberChange
from trunkward.trunks.evidence import EvidenceChange, EvidenceForgotten
from trunkward.trunks.secret import SecretChange
from trunkward.trunks.spending import SpendingChange


def put_down(
    store: ConfigurationStore, act: Act, *, actor: Actor, command: str, at: float, beyond: int
) -> Version:
    """Writes an act as the next version of the same file, with its journal entry.

    `at` in seconds since the epoch; the version's number is beyond `beyond`, too. Raises `Superseded`,
    `NoSuchVersion`.
    """
    version, text, objects, after = same_file_again(
        store, said(act), actor=actor, command=command, at=at, beyond=beyond
    )
    return store.add(version, text, objects, [], after=after, act=act)


def said(act: Act) -> str:
    """One line for the history."""
    match act:
        case SecretChange():
            return secrets.said(act)
        case NumberChange():
            return verified.said(act)
        case DeckChange():
            return decks.said(act)
        case Rerating():
            return rerating.said(act)
        case SpendingChange():
            return spending.said(act)
        case EvidenceChange():
            return evidence_journal.said(act)
        case EvidenceForgotten():
            return evidence_retention.said(act)
        case TracebackOpened() | TracebackAnswered() | TracebackClosed():
            return traceback_requests.said(act)
        case Restored() | RestoreConfirmed():
            return restored.said(act)


def journaled(act: Act, number: int) -> dict[str, object]:
    """What the journal says of an act besides its version, under the name of its kind."""
    match act:
        case SecretChange():
            return {"secret": secrets.journaled(act, number)}
        case NumberChange():
            return {"number": verified.journaled(act)}
        case DeckChange():
            return {"deck": decks.journaled(act, number)}
        case Rerating():
            return {"rerated": rerating.journaled(act)}
        case SpendingChange():
            return {"spending": spending.journaled(act)}
        case EvidenceChange():
            return {"evidence": evidence_journal.journaled(act, number)}
        case EvidenceForgotten():
            return {"evidence_deleted": evidence_retention.journaled(act)}
        case TracebackOpened() | TracebackAnswered() | TracebackClosed():
            return {"traceback": msgspec.to_builtins(act)}
        case Restored():
            return {"restored": restored.journaled(act)}
        case RestoreConfirmed():
            return {"restore_confirmed": restored.journaled(act)}
