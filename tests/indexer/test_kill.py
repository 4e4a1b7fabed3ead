"""An indexer that is killed

given a process that is killed (SIGKILL) at random moments while the chain grows and forks
    the next one should go on from whole steps, and in the end equal a clean pass
    a standby should be at the head within seconds
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from backend.core.deployment import write_deployment
from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from indexer.status import status_of
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.chain_double.server import served
from tests.indexer.harness import START_BLOCK, everything, replayed

KILLS = int(os.environ.get("EMPORION_TEST_KILLS", "6"))
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


class Killing:
    """Starts indexers in processes and kills them."""

    def __init__(self, chain: ChainDouble, home: Path, database_url: str, rpc_url: str) -> None:
        self.record = home / "deployment.json"
        write_deployment(self.record, deployment_of(chain, START_BLOCK))
        self.arguments = [rpc_url, str(self.record), str(home), database_url]

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.indexer.child", *self.arguments),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )

    async def standby(self) -> asyncio.subprocess.Process:
        """One that has said it waits."""
        process = await self.start()
        assert process.stderr is not None
        while b"indexer.standby" not in await process.stderr.readline():
            continue
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def reached(store: Store, chain: ChainDouble, seconds: float = 30.0) -> float:
    """Seconds until the store stands at the chain's head."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        found = await status_of(store)
        if found and found[0].hash == chain.tip.hash:
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError("the indexer does not reach the head")


class TestKill:
    async def test_any_moment_leaves_whole_steps(
        self, tmp_path: Path, database_url: str, fresh_store: Store, market: Market
    ) -> None:
        chain = market.chain
        market.mine_blocks(60)
        store = await open_chain_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
        async with served(NodeDouble(chain)) as url:
            killing = Killing(chain, tmp_path, database_url, url)
            for _ in range(KILLS):
                process = await killing.start()
                await asyncio.sleep(chain.random.uniform(0.8, 2.5))
                market.mine_blocks(chain.random.randrange(1, 60))
                await asyncio.sleep(chain.random.uniform(0.0, 0.06))
                await killing.kill(process)
                if chain.random.random() < 0.5:
                    market.fork(chain.random.randrange(1, 40), chain.random.randrange(1, 42))
            process = await killing.start()
            await reached(store, chain)
            await killing.kill(process)
        assert await everything(store) == await replayed(fresh_store, chain)
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
