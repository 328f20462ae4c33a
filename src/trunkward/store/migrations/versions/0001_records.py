"""Decisions, outcomes, and how far segments have been shipped."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the three tables."""
    op.create_table(
        "decisions",
        sa.Column("record_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("trunk", sa.String(64), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    for column in ("at", "call_id", "trunk"):
        op.create_index(f"ix_decisions_{column}", "decisions", [column])
    op.create_table(
        "outcomes",
        sa.Column("record_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("ending", sa.String(16), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("ix_outcomes_at", "outcomes", ["at"])
    op.create_table(
        "shipped",
        sa.Column("segment", sa.String(255), primary_key=True),
        sa.Column("offset", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drops them."""
    for table in ("shipped", "outcomes", "decisions"):
        op.drop_table(table)
