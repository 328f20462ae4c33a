"""Requests to trace a call back stand in the journal of acts alone, which says all these tables said."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drops them."""
    op.drop_table("traceback_answers")
    op.drop_table("traceback_requests")


def downgrade() -> None:
    """Makes them, without rows."""
    # one cannot belong to two columns
    opened, answered = sa.ForeignKey("versions.number"), sa.ForeignKey("versions.number")
    op.create_table(
        "traceback_requests",
        sa.Column("version", sa.BigInteger, opened, primary_key=True, autoincrement=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("closed", sa.BigInteger, nullable=False),
        sa.Column("close_why", sa.Text, nullable=False),
    )
    op.create_table(
        "traceback_answers",
        sa.Column("version", sa.BigInteger, answered, primary_key=True, autoincrement=False),
        sa.Column("request", sa.BigInteger, sa.ForeignKey("traceback_requests.version"), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
    )
