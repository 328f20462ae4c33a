"""Holds of calls, and caps that are raised for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _version() -> sa.Column[int]:
    key = sa.ForeignKey("versions.number")
    return sa.Column("version", sa.BigInteger, key, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "holds",
        _version(),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("cut", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "raises",
        _version(),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("window", sa.String(8), nullable=False),
        sa.Column("to_micro", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("raises")
    op.drop_table("holds")
