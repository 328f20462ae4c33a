"""Changing a node's configuration: what would change, making it so, and every version there ever was.

A version is a node file that was accepted, word for word, with a number, a time, an actor and a command. The
number is the policy's own: it stands in every record as `policy_version`.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from trunkward.access.actor import Actor
from trunkward.control.deck_versions import changes_between
from trunkward.control.difference import Change, deletions, difference, summary
from trunkward.control.effects import Effects
from trunkward.control.node_file import Accepted, NodeFileRefused, accept_node_file
from trunkward.control.objects import Objects
from trunkward.control.opens import NO_CHANGE, Reach
from trunkward.control.restored import RestoreConfirmed, Restored
from trunkward.control.traceback_requests import TracebackAnswered, TracebackClosed, TracebackOpened
from trunkward.journal.chain import Entry, verify
from trunkward.spend.kept import DeckChange, KeptDeck, Rerating
from trunkward.trunks.callers import NumberChange, Verification
from trunkward.trunks.evidence import EvidenceChange, EvidenceForgotten, EvidenceRecord
from trunkward.trunks.secret import SealedSecret, SecretChange
from trunkward.trunks.spending import Hold, Raise, SpendingChange

#: What a version does besides its file (`control.acts`).
type Act = (
    SecretChange
    | NumberChange
    | DeckChange
    | SpendingChange
    | Rerating
    | EvidenceChange
    | EvidenceForgotten
    | TracebackOpened
    | TracebackAnswered
    | TracebackClosed
    | Restored
    | RestoreConfirmed
)


class Superseded(Exception):
    """Somebody else was faster, or the caller expected another version; the message says which."""


class NoSuchVersion(Exception):
    """There is no version of that number."""


class HistoryBroken(Exception):
    """Journal and versions do not fit together; the message names the first place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version that is or was in force."""

    number: int
    #: Seconds since the epoch.
    at: float
    actor: Actor
    #: `up`, `apply`, `rollback 3`.
    command: str
    summary: str
    #: SHA-256 of the node file's text.
    text_sha256: str


class ConfigurationStore(Protocol):
    """Where versions are kept. One writer at a time; `add` finds out when there were two."""

    def head(self) -> Version | None:
        """The newest version; None before the first."""

    def version(self, number: int) -> Version | None:
        """One version."""

    def versions(self, limit: int | None = None) -> list[Version]:
        """The newest first."""

    def text(self, version: Version) -> str:
        """Its node file, word for word."""

    def objects(self, version: Version) -> tuple[Objects, bool]:
        """Its objects as they were written down, and whether by this schema (`objects.schema_id`)."""

    def add(
        self,
        version: Version,
        text: str,
        objects: Objects,
        changes: list[Change],
        *,
        after: int,
        act: Act | None = None,
    ) -> Version:
        """Writes a version and its journal entry, and what an act does, all or nothing. Raises `Superseded`.

        `after` is the newest number there must be, 0 for none.
        """

    def secrets(self) -> list[SealedSecret]:
        """All secrets there ever were, the newest first."""

    def verifications(self) -> list[Verification]:
        """All findings about numbers there ever were, the newest first."""

    def decks(self) -> list[KeptDeck]:
        """All states there ever were of all decks, the newest first."""

    def packed_deck(self, kept: KeptDeck) -> bytes:
        """A deck's text, compressed (`control.decks.unpacked`)."""

    def holds(self) -> list[Hold]:
        """All holds there ever were, the newest first."""

    def raises(self) -> list[Raise]:
        """All raises there ever were, the newest first."""

    def evidence(self) -> list[EvidenceRecord]:
        """All records of evidence there ever were, the newest first."""

    def document(self, record: EvidenceRecord) -> bytes:
        """The document of a record, compressed (`control.evidence.unpacked`)."""

    def history(self) -> tuple[list[Version], list[Entry]]:
        """All versions, the newest first, and the journal from its first entry, as of one moment."""

    def not_own(self, entries: list[Entry]) -> str:
        """What of the whole journal, which holds, root has not written (`journal.own`); "": nothing."""

    def borne_out(self, entries: list[Entry]) -> int:
        """How many of the first entries of the whole journal, which holds, root has written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an accepted file would change."""

    #: The version it is compared with; None when there is none yet.
    base: Version | None
    accepted: Accepted
    changes: list[Change]
    effects: Effects
    #: Where trunks may call from then on, and may no longer.
    reach: Reach = NO_CHANGE
    #: What it says in vain, or otherwise than it reads.
    warnings: tuple[str, ...] = ()
    #: A file it names that says something else than what is in force; "" for none.
    changed_file: str = ""
    #: Ids of records of evidence in force that are not sound any more (`control.unsound`).
    unsound: tuple[str, ...] = ()
    #: Verified numbers, holds and raises in force of which the same is so, in words.
    unproven: tuple[str, ...] = ()
    #: Trunks that cannot call by digest, with what to do (`control.secrets.wanting`).
    secrets: list[tuple[str, str]] = field(default_factory=list)
    #: Sentences about decks that are named and rate nothing (`control.decks.wanting`).
    decks: list[str] = field(default_factory=list)
    #: Tenants whose calls are signed C, or soon will be, with what to do (`control.customers.wanting`).
    customers: list[tuple[str, str]] = field(default_factory=list)
    #: Trunks with numbers of their own nothing speaks for, with what to do (`control.blocks.wanting`).
    inventories: list[tuple[str, str]] = field(default_factory=list)
    #: Identities that sign nothing for want of a contract, with what to do (`control.contracts.wanting`).
    contracts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def same_text(self) -> bool:
        """Whether it is the very same file."""
        return self.base is not None and self.base.text_sha256 == self.accepted.sha256

    @property
    def nothing_to_do(self) -> bool:
        """Whether it is the very same file, and in force everywhere; without a node, decided on."""
        return self.same_text and (not self.effects.running or self.effects.kind == "nothing")

    @property
    def deletions(self) -> list[Change]:
        """What it takes away; for that a person is asked."""
        return deletions(self.changes) if self.base else []

    @property
    def summary(self) -> str:
        """One line for the history."""
        return summary(self.changes) or "the same objects, written otherwise"


def plan(store: ConfigurationStore, accepted: Accepted, effects: Effects) -> Plan:
    """Compares an accepted file with the newest version."""
    base = store.head()
    if base is not None and base.text_sha256 == accepted.sha256:
        changes: list[Change] = []
    else:
        changes = difference(objects_of_version(store, base) if base else {}, accepted.objects)
    return Plan(base=base, accepted=accepted, changes=changes, effects=effects)


def expect(store: ConfigurationStore, number: int | None) -> None:
    """Raises `Superseded` unless the newest version has this number; None expects nothing."""
    head = store.head()
    found = head.number if head else 0
    if number is not None and number != found:
        raise Superseded(
            f"version {number} was expected, but the newest is {found}: look at it and plan again"
        )


def accept(
    store: ConfigurationStore, planned: Plan, *, actor: Actor, command: str, at: float, beyond: int = 0
) -> Version:
    """Writes the plan's file down as the next version, with its journal entry. Raises `Superseded`.

    Its number is higher than the newest's and than `beyond`.
    """
    after = planned.base.number if planned.base else 0
    version = Version(
        number=max(after, beyond) + 1,
        at=at,
        actor=actor,
        command=command,
        summary=planned.summary,
        text_sha256=planned.accepted.sha256,
    )
    accepted = planned.accepted
    return store.add(version, accepted.text, accepted.objects, planned.changes, after=after)


def renew(
    store: ConfigurationStore, accepted: Accepted, *, actor: Actor, command: str, at: float, beyond: int
) -> Version:
    """The newest file once more under a new number: what was issued for it has changed."""
    head = store.head()
    after = head.number if head else 0
    version = Version(
        number=max(after, beyond) + 1,
        at=at,
        actor=actor,
        command=command,
        summary="the same file; what was issued for it, or a file it names, has changed",
        text_sha256=accepted.sha256,
    )
    return store.add(version, accepted.text, accepted.objects, [], after=after)


def get_version(store: ConfigurationStore, number: int | None) -> Version:
    """A version by its number, the newest without one. Raises `NoSuchVersion`."""
    found = store.head() if number is None else store.version(number)
    if found is not None:
        return found
    if number is None:
        raise no_version_yet()
    raise NoSuchVersion(f"there is no version {number}; ./trunkward history lists them")


def same_file_again(
    store: ConfigurationStore, summary: str, *, actor: Actor, command: str, at: float, beyond: int
) -> tuple[Version, str, Objects, int]:
    """For an act that the node file does not say: the next version, its text and objects, and the one before.

    Its number is beyond `beyond`, too, which a restored node may have in force. Raises `NoSuchVersion`.
    """
    head = get_version(store, None)
    version = Version(
        number=max(head.number, beyond) + 1,
        at=at,
        actor=actor,
        command=command,
        summary=summary,
        text_sha256=head.text_sha256,
    )
    return version, store.text(head), objects_of_version(store, head), head.number


def no_version_yet() -> NoSuchVersion:
    """What is said of a node that has no version at all."""
    return NoSuchVersion("there is no version yet; ./trunkward up or apply makes the first")


def export(store: ConfigurationStore, number: int | None) -> str:
    """A version's node file, word for word. Raises `NoSuchVersion`."""
    return store.text(get_version(store, number))


def diff(store: ConfigurationStore, old: int, new: int | None) -> list[Change]:
    """What changed from one version to another, the newest without a number; of decks, too.

    Raises `NoSuchVersion`.
    """
    first, second = get_version(store, old), get_version(store, new)
    return [
        *difference(objects_of_version(store, first), objects_of_version(store, second)),
        *changes_between(store.decks(), first.number, second.number),
    ]


def history(store: ConfigurationStore, limit: int | None) -> list[Version]:
    """The newest versions, newest first, after journal and versions were compared one by one.

    Raises `ChainBroken`, `HistoryBroken`.
    """
    return [version for version, _ in with_entries(store)[:limit]]


def with_entries(store: ConfigurationStore) -> list[tuple[Version, Entry]]:
    """All versions, newest first, each with its entry of the journal; compared as `history` does."""
    versions, entries = store.history()
    verify(entries)
    if len(entries) != len(versions):
        raise HistoryBroken(f"{len(entries)} journal entries stand for {len(versions)} versions")
    for entry, version in zip(entries, reversed(versions), strict=True):
        journaled = msgspec.json.decode(entry.text)
        wrong = [key for key, value in journal_facts(version).items() if journaled.get(key) != value]
        if wrong:
            raise HistoryBroken(f"version {version.number} is not as it was journaled: {', '.join(wrong)}")
    return list(zip(versions, reversed(entries), strict=True))


def journal_facts(version: Version) -> dict[str, Any]:
    """What the journal says of a version, besides what it changed."""
    return {
        "kind": "configuration",
        "version": version.number,
        "at": version.at,
        "actor": version.actor.name,
        "actor_uid": version.actor.uid,
        "command": version.command,
        "summary": version.summary,
        "node_file_sha256": version.text_sha256,
    }


def objects_of_version(store: ConfigurationStore, version: Version) -> Objects:
    """A version's objects as this software understands its file, or, when it does not, as they were."""
    kept, of_this_schema = store.objects(version)
    if of_this_schema:
        return kept
    try:
        return accept_node_file(store.text(version), f"version {version.number}").objects
    except NodeFileRefused:
        return kept
