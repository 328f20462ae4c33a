"""The number the called side saw, where it is another than the one that counts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_THERE = sa.text("shown_number IS NOT NULL")


def upgrade() -> None:
    """Adds the column, empty for all calls there are, and an index over the few that will have it."""
    number = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    op.add_column("calls", sa.Column("shown_number", number, nullable=True))
    op.create_index(
        *("ix_calls_shown_number", "calls", ["shown_number", "at"]),
        sqlite_where=_THERE,
        postgresql_where=_THERE,
    )


def downgrade() -> None:
    """Drops both."""
    op.drop_index("ix_calls_shown_number", "calls")
    op.drop_column("calls", "shown_number")
