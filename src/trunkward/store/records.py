"""Decision records and outcomes in SQL: shipped by record id, so nothing is lost or doubled."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from trunkward.records.model import DecisionRecord, OutcomeRecord, Record
from trunkward.records.view import call_view
from trunkward.store.schema import decisions, outcomes, shipped


class RecordStore:
    """The records of one database. One writer (the worker), any number of readers."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keeps the engine."""
        self._engine = engine
        self._offsets: dict[str, int] = {}
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        made = self._insert(decisions)
        # an attempt two gates have judged: the edge had given up on the one that stamped it earlier. With
        # the same stamp, a gate has withdrawn what it wrote before (gate/line.py)
        self._insert_decision = made.on_conflict_do_update(
            index_elements=["record_id"],
            set_={c.name: made.excluded[c.name] for c in decisions.columns if c.name != "record_id"},
            where=made.excluded.at >= decisions.c.at,
        )

    def offset(self, segment: str) -> int:
        """How far a segment has been shipped, in bytes; asked once, then the one writer knows it."""
        if (known := self._offsets.get(segment)) is not None:
            return known
        with self._engine.connect() as connection:
            found = connection.scalar(sa.select(shipped.c.offset).where(shipped.c.segment == segment))
        self._offsets[segment] = int(found or 0)
        return self._offsets[segment]

    def ship(self, records: Sequence[Record], segment: str, offset: int) -> None:
        """Adds records and notes how far their segment has come, whole or not at all."""
        with self._engine.begin() as connection:
            if rows := [_decision_row(r) for r in records if isinstance(r, DecisionRecord)]:
                connection.execute(self._insert_decision, rows)
            if rows := [_outcome_row(r) for r in records if isinstance(r, OutcomeRecord)]:
                connection.execute(self._insert(outcomes).on_conflict_do_nothing(), rows)
            noted = self._insert(shipped).values(segment=segment, offset=offset)
            connection.execute(
                noted.on_conflict_do_update(index_elements=["segment"], set_={"offset": offset})
            )
        self._offsets[segment] = offset

    def forget_segment(self, segment: str) -> None:
        """Drops the note about a segment that has been deleted."""
        with self._engine.begin() as connection:
            connection.execute(shipped.delete().where(shipped.c.segment == segment))
        self._offsets.pop(segment, None)

    def call(self, call_id: str) -> dict[str, Any] | None:
        """The newest decision on a SIP Call-ID with its outcome, as one dictionary."""
        query = (
            sa.select(decisions.c.record, outcomes.c.record)
            .select_from(decisions.outerjoin(outcomes, decisions.c.record_id == outcomes.c.record_id))
            .where(decisions.c.call_id == call_id)
            .order_by(decisions.c.at.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _joined(row[0], row[1])

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest decisions with their outcomes, newest first."""
        query = (
            sa.select(decisions.c.record, outcomes.c.record)
            .select_from(decisions.outerjoin(outcomes, decisions.c.record_id == outcomes.c.record_id))
            .order_by(decisions.c.at.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_joined(row[0], row[1]) for row in connection.execute(query)]

    def without_outcome(self, *, after: float, before: float) -> list[DecisionRecord]:
        """Admitted calls of this time (seconds since the epoch; `before` not in it) that have no outcome."""
        query = (
            sa.select(decisions.c.record)
            .where(decisions.c.at >= after, decisions.c.at < before, decisions.c.verdict == "admit")
            .where(~sa.exists().where(outcomes.c.record_id == decisions.c.record_id))
        )
        with self._engine.connect() as connection:
            return [_decision(text) for text in connection.scalars(query)]

    def close(self, ended: Sequence[OutcomeRecord]) -> None:
        """Adds outcomes that stand in no segment; one that is there already stays."""
        with self._engine.begin() as connection:
            connection.execute(
                self._insert(outcomes).on_conflict_do_nothing(), [_outcome_row(record) for record in ended]
            )

    def counts(self) -> tuple[int, int]:
        """How many decisions and how many outcomes there are."""
        with self._engine.connect() as connection:
            made = connection.scalar(sa.select(sa.func.count()).select_from(decisions))
            ended = connection.scalar(sa.select(sa.func.count()).select_from(outcomes))
        return int(made or 0), int(ended or 0)


_decision = msgspec.json.Decoder(DecisionRecord).decode


def _decision_row(record: DecisionRecord) -> dict[str, Any]:
    return {
        "record_id": record.record_id,
        "at": record.at,
        "call_id": record.call_id,
        "verdict": record.verdict,
        "reason": record.reason,
        "trunk": record.trunk,
        "record": msgspec.json.encode(record).decode(),
    }


def _outcome_row(record: OutcomeRecord) -> dict[str, Any]:
    return {
        "record_id": record.record_id,
        "at": record.at,
        "ending": record.outcome.ending,
        "record": msgspec.json.encode(record.outcome).decode(),
    }


def _joined(decision: str, outcome: str | None) -> dict[str, Any]:
    return call_view(msgspec.json.decode(decision), None if outcome is None else msgspec.json.decode(outcome))
