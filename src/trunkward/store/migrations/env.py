"""Alembic runs this for each migration; connection and version table are handed in by `store.database`."""

from alembic import context

from trunkward.store.schema import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
