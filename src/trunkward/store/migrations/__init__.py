"""Alembic's environment and the steps the records database went through."""
