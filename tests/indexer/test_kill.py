"""An indexer that is killed

given a process that is killed (SIGKILL) at random moments while the chain grows and forks
    the next one should go on from whole steps, and in the end equal a clean pass
    a standby should be at the head within seconds
given one that is killed while it makes all rows again
    readers should find the old rows or the new ones, and the next one should leave the new ones alone
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from backend.core.deployment import read_deployment
from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from indexer.reindex import reindex
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.chain_double.server import served
from tests.indexer.child import rebuild
from tests.indexer.harness import catch_up, everything
from tests.indexer.killing import Killing, differing, lived_through, reached

KILLS = int(os.environ.get("EMPORION_TEST_KILLS", "6"))
"""A few; `run.py simulate --kills 200` does as many as are wanted."""

pytestmark = pytest.mark.integration


class TestKill:
    async def test_any_moment_leaves_whole_steps(
        self, tmp_path: Path, database_url: str, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(60)
        store, killed = await lived_through(KILLS, market, tmp_path, database_url)
        assert killed.kills == KILLS
        assert killed.before < KILLS, "none was killed in the midst of its work"
        assert await differing(store, fresh_store, market.chain) == []
        await store.close()

    async def test_serves_again_at_once(self, tmp_path: Path, database_url: str, market: Market) -> None:
        chain = market.chain
        market.mine_blocks(30)
        store = await open_chain_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
        async with served(NodeDouble(chain)) as url:
            killing = Killing(chain, tmp_path, database_url, url)
            first = await killing.start()
            await reached(store, chain)
            standby = await killing.standby()
            await killing.kill(first)
            market.mine_blocks(5)
            taken_over = await reached(store, chain)
            await killing.kill(standby)
        await store.close()
        assert taken_over < 6.0


class TestReindex:
    async def test_any_moment_leaves_old_rows_or_new(
        self, tmp_path: Path, database_url: str, market: Market
    ) -> None:
        market.mine_blocks(300)
        store = await open_chain_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
        await catch_up(store, NodeDouble(market.chain))
        killing = Killing(market.chain, tmp_path, database_url, "http://nobody")
        right, tables = await everything(store), await tables_of(store)
        wrong = await corrupted(store)
        began = time.monotonic()
        whole = await killing.start_warm(rebuild)
        await asyncio.to_thread(whole.join)
        seconds = time.monotonic() - began
        assert await everything(store) == right
        for kill in range(KILLS):
            assert await corrupted(store) == wrong
            process = await killing.start_warm(rebuild)
            await asyncio.sleep(seconds * (kill + 0.5) / KILLS)
            process.kill()
            await asyncio.to_thread(process.join)
            assert await everything(store) in (wrong, right)
            await reindex(store, read_deployment(killing.record), lambda: time.time_ns() // 1_000_000)
            assert await everything(store) == right
        assert await tables_of(store) == tables
        await store.close()


async def corrupted(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All rows, once two tables are wrong."""
    async with store.write_connection() as connection:
        await connection.execute(text("UPDATE chain.plans SET supply = supply + 1"))
        await connection.execute(text("DELETE FROM chain.tabs"))
    return await everything(store)


async def tables_of(store: Store) -> set[str]:
    """Names of the tables there are."""
    async with store.write_connection() as connection:
        return await connection.run_sync(lambda c: set(inspect(c).get_table_names(schema="chain")))
