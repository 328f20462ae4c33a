"""What the journal of acts says of evidence, and which records are as it says: only they sign anything."""

from collections.abc import Iterable
from hashlib import sha256
from math import ceil
from typing import Any

import msgspec

from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.sound_journal import sound_journal
from trunkward.journal.chain import Entry
from trunkward.journal.commitment import commitment
from trunkward.trunks.evidence import GRACE_S, EvidenceChange, EvidenceRecord

#: What the journal says of evidence: by the record's number, by act, the version and what it says.
type Acts = dict[int, dict[str, tuple[int, dict[str, Any]]]]
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


def acts_of(entries: Iterable[Entry]) -> Acts:
    """What the journal says of evidence."""
    acts: Acts = {}
    for entry in entries:
        facts = msgspec.json.decode(entry.text)
        if (act := facts.get("evidence")) is not None:
            acts.setdefault(act["id"], {})[act["act"]] = facts["version"], act
    return acts


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
    records: list[EvidenceRecord], entries: Iterable[Entry]
) -> tuple[list[EvidenceRecord], list[str]]:
    """The same by a journal that is sound."""
    acts = acts_of(entries)
    problems = {record.version: unlike_journal(record, acts) for record in records}
    good = [record for record in records if not problems[record.version]]
    told = [record for record in records if problems[record.version] and not _laid_to_rest(record, acts)]
    return good, [problems[record.version] for record in told]


def _laid_to_rest(record: EvidenceRecord, acts: Acts) -> bool:
    """Whether its revocation was journaled, and of the record as it is: who changes it again is told of."""
    revoke = acts.get(record.version, {}).get("revoke")
    of_now = journaled(EvidenceChange(act="revoke", record=record, why=record.revoke_why), record.version)
    return revoke == (record.revoked, of_now)


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
    if {name: version for name, (version, _) in journal.items()} != wanted:
        return _unlike(record, "as its acts were journaled")
    said = journaled(EvidenceChange(act="add", record=record, why=record.why), record.version)
    if journal["add"][1] != said:
        return _unlike(record, "as it was entered")
    return ""


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
        if (revoke := its.get("revoke")) and now < revoke[1]["until"] + GRACE_S:
            found[evidence_id(number)] = ceil(revoke[1]["until"] + GRACE_S)
    return found
