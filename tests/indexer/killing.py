"""Killing indexers (SIGKILL) in the midst of their work, and comparing what is left with a clean pass."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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

ROOT: Final = Path(__file__).resolve().parents[2]


class Killing:
    """Starts indexers in processes and kills them."""

    def __init__(self, chain: ChainDouble, home: Path, database_url: str, rpc_url: str) -> None:
        self.record = home / "deployment.json"
        write_deployment(self.record, deployment_of(chain, START_BLOCK))
        self.arguments = [rpc_url, str(self.record), str(home), database_url]

    async def start(self) -> asyncio.subprocess.Process:
        """One that is about to begin."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.indexer.child", *self.arguments),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        await self.said(process, b"child.begins")
        return process

    async def said(self, process: asyncio.subprocess.Process, word: bytes) -> None:
        """Wait until it says so."""
        assert process.stderr is not None
        while word not in (line := await process.stderr.readline()):
            assert line, "the indexer ended by itself"

    async def standby(self) -> asyncio.subprocess.Process:
        """One that has said it waits."""
        process = await self.start()
        await self.said(process, b"indexer.standby")
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@dataclass
class Killed:
    """How many kills there were, and how many of them found the indexer on its way to the head."""

    kills: int = 0
    on_the_way: int = 0


async def lived_through(
    kills: int, market: Market, home: Path, database_url: str, count: Callable[[], None] = lambda: None
) -> tuple[Store, Killed]:
    """Kill an indexer so many times while its chain grows and forks, then let one come to rest.

    Gives its store, open. Moments are drawn from the chain's seed: from before the first question to a node
    on, through backfills, steps and rewinds.
    """
    chain, killed = market.chain, Killed()
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    async with served(NodeDouble(chain)) as url:
        killing = Killing(chain, home, database_url, url)
        for _ in range(kills):
            process = await killing.start()
            await asyncio.sleep(chain.random.choice([0.0, chain.random.uniform(0.0, 0.6)]))
            market.mine_blocks(chain.random.randrange(1, 60))
            await asyncio.sleep(chain.random.uniform(0.0, 0.15))
            await killing.kill(process)
            killed.kills += 1
            killed.on_the_way += not await stands_at_head(store, chain)
            if chain.random.random() < 0.5:
                market.fork(chain.random.randrange(1, 40), chain.random.randrange(1, 42))
            count()
        process = await killing.start()
        await reached(store, chain)
        await killing.kill(process)
    return store, killed


async def differing(store: Store, clean: Store, chain: ChainDouble) -> list[str]:
    """Tables that are not as one clean pass fills them."""
    held, expected = await everything(store), await replayed(clean, chain)
    return [table for table, rows in expected.items() if held[table] != rows]


async def stands_at_head(store: Store, chain: ChainDouble) -> bool:
    """Whether the store is at the chain's head."""
    found = await status_of(store)
    return bool(found) and found[0].hash == chain.tip.hash


async def reached(store: Store, chain: ChainDouble, seconds: float = 60.0) -> float:
    """Seconds until the store stands at the chain's head."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if await stands_at_head(store, chain):
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError("the indexer does not reach the head")
