"""The number a PBX claimed in From, where another stands in its place."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_THERE = sa.text("claimed_number IS NOT NULL")


def upgrade() -> None:
    """Adds the column, empty for all calls there are, and an index over the few that will have it."""
    number = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    op.add_column("calls", sa.Column("claimed_number", number, nullable=True))
    op.create_index(
        *("ix_calls_claimed_number", "calls", ["claimed_number", "at"]),
        sqlite_where=_THERE,
        postgresql_where=_THERE,
    )


def downgrade() -> None:
    """Drops both."""
    op.drop_index("ix_calls_claimed_number", "calls")
    op.drop_column("calls", "claimed_number")
