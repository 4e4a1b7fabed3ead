"""The first tables of the ``gateway`` store."""

from alembic import op

from backend.db.migrations.upgrade import create_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table the store has."""
    create_tables(op.get_bind(), "gateway")
