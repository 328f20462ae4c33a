"""The tables of the records database; `migrations/` makes them, this module names them."""

import sqlalchemy as sa

metadata = sa.MetaData()

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("record_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("call_id", sa.String(255), nullable=False, index=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("trunk", sa.String(64), nullable=False, index=True),
    sa.Column("record", sa.Text, nullable=False),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("record_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("ending", sa.String(16), nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)

#: How far each segment has been shipped, in bytes; written in the same transaction as its rows.
shipped = sa.Table(
    "shipped",
    metadata,
    sa.Column("segment", sa.String(255), primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)
