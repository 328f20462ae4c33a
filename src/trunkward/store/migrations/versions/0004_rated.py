"""Rated calls: prices and costs, in revisions."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _name(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _side(side: str) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{side}_basis", _name(16), nullable=False),
        sa.Column(f"{side}_micro", sa.BigInteger, nullable=True),
        sa.Column(f"{side}_billed_s", sa.BigInteger, nullable=False),
        sa.Column(f"{side}_tariff", _name(64), nullable=False),
        sa.Column(f"{side}_prefix", _name(16), nullable=False),
        sa.Column(f"{side}_deck", _name(64), nullable=False),
        sa.Column(f"{side}_deck_sha256", _name(64), nullable=False),
    ]


def upgrade() -> None:
    """Makes the table; calls of before stay without a price: they carried none."""
    op.create_table(
        "rated",
        sa.Column("id", _number, primary_key=True),
        sa.Column("record_id", _name(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        *(sa.Column(name, _name(64), nullable=False) for name in ("tenant", "trunk", "reseller", "carrier")),
        *(sa.Column(name, _name(32), nullable=False) for name in ("calling_number", "called_number")),
        sa.Column("owners", sa.Text, nullable=False),
        sa.Column("answered_at", sa.Float, nullable=True),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("lasted_ms", sa.BigInteger, nullable=True),
        sa.Column("charged", _name(16), nullable=False),
        sa.Column("currency", _name(3), nullable=False),
        *_side("sale"),
        *_side("cost"),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("revised_at", sa.Float, nullable=True),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_rated_record_id", "rated", ["record_id", "revision"], unique=True)
    op.create_index("ix_rated_at", "rated", ["at", "record_id"])
    op.create_index("ix_rated_ended_at", "rated", ["ended_at", "record_id"])
    op.create_index("ix_rated_tenant", "rated", ["tenant", "ended_at", "record_id"])
    op.create_index("ix_rated_carrier", "rated", ["carrier", "at", "record_id"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("rated")
