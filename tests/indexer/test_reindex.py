"""reindex

given a mirror of a forked chain
    it should make every row again as it is, the journal too
given rows that were corrupted
    it should repair them
    and forks after it should still be undone exactly
given readers
    they should go on, and see the old rows until the new ones are there
given an indexer that holds the store
    it should refuse and say what to do
given one that takes the store over in the middle
    nothing should be changed: half of the rows are no rows
given one that wrote since the rows were made
    nothing should be changed
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from backend.core.errors import DatabaseBusy
from backend.db.session import Store
from backend.db.tables.chain import Holding, Undo
from indexer import reindex as module
from indexer import replay
from indexer.lease import sole_writer
from indexer.reindex import reindex
from indexer.shapes import RAW, SHAPES
from tests.chain_double.emitter import deployment_of
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import START_BLOCK, catch_up, everything, replayed, rows_of


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def mirrored(store: Store, market: Market) -> NodeDouble:
    market.mine_blocks(90)
    node = NodeDouble(market.chain)
    await catch_up(store, node)
    market.fork(7, 9)
    await catch_up(store, node)
    return node


class TestReindex:
    async def test_makes_every_row_again(self, store: Store, market: Market) -> None:
        await mirrored(store, market)
        before, journal = await everything(store), await rows_of(store, RAW[Undo])
        done = await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before
        assert await rows_of(store, RAW[Undo]) == journal
        assert done.rows["holdings"] == len(before["holdings"])

    async def test_repairs_corrupted_rows(self, store: Store, fresh_store: Store, market: Market) -> None:
        node = await mirrored(store, market)
        before = await everything(store)
        async with store.write_connection() as connection:
            await connection.execute(text("UPDATE chain.holdings SET units = units + 1"))
            await connection.execute(text("DELETE FROM chain.tabs"))
        await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == before
        market.fork(20, 21)
        await catch_up(store, node)
        assert await everything(store) == await replayed(fresh_store, market.chain)

    async def test_readers_go_on(self, store: Store, market: Market) -> None:
        await mirrored(store, market)
        expected = await rows_of(store, SHAPES[Holding])
        running = asyncio.create_task(reindex(store, deployment_of(market.chain, START_BLOCK), now_ms))
        reads = 0
        while not running.done():
            assert await rows_of(store, SHAPES[Holding]) == expected
            reads += 1
        await running
        assert reads > 1

    async def test_refuses_beside_an_indexer(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await mirrored(store, market)
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
        async with sole_writer(store, asyncio.Event(), now_ms):
            with pytest.raises(DatabaseBusy, match="stop it"):
                await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)

    async def test_changes_nothing_when_taken_over(
        self, store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await mirrored(store, market)
        before, lost = await everything(store), asyncio.Event()

        @asynccontextmanager
        async def losing(*_: object) -> AsyncIterator[asyncio.Event]:
            yield lost

        monkeypatch.setattr(module, "sole_writer", losing)
        monkeypatch.setattr(replay, "BATCH", 10)
        with pytest.raises(DatabaseBusy, match="another indexer"):
            await reindex(
                store, deployment_of(market.chain, START_BLOCK), now_ms, progress=lambda *_: lost.set()
            )
        assert await everything(store) == before

    async def test_changes_nothing_when_another_wrote(
        self, store: Store, fresh_store: Store, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node = await mirrored(store, market)

        async def filled_too_late(*_: object) -> None:
            market.mine_blocks(3)
            await catch_up(store, node)

        monkeypatch.setattr(module, "_fill_shadows", filled_too_late)
        with pytest.raises(DatabaseBusy, match="another indexer"):
            await reindex(store, deployment_of(market.chain, START_BLOCK), now_ms)
        assert await everything(store) == await replayed(fresh_store, market.chain)
