"""Evidence of a block of numbers belongs to an identity."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, "" for the records there are: they are trunks'."""
    op.add_column("evidence", sa.Column("identity", sa.String(63), nullable=False, server_default=""))


def downgrade() -> None:
    """Drops it."""
    op.drop_column("evidence", "identity")
