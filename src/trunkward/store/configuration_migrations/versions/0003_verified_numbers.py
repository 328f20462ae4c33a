"""Findings that a trunk may show a number which is not its own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "verified_numbers",
        sa.Column(
            "version",
            sa.BigInteger,
            sa.ForeignKey("versions.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("trunk", sa.String(63), nullable=False),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("withdrawn", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("verified_numbers")
