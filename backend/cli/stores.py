"""The two stores, opened for a command and closed after it. Apart: wallets need no database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.core.settings import Settings
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store


@asynccontextmanager
async def chain_store(settings: Settings) -> AsyncIterator[Store]:
    """The indexer's store."""
    store = await open_chain_store(settings)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def gateway_store(settings: Settings) -> AsyncIterator[Store]:
    """The gateway's store."""
    store = await open_gateway_store(settings)
    try:
        yield store
    finally:
        await store.close()
