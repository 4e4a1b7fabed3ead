"""The SQLite files and PostgreSQL hold the same rows after the same chain.

given a seeded devnet, indexed into both
├── every table of the chain store is the same, row by row and value by value
└── given a reorganisation and more history since: they still are
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select
from sqlmodel import SQLModel

from backend.cli.devnet.catalogue import CHAT
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import seed
from backend.cli.trading import Trader
from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from backend.db.tables import chain as tables
from indexer.loop import index_once

pytestmark = [pytest.mark.devnet, pytest.mark.integration]

OF_THE_PROCESS = {"heartbeats", "leases"}
"""When this machine looked, and who may write: not what the chain says."""


@asynccontextmanager
async def opened(home: Path, url: str) -> AsyncIterator[Store]:
    store = await open_chain_store(load_settings(home=home, database_url=url))
    yield store
    await store.close()


def of_the_chain() -> list[Table]:
    """Every table of the store that the chain alone decides."""
    found = [table for table in SQLModel.metadata.tables.values() if table.schema == tables.SCHEMA]
    return [table for table in found if table.name not in OF_THE_PROCESS]


async def rows(store: Store, table: Table) -> list[tuple[Any, ...]]:
    """All of a table, in the order of its key."""
    async with store.read_connection() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key.columns))
        return [tuple(row) for row in found]


async def require_same(files: Store, server: Store) -> dict[str, int]:
    """Compare every table; how many rows each has."""
    counts = {}
    for table in of_the_chain():
        ours, theirs = await rows(files, table), await rows(server, table)
        assert ours == theirs, table.name
        counts[table.name] = len(ours)
    return counts


class TestStores:
    async def test_hold_the_same_rows(self, tmp_path: Path, postgres_url: str) -> None:
        async with (
            Devnet.start(tmp_path / "devnet", port=0, history_days=30) as devnet,
            opened(tmp_path, "") as files,
            opened(tmp_path, postgres_url) as server,
        ):
            seeded = await seed(devnet)
            await devnet.controls.mine_at_once()
            for store in (files, server):
                await index_once(store, devnet.client, devnet.deployment)
            counts = await require_same(files, server)
            assert len(counts) > 20
            assert counts["services"] == 3
            assert sum(counts.values()) > 200

            buyer = Trader(devnet.contracts, devnet.accounts["buyer"], devnet.sender("buyer"))
            await buyer.buy(seeded.plans[CHAT.slug, "pass"], 1)
            for store in (files, server):
                await index_once(store, devnet.client, devnet.deployment)
            await devnet.controls.reorg(1)
            for _ in range(2):
                await buyer.buy(seeded.plans[CHAT.slug, "day"], 1)
            for store in (files, server):
                await index_once(store, devnet.client, devnet.deployment)
            later = await require_same(files, server)
            assert later["purchases"] == counts["purchases"] + 2
