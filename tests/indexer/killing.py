"""Killing indexers (SIGKILL) in the midst of their work, and comparing what is left with a clean pass."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
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
from tests.indexer.child import Work, born, main
from tests.indexer.harness import START_BLOCK, everything, replayed

ROOT: Final = Path(__file__).resolve().parents[2]
QUESTIONS: Final = 40
"""A life at its longest: eight to twelve before the first step, four a step, then one every poll."""
MOMENT_SECONDS: Final = 0.03
"""After a question, at most: its answer is written in that time."""


class Killing:
    """Starts indexers in processes and kills them."""

    def __init__(self, chain: ChainDouble, home: Path, database_url: str, rpc_url: str) -> None:
        self.record = home / "deployment.json"
        write_deployment(self.record, deployment_of(chain, START_BLOCK))
        self.arguments = [rpc_url, str(self.record), str(home), database_url]

    async def start(self) -> asyncio.subprocess.Process:
        """One that begins from nothing."""
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

    async def start_warm(self, work: Work = main) -> BaseProcess:
        """One that has loaded everything and begins at once."""
        return await asyncio.to_thread(born, self.arguments, work)

    async def kill_warm(self, process: BaseProcess) -> None:
        process.kill()
        await asyncio.to_thread(process.join)
        assert process.exitcode == -signal.SIGKILL, "the indexer ended by itself"


@dataclass
class Killed:
    """Kills by where they found the indexer: before its first step, on its way, at the chain's head."""

    before: int = 0
    on_the_way: int = 0
    at_head: int = 0

    @property
    def kills(self) -> int:
        """All of them."""
        return self.before + self.on_the_way + self.at_head

    def note(self, first: bytes, last: bytes, tip: bytes) -> None:
        """One more, by the stored heads before and after and the chain's."""
        self.at_head += last == tip
        self.before += last == first != tip
        self.on_the_way += last not in (first, tip)


async def lived_through(
    kills: int, market: Market, home: Path, database_url: str, count: Callable[[], None] = lambda: None
) -> tuple[Store, Killed]:
    """Kill an indexer so many times while its chain grows and forks, then let one come to rest.

    Gives its store, open. Moments are drawn from the chain's seed, and counted in what the indexer has asked
    its node, not in seconds: from before its first question on, through backfills, steps and rewinds, on a
    busy machine as on an idle one.
    """
    chain, killed, node = market.chain, Killed(), NodeDouble(market.chain)
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    async with served(node) as url:
        killing = Killing(chain, home, database_url, url)
        for _ in range(kills):
            first, before = await head_of(store), node.posts
            process = await killing.start_warm()
            dies = chain.random.randrange(QUESTIONS)
            grows = chain.random.randrange(dies + 1)
            await asked(node, before + grows)
            market.mine_blocks(chain.random.randrange(1, 60))
            await asked(node, before + dies)
            await asyncio.sleep(chain.random.uniform(0.0, MOMENT_SECONDS))
            await killing.kill_warm(process)
            killed.note(first, await head_of(store), chain.tip.hash)
            if chain.random.random() < 0.5:
                market.fork(chain.random.randrange(1, 40), chain.random.randrange(1, 42))
            count()
        last = await killing.start_warm()
        await reached(store, chain)
        await killing.kill_warm(last)
    return store, killed


async def asked(node: NodeDouble, posts: int, seconds: float = 60.0) -> None:
    """Wait until the node was asked so often."""
    async with asyncio.timeout(seconds):
        while node.posts < posts:
            await asyncio.sleep(0.001)


async def differing(store: Store, clean: Store, chain: ChainDouble) -> list[str]:
    """Tables that are not as one clean pass fills them."""
    held, expected = await everything(store), await replayed(clean, chain)
    return [table for table, rows in expected.items() if held[table] != rows]


async def head_of(store: Store) -> bytes:
    """Hash of the stored head; empty where nothing is stored."""
    found = await status_of(store)
    return found[0].hash if found else b""


async def reached(store: Store, chain: ChainDouble, seconds: float = 60.0) -> float:
    """Seconds until the store stands at the chain's head."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if await head_of(store) == chain.tip.hash:
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError("the indexer does not reach the head")
