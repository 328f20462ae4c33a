"""Evidence of an identity belongs to the provider whose code it had."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, "" for the records there are: their acts, which the journal has, name no code."""
    op.add_column("evidence", sa.Column("spc", sa.String(4), nullable=False, server_default=""))


def downgrade() -> None:
    """Drops it."""
    op.drop_column("evidence", "spc")
