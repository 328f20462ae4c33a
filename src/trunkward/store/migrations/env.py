"""Alembic runs this for each migration; the connection is handed in by `store.database`."""

from alembic import context

from trunkward.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
