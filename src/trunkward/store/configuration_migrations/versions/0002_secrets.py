"""Secrets of trunks that are recognised by digest, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "secrets",
        sa.Column(
            "id", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("trunk", sa.String(63), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("realm", sa.String(253), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("md5", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Double, nullable=True),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("secrets")
