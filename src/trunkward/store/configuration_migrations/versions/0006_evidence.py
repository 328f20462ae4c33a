"""Records of evidence that numbers belong to a customer, and their documents."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "evidence_files",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    version, document = sa.ForeignKey("versions.number"), sa.ForeignKey("evidence_files.sha256")
    op.create_table(
        "evidence",
        sa.Column("version", sa.BigInteger, version, primary_key=True, autoincrement=False),
        sa.Column("trunk", sa.String(63), nullable=False),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("first", sa.String(16), nullable=False),
        sa.Column("last", sa.String(16), nullable=False),
        sa.Column("file_name", sa.String(120), nullable=False),
        sa.Column("file_sha256", sa.String(64), document, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("replaces", sa.BigInteger, nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("reviewed", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("review_why", sa.Text, nullable=False),
        sa.Column("revoked", sa.BigInteger, nullable=False),
        sa.Column("revoke_why", sa.Text, nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("evidence")
    op.drop_table("evidence_files")
