"""run_indexer

given a chain that grows
    it should follow by polling, and by announced heads without a poll
    the heart should beat at least each second while nothing happens
given a node that fails
    it should try again for ever, and go on where it was
    when it is on another chain or genesis, it should stop with the way out, also where it changes in between
given a second indexer on the same store
    it should wait, and take over when the first one stops, or dies without a word
given a store of another deployment
    it should refuse it and say the way out
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from backend.chain.client import NodeClient
from backend.chain.events import Header
from backend.chain.heads import HeadFeed
from backend.core.errors import DatabaseMismatch, WrongChain
from backend.db.session import Store
from indexer.lease import LEASE_MS
from indexer.loop import IndexerOptions, index_once, run_indexer
from indexer.status import status_of
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import START_BLOCK, catch_up, everything

FAST = IndexerOptions(poll_interval_ms=20)
NEVER = IndexerOptions(poll_interval_ms=3_600_000)


class Announcer:
    """A feed of heads that a test speaks through."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Header] = asyncio.Queue()

    async def heads(self) -> AsyncIterator[Header]:
        while True:
            yield await self.queue.get()


def task_of(
    store: Store, node: NodeDouble, stop: asyncio.Event, options: IndexerOptions, feed: HeadFeed | None = None
) -> "asyncio.Task[None]":
    client, deployment = NodeClient(node, "http://double"), deployment_of(node.chain, START_BLOCK)
    return asyncio.create_task(run_indexer(store, client, deployment, stop, options, feed))


@asynccontextmanager
async def running(
    store: Store, node: NodeDouble, options: IndexerOptions = FAST, feed: HeadFeed | None = None
) -> AsyncIterator["asyncio.Task[None]"]:
    stop = asyncio.Event()
    task = task_of(store, node, stop, options, feed)
    try:
        yield task
    finally:
        stop.set()
        await task


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if await holds():
            return time.monotonic() - began
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come true in time")


def at_tip(store: Store, chain: ChainDouble) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        found = await status_of(store)
        return bool(found) and found[0].hash == chain.tip.hash

    return holds


class TestFollowing:
    async def test_polls(self, store: Store, market: Market) -> None:
        market.mine_blocks(5)
        async with running(store, NodeDouble(market.chain)):
            await eventually(at_tip(store, market.chain))
            market.mine_blocks(3)
            await eventually(at_tip(store, market.chain))
            market.fork(4, 2)
            await eventually(at_tip(store, market.chain))

    async def test_hears_heads(self, store: Store, market: Market) -> None:
        market.mine_blocks(5)
        announcer = Announcer()
        node = NodeDouble(market.chain)
        async with running(store, node, NEVER, announcer):
            await eventually(at_tip(store, market.chain))
            asked = len(node.asked)
            for _ in range(3):
                block = market.mine(2)
                header = Header(block.number, block.hash, block.parent_hash, block.timestamp)
                announcer.queue.put_nowait(header)
                await eventually(at_tip(store, market.chain))
            assert {method for method, _ in node.asked[asked:]} == {"eth_getLogs"}

    async def test_heart_beats_while_nothing_happens(self, store: Store, market: Market) -> None:
        market.mine_blocks(5)
        async with running(store, NodeDouble(market.chain)):
            await eventually(at_tip(store, market.chain))
            for _ in range(3):
                await asyncio.sleep(0.5)
                assert (await status_of(store))[0].silence_ms < 1_000


class TestFailingNode:
    async def test_tries_again(self, store: Store, market: Market) -> None:
        market.mine_blocks(30)
        node = NodeDouble(market.chain)
        node.faults.drops, node.faults.garbage, node.faults.partial = 2, 1, 1
        async with running(store, node):
            await eventually(at_tip(store, market.chain), 20)

    async def test_another_chain_stops_it(self, store: Store, market: Market) -> None:
        node = NodeDouble(market.chain)
        record = replace(deployment_of(market.chain, START_BLOCK), chain_id=1)
        with pytest.raises(WrongChain, match="EMPORION_RPC_URLS"):
            await index_once(store, NodeClient(node, "http://double"), record)

    async def test_another_genesis_stops_it(self, store: Store, market: Market) -> None:
        record = deployment_of(market.chain, START_BLOCK)
        other = ChainDouble(seed=987_654)
        other.mine()
        with pytest.raises(WrongChain, match="started afresh"):
            await index_once(store, NodeClient(NodeDouble(other), "http://double"), record)

    async def test_that_changes_its_chain_in_between_stops_it(self, store: Store, market: Market) -> None:
        market.mine_blocks(30)
        node = NodeDouble(market.chain)
        stop = asyncio.Event()
        task = task_of(store, node, stop, FAST)
        await eventually(at_tip(store, market.chain))
        before = await everything(store)
        other = ChainDouble(seed=987_654)
        other.mine_empty(60)
        node.chain = other
        with pytest.raises(DatabaseMismatch, match="started afresh"):
            await asyncio.wait_for(task, 20)
        assert await everything(store) == before


class TestForeignStore:
    async def test_another_deployment_is_refused(self, store: Store, market: Market) -> None:
        market.mine_blocks(3)
        await catch_up(store, NodeDouble(market.chain))
        record = deployment_of(market.chain, START_BLOCK + 1)
        with pytest.raises(DatabaseMismatch, match="EMPORION_HOME"):
            await index_once(store, NodeClient(NodeDouble(market.chain), "http://double"), record)


class TestStandby:
    async def test_takes_over_from_one_that_stops(self, store: Store, market: Market) -> None:
        market.mine_blocks(3)
        first, second = NodeDouble(market.chain), NodeDouble(market.chain)
        stop = asyncio.Event()
        task = task_of(store, first, stop, FAST)
        await eventually(at_tip(store, market.chain))
        async with running(store, second):
            await asyncio.sleep(0.5)
            assert second.posts == 0
            stop.set()
            await task
            market.mine_blocks(2)
            assert await eventually(at_tip(store, market.chain)) < 5

    async def test_takes_over_from_one_that_dies(self, store: Store, market: Market) -> None:
        market.mine_blocks(3)
        task = task_of(store, NodeDouble(market.chain), asyncio.Event(), FAST)
        await eventually(at_tip(store, market.chain))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        market.mine_blocks(2)
        async with running(store, NodeDouble(market.chain)):
            assert await eventually(at_tip(store, market.chain)) < 3 * LEASE_MS / 1000
