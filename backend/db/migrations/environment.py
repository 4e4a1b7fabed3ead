"""What both ``env.py`` files run: migrations on ``upgrade.migrate``'s connection, in its transaction."""

from alembic import context

from backend.core.errors import SettingsError
from backend.db import tables
from backend.db.session import StoreName


def run(name: StoreName) -> None:
    """Run the migrations of one store. Raises SettingsError when alembic is called without our connection."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise SettingsError(
            "run migrations by opening the store (any emporion command does), not by alembic alone"
        )
    context.configure(
        connection=connection,
        target_metadata=tables.whole_metadata(),
        version_table_schema=name,
        include_schemas=True,
        include_name=lambda entry, kind, _parents: kind != "schema" or entry == name,
    )
    with context.begin_transaction():
        context.run_migrations()
