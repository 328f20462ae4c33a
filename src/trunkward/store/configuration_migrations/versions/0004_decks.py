"""Decks of rates, each state of each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "deck_texts",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "decks",
        sa.Column(
            "version",
            sa.BigInteger,
            sa.ForeignKey("versions.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("sha256", sa.String(64), sa.ForeignKey("deck_texts.sha256"), nullable=False),
        sa.Column("rates", sa.BigInteger, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("decks")
    op.drop_table("deck_texts")
