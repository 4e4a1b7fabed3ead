"""An indexer that is killed

given a process that is killed (SIGKILL) at random moments while the chain grows and forks
    the next one should go on from whole steps, and in the end equal a clean pass
    a standby should be at the head within seconds
"""

import os
from pathlib import Path

import pytest

from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.chain_double.server import served
from tests.indexer.killing import Killing, differing, lived_through, reached

KILLS = int(os.environ.get("EMPORION_TEST_KILLS", "6"))
"""A few; `run.py simulate --kills 200` does as many as are wanted."""

pytestmark = pytest.mark.slow


class TestKill:
    async def test_any_moment_leaves_whole_steps(
        self, tmp_path: Path, database_url: str, fresh_store: Store, market: Market
    ) -> None:
        market.mine_blocks(60)
        store, killed = await lived_through(KILLS, market, tmp_path, database_url)
        assert killed.kills == KILLS
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
