"""Alembic's steps for the configuration database."""
