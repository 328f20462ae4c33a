"""Events in SQL: what is no call and may tell of an attack; shipped like calls, by an id."""

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from trunkward.records.model import EventRecord
from trunkward.store.database import insert_of
from trunkward.store.schema import events

#: Rows read in one query.
_PAGE = 500
_decode = msgspec.json.Decoder(EventRecord).decode


class EventStore:
    """The events of one records database. One writer (the worker), any number of readers."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keeps the engine."""
        self._engine = engine
        made = insert_of(engine.dialect.name)(events)
        self._insert = made.on_conflict_do_nothing(index_elements=["event_id"])

    # ---- the one writer ----------------------------------------------------------------------
    def add(self, connection: sa.Connection, records: Sequence[EventRecord]) -> None:
        """Adds events in a transaction that is begun; one that is there already stays."""
        if rows := [_row(record) for record in records]:
            connection.execute(self._insert, rows)

    def delete(self, tenant: str, before: float, most: int) -> int:
        """Deletes a tenant's oldest events before a time; how many."""
        wanted = (
            sa.select(events.c.id)
            .where(events.c.tenant == tenant, events.c.at < before)
            .order_by(events.c.at)
            .limit(most)
        )
        with self._engine.begin() as connection:
            found = connection.scalars(wanted).all()
            if found:
                connection.execute(events.delete().where(events.c.id.in_(found)))
        return len(found)

    # ---- any reader --------------------------------------------------------------------------
    def tenants(self) -> list[str]:
        """Tenants that have an event here; "" among them where it is a stranger's."""
        with self._engine.connect() as connection:
            return list(connection.scalars(sa.select(events.c.tenant).distinct()))

    def find(
        self,
        *,
        event: str | None = None,
        trunk: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> Iterator[EventRecord]:
        """Events, newest first. Of a trunk: its own, and those of strangers who said they are it."""
        conditions: list[sa.ColumnElement[bool]] = []
        if event is not None:
            conditions.append(events.c.event == event)
        if trunk is not None:
            conditions.append(events.c.trunk == trunk)
        if since is not None:
            conditions.append(events.c.at >= since)
        after: list[sa.ColumnElement[bool]] = []
        while limit is None or limit > 0:
            page = _PAGE if limit is None else min(_PAGE, limit)
            query = (
                sa.select(events.c.id, events.c.at, events.c.record)
                .where(*conditions, *after)
                .order_by(events.c.at.desc(), events.c.id.desc())
                .limit(page)
            )
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            yield from (_decode(record) for _, _, record in rows)
            if len(rows) < page:
                return
            if limit is not None:
                limit -= page
            number, at, _ = rows[-1]
            after = [sa.tuple_(events.c.at, events.c.id) < sa.tuple_(sa.literal(at), sa.literal(number))]


def _row(record: EventRecord) -> dict[str, object]:
    return {
        "event_id": record.event_id,
        "at": record.at,
        "event": record.event,
        "tenant": record.tenant,
        # the one most of them claimed to be
        "trunk": record.trunk or next(iter(record.claimed), ""),
        "network": record.network,
        "record": msgspec.json.encode(record).decode(),
    }
