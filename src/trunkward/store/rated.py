"""Rated calls in SQL: revisions are added and never changed; the newest of each call counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from trunkward.calls.outcome import Outcome
from trunkward.records.model import DecisionRecord
from trunkward.records.rated import RatedCall, rated, with_end
from trunkward.spend.rating import Basis, Charged, Side, Terms
from trunkward.spend.tariff import Tariff
from trunkward.store.database import insert_of
from trunkward.store.schema import calls
from trunkward.store.schema import rated as table

#: Rows in one query or transaction: no reader holds a snapshot, and no writer the database, for longer.
PAGE = 500
#: Seconds a call may last at most, by the file's longest `max_call_s`.
LONGEST_S = 86_400
_decision = msgspec.json.Decoder(DecisionRecord).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_WHOLE = (
    "record_id",
    "revision",
    "at",
    "tenant",
    "trunk",
    "reseller",
    "carrier",
    "calling_number",
    "called_number",
)
_REST = ("answered_at", "ended_at", "lasted_ms", "currency", "version", "actor", "revised_at", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedFilter:
    """Every condition that is not None holds for a rated call that is wanted. Seconds since the epoch."""

    since: float
    #: Not in it any more.
    until: float
    #: The period is that of the end of calls, else that of their decision.
    by_end: bool = False
    tenant: str | None = None
    carrier: str | None = None
    #: What calls are; empty: all.
    charged: tuple[Charged, ...] = ()
    #: Only those with a revision after the first made since then.
    revised_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call was charged, or several together."""

    #: Record id of the call, or what several have in common.
    of: str
    #: Seconds since the epoch; of several, the last.
    ended_at: float
    #: By owner (`trunk:acme-hq`, `carrier:north`), micro-units.
    micro: dict[str, int]


def rate_ended(connection: sa.Connection, record_ids: Sequence[str]) -> None:
    """Rates those of these calls that are decided and over, once; within the caller's transaction."""
    for at in range(0, len(record_ids), PAGE):
        known = sa.exists().where(table.c.record_id == calls.c.record_id)
        query = sa.select(calls.c.decision, calls.c.outcome).where(
            calls.c.record_id.in_(record_ids[at : at + PAGE]),
            calls.c.decision.is_not(None),
            calls.c.outcome.is_not(None),
            ~known,
        )
        found = [
            _row(rated(_decision(decision), _outcome(outcome)))
            for decision, outcome in connection.execute(query)
        ]
        if found:
            connection.execute(_added(connection.dialect.name), found)


def rate_again(connection: sa.Connection, record_ids: Sequence[str], at: float) -> None:
    """Adds a revision to those of these calls that are rated, by the end that is known now."""
    for record_id in record_ids:
        last = table.c.record_id == record_id
        newest = connection.execute(sa.select(table).where(last).order_by(table.c.revision.desc()).limit(1))
        if (row := newest.first()) is None:
            continue
        query = sa.select(calls.c.decision, calls.c.outcome).where(calls.c.record_id == record_id)
        decision, outcome = connection.execute(query).one()
        revised = with_end(_call(row), _decision(decision), _outcome(outcome), at=at)
        if revised is not None:
            connection.execute(_added(connection.dialect.name), [_row(revised)])


def forget(connection: sa.Connection, record_ids: Sequence[str]) -> None:
    """Deletes all revisions of calls whose time is over; within the caller's transaction."""
    connection.execute(table.delete().where(table.c.record_id.in_(record_ids)))


class RatedStore:
    """The rated calls of one database."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keeps the engine."""
        self._engine = engine

    def is_there(self) -> bool:
        """Whether a worker of this version has been at work here."""
        return sa.inspect(self._engine).has_table(table.name)

    def newest(self, wanted: RatedFilter) -> Iterator[list[RatedCall]]:
        """The newest revision of each call that is wanted, by time and record id, page by page."""
        time = table.c.ended_at if wanted.by_end else table.c.at
        later = table.alias()
        superseded = sa.exists().where(
            later.c.record_id == table.c.record_id, later.c.revision > table.c.revision
        )
        conditions = [time >= wanted.since, time < wanted.until, ~superseded]
        conditions += [
            table.c[name] == value
            for name in ("tenant", "carrier")
            if (value := getattr(wanted, name)) is not None
        ]
        if wanted.charged:
            conditions.append(table.c.charged.in_(wanted.charged))
        if wanted.revised_since is not None:
            conditions.append(table.c.revised_at >= wanted.revised_since)
        order = sa.tuple_(time, table.c.record_id)
        after: list[sa.ColumnElement[bool]] = []
        while True:
            query = sa.select(table).where(*conditions, *after).order_by(time, table.c.record_id).limit(PAGE)
            with self._engine.connect() as connection:
                page = [_call(row) for row in connection.execute(query)]
            if page:
                yield page
            if len(page) < PAGE:
                return
            last = page[-1]
            at = last.ended_at if wanted.by_end else last.at
            after = [order > sa.tuple_(sa.literal(at), sa.literal(last.record_id))]

    def open_calls(self, wanted: RatedFilter) -> int:
        """How many calls were let through before the end of the time that is wanted, and have no end here.

        They run still, or their end has not been shipped yet. Of those of more than a day before that time
        the worker has found out (`worker.abandoned`).
        """
        conditions = [
            calls.c.at >= wanted.since - LONGEST_S,
            calls.c.at < wanted.until,
            calls.c.verdict == "admit",
            calls.c.ending.is_(None),
        ]
        if wanted.tenant is not None:
            conditions.append(calls.c.tenant == wanted.tenant)
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).where(*conditions)) or 0)

    def before(self, page: Sequence[RatedCall]) -> dict[str, RatedCall]:
        """By record id, of those of a page that were revised the revision before."""
        asked = [(call.record_id, call.revision - 1) for call in page if call.revision > 1]
        if not asked:
            return {}
        pair = sa.tuple_(table.c.record_id, table.c.revision)
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(table).where(pair.in_(asked)))
            return {call.record_id: call for call in map(_call, found)}

    def costs(self, since: float, until: float, currency: str) -> Iterator[list[Cost]]:
        """What each call that ended in this time was charged at its end in a currency, page by page."""
        after = ""
        while True:
            query = (
                sa.select(*_OF_COST, table.c.record_id, table.c.ended_at)
                .where(*_charged(since, until, currency), table.c.record_id > after)
                .order_by(table.c.record_id)
                .limit(PAGE)
            )
            with self._engine.connect() as connection:
                page = [_cost(row) for row in connection.execute(query)]
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = page[-1].of

    def sums(self, since: float, until: float, bucket_s: int, currency: str) -> list[Cost]:
        """The same, summed up by bucket of time, by who pays, and by carrier; `of` is the bucket's number."""
        bucket = sa.cast(sa.func.floor(table.c.ended_at / bucket_s), sa.BigInteger)
        columns = [
            table.c.owners,
            table.c.carrier,
            *(sa.func.sum(amount).label(amount.name) for amount in _AMOUNTS),
            bucket.label("record_id"),
            sa.func.max(table.c.ended_at).label("ended_at"),
        ]
        query = (
            sa.select(*columns)
            .where(*_charged(since, until, currency))
            .group_by(bucket, table.c.owners, table.c.carrier)
            .order_by(bucket, table.c.owners, table.c.carrier)
        )
        with self._engine.connect() as connection:
            return [_cost(row) for row in connection.execute(query)]

    def has_calls(self, *, tenant: str | None = None, carrier: str | None = None) -> bool:
        """Whether there is any call of a tenant, or by a carrier, of whatever time."""
        told = [
            of.c[name] == value
            for of in (table, calls)
            for name, value in (("tenant", tenant), ("carrier", carrier))
            if value is not None
        ]
        with self._engine.connect() as connection:
            return any(connection.scalar(sa.select(sa.exists().where(one))) for one in told)

    def revisions(self, record_id: str) -> list[RatedCall]:
        """All revisions of one call, the first one first."""
        query = sa.select(table).where(table.c.record_id == record_id).order_by(table.c.revision)
        with self._engine.connect() as connection:
            return [_call(row) for row in connection.execute(query)]

    def add(self, revised: Sequence[RatedCall]) -> None:
        """Adds revisions, some at a time; one that is there already stays as it is."""
        for at in range(0, len(revised), PAGE):
            with self._engine.begin() as connection:
                rows = [_row(call) for call in revised[at : at + PAGE]]
                connection.execute(_added(connection.dialect.name), rows)


_AMOUNTS = (table.c.sale_micro, table.c.cost_micro)
_OF_COST = (table.c.owners, table.c.carrier, *_AMOUNTS)


def _charged(since: float, until: float, currency: str) -> list[sa.ColumnElement[bool]]:
    """Calls that were charged to somebody, as it was said at their end; the last that was said of that."""
    later = table.alias()
    said_again = sa.exists().where(
        later.c.record_id == table.c.record_id, later.c.revision > table.c.revision, later.c.version == 0
    )
    return [
        table.c.version == 0,  # what a deck that was wrong has changed is a version's
        ~said_again,
        table.c.charged == Charged.YES,
        table.c.currency == currency,
        table.c.owners != "",
        table.c.ended_at >= since,
        table.c.ended_at < until,
    ]


def _cost(row: Any) -> Cost:
    facts = row._mapping
    sale, cost = int(facts["sale_micro"] or 0), int(facts["cost_micro"] or 0)
    by_carrier = f"carrier:{facts['carrier']}"
    owners = facts["owners"].split()
    return Cost(
        of=str(facts["record_id"]),
        ended_at=facts["ended_at"],
        micro={
            owner: cost if owner == by_carrier else sale
            for owner in owners
            if owner == by_carrier or not owner.startswith("carrier:")
        },
    )


def _added(dialect: str) -> Any:
    return insert_of(dialect)(table).on_conflict_do_nothing(index_elements=["record_id", "revision"])


def _row(call: RatedCall) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(call, name) for name in (*_WHOLE, *_REST)}
    row |= {"charged": call.charged.value, "actor": call.actor[:255], "owners": " ".join(call.owners)}
    for name, side in (("sale", call.sale), ("cost", call.cost)):
        terms = side.terms
        row |= {
            f"{name}_basis": side.basis.value,
            f"{name}_micro": side.micro,
            f"{name}_billed_s": side.billed_s,
            f"{name}_tariff": terms.tariff.compact() if terms else "",
            f"{name}_prefix": terms.prefix if terms else "",
            f"{name}_deck": terms.deck if terms else "",
            f"{name}_deck_sha256": terms.deck_sha256 if terms else "",
        }
    return row


def _call(row: Any) -> RatedCall:
    facts = row._mapping
    return RatedCall(
        **{name: facts[name] for name in (*_WHOLE, *_REST)},
        owners=tuple(facts["owners"].split()),
        charged=Charged(facts["charged"]),
        sale=_side(facts, "sale"),
        cost=_side(facts, "cost"),
    )


def _side(facts: Any, name: str) -> Side:
    tariff = facts[f"{name}_tariff"]
    terms = (
        Terms(
            tariff=Tariff.from_compact(tariff),
            prefix=facts[f"{name}_prefix"],
            deck=facts[f"{name}_deck"],
            deck_sha256=facts[f"{name}_deck_sha256"],
        )
        if tariff
        else None
    )
    return Side(
        basis=Basis(facts[f"{name}_basis"]),
        micro=facts[f"{name}_micro"],
        billed_s=facts[f"{name}_billed_s"],
        terms=terms,
    )
