"""Requests to trace a call back, and their answers."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
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


def downgrade() -> None:
    """Drops them."""
    op.drop_table("traceback_answers")
    op.drop_table("traceback_requests")
