"""Opening the stores, on SQLite and PostgreSQL.

open_chain_store / open_gateway_store
├── given a database of a newer version: it should raise DatabaseNewer and leave it
├── given a database that lacks a table or a column: it should say which
├── given no server, a wrong URL or a folder that is a file: it should say what to check
├── given a fresh place: it should make every table and stamp the version, where alembic finds it
├── given no chain store yet: the gateway's should find its tables, empty
├── given several processes at once: it should make the tables once
└── opened again: it should find what was written
migrations
├── the newest file should be the version the program names
├── run from nothing, step by step: they should end at the metadata's tables
└── a fresh store's tables should equal the metadata's
"""

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, text

from backend.core.errors import DatabaseError, DatabaseNewer, DatabaseUnreachable, SettingsError
from backend.core.settings import Settings, load_settings
from backend.db.migrations.upgrade import VERSIONS, alembic_scripts
from backend.db.session import Store, StoreName
from backend.db.stores import open_chain_store, open_gateway_store
from backend.db.tables import tables_of, whole_metadata
from backend.db.tables.chain import Chain
from tests.backend.db.conftest import LEDGER

OPENERS = {"chain": open_chain_store, "gateway": open_gateway_store}


def differences(connection: Connection, name: StoreName) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table_schema": name,
            "include_schemas": True,
            "include_name": lambda entry, kind, _parents: kind != "schema" or entry == name,
            "include_object": lambda item, _name, kind, _reflected, _other: (
                kind != "table" or item.schema == name
            ),
            "compare_type": False,
        },
    )
    return list(compare_metadata(context, whole_metadata()))


def drop_tables(connection: Connection, name: StoreName) -> None:
    whole_metadata().drop_all(connection, tables=tables_of(name))
    connection.execute(text(f"DELETE FROM {name}.alembic_version"))


def run_upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


class TestOpen:
    @pytest.mark.parametrize("name", ["chain", "gateway"])
    async def test_given_a_newer_database_refuses(self, fresh_settings: Settings, name: StoreName) -> None:
        store = await OPENERS[name](fresh_settings)
        async with store.write_connection() as connection:
            await connection.execute(text(f"UPDATE {name}.alembic_version SET version_num = '9999'"))
        await store.close()
        with pytest.raises(DatabaseNewer, match="9999"):
            await OPENERS[name](fresh_settings)

    async def test_given_a_missing_table_names_it(self, fresh_settings: Settings) -> None:
        store = await open_chain_store(fresh_settings)
        async with store.write_connection() as connection:
            await connection.execute(text("DROP TABLE chain.heartbeats"))
        await store.close()
        with pytest.raises(DatabaseError, match="heartbeats"):
            await open_chain_store(fresh_settings)

    @pytest.mark.parametrize("name", ["chain", "gateway"])
    async def test_given_a_missing_column_names_it(self, fresh_settings: Settings, name: StoreName) -> None:
        table, column = {"chain": ("chains", "reorgs"), "gateway": ("usage", "engine")}[name]
        store = await OPENERS[name](fresh_settings)
        async with store.write_connection() as connection:
            await connection.execute(text(f"ALTER TABLE {name}.{table} DROP COLUMN {column}"))
        await store.close()
        with pytest.raises(DatabaseError, match=rf"lacks {table}\.{column};.*start from an empty"):
            await OPENERS[name](fresh_settings)

    async def test_given_no_server_says_what_to_check(self, tmp_path: Path) -> None:
        settings = load_settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")
        with pytest.raises(DatabaseUnreachable, match="EMPORION_DATABASE_URL"):
            await open_gateway_store(settings)

    async def test_given_no_url_says_its_shape(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="5432"):
            await open_chain_store(
                load_settings(home=tmp_path, database_url="postgresql://user@127.0.0.1:port/name")
            )

    async def test_given_a_file_as_home_says_what_to_check(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("")
        with pytest.raises(DatabaseUnreachable, match="EMPORION_HOME"):
            await open_chain_store(load_settings(home=tmp_path / "home"))

    async def test_given_a_file_that_is_no_database_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "chain.db").write_bytes(b"not a database" * 100)
        with pytest.raises(DatabaseUnreachable, match="not a database"):
            await open_chain_store(load_settings(home=tmp_path))

    async def test_given_no_chain_store_finds_its_tables_empty(self, fresh_settings: Settings) -> None:
        store = await open_gateway_store(fresh_settings)
        async with store.read_connection() as connection:
            assert (await connection.execute(select(func.count()).select_from(Chain))).scalar_one() == 0
        await store.close()

    @pytest.mark.parametrize("name", ["chain", "gateway"])
    async def test_stamps_the_version_where_alembic_finds_it(
        self, fresh_settings: Settings, name: StoreName
    ) -> None:
        def read(connection: Connection) -> str | None:
            opts = {"version_table_schema": name}
            return MigrationContext.configure(connection, opts=opts).get_current_revision()

        store = await OPENERS[name](fresh_settings)
        async with store.read_connection() as connection:
            assert await connection.run_sync(read) == VERSIONS[name]
        await store.close()

    async def test_given_many_at_once_makes_the_tables_once(self, fresh_settings: Settings) -> None:
        stores = await asyncio.gather(*(OPENERS[name](fresh_settings) for name in ("chain", "gateway") * 3))
        async with stores[0].read_connection() as connection:
            versions = (await connection.execute(text("SELECT version_num FROM chain.alembic_version"))).all()
        assert len(versions) == 1
        for store in stores:
            await store.close()

    async def test_again_finds_what_was_written(self, settings: Settings, gateway: Store) -> None:
        async with gateway.write_connection() as connection:
            await connection.execute(insert(LEDGER).values(n=1))
        again = await open_gateway_store(settings)
        async with again.read_connection() as connection:
            assert (await connection.execute(select(LEDGER.c.n))).scalar_one() == 1
        await again.close()


class TestMigrations:
    @pytest.mark.parametrize("name", ["chain", "gateway"])
    def test_end_at_the_version_the_program_names(self, name: StoreName) -> None:
        assert alembic_scripts(name)[1].get_current_head() == VERSIONS[name]

    @pytest.mark.parametrize("name", ["chain", "gateway"])
    async def test_from_an_older_version_run_in_order(
        self, fresh_settings: Settings, name: StoreName
    ) -> None:
        # An empty version table is a store before its first version's step.
        store = await OPENERS[name](fresh_settings)
        async with store.write_connection() as connection:
            await connection.run_sync(drop_tables, name)
            config, _ = alembic_scripts(name)
            await connection.run_sync(run_upgrade, config)
            found = await connection.run_sync(differences, name)
        await store.close()
        assert found == []

    @pytest.mark.parametrize("name", ["chain", "gateway"])
    async def test_leave_nothing_to_change(self, fresh_settings: Settings, name: StoreName) -> None:
        store = await OPENERS[name](fresh_settings)
        async with store.write_connection() as connection:
            found = await connection.run_sync(differences, name)
        await store.close()
        assert found == []
