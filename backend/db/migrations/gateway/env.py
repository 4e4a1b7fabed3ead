"""Alembic's entry for the ``gateway`` store."""

from backend.db.migrations.environment import run

run("gateway")
