"""Events that are no call and may tell of an attack."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LOOKED_UP = ("tenant", "trunk", "network")


def _name(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "events",
        sa.Column("id", _number, primary_key=True),
        sa.Column("event_id", _name(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("event", _name(64), nullable=False),
        *(sa.Column(name, _name(64), nullable=False) for name in _LOOKED_UP),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("ix_events_event_id", "events", ["event_id"], unique=True)
    op.create_index("ix_events_at", "events", ["at", "id"])
    for name in _LOOKED_UP:
        op.create_index(f"ix_events_{name}", "events", [name, "at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("events")
