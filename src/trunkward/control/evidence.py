"""Evidence that numbers which are not our inventory belong to a customer: entered, reviewed, revoked.

One person enters a document, another one looks at it and accepts it: from then on calls that show these
numbers are signed A (`shaken.attest`), until it ends or somebody revokes it. Each act is a version of the
configuration with the same file: it has a number, a time, an actor and a command, its journal entry names the
act, and gates judge by it as by any other.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from trunkward.access.actor import Actor
from trunkward.control.configuration import ConfigurationStore, Version
from trunkward.journal.chain import Entry
from trunkward.journal.commitment import commitment
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.shaken.evidence import MOST_NUMBERS, Kind
from trunkward.trunks.evidence import EvidenceChange, EvidenceRecord, State
from trunkward.trunks.model import Declared

#: Kinds a person enters; our own inventory is what the node file says.
KINDS = tuple(kind for kind in Kind if kind is not Kind.OWN_INVENTORY)
#: Days a record may hold: who was never asked again for a year may have given the number away (our judgement,
#: as for `control.verified.MOST_DAYS`).
MOST_DAYS = 366
#: Characters of a reason in words, and of a file's name.
MOST_WHY = 500
MOST_NAME = 120
#: Bytes of a document: a scanned letter has a tenth of it.
MOST_BYTES = 10 * 1024 * 1024


#: What the journal says of evidence: by the record's number, by act, the version and what it says.
type Acts = dict[int, dict[str, tuple[int, dict[str, Any]]]]


class EvidenceActRefused(Exception):
    """An act that is not done; the message says why, and what to do."""


def numbers_of(text: str) -> tuple[str, str]:
    """First and last of `+12025550100` or `+12025550100-+12025550199`. Raises `EvidenceActRefused`."""
    first, _, last = text.partition("-")
    try:
        begin, end = E164(first), E164(last or first)
    except NotANumber as problem:
        raise EvidenceActRefused(
            f"{text}: {problem}; write +12025550100, or +12025550100-+12025550199 for all between"
        ) from None
    if len(begin) != len(end) or begin > end:
        raise EvidenceActRefused(f"{text}: the last number must be as long as the first, and not before it")
    if int(end) - int(begin) >= MOST_NUMBERS:
        raise EvidenceActRefused(f"{text}: more than {MOST_NUMBERS} numbers; enter one record for each block")
    return str(begin), str(end)


def added(
    declared: Declared,
    *,
    numbers: str,
    trunk: str,
    kind: str,
    file_name: str,
    document: bytes,
    until: float,
    why: str,
    now: float,
    salt: str,
) -> EvidenceChange:
    """A new record, which nobody has reviewed. Raises `EvidenceActRefused`.

    `until` and `now` in seconds since the epoch; `salt`: 16 bytes of chance, hex. What is in another tenant's
    inventory is not this one's.
    """
    first, last = numbers_of(numbers)
    if kind not in KINDS:
        raise EvidenceActRefused(f"{kind}: write one of {', '.join(KINDS)}")
    whose = next((one for one in declared.trunks if one.name == trunk), None)
    if whose is None:
        raise EvidenceActRefused(f"no trunk {trunk} in the newest version; ./trunkward get trunks lists them")
    if whose.customer is None:
        raise EvidenceActRefused(
            f"tenant {whose.tenant} has no KYC record: write its customer into the node file, and apply it"
        )
    for other in declared.trunks:
        if other.tenant != whose.tenant:
            inside = [n for n in other.numbers if len(n) == len(first) and first <= n <= last]
            if inside:
                raise EvidenceActRefused(
                    f"{inside[0]} is a number of tenant {other.tenant}, not of {whose.tenant}"
                )
    _check_why(why)
    if not now < until <= now + MOST_DAYS * 86_400:
        end = datetime.fromtimestamp(now + (MOST_DAYS - 1) * 86_400, UTC)
        raise EvidenceActRefused(
            f"until is a day to come, at most {MOST_DAYS} days from now: {end:%Y-%m-%d} is the last possible"
        )
    if not document or len(document) > MOST_BYTES:
        raise EvidenceActRefused(
            f"{file_name}: {len(document)} bytes; a document has at least one, and at most {MOST_BYTES}"
        )
    record = EvidenceRecord(
        version=0,  # that of the act
        trunk=trunk,
        tenant=whose.tenant,
        customer=whose.customer.reference,
        kind=kind,
        first=first,
        last=last,
        file_name=file_name[-MOST_NAME:],
        file_sha256=sha256(document).hexdigest(),
        why=why.strip(),
        until=until,
        salt=salt,
    )
    return EvidenceChange(act="add", record=record, packed=zlib.compress(document, 6), why=record.why)


def reviewed(
    records: Iterable[EvidenceRecord],
    number: int,
    *,
    accept: bool,
    why: str,
    entered_by: Actor,
    actor: Actor,
    now: float,
) -> EvidenceChange:
    """What another person found of a record. Raises `EvidenceActRefused`.

    `entered_by`: the actor of the version that entered it. Two people, told apart by their number on this
    system: whoever could accept what he entered could sign A for whatever number he likes.
    """
    record = _record(records, number)
    state = record.state(now)
    if state is not State.ENTERED:
        raise EvidenceActRefused(f"record {number} is {state} already: enter the document anew")
    if actor.uid == entered_by.uid:
        raise EvidenceActRefused(
            f"{actor} has entered record {number}: another person has to look at it, under a login of his own"
        )
    if accept and now >= record.until:
        raise EvidenceActRefused(f"record {number} has ended before it was reviewed: enter the document anew")
    _check_why(why)
    # the version is that of the act
    after = replace(record, accepted=accept, review_why=why.strip())
    return EvidenceChange(act="accept" if accept else "reject", record=after, why=after.review_why)


def revoked(records: Iterable[EvidenceRecord], number: int, *, why: str, now: float) -> EvidenceChange:
    """The end of a record, also of a trunk that is gone. Raises `EvidenceActRefused`."""
    record = _record(records, number)
    if record.state(now) in (State.REVOKED, State.REJECTED):
        raise EvidenceActRefused(f"record {number} is {record.state(now)} already")
    _check_why(why)
    after = replace(record, revoke_why=why.strip())
    return EvidenceChange(act="revoke", record=after, why=after.revoke_why)


def described(record: EvidenceRecord, versions: Mapping[int, Version], now: float) -> dict[str, Any]:
    """A record for programs, with who did what when; times in seconds since the epoch.

    `versions` by number: those of its acts, at least.
    """
    entered, review, revoke = (
        versions.get(number) for number in (record.version, record.reviewed, record.revoked)
    )

    def by(version: Version | None) -> str | None:
        return str(version.actor) if version else None

    return {
        "id": record.version,
        "kind": record.kind,
        "numbers": record.numbers,
        "trunk": record.trunk,
        "tenant": record.tenant,
        "customer": record.customer,
        "state": record.state(now).value,
        "until": record.until,
        "file": record.file_name,
        "file_sha256": record.file_sha256,
        "entered_by": by(entered),
        "entered_at": entered.at if entered else None,
        "why": record.why,
        "reviewed_by": by(review),
        "reviewed_at": review.at if review else None,
        "accepted": record.accepted if review else None,
        "review_why": record.review_why or None,
        "revoked_by": by(revoke),
        "revoked_at": revoke.at if revoke else None,
        "revoke_why": record.revoke_why or None,
    }


def sound(store: ConfigurationStore) -> tuple[list[EvidenceRecord], list[str]]:
    """All records that are as their acts were journaled, the newest first; of the others, what is wrong."""
    records = store.evidence()
    acts = acts_of(store.history()[1]) if records else {}
    problems = {record.version: unlike_journal(record, acts) for record in records}
    good = [record for record in records if not problems[record.version]]
    return good, [problem for problem in problems.values() if problem]


def acts_of(entries: Iterable[Entry]) -> Acts:
    """What the journal says of evidence."""
    acts: Acts = {}
    for entry in entries:
        facts = msgspec.json.decode(entry.text)
        if (act := facts.get("evidence")) is not None:
            acts.setdefault(act["id"], {})[act["act"]] = facts["version"], act
    return acts


def unlike_journal(record: EvidenceRecord, acts: Acts) -> str:
    """What a record says otherwise than the journal of its acts; "": nothing.

    Whoever could change the record's row could accept it alone; not so the entries, which are chained, and
    whose heads are signed and kept apart.
    """
    journal = acts.get(record.version, {})
    wanted: dict[str, int] = {"add": record.version}
    if record.reviewed:
        wanted["accept" if record.accepted else "reject"] = record.reviewed
    if record.revoked:
        wanted["revoke"] = record.revoked
    if {name: version for name, (version, _) in journal.items()} != wanted:
        return f"record {record.version} of evidence is not as its acts were journaled: it signs nothing"
    said = journaled(EvidenceChange(act="add", record=record, why=record.why), record.version)
    if journal["add"][1] != said:
        return f"record {record.version} of evidence is not as it was entered: it signs nothing"
    return ""


def unpacked(packed: bytes) -> bytes:
    """A document as it was entered."""
    return zlib.decompress(packed)


def said(change: EvidenceChange) -> str:
    """One line for the history, which is never deleted: nothing personal."""
    record, done = change.record, _DONE[change.act]
    name = f" {record.version}" if record.version else ""
    return f"evidence{name} ({record.kind}) {done} for trunk {record.trunk}"


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
        "file_sha256": record.file_sha256,
        "until": record.until,
    }


_DONE = {"add": "entered", "accept": "accepted", "reject": "rejected", "revoke": "revoked"}


def _record(records: Iterable[EvidenceRecord], number: int) -> EvidenceRecord:
    found = next((one for one in records if one.version == number), None)
    if found is None:
        raise EvidenceActRefused(f"there is no record {number}; ./trunkward evidence list shows them")
    return found


def _check_why(why: str) -> None:
    if not why.strip() or len(why) > MOST_WHY or not why.isprintable():
        raise EvidenceActRefused(f"say why in one line of at most {MOST_WHY} characters: --why TEXT")
