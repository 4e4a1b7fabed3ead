"""Alembic's entry for the ``chain`` store."""

from backend.db.migrations.environment import run

run("chain")
