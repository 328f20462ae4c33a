"""What the journal of acts says of evidence, and which records are as it says: only they sign anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil
from typing import Any

import msgspec

from trunkward.access.actor import Actor, Source
from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.restored import Foreign
from trunkward.control.sound_journal import sound_journal
from trunkward.journal.chain import Entry
from trunkward.journal.commitment import commitment
from trunkward.trunks.evidence import GRACE_S, EvidenceChange, EvidenceRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Journaled:
    """One act on a record, as the journal has it."""

    version: int
    #: As `journaled`.
    said: Mapping[str, Any]
    #: Who answers for it: who has done it, or, of an entry that root has not written, who has confirmed it.
    by: Actor
    #: Root has not written it, but taken it over (`RestoreConfirmed.foreign`).
    foreign: bool


#: What the journal says of evidence: by the record's number, by act; of reviews the last alone.
type Acts = dict[int, dict[str, Journaled]]
_REVIEWS = ("accept", "reject")
_DONE = {"add": "entered", "accept": "accepted", "reject": "rejected", "revoke": "revoked"}


def evidence_id(number: int) -> str:
    """What tokens, journals and records of calls call a record."""
    return f"evidence-{number}"


def said(change: EvidenceChange) -> str:
    """One line for the history, which is never deleted: nothing personal."""
    record, done = change.record, _DONE[change.act]
    name = f" {record.version}" if record.version else ""
    return f"evidence{name} ({record.kind}) {done} for {record.whose}"


def journaled(change: EvidenceChange, number: int) -> dict[str, object]:
    """What the journal says of an act besides its version: what is personal only as commitments.

    The journal is never changed, and the record, which opens them, is deleted when its time is over.
    """
    record, salt = change.record, bytes.fromhex(change.record.salt)
    private = {"numbers": record.numbers, "file": record.file_name, "why": change.why}
    return {
        "act": change.act,
        "id": record.version or number,
        "evidence": record.kind,
        "commits": {name: commitment(salt, name, value) for name, value in private.items()},
        "trunk": record.trunk,
        "tenant": record.tenant,
        "customer": record.customer,
        **({"identity": record.identity} if record.identity else {}),
        **({"spc": record.spc} if record.spc else {}),
        "file_sha256": record.file_sha256,
        "until": record.until,
        "replaces": record.replaces,
        "proof_sha256": sha256(record.proof.encode()).hexdigest() if record.proof else "",
    }


def acts_of(entries: Iterable[Entry], confirming: tuple[Foreign, Actor] | None = None) -> Acts:
    """What the journal says of evidence.

    `confirming`: entries that root has not written, and who is about to confirm them.
    """
    every = [(entry.seq, msgspec.json.decode(entry.text)) for entry in entries]
    confirmed = _confirmed(every, confirming)
    acts: Acts = {}
    for seq, facts in every:
        if (act := facts.get("evidence")) is not None:
            its = acts.setdefault(act["id"], {})
            if act["act"] in _REVIEWS:
                for review in _REVIEWS:
                    its.pop(review, None)
            by = next((who for numbers, who in confirmed if seq in numbers), None)
            its[act["act"]] = Journaled(
                version=facts["version"], said=act, by=by or _actor(facts), foreign=by is not None
            )
    return acts


def _confirmed(
    every: list[tuple[int, dict[str, Any]]], confirming: tuple[Foreign, Actor] | None
) -> list[tuple[range, Actor]]:
    """Numbers of entries that root has not written, and who has confirmed them.

    A confirmation among those is nobody's: by it somebody could put another one in his own place.
    """
    found = [(range(confirming[0].first, confirming[0].last[0] + 1), confirming[1])] if confirming else []
    for seq, facts in reversed(every):
        foreign = facts.get("restore_confirmed", {}).get("foreign")
        if foreign and not any(seq in numbers for numbers, _ in found):
            found.append((range(foreign[0], foreign[1] + 1), _actor(facts)))
    return found


def _actor(facts: Mapping[str, Any]) -> Actor:
    source = facts.get("actor_source")
    return Actor(name=facts["actor"], uid=facts["actor_uid"], source=Source(source) if source else None)


def sound(store: ConfigurationStore) -> tuple[list[EvidenceRecord], list[str]]:
    """All records that are as their acts were journaled, the newest first; of the others, what is wrong.

    Nothing is said of one that was revoked as it stands now: a person has laid it to rest.

    None are, unless the whole journal holds, fits the versions, and root has written it: by its entries alone
    anybody who has the database's password could accept what he likes.
    """
    records = store.evidence()
    if not records:
        return [], []
    try:
        entries = sound_journal(store)
    except HistoryBroken as broken:
        return [], [f"{broken}: no record of evidence signs anything until that is put right"]
    return sound_by(records, entries)


def sound_by(
    records: list[EvidenceRecord], entries: Iterable[Entry], confirming: tuple[Foreign, Actor] | None = None
) -> tuple[list[EvidenceRecord], list[str]]:
    """The same by a journal that is sound; `confirming` as of `acts_of`."""
    acts = acts_of(entries, confirming)
    problems = {record.version: unlike_journal(record, acts) for record in records}
    good = [borne_out(record, acts) for record in records if not problems[record.version]]
    told = [record for record in records if problems[record.version] and not _laid_to_rest(record, acts)]
    return good, [problems[record.version] for record in told]


def borne_out(record: EvidenceRecord, acts: Acts) -> EvidenceRecord:
    """A record that is as it was journaled, as far as entries that root has written say so.

    What other entries alone say was accepted is entered, and waits for another person: else whoever can write
    to the database, and one person who confirms that, would be two.
    """
    accept = acts.get(record.version, {}).get("accept")
    if record.accepted and accept is not None and accept.foreign:
        return replace(record, reviewed=0, accepted=False, review_why="")
    return record


def _laid_to_rest(record: EvidenceRecord, acts: Acts) -> bool:
    """Whether its revocation was journaled, and of the record as it is: who changes it again is told of."""
    revoke = acts.get(record.version, {}).get("revoke")
    of_now = journaled(EvidenceChange(act="revoke", record=record, why=record.revoke_why), record.version)
    return revoke is not None and (revoke.version, revoke.said) == (record.revoked, of_now)


def unlike_journal(record: EvidenceRecord, acts: Acts) -> str:
    """What a record says otherwise than the journal of its acts; "": nothing.

    Whoever could change the record's row could accept it alone; not so the entries of a sound journal
    (`sound_journal`).
    """
    journal = acts.get(record.version, {})
    wanted: dict[str, int] = {"add": record.version}
    if record.reviewed:
        wanted["accept" if record.accepted else "reject"] = record.reviewed
    if record.revoked:
        wanted["revoke"] = record.revoked
    if {name: act.version for name, act in journal.items()} != wanted:
        return _unlike(record, "as its acts were journaled")
    if not _is_as(record, "add", record.why, journal):
        return _unlike(record, "as it was entered")
    if any(not _is_as(record, review, record.review_why, journal) for review in _REVIEWS):
        return _unlike(record, "as it was reviewed")
    if record.accepted and not _two_people(journal["add"], journal["accept"]):
        return _unlike(record, "entered by one person's login and accepted by another's")
    return ""


def _is_as(record: EvidenceRecord, name: str, why: str, journal: Mapping[str, Journaled]) -> bool:
    """Whether an act, if there was one, was one on the record as it is."""
    change = EvidenceChange(act=name, record=record, why=why)
    return name not in journal or journal[name].said == journaled(change, record.version)


def _two_people(add: Journaled, accept: Journaled) -> bool:
    """Whether who accepted it is another one than entered it; of an `accept` nobody believes: always."""
    logins = {add.by.source, accept.by.source} == {Source.LOGIN}
    return accept.foreign or (logins and add.by.uid != accept.by.uid)


def _unlike(record: EvidenceRecord, what: str) -> str:
    number = record.version
    return (
        f"record {number} of evidence is not {what}, and gets no token any more: find out who wrote to the "
        f"database, then ./trunkward evidence revoke {number}, and enter the document anew"
    )


def revoked_by(entries: Iterable[Entry], now: float) -> dict[str, int]:
    """The same by the journal alone, which a row that was changed does not undo."""
    found = {}
    for number, its in acts_of(entries).items():
        if (revoke := its.get("revoke")) and now < revoke.said["until"] + GRACE_S:
            found[evidence_id(number)] = ceil(revoke.said["until"] + GRACE_S)
    return found
