"""Versions of the configuration in SQL, and their journal, in one transaction."""

import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from trunkward.access.actor import Actor
from trunkward.control.acts import journaled
from trunkward.control.configuration import Act, Superseded, Version, journal_facts
from trunkward.control.difference import Change, deletions
from trunkward.control.objects import Objects, schema_id
from trunkward.control.restored import RestoreConfirmed, Restored
from trunkward.control.traceback_requests import TracebackAnswered, TracebackClosed, TracebackOpened
from trunkward.journal.chain import Entry, begin_or_continue
from trunkward.journal.own import End, Own, OwnInMemory, OwnKept, borne_out, end_of, not_own
from trunkward.spend.kept import DeckChange, KeptDeck, Rerating
from trunkward.store.configuration_schema import (
    deck_texts,
    decks,
    evidence,
    evidence_files,
    holds,
    journal,
    node_files,
    raises,
    secrets,
    verified_numbers,
    versions,
)
from trunkward.trunks.callers import NumberChange, Verification
from trunkward.trunks.evidence import EvidenceChange, EvidenceForgotten, EvidenceRecord
from trunkward.trunks.secret import SealedSecret, SecretChange
from trunkward.trunks.spending import Hold, HoldScope, Raise, SpendingChange, Window

#: What makes all that one connection reads be of one moment.
_ONE_MOMENT = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}
#: Kinds of objects whose caps may be raised.
_RAISED = ("trunks", "tenants", "resellers", "carriers")
#: Changes a journal entry names one by one; of more it gives the number (the versions have them all).
_NAMED = 200


class TextDamaged(Exception):
    """A version in the database is not as it was accepted; the message names it, and what to do."""


class SqlConfiguration:
    """The versions of one node (`control.configuration.ConfigurationStore`)."""

    def __init__(
        self,
        engine: sa.Engine,
        journaled: Callable[[Entry], None] = lambda _: None,
        own: OwnKept | None = None,
    ) -> None:
        """Keeps the engine; the tables are there (`store.database.migrate`).

        `journaled` hears of each new entry of the journal, once it is in the database. `own`: where root
        keeps which entry is its last; None: in memory.
        """
        self._engine = engine
        self._journaled = journaled
        self._own = own or OwnInMemory()

    def head(self) -> Version | None:
        """The newest version."""
        found = self.versions(1)
        return found[0] if found else None

    def version(self, number: int) -> Version | None:
        """One version."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(versions).where(versions.c.number == number)).first()
        return _version(row) if row else None

    def versions(self, limit: int | None = None) -> list[Version]:
        """The newest first."""
        query = sa.select(versions).order_by(versions.c.number.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_version(row) for row in connection.execute(query)]

    def text(self, version: Version) -> str:
        """Its node file, word for word. Raises `TextDamaged`."""
        row = self._node_file(version, node_files.c.text)
        try:
            text = zlib.decompress(row.text)
        except zlib.error:
            text = b""
        if sha256(text).hexdigest() != version.text_sha256:
            raise _damaged(version, "node file")
        return text.decode()

    def objects(self, version: Version) -> tuple[Objects, bool]:
        """Its objects as they were written down, and whether by this schema. Raises `TextDamaged`."""
        row = self._node_file(version, node_files.c.objects, node_files.c.schema_id)
        try:
            objects: Objects = msgspec.json.decode(zlib.decompress(row.objects))
        except (zlib.error, msgspec.DecodeError):
            raise _damaged(version, "objects") from None
        return objects, row.schema_id == schema_id()

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
        """Version, node file, journal entry, and what an act does, all or none."""
        try:
            with self._engine.begin() as connection:
                newest = connection.scalar(sa.select(sa.func.max(versions.c.number))) or 0
                if newest != after:
                    raise Superseded(f"version {newest} came in between: plan again")
                self._add_text(connection, version.text_sha256, text, objects)
                connection.execute(versions.insert().values(**_row(version)))
                last = connection.execute(sa.select(journal).order_by(journal.c.seq.desc()).limit(1)).first()
                facts = _facts(version, after, changes)
                if ended := self._end_raises(connection, changes, version.number):
                    facts["raises_ended"] = ended
                if act is not None:
                    facts |= journaled(act, version.number)
                    self._do(connection, act, version.number)
                before = _entry(last) if last else None
                own, held = self._own_before(before, act)
                if own is not None and before is not None and own.taken_over == before.seq:
                    facts["taken_over"] = own.taken_over
                entry = begin_or_continue(before, facts)
                connection.execute(journal.insert().values(seq=entry.seq, entry=entry.text, hash=entry.hash))
                if own is not None:  # power may go before the database has it, or after
                    self._own.write(msgspec.structs.replace(own, ends=(*held, end_of(entry))))
        except IntegrityError:
            raise Superseded("another version came in between: plan again") from None
        except OperationalError as problem:
            if "locked" in str(problem.orig):  # SQLite: somebody has been writing for longer than we wait
                raise Superseded("somebody else is writing to the configuration: try again") from None
            raise
        if own is not None:
            with suppress(OSError):  # then it ends with either of two, until the next one
                self._own.write(msgspec.structs.replace(own, ends=(end_of(entry),)))
        self._journaled(entry)
        return version

    def _own_before(self, last: Entry | None, act: Act | None) -> tuple[Own | None, tuple[End, ...]]:
        """What is to be kept on after a last entry, and ends that stay root's until the act is there.

        None: somebody else has written it, and the act does not take it over.
        """
        own = self._own.read()
        if isinstance(act, RestoreConfirmed) and act.foreign is not None:
            if end_of(last) != act.foreign.last:
                raise Superseded("somebody has written to the journal of acts meanwhile: look at it again")
            return Own(ends=(), taken_over=act.foreign.last[0]), own.ends if own else ()
        if own is None:
            return (Own(ends=()) if last is None else None), (end_of(None),)
        return (own if end_of(last) in own.ends else None), (end_of(last),)

    def take_over(self, entries: list[Entry]) -> None:
        """From now on root answers for this whole journal, which was found to hold. Raises `OSError`."""
        last = entries[-1] if entries else None
        self._own.write(Own(ends=(end_of(last),), taken_over=len(entries)))

    def not_own(self, entries: list[Entry]) -> str:
        """What of the whole journal, which holds, root has not written; "": nothing."""
        try:
            own = self._own.read()
        except OSError:
            own = Own(ends=())
        return "" if own is None else not_own(entries, own)

    def borne_out(self, entries: list[Entry]) -> int:
        """How many of the first entries of the whole journal, which holds, root has written."""
        try:
            own = self._own.read()
        except OSError:
            return 0
        return len(entries) if own is None else borne_out(entries, own)

    @property
    def is_taken(self) -> bool:
        """Whether root of this machine has written, or taken over, this journal. Raises `OSError`."""
        return self._own.read() is not None

    def _do(self, connection: sa.Connection, act: Act, number: int) -> None:
        match act:
            case SecretChange():
                self._change_secrets(connection, act, number)
            case NumberChange():
                self._change_numbers(connection, act, number)
            case DeckChange():
                self._change_decks(connection, act, number)
            case Rerating():
                pass  # its rows are in the records database; here stand who, when and why
            case Restored() | RestoreConfirmed():
                pass  # all of it is restored; here stand when and of what, and who has looked at it
            case TracebackOpened() | TracebackAnswered() | TracebackClosed():
                pass  # their register is the journal (`control.traceback_register`)
            case SpendingChange():
                self._change_spending(connection, act, number)
            case EvidenceChange():
                self._change_evidence(connection, act, number)
            case EvidenceForgotten():
                self._forget_evidence(connection, act)

    def secrets(self) -> list[SealedSecret]:
        """All secrets there ever were, the newest first."""
        if not sa.inspect(self._engine).has_table(secrets.name):
            return []  # nobody who knows of them has written here yet
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(secrets).order_by(secrets.c.id.desc()))
            return [SealedSecret(**row._mapping) for row in rows]

    @staticmethod
    def _change_secrets(connection: sa.Connection, change: SecretChange, number: int) -> None:
        for ended, until in change.ends.items():
            connection.execute(secrets.update().where(secrets.c.id == ended).values(until=until))
        if change.added is not None:
            row = msgspec.structs.asdict(change.added) | {"id": number}
            connection.execute(secrets.insert().values(**row))

    def verifications(self) -> list[Verification]:
        """All findings about numbers there ever were, the newest first."""
        if not sa.inspect(self._engine).has_table(verified_numbers.name):
            return []  # a database of a version before this one, read by somebody who may not change it
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(verified_numbers).order_by(verified_numbers.c.version.desc()))
            return [Verification(**row._mapping) for row in rows]

    @staticmethod
    def _change_numbers(connection: sa.Connection, change: NumberChange, number: int) -> None:
        if change.ended:
            ended = verified_numbers.update().where(verified_numbers.c.version.in_(change.ended))
            connection.execute(ended.values(withdrawn=number))
        if change.added is not None:
            row = asdict(change.added) | {"version": number}
            connection.execute(verified_numbers.insert().values(**row))

    def decks(self) -> list[KeptDeck]:
        """All states there ever were of all decks, the newest first."""
        if not sa.inspect(self._engine).has_table(decks.name):
            return []  # a database of a version before this one, read by somebody who may not change it
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(decks).order_by(decks.c.version.desc()))
            return [KeptDeck(**row._mapping) for row in rows]

    def packed_deck(self, kept: KeptDeck) -> bytes:
        """A deck's text, compressed (`control.decks.unpacked`)."""
        with self._engine.connect() as connection:
            found = connection.scalar(
                sa.select(deck_texts.c.packed).where(deck_texts.c.sha256 == kept.sha256)
            )
        return bytes(found or b"")

    @staticmethod
    def _change_decks(connection: sa.Connection, change: DeckChange, number: int) -> None:
        if change.ended:
            ended = decks.update().where(decks.c.version == change.ended)
            connection.execute(ended.values(ended=number))
        if change.added is not None:
            known = sa.select(sa.literal(1)).where(deck_texts.c.sha256 == change.added.sha256)
            if connection.scalar(known) is None:
                row = {"sha256": change.added.sha256, "packed": change.packed}
                connection.execute(deck_texts.insert().values(**row))
            connection.execute(decks.insert().values(**asdict(change.added) | {"version": number}))

    def holds(self) -> list[Hold]:
        """All holds there ever were, the newest first."""
        return [Hold(**row | {"scope": HoldScope(row["scope"])}) for row in self._newest_first(holds)]

    def raises(self) -> list[Raise]:
        """All raises there ever were, the newest first."""
        return [Raise(**row | {"window": Window(row["window"])}) for row in self._newest_first(raises)]

    def _newest_first(self, table: sa.Table) -> list[dict[str, Any]]:
        if not sa.inspect(self._engine).has_table(table.name):
            return []  # a database of a version before this one, read by somebody who may not change it
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.version.desc()))
            return [dict(row._mapping) for row in rows]

    @staticmethod
    def _change_spending(connection: sa.Connection, change: SpendingChange, number: int) -> None:
        for table, added in ((holds, change.hold), (raises, change.raised)):
            if change.ended:
                ended = table.update().where(table.c.version.in_(change.ended))
                connection.execute(ended.values(ended=number))
            if added is not None:
                connection.execute(table.insert().values(**asdict(added) | {"version": number}))

    def evidence(self) -> list[EvidenceRecord]:
        """All records of evidence that are kept, the newest first."""
        return [EvidenceRecord(**row) for row in self._newest_first(evidence)]

    def document(self, record: EvidenceRecord) -> bytes:
        """The document of a record, compressed (`control.evidence.unpacked`)."""
        with self._engine.connect() as connection:
            query = sa.select(evidence_files.c.packed).where(evidence_files.c.sha256 == record.file_sha256)
            return bytes(connection.scalar(query) or b"")

    @staticmethod
    def _change_evidence(connection: sa.Connection, change: EvidenceChange, number: int) -> None:
        record = change.record
        if change.act == "add":
            known = sa.select(sa.literal(1)).where(evidence_files.c.sha256 == record.file_sha256)
            if connection.scalar(known) is None:
                row = {"sha256": record.file_sha256, "packed": change.packed}
                connection.execute(evidence_files.insert().values(**row))
            connection.execute(evidence.insert().values(**asdict(record) | {"version": number}))
            return
        if change.act == "revoke":
            after: dict[str, Any] = {"revoked": number, "revoke_why": record.revoke_why}
        else:
            after = {"reviewed": number, "accepted": record.accepted, "review_why": record.review_why}
        found = evidence.update().where(evidence.c.version == record.version)
        connection.execute(found.values(**after))

    @staticmethod
    def _forget_evidence(connection: sa.Connection, act: EvidenceForgotten) -> None:
        for table, over in ((evidence, act.records), (verified_numbers, act.findings)):
            connection.execute(table.delete().where(table.c.version.in_(over)))
        # a document that another record rests on stays
        needed = sa.select(evidence.c.file_sha256)
        connection.execute(evidence_files.delete().where(evidence_files.c.sha256.not_in(needed)))

    @staticmethod
    def _end_raises(connection: sa.Connection, changes: list[Change], number: int) -> list[int]:
        """Ends the raises of owners who leave the file: whoever has the name next is somebody else."""
        gone = [
            f"{change.kind.removesuffix('s')}:{change.name}"
            for change in deletions(changes)
            if change.kind in _RAISED
        ]
        if not gone:
            return []
        theirs = sa.and_(raises.c.owner.in_(gone), raises.c.ended == 0)
        found = connection.scalars(sa.select(raises.c.version).where(theirs).order_by(raises.c.version)).all()
        connection.execute(raises.update().where(theirs).values(ended=number))
        return list(found)

    def history(self) -> tuple[list[Version], list[Entry]]:
        """All versions, the newest first, and the journal from its first entry, as of one moment."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(_ONE_MOMENT[self._engine.dialect.name])
            query = sa.select(versions).order_by(versions.c.number.desc())
            found = [_version(row) for row in connection.execute(query)]
            entries = [_entry(row) for row in connection.execute(sa.select(journal).order_by(journal.c.seq))]
        return found, entries

    def _node_file(self, version: Version, *columns: sa.Column[Any]) -> Any:
        with self._engine.connect() as connection:
            query = sa.select(*columns).where(node_files.c.sha256 == version.text_sha256)
            return connection.execute(query).one()

    @staticmethod
    def _add_text(connection: sa.Connection, digest: str, text: str, objects: Objects) -> None:
        packed = zlib.compress(msgspec.json.encode(objects), 3)
        known = connection.scalar(sa.select(node_files.c.schema_id).where(node_files.c.sha256 == digest))
        if known is None:
            row = {"sha256": digest, "text": zlib.compress(text.encode(), 3), "objects": packed}
            connection.execute(node_files.insert().values(**row, schema_id=schema_id()))
        elif known != schema_id():
            renewed = node_files.update().where(node_files.c.sha256 == digest)
            connection.execute(renewed.values(objects=packed, schema_id=schema_id()))


def _damaged(version: Version, what: str) -> TextDamaged:
    return TextDamaged(
        f"the {what} of version {version.number} in the database cannot be read: restore a backup "
        "(./trunkward restore)"
    )


def _facts(version: Version, after: int, changes: list[Change]) -> dict[str, Any]:
    named = [f"{c.action}{c.kind}/{c.name}" for c in changes[:_NAMED]]
    facts = journal_facts(version) | {"after": after, "changes": named, "changes_in_all": len(changes)}
    source = version.actor.source
    return facts | ({"actor_source": source.value} if source else {})


def _row(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "at": version.at,
        "actor": version.actor.name[:255],
        "actor_uid": version.actor.uid,
        "command": version.command,
        "summary": version.summary,
        "text_sha256": version.text_sha256,
    }


def _version(row: Any) -> Version:
    return Version(
        number=row.number,
        at=row.at,
        actor=Actor(name=row.actor, uid=row.actor_uid),
        command=row.command,
        summary=row.summary,
        text_sha256=row.text_sha256,
    )


def _entry(row: Any) -> Entry:
    return Entry(seq=row.seq, text=row.entry, hash=row.hash)
