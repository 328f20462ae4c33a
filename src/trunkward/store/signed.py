"""Calls whose records say that they were signed: for whoever holds the signers' journals against them.

Others than the worker may have the database's password: a record that is none any more is told of, and hides
no other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from trunkward.journal.chain import UNREADABLE
from trunkward.records.model import AttestationRecord
from trunkward.store.schema import calls

#: Rows read in one query: a reader holds no snapshot for longer than that takes.
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """One of them."""

    record_id: str
    #: Seconds since the epoch, of the decision.
    at: float
    #: Whose signer it was: `node`, or a reseller's name.
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableCall:
    """One whose record speaks of a signature, and cannot be read."""

    record_id: str


class _Decision(msgspec.Struct):
    """What of a decision says so; the rest is not read."""

    record_id: str
    #: A moment that a calendar has a name for.
    at: Annotated[float, msgspec.Meta(ge=0, lt=2e11)]
    node: str = ""
    attestation: AttestationRecord | None = None


_decode = msgspec.json.Decoder(_Decision).decode


def signed_calls(
    engine: sa.Engine, until: float, node: str = "", *, since: float = 0.0
) -> Iterator[SignedCall | UnreadableCall]:
    """All of them that were decided between two times, in seconds since the epoch; the oldest first.

    `node`: those of one alone, where several nodes have one database; and those
    that cannot be read, whosever they are.
    """
    # a caller's own words are escaped in JSON
    says_so = calls.c.decision.contains('"serial":"', autoescape=True)
    after: list[Any] = []
    while True:
        query = (
            sa.select(calls.c.id, calls.c.record_id, calls.c.at, calls.c.decision)
            .where(calls.c.at >= since, calls.c.at < until, says_so, *after)
            .order_by(calls.c.at, calls.c.id)
            .limit(_PAGE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            try:
                made = _decode(row.decision)
            except UNREADABLE:
                yield UnreadableCall(record_id=row.record_id)
                continue
            if (said := made.attestation) is not None and said.serial and node in ("", made.node):
                yield SignedCall(record_id=made.record_id, at=made.at, identity=said.identity)
        if len(rows) < _PAGE:
            return
        last = sa.tuple_(sa.literal(rows[-1].at), sa.literal(rows[-1].id))
        after = [sa.tuple_(calls.c.at, calls.c.id) > last]


class Standing(NamedTuple):
    """What a call on record is found by."""

    #: Seconds since the epoch, of the decision.
    at: float
    calling_number: str
    called_number: str


def standing(engine: sa.Engine, record_ids: Iterable[str]) -> dict[str, Standing]:
    """Of these calls those whose decision is on record, by record id."""
    found = {}
    names = list(record_ids)
    columns = (calls.c.record_id, calls.c.at, calls.c.calling_number, calls.c.called_number)
    for at in range(0, len(names), _PAGE):
        query = sa.select(*columns).where(
            calls.c.record_id.in_(names[at : at + _PAGE]), calls.c.decision.is_not(None)
        )
        with engine.connect() as connection:
            for record_id, *rest in connection.execute(query):
                found[record_id] = Standing(*rest)
    return found
