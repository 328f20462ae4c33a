"""The tables of the records database; `migrations/` makes them, this module names them."""

import sqlalchemy as sa

metadata = sa.MetaData()

#: SQLite counts its own row numbers only in a column of exactly this type.
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _name(length: int) -> sa.types.TypeEngine[str]:
    """Text that is compared byte by byte, so that what begins alike stands together in an index."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


#: The few calls that an index over it has.
_few = {name: sa.text(f"{name} IS NOT NULL") for name in ("shown_number", "claimed_number")}

#: One row a call: its decision and its outcome as they were written, and of both what calls are looked up by.
#: Either may come first, so both are null for a time.
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", _number, primary_key=True),
    sa.Column("record_id", _name(64), nullable=False),
    #: Seconds since the epoch, of the decision.
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("verdict", _name(16), nullable=False),
    #: Of its decision, or why it was refused after that.
    sa.Column("reason", _name(64), nullable=False),
    sa.Column("tenant", _name(64), nullable=False),
    sa.Column("trunk", _name(64), nullable=False),
    sa.Column("carrier", _name(64), nullable=False),
    sa.Column("calling_number", _name(32), nullable=False),
    sa.Column("called_number", _name(32), nullable=False),
    sa.Column("ending", _name(16), nullable=True),
    sa.Column("duration_s", sa.Float, nullable=True),
    sa.Column("decision", sa.Text, nullable=True),
    sa.Column("outcome", sa.Text, nullable=True),
    #: Null where From has the calling number, as it nearly always has.
    sa.Column("shown_number", _name(32), nullable=True),
    #: Null where another number does not stand in the place of the one in From.
    sa.Column("claimed_number", _name(32), nullable=True),
    sa.Index("ix_calls_record_id", "record_id", unique=True),
    sa.Index("ix_calls_call_id", "call_id"),
    # newest first, whatever else is asked: what few calls have is read off the index, without their rows
    sa.Index("ix_calls_at", "at", "id", "verdict", "reason", "ending", "duration_s"),
    # newest first of one of these
    *(
        sa.Index(f"ix_calls_{name}", name, "at")
        for name in ("tenant", "trunk", "carrier", "calling_number", "called_number")
    ),
    *(
        sa.Index(f"ix_calls_{name}", name, "at", sqlite_where=there, postgresql_where=there)
        for name, there in _few.items()
    ),
)

#: Messages of a call that were shipped together (`records.model.MessageRecord`), and the first one's time.
ladders = sa.Table(
    "ladders",
    metadata,
    sa.Column("id", _number, primary_key=True),
    sa.Column("record_id", _name(64), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("messages", sa.Text, nullable=False),
    sa.Index("ix_ladders_record_id", "record_id", "at", unique=True),
    sa.Index("ix_ladders_at", "at"),
)

#: What is no call and may tell of an attack (`records.model.EventRecord`).
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", _number, primary_key=True),
    sa.Column("event_id", _name(64), nullable=False),
    #: Seconds since the epoch, of the last it counts.
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("event", _name(64), nullable=False),
    sa.Column("tenant", _name(64), nullable=False),
    sa.Column("trunk", _name(64), nullable=False),
    sa.Column("network", _name(64), nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Index("ix_events_event_id", "event_id", unique=True),
    sa.Index("ix_events_at", "at", "id"),
    *(sa.Index(f"ix_events_{name}", name, "at") for name in ("tenant", "trunk", "network")),
)

#: How far each segment has been shipped, in bytes; written in the same transaction as its rows.
shipped = sa.Table(
    "shipped",
    metadata,
    sa.Column("segment", sa.String(255), primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)

#: Calls that are over, rated: each revision a row that is never changed (`records.rated.RatedCall`).
rated = sa.Table(
    "rated",
    metadata,
    sa.Column("id", _number, primary_key=True),
    sa.Column("record_id", _name(64), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    *(sa.Column(name, _name(64), nullable=False) for name in ("tenant", "trunk", "reseller", "carrier")),
    *(sa.Column(name, _name(32), nullable=False) for name in ("calling_number", "called_number")),
    #: Names, with a space between two.
    sa.Column("owners", sa.Text, nullable=False),
    sa.Column("answered_at", sa.Float, nullable=True),
    sa.Column("ended_at", sa.Float, nullable=False),
    sa.Column("lasted_ms", sa.BigInteger, nullable=True),
    sa.Column("charged", _name(16), nullable=False),
    sa.Column("currency", _name(3), nullable=False),
    #: Of each side: micro-units (null: not known), seconds that were charged, and by what.
    *(
        column
        for side in ("sale", "cost")
        for column in (
            sa.Column(f"{side}_basis", _name(16), nullable=False),
            sa.Column(f"{side}_micro", sa.BigInteger, nullable=True),
            sa.Column(f"{side}_billed_s", sa.BigInteger, nullable=False),
            sa.Column(f"{side}_tariff", _name(64), nullable=False),
            sa.Column(f"{side}_prefix", _name(16), nullable=False),
            sa.Column(f"{side}_deck", _name(64), nullable=False),
            sa.Column(f"{side}_deck_sha256", _name(64), nullable=False),
        )
    ),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("revised_at", sa.Float, nullable=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index("ix_rated_record_id", "record_id", "revision", unique=True),
    # bills are by the end of a call, decks and carriers' records by its beginning
    sa.Index("ix_rated_at", "at", "record_id"),
    sa.Index("ix_rated_ended_at", "ended_at", "record_id"),
    sa.Index("ix_rated_tenant", "tenant", "ended_at", "record_id"),
    sa.Index("ix_rated_carrier", "carrier", "at", "record_id"),
)
