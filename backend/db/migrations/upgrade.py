"""Bring a store's schema up to date, once, however many processes start together.

A fresh store gets today's tables at once and the newest version's stamp; an older one is upgraded step by
step; a newer one is refused. All in one transaction under a lock.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    column,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.schema import CreateSchema

from backend.core.errors import DatabaseError, DatabaseNewer
from backend.db.session import Store, StoreName
from backend.db.tables import tables_of

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

VERSIONS: Final[dict[StoreName, str]] = {"chain": "0001", "gateway": "0001"}
"""The newest version of each store; a test compares it with the files in ``versions/``."""
_HERE: Final = Path(__file__).parent
_LOCKS: Final = {"chain": 0x656D7001, "gateway": 0x656D7002}
"""Advisory lock numbers ("emp" and a digit)."""


async def migrate(store: Store) -> None:
    """Create or upgrade the store's tables. Raises DatabaseNewer, DatabaseError, DatabaseUnreachable."""
    async with store.write_connection() as connection:
        if store.dialect == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCKS[store.name]})
            await connection.execute(CreateSchema(store.name, if_not_exists=True))
        await connection.run_sync(_bring_up_to_date, store.name)


def create_tables(connection: Connection, name: StoreName) -> None:
    """Create the tables of one store; none may exist."""
    mine = tables_of(name)
    mine[0].metadata.create_all(connection, tables=mine, checkfirst=False)


def _bring_up_to_date(connection: Connection, name: StoreName) -> None:
    current = _stored_version(connection, name)
    if current != VERSIONS[name]:
        _change(connection, name, current)
    _refuse_missing(connection, name)


def _stored_version(connection: Connection, name: StoreName) -> str | None:
    if not inspect(connection).has_table("alembic_version", schema=name):
        return None
    versions = table("alembic_version", column("version_num"), schema=name)
    version: str | None = connection.execute(select(versions.c.version_num)).scalar_one_or_none()
    return version


def _change(connection: Connection, name: StoreName, current: str | None) -> None:
    if current is None:
        create_tables(connection, name)
        _stamp(connection, name)
        return
    # Alembic is loaded only where there is something to upgrade: it takes a fifth of a start, and memory.
    from alembic import command

    config, scripts = alembic_scripts(name)
    if current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseNewer(
            f"the {name} store is at version {current}, this program knows up to {VERSIONS[name]}; "
            "upgrade the program, or point EMPORION_HOME or EMPORION_DATABASE_URL at another database"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _stamp(connection: Connection, name: StoreName) -> None:
    """Note the newest version where alembic looks for it, in a table as alembic makes it."""
    key = PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
    versions = Table(
        "alembic_version", MetaData(), Column("version_num", String(32), nullable=False), key, schema=name
    )
    versions.create(connection, checkfirst=True)
    connection.execute(versions.insert().values(version_num=VERSIONS[name]))


def alembic_scripts(name: StoreName) -> "tuple[Config, ScriptDirectory]":
    """Alembic's configuration and version history of one store."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_HERE / name).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


_COLUMNS: Final = {
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :name",
    "sqlite": "SELECT t.name, c.name FROM {name}.sqlite_master t, pragma_table_xinfo(t.name, :name) c "
    "WHERE t.type = 'table'",
}


def _missing_columns(connection: Connection, name: StoreName, mine: Iterable[Table]) -> list[str]:
    """Columns of ours that the store has not, as `table.column`; one question for all tables."""
    asked = text(_COLUMNS[connection.dialect.name].format(name=name))
    present = {(row[0], row[1]) for row in connection.execute(asked, {"name": name})}
    return [
        f"{table.name}.{column.name}"
        for table in mine
        for column in table.columns
        if (table.name, column.name) not in present
    ]


def _refuse_missing(connection: Connection, name: StoreName) -> None:
    mine = tables_of(name)
    present = set(inspect(connection).get_table_names(schema=name))
    missing = sorted({table.name for table in mine} - present) or _missing_columns(connection, name, mine)
    if missing:
        raise DatabaseError(
            f"the {name} store lacks {', '.join(missing)}; it was made by an unreleased version: "
            "start from an empty EMPORION_HOME or database",
            missing=missing,
        )
