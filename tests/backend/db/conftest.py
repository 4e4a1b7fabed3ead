"""Stores on both databases, and a table of the tests' own beside the real ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table

from backend.core.settings import Settings, load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from backend.db.types import BigId, Uint256

PROBES = MetaData()
LEDGER = Table(
    "probe_ledger",
    PROBES,
    Column("id", BigId, primary_key=True),
    Column("amount", Uint256, nullable=True),
    Column("n", BigInteger, unique=True),
    schema="gateway",
)
HEADS = Table("probe_heads", PROBES, Column("id", BigId, primary_key=True), schema="chain")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return load_settings(home=tmp_path, database_url=database_url, devnet=True)


@pytest.fixture
def fresh_settings(tmp_path: Path, new_database_url: str) -> Settings:
    return load_settings(home=tmp_path, database_url=new_database_url, devnet=True)


@pytest.fixture
async def chain(settings: Settings) -> AsyncIterator[Store]:
    async with with_table(await open_chain_store(settings), HEADS) as store:
        yield store


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Store]:
    async with with_table(await open_gateway_store(settings), LEDGER) as store:
        yield store


@asynccontextmanager
async def with_table(store: Store, table: Table) -> AsyncIterator[Store]:
    async with store.write_connection() as connection:
        await connection.run_sync(PROBES.create_all, tables=[table])
    yield store
    async with store.write_connection() as connection:
        await connection.run_sync(PROBES.drop_all, tables=[table])
    await store.close()
