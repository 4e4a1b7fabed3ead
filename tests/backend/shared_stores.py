"""Both stores on both databases; on PostgreSQL one database for all tests, emptied before each."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.core.settings import Settings, load_settings
from backend.db import tables
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from tests.servers import PostgresServer


@pytest.fixture(scope="session")
def shared_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Making the tables takes longer than most tests."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("shared_database"))
    return load_settings(home=tmp_path, database_url=url, database_pool=5, devnet=True)


@asynccontextmanager
async def emptied_chain_store(settings: Settings) -> AsyncIterator[Store]:
    """The indexer's store, and the gateway's too, without a row."""
    for opener in (open_gateway_store, open_chain_store):
        store = await opener(settings)
        await empty(store)
        if store.name == "gateway":
            await store.close()
    yield store
    await store.close()


async def empty(store: Store) -> None:
    """Delete every row of a store; its version stays. SQLite files are a test's own, and empty already."""
    if store.dialect == "sqlite":
        return
    mine = [table for table in reversed(tables.metadata.sorted_tables) if table.schema == store.name]
    async with store.write_connection() as connection:
        await connection.exec_driver_sql(";".join(f"DELETE FROM {table.fullname}" for table in mine))
