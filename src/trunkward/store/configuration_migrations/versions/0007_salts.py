"""What the journal commits to of a finding about a number can be checked by its salt."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, null for the findings there are."""
    op.add_column("verified_numbers", sa.Column("salt", sa.String(32), nullable=True))


def downgrade() -> None:
    """Drops it."""
    op.drop_column("verified_numbers", "salt")
