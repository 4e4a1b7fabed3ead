"""Settings of both databases, and the indexer's store on them, without a row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.core.settings import Settings, load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store


@pytest.fixture
def settings(stores_home: Path, database_url: str) -> Settings:
    return load_settings(home=stores_home, database_url=database_url, database_pool=5, devnet=True)


@asynccontextmanager
async def opened_chain_store(settings: Settings) -> AsyncIterator[Store]:
    """The indexer's store, closed at the end."""
    store = await open_chain_store(settings)
    yield store
    await store.close()
