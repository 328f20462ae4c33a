"""Decision records, outcomes and messages in SQL: shipped by record id, so nothing is lost or doubled."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from trunkward.calls.outcome import Outcome, is_truer
from trunkward.records.filter import ALL, CallFilter
from trunkward.records.model import DecisionRecord, EventRecord, MessageRecord, OutcomeRecord, Record
from trunkward.records.view import call_view
from trunkward.store.database import insert_of
from trunkward.store.events import EventStore
from trunkward.store.rated import forget, rate_again, rate_ended
from trunkward.store.schema import calls, ladders, shipped

#: Rows read in one query: a reader holds no snapshot for longer than that takes.
_PAGE = 500
#: Calls that are told when an id fits more than one.
_MOST_ALIKE = 10
#: Of these a decision is made of; the rest of a row belongs to the outcome, or to both (`carrier`).
_DECIDED = (
    *("at", "call_id", "verdict", "reason", "tenant", "trunk", "calling_number", "called_number"),
    *("shown_number", "claimed_number", "decision"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call as it was found."""

    #: Counts up in the order in which calls were first heard of.
    id: int
    view: dict[str, Any]
    decided: bool
    ended: bool


class RecordStore:
    """The records of one database. One writer of each node (its worker), any number of readers."""

    def __init__(self, engine: sa.Engine, place: str = "") -> None:
        """Keeps the engine; `place`: whose segments are shipped, where several nodes have one database."""
        self._engine = engine
        self._place = f"{place}/" if place else ""
        self._offsets: dict[str, int] = {}
        #: What is no call.
        self.events = EventStore(engine)
        self._insert = insert_of(engine.dialect.name)
        made = self._insert(calls)
        new = made.excluded
        # an attempt two gates have judged: the edge had given up on the one that stamped it earlier. With
        # the same stamp, a gate has withdrawn what it wrote before (gate/line.py)
        self._insert_decision = made.on_conflict_do_update(
            index_elements=["record_id"],
            # on the way out the carrier is who took the call, and only the outcome knows; as it knows why a
            # call was refused that had been let through
            set_={name: new[name] for name in _DECIDED}
            | {
                "carrier": sa.case((new.carrier != "", new.carrier), else_=calls.c.carrier),
                "reason": sa.case(
                    (sa.and_(calls.c.outcome.is_not(None), calls.c.reason != ""), calls.c.reason),
                    else_=new.reason,
                ),
            },
            where=sa.or_(calls.c.decision.is_(None), new.at >= calls.c.at),
        )
        ended = {name: new[name] for name in ("ending", "duration_s", "outcome")} | {
            "carrier": sa.case((calls.c.carrier == "", new.carrier), else_=calls.c.carrier),
            "reason": sa.case((new.reason != "", new.reason), else_=calls.c.reason),
        }
        self._insert_outcome = made.on_conflict_do_update(
            index_elements=["record_id"], set_=ended, where=calls.c.outcome.is_(None)
        )
        self._replace_outcome = made.on_conflict_do_update(index_elements=["record_id"], set_=ended)
        noted = self._insert(ladders)
        # read again from an earlier place, lines may come in other parts: the longest part holds them all
        self._insert_messages = noted.on_conflict_do_update(
            index_elements=["record_id", "at"],
            set_={"messages": noted.excluded.messages},
            where=sa.func.length(noted.excluded.messages) > sa.func.length(ladders.c.messages),
        )

    def disconnect(self) -> None:
        """Closes what is open; a store can be used again."""
        self._engine.dispose()

    # ---- the one writer ----------------------------------------------------------------------
    def offset(self, segment: str) -> int:
        """How far a segment has been shipped, in bytes; asked once, then the one writer knows it."""
        if (known := self._offsets.get(segment)) is not None:
            return known
        with self._engine.connect() as connection:
            named = shipped.c.segment == self._place + segment
            found = connection.scalar(sa.select(shipped.c.offset).where(named))
        self._offsets[segment] = int(found or 0)
        return self._offsets[segment]

    def ship(self, records: Sequence[Record], segment: str, offset: int) -> None:
        """Adds records and notes how far their segment has come, whole or not at all."""
        with self._engine.begin() as connection:
            if rows := [_decision_row(r) for r in records if isinstance(r, DecisionRecord)]:
                connection.execute(self._insert_decision, rows)
            again = self._end(connection, [r for r in records if isinstance(r, OutcomeRecord)])
            if rows := _message_rows([r for r in records if isinstance(r, MessageRecord)]):
                connection.execute(self._insert_messages, rows)
            self.events.add(connection, [r for r in records if isinstance(r, EventRecord)])
            # in the same transaction, so that each call is rated once; whichever record came last
            rated = [r.record_id for r in records if isinstance(r, DecisionRecord | OutcomeRecord)]
            rate_ended(connection, rated)
            rate_again(connection, again, time.time())
            noted = self._insert(shipped).values(segment=self._place + segment, offset=offset)
            connection.execute(
                noted.on_conflict_do_update(index_elements=["segment"], set_={"offset": offset})
            )
        self._offsets[segment] = offset

    def close(self, ended: Sequence[OutcomeRecord]) -> None:
        """Adds outcomes that stand in no segment here, as `ship` would."""
        with self._engine.begin() as connection:
            again = self._end(connection, ended)
            rate_ended(connection, [record.record_id for record in ended])
            rate_again(connection, again, time.time())

    def _end(self, connection: sa.Connection, ended: Sequence[OutcomeRecord]) -> list[str]:
        """Adds outcomes; of a call that has one, the truer stays (`calls.outcome`). Who has another now."""
        if not ended:
            return []
        rows = {record.record_id: _outcome_row(record) for record in reversed(ended)}
        connection.execute(self._insert_outcome, [*rows.values()])
        # looked at after that: the worker of another node of this database may have been there before
        there: dict[str, str] = {}
        names = [*rows]
        for at in range(0, len(names), _PAGE):
            query = sa.select(calls.c.record_id, calls.c.outcome)
            of_them = calls.c.record_id.in_(names[at : at + _PAGE])
            there |= {row.record_id: row.outcome for row in connection.execute(query.where(of_them))}
        truer = [
            record_id
            for record_id, row in rows.items()
            if there[record_id] != row["outcome"]
            and is_truer(_outcome(row["outcome"]), _outcome(there[record_id]))
        ]
        if truer:
            connection.execute(self._replace_outcome, [rows[record_id] for record_id in truer])
        return truer

    def forget_segment(self, segment: str) -> None:
        """Drops the note about a segment that has been deleted."""
        with self._engine.begin() as connection:
            connection.execute(shipped.delete().where(shipped.c.segment == self._place + segment))
        self._offsets.pop(segment, None)

    def delete_calls(self, tenant: str, before: float, most: int) -> tuple[int, int]:
        """Deletes a tenant's oldest calls decided before a time; how many, and parts of ladders with them."""
        wanted = (
            sa.select(calls.c.id, calls.c.record_id)
            .where(calls.c.tenant == tenant, calls.c.at < before)
            .order_by(calls.c.at)
            .limit(most)
        )
        with self._engine.begin() as connection:
            found = connection.execute(wanted).all()
            if not found:
                return 0, 0
            record_ids = [record_id for _, record_id in found]
            of_them = ladders.c.record_id.in_(record_ids)
            forget(connection, record_ids)
            messages = connection.execute(ladders.delete().where(of_them)).rowcount
            connection.execute(calls.delete().where(calls.c.id.in_([number for number, _ in found])))
        return len(found), messages

    def delete_ladders(self, before: float, most: int) -> int:
        """Deletes the oldest messages shipped together before a time; how many parts of ladders."""
        wanted = sa.select(ladders.c.id).where(ladders.c.at < before).order_by(ladders.c.at).limit(most)
        with self._engine.begin() as connection:
            found = connection.scalars(wanted).all()
            if found:
                connection.execute(ladders.delete().where(ladders.c.id.in_(found)))
        return len(found)

    # ---- any reader --------------------------------------------------------------------------
    def tenants(self) -> list[str]:
        """Tenants that have a call here; "" among them when strangers or unjudged calls are there."""
        found: list[str] = []
        with self._engine.connect() as connection:
            query = sa.select(sa.func.min(calls.c.tenant))
            after = connection.scalar(query)
            while after is not None:
                found.append(after)
                # one step in the index for each, however many calls it has
                after = connection.scalar(query.where(calls.c.tenant > after))
        return found

    def find(self, wanted: CallFilter = ALL, limit: int | None = None) -> Iterator[Kept]:
        """Calls, newest first, read page by page."""
        conditions = list(_conditions(wanted))
        after: list[Any] = []
        while limit is None or limit > 0:
            page = _PAGE if limit is None else min(_PAGE, limit)
            # few columns first, off an index where there is one; then the long rows of those wanted only
            chosen = (
                sa.select(calls.c.id, calls.c.at)
                .where(*conditions, *after)
                .order_by(calls.c.at.desc(), calls.c.id.desc())
                .limit(page)
            )
            with self._engine.connect() as connection:
                places = connection.execute(chosen).all()
                rows = self._rows(connection, [number for number, _ in places])
            yield from (rows[number] for number, _ in places if number in rows)
            if len(places) < page:
                return
            if limit is not None:
                limit -= page
            number, at = places[-1]
            after = [sa.tuple_(calls.c.at, calls.c.id) < sa.tuple_(sa.literal(at), sa.literal(number))]

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest calls, newest first."""
        return [kept.view for kept in self.find(limit=limit)]

    def call(self, call_id: str) -> dict[str, Any] | None:
        """The newest call with a SIP Call-ID."""
        found = self._of_call_id(call_id, 1)
        return found[0] if found else None

    def look_up(self, name: str) -> list[dict[str, Any]]:
        """The calls a person may mean: a record id, the beginning of one, or a Call-ID; newest first."""
        with self._engine.connect() as connection:
            # "g" stands after every digit of a record id
            begins = calls.c.record_id.between(name, f"{name}g") if name else sa.false()
            query = sa.select(calls.c.id).where(begins).order_by(calls.c.record_id).limit(_MOST_ALIKE)
            rows = self._rows(connection, connection.scalars(query).all())
        found = [kept.view for kept in rows.values() if kept.view["record_id"].startswith(name)]
        exact = [view for view in found if view["record_id"] == name]
        return exact or sorted(found, key=_started, reverse=True) or self._of_call_id(name, _MOST_ALIKE)

    def messages(self, keys: Sequence[str], since: float, until: float) -> list[MessageRecord]:
        """What was noted under these record ids in a time, in its order, each once."""
        query = sa.select(ladders.c.messages).where(
            ladders.c.record_id.in_(keys), ladders.c.at >= since, ladders.c.at <= until
        )
        with self._engine.connect() as connection:
            parts = connection.scalars(query).all()
        found = {message for part in parts for message in _decode_messages(part)}
        return sorted(found, key=lambda m: (m.at, m.way != "in", m.record_id, m.side, m.what))

    def without_outcome(self, *, after: float, before: float) -> list[DecisionRecord]:
        """Admitted calls of this time (seconds since the epoch; `before` not in it) that have no outcome."""
        query = (
            sa.select(calls.c.decision)
            .where(calls.c.at >= after, calls.c.at < before)
            .where(calls.c.verdict == "admit", calls.c.ending.is_(None))
            .order_by(calls.c.at, calls.c.id)
        )
        with self._engine.connect() as connection:
            return [_decision(text) for text in connection.scalars(query)]

    def some_older(self, than: float, rows: int) -> float:
        """The time down to which some `rows` calls are older than that one; -inf when it is all of them."""
        query = sa.select(calls.c.at).where(calls.c.at < than).order_by(calls.c.at.desc())
        with self._engine.connect() as connection:
            found = connection.scalar(query.offset(rows).limit(1))
        return -math.inf if found is None else float(found)

    def counts(self) -> tuple[int, int]:
        """How many decisions and how many outcomes there are."""
        with self._engine.connect() as connection:
            query = sa.select(sa.func.count(calls.c.decision), sa.func.count(calls.c.outcome))
            made, ended = connection.execute(query).one()
        return int(made), int(ended)

    def oldest_at(self) -> float | None:
        """When the oldest call there is was judged, seconds since the epoch."""
        with self._engine.connect() as connection:
            found = connection.scalar(sa.select(sa.func.min(calls.c.at)))
        return None if found is None else float(found)

    def count(self, since: float, until: float) -> int:
        """How many calls were judged in a time, in seconds since the epoch; `until` not in it."""
        query = sa.select(sa.func.count()).where(calls.c.at >= since, calls.c.at < until)
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def last_id(self) -> int:
        """The id of the call that was heard of last."""
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.max(calls.c.id))) or 0)

    def since(self, last_id: int) -> list[Kept]:
        """Calls heard of after that one, in their order."""
        query = sa.select(calls.c.id).where(calls.c.id > last_id).order_by(calls.c.id).limit(_PAGE)
        with self._engine.connect() as connection:
            rows = self._rows(connection, connection.scalars(query).all())
        return [rows[number] for number in sorted(rows)]

    def running(self, since: float, most: int) -> list[int]:
        """Calls of which nobody knows an end yet, by id, the newest `most` of them."""
        query = (
            sa.select(calls.c.id)
            .where(calls.c.at >= since, calls.c.verdict == "admit", calls.c.ending.is_(None))
            .order_by(calls.c.at.desc())
            .limit(most)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def complete(self, ids: Sequence[int]) -> list[Kept]:
        """Of these calls the ones that are decided and, where they were admitted, have an outcome."""
        found: list[int] = []
        with self._engine.connect() as connection:
            for at in range(0, len(ids), _PAGE):
                query = sa.select(calls.c.id).where(
                    calls.c.id.in_(ids[at : at + _PAGE]),
                    calls.c.verdict != "",
                    sa.or_(calls.c.ending.is_not(None), calls.c.verdict != "admit"),
                )
                found += connection.scalars(query)
            rows = self._rows(connection, found)
        return [rows[number] for number in sorted(rows)]

    def matching(self, ids: Sequence[int], wanted: CallFilter) -> set[int]:
        """Which of these calls are wanted."""
        found: set[int] = set()
        with self._engine.connect() as connection:
            for at in range(0, len(ids), _PAGE):
                of_them = calls.c.id.in_(ids[at : at + _PAGE])
                found.update(connection.scalars(sa.select(calls.c.id).where(of_them, *_conditions(wanted))))
        return found

    def _of_call_id(self, call_id: str, limit: int) -> list[dict[str, Any]]:
        query = (
            sa.select(calls.c.id)
            .where(calls.c.call_id == _key(call_id))
            .order_by(calls.c.at.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = self._rows(connection, connection.scalars(query).all())
        return sorted((kept.view for kept in rows.values()), key=_started, reverse=True)

    @staticmethod
    def _rows(connection: sa.Connection, ids: Sequence[int]) -> dict[int, Kept]:
        found: dict[int, Kept] = {}
        for at in range(0, len(ids), _PAGE):
            query = sa.select(calls.c.id, calls.c.decision, calls.c.outcome).where(
                calls.c.id.in_(ids[at : at + _PAGE])
            )
            for number, decision, outcome in connection.execute(query):
                view = call_view(_read(decision), _read(outcome))
                found[number] = Kept(
                    id=number, view=view, decided=decision is not None, ended=outcome is not None
                )
        return found


def _conditions(wanted: CallFilter) -> Iterator[sa.ColumnElement[bool]]:
    for name in ("tenant", "trunk", "carrier", "verdict", "reason", "ending"):
        if (value := getattr(wanted, name)) is not None:
            yield calls.c[name] == value
    for name in ("calling_number", "called_number", "shown_number", "claimed_number"):
        if (value := getattr(wanted, name)) is not None:
            yield _is_number(calls.c[name], value)
    if wanted.number is not None:
        yield sa.or_(
            _is_number(calls.c.calling_number, wanted.number),
            _is_number(calls.c.called_number, wanted.number),
            _is_number(calls.c.shown_number, wanted.number),
            _is_number(calls.c.claimed_number, wanted.number),
        )
    if wanted.since is not None:
        yield calls.c.at >= wanted.since
    if wanted.until is not None:
        yield calls.c.at < wanted.until
    if wanted.min_duration_s is not None:
        yield calls.c.duration_s >= wanted.min_duration_s
    if wanted.emergency is not None:
        # as `records.view.is_emergency`
        called = calls.c.called_number
        is_one = sa.and_(called != "", sa.func.substr(called, 1, 1) != "+")
        yield is_one if wanted.emergency else sa.not_(is_one)


def _is_number(column: sa.ColumnElement[str], wanted: str) -> sa.ColumnElement[bool]:
    if not wanted.endswith("*"):
        return column == wanted
    # ":" stands after every digit
    return sa.and_(column >= wanted[:-1], column < f"{wanted[:-1]}:")


_decision = msgspec.json.Decoder(DecisionRecord).decode
_outcome = msgspec.json.Decoder(Outcome).decode


def _decision_row(record: DecisionRecord) -> dict[str, Any]:
    return {
        "record_id": record.record_id,
        "at": record.at,
        "call_id": _key(record.call_id),
        "verdict": record.verdict,
        "reason": record.reason,
        "tenant": record.tenant,
        # a stranger's is found by the trunk it said it is
        "trunk": record.trunk or record.claimed,
        "carrier": "" if record.direction == "outbound" else record.source_name,
        "calling_number": record.calling_number,
        "called_number": record.called_number,
        "shown_number": record.shown_number or None,
        "claimed_number": record.claimed_number or None,
        "decision": msgspec.json.encode(record).decode(),
    }


def _outcome_row(record: OutcomeRecord) -> dict[str, Any]:
    told = record.outcome
    lasted = told.ended_at - told.answered_at if told.answered_at and told.ended_at else None
    return {
        "record_id": record.record_id,
        "at": record.at,
        "call_id": _key(told.call_id),
        **dict.fromkeys(("verdict", "tenant", "trunk", "calling_number", "called_number"), ""),
        "reason": told.reason or "",
        "carrier": told.peer or "",
        "ending": told.ending,
        "duration_s": None if lasted is None else round(lasted, 3),
        "outcome": msgspec.json.encode(told).decode(),
    }


def _message_rows(messages: list[MessageRecord]) -> list[dict[str, Any]]:
    """The messages of each call together: a row for each would be most of the database."""
    of_call: dict[str, list[MessageRecord]] = {}
    for message in messages:
        of_call.setdefault(message.record_id, []).append(message)
    return [
        {
            "record_id": record_id,
            "at": min(message.at for message in together),
            "messages": msgspec.json.encode(together).decode(),
        }
        for record_id, together in of_call.items()
    ]


_decode_messages = msgspec.json.Decoder(list[MessageRecord]).decode


def _key(call_id: str) -> str:
    """A Call-ID as it is looked up by: a peer chose it, and no database takes any text in an index."""
    return call_id[:255].replace("\0", "")


def _read(text: str | None) -> dict[str, Any] | None:
    return None if text is None else msgspec.json.decode(text)


def _started(view: dict[str, Any]) -> float:
    return float(view["started_at"] or 0.0)
